/** What a student sees: a summary, then the causes with what led to them. */

import type { Role } from "../../lib/protocol.ts";
import type { Cause, Result, Sentence } from "./causes.ts";
import { quoted } from "./launch.ts";
import { worded } from "./crash.ts";
import { resolve } from "../../lib/files/path.ts";
import { SECTIONS } from "./rules.ts";
import { visible } from "./shown.ts";

const WIDTH = 80;
const LABEL = 12;
// Of a conversation, the last messages are enough.
const SHOWN = 5;
// So many causes are enough to begin with.
const WHOLE = 3;

/** What the user writes to run the check. */
export const COMMAND: string = Deno.build.standalone ? "blockferry-lab" : "deno task -q lab";

/** How a text is coloured; without colours, not at all. */
export type Paint = (code: number, text: string) => string;

const plain: Paint = (_, text) => text;
/** Colours for a terminal that wants them. */
export const paint: Paint = (code, text) =>
  Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR") ? `\x1b[${code}m${text}\x1b[0m` : text;

/** Replaces the last line of a terminal, if it is one. */
export function showProgress(text: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

export function report(result: Result, isVerbose: boolean, color: Paint = paint): string[] {
  const { sentences, causes, programs } = result;
  const lines = ROLES.flatMap((about) => {
    const own = sentences.filter((one) => one.about === about);
    const { all, fails, hidden } = counted(own);
    // What this machine lacks is no doubt about the program.
    const isDoubtful = own.some(({ outcome, reason }) => outcome === "not shown" && !isMachines(reason));
    const mark = fails > 0 ? color(31, "FAIL") : hidden === all || isDoubtful ? color(33, "?   ") : color(32, "ok  ");
    // Another one's sentences may be all that were asked for.
    return own.length === 0 ? [] : [`${mark} ${visible(programs[about]!)}: ${inWords(own, color)}`];
  });
  if (isVerbose) lines.push(...everySentence(sentences, color));
  for (const [index, cause] of causes.entries()) {
    if (index <= WHOLE || isVerbose) lines.push("");
    lines.push(...(index < WHOLE || isVerbose ? causeLines : briefLines)(index + 1, cause, result, color));
  }
  if (!isVerbose && causes.length > WHOLE) lines.push("", "--verbose shows all of them as it does the first.");
  const notes = sentences.filter(({ note }) => note !== undefined);
  if (notes.length > 0) lines.push("");
  for (const { id, note } of notes) lines.push(...wrap(`Note on ${id}: ${note}.`, 0));
  const hidden = sentences.filter(({ outcome, reason }) => outcome === "not shown" && isMachines(reason));
  if (!isVerbose && hidden.length > 0) {
    lines.push(...wrap(`Not checked: ${hidden.map(({ id, reason }) => `${id} (${reason})`).join("; ")}.`, 0));
  }
  return lines;
}

/** Whether a reason is what this machine lacks, not the program. */
export function isMachines(reason = ""): boolean {
  // Other reasons quote what the program said.
  return /^(strace is not|it reads Linux's|it needs Linux's|127\.0\.0\.1 is not|the temporary folder has)/.test(reason);
}

/** How many sentences were asked for, and what became of them. */
export function counted(sentences: Sentence[]): Record<"all" | "holds" | "fails" | "hidden", number> {
  const outcomes = ["holds", "fails", "not shown"];
  const [holds = 0, fails = 0, hidden = 0] = outcomes.map((each) =>
    sentences.filter(({ outcome }) => outcome === each).length
  );
  return { all: holds + fails + hidden, holds, fails, hidden };
}

export function inWords(sentences: Sentence[], color = plain): string {
  const { all, holds, fails, hidden } = counted(sentences);
  const failing = fails > 0 ? color(31, `, ${fails} ${fails === 1 ? "does" : "do"} not`) : "";
  return `${holds} of ${all} sentences hold${failing}${hidden > 0 ? `, ${hidden} could not be shown` : ""}`;
}

function everySentence(sentences: Sentence[], color: Paint): string[] {
  const marks = {
    "holds": color(32, "ok  "),
    "fails": color(31, "FAIL"),
    "not shown": color(33, "?   "),
    "left out": color(2, "-   "),
  };
  return bySection(sentences).flatMap(({ section, own }) => {
    const lines = own.map(({ id, about, title, outcome, reason }) =>
      `${marks[outcome]} ${id.padEnd(4)} ${about}: ${title}${reason ? ` (${outcome}: ${visible(reason)})` : ""}`
    );
    return ["", color(1, section), ...lines];
  });
}

/** The sections that have some of these sentences, with them. */
export function bySection(sentences: Sentence[]): { section: string; own: Sentence[] }[] {
  return SECTIONS.map((name, number) => ({
    section: `${number} ${name}`,
    own: sentences.filter(({ id }) => id.startsWith(`${number}.`)),
  })).filter(({ own }) => own.length > 0);
}

export function causeLines(number: number, cause: Cause, { sentences, programs }: Result, color: Paint): string[] {
  const { finding, about, conversation } = cause;
  const [first, ...others] = cause.sentences;
  const title = sentences.find(({ id }) => id === first)?.title ?? "";
  const name = visible(programs[about] ?? about);
  const { step, expected, came, crash, hint } = finding;
  const field = (label: string, text: string | undefined): string[] =>
    text === undefined ? [] : wrap(`   ${label.padEnd(LABEL - 3)}${visible(text)}`, LABEL);
  const shown = conversation.slice(-SHOWN);
  return [
    ...wrap(`${number}. ${name}: ${title} (${first})`, 3).map((line) => color(1, line)),
    ...field("also", others.length > 0 ? others.join(", ") : undefined),
    ...field("at step", step),
    ...field("expected", expected),
    ...field("came", came.slice(0, 300)),
    ...field("error", crash?.error.slice(0, 150)),
    ...field("code", crash?.place?.slice(0, 150)),
    ...field("likely", hint && `${hint}.`).map((line) => color(36, line)),
    ...shown.length > 0 ? [color(2, `   the conversation${conversation.length > SHOWN ? ", its end" : ""}:`)] : [],
    ...shown.map((line) => color(2, cut(`     ${line}`))),
  ];
}

function briefLines(number: number, cause: Cause, { programs }: Result, color: Paint): string[] {
  const { about, sentences, finding: { crash, came, expected, hint, step } } = cause;
  const where = [`${number}. ${visible(programs[about] ?? about)} ${sentences.join(", ")}`, step && `step ${step[0]}`];
  const part = (text: string): string[] => wrap(`   ${visible(text.slice(0, 300))}`, 3);
  return [
    ...wrap(`${where.filter(Boolean).join(", ")}: expected ${visible(expected)}`, 3).map((line) => color(1, line)),
    ...part(`came ${came}`),
    ...crash ? part(worded(crash)) : [],
    ...hint ? part(`likely ${hint}`).map((line) => color(36, line)) : [],
  ];
}

/** The command that runs again what failed, in the folder where the user stands. */
export function again({ causes }: Result, words: string[], folder?: string): string {
  const ids = [...new Set(causes.flatMap(({ sentences }) => sentences))];
  const written = (word: string): string => /^[\w./:=@%+,-]+$/.test(word) ? word : quoted(word);
  const project = resolve(import.meta.dirname!, "../..");
  const isElsewhere = !Deno.build.standalone && folder !== undefined && !`${folder}/`.startsWith(`${project}/`);
  // A task is found in its own project alone.
  const command = isElsewhere ? COMMAND.replace("-q", `-q --config ${written(`${project}/deno.json`)}`) : COMMAND;
  return `${[command, ...words.map(written)].join(" ")} --only ${ids.join(",")}`;
}

function cut(line: string): string {
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
}

/** Breaks a line at its spaces; the following lines are indented. */
function wrap(text: string, indent: number): string[] {
  if (text.length <= WIDTH) return [text];
  const space = text.lastIndexOf(" ", WIDTH);
  const end = space > indent ? space : WIDTH;
  return [text.slice(0, end), ...wrap(" ".repeat(indent) + text.slice(end).trimStart(), indent)];
}

/** The results as a JUnit file, which CI systems and graders read: a suite a section, a case a sentence. */
export function junit(result: Result): string {
  const suites = bySection(result.sentences).map(({ section, own }) => {
    const { holds, fails } = counted(own);
    const counts = `tests="${own.length}" failures="${fails}" skipped="${own.length - holds - fails}"`;
    const body = own.map((one) => testCase(one, result)).join("");
    return `  <testsuite name="${xml(section)}" ${counts}>\n${body}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="lab">\n${suites.join("")}</testsuites>\n`;
}

function testCase({ id, about, title, outcome, reason = "" }: Sentence, result: Result): string {
  const open = `    <testcase classname="lab.${about}" name="${xml(`${id} ${about}: ${title}`)}"`;
  if (outcome === "holds") return `${open}/>\n`;
  if (outcome !== "fails") return `${open}><skipped message="${xml(reason)}"/></testcase>\n`;
  const causes = result.causes.filter((cause) => cause.about === about && cause.sentences.includes(id));
  const text = causes.flatMap((cause, index) => causeLines(index + 1, cause, result, plain)).join("\n");
  const { expected, came } = causes[0]!.finding;
  const message = `expected ${expected}; came ${came}`;
  return `${open}><failure message="${xml(message)}">${xml(text)}</failure></testcase>\n`;
}

// XML 1.0 has no way to write most control characters, U+FFFE, U+FFFF and halves of surrogate pairs.
function xml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => entities[char]!)
    .replace(/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "?");
}

/** A role's place in a list of programs. */
export const ROLES: readonly Role[] = ["client", "server"];
