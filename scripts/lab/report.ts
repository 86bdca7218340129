/** How the result of the checks is told: on the terminal, and as a JUnit file for graders. */

import { type Result, SECTIONS } from "./check.ts";

function color(code: number, text: string): string {
  return Deno.stdout.isTerminal() ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** The lines of one result. */
export function resultLines({ check, outcome, message, hint, trace = [] }: Result): string[] {
  const mark = { "holds": color(32, "ok  "), "fails": color(31, "FAIL"), "left out": color(33, "-   ") }[outcome];
  const head = `${mark} ${check.id.padEnd(4)} ${check.about}: ${check.title}`;
  if (outcome === "holds") return [head];
  if (outcome === "left out") return [`${head} (left out: ${message})`];
  return [
    head,
    `       ${message}`,
    ...(hint ? [color(36, `       Likely: ${hint}.`)] : []),
    ...trace.map((line) => color(2, `         ${line}`)),
  ];
}

/** The heading before the first check of a section. */
export function heading(id: string): string {
  const number = id.split(".")[0]!;
  return color(1, `\n${number} ${SECTIONS[number]}`);
}

/** The last line. */
export function summary(results: readonly Result[]): string {
  const count = (outcome: Result["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  return `${count("holds")} hold, ${count("fails")} fail, ${count("left out")} left out`;
}

/** The results as a JUnit file, which CI systems and graders read: a suite a section, a case a sentence. */
export function junit(results: readonly Result[]): string {
  const sections = Object.entries(SECTIONS).map(([number, name]) => {
    const cases = results.filter(({ check }) => check.id.startsWith(`${number}.`));
    const failures = cases.filter(({ outcome }) => outcome === "fails").length;
    const skipped = cases.filter(({ outcome }) => outcome === "left out").length;
    const counts = `tests="${cases.length}" failures="${failures}" skipped="${skipped}"`;
    return cases.length === 0
      ? ""
      : `  <testsuite name="${number} ${xml(name)}" ${counts}>\n${cases.map(testCase).join("")}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="lab">\n${sections.join("")}</testsuites>\n`;
}

function testCase({ check, outcome, message = "", hint, trace = [], seconds }: Result): string {
  const name = `${check.id} ${check.about}: ${check.title}`;
  const open = `    <testcase classname="lab.${check.about}" name="${xml(name)}" time="${seconds.toFixed(3)}"`;
  if (outcome === "holds") return `${open}/>\n`;
  if (outcome === "left out") return `${open}><skipped message="${xml(message)}"/></testcase>\n`;
  const text = [message, ...(hint ? [`Likely: ${hint}.`] : []), ...trace].join("\n");
  return `${open}><failure message="${xml(message)}">${xml(text)}</failure></testcase>\n`;
}

// XML 1.0 has no way to write most control characters.
function xml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => entities[char]!).replace(/[^\P{Cc}\n\t]/gu, "?");
}
