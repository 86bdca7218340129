/** Where a program left the document in a recording. */

import { STEPS } from "../../lib/protocol.ts";
import { type Crash, crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { dataForm } from "./messages.ts";
import type { Play } from "./play.ts";
import { isRefused, playOf, rightBytes } from "./plays.ts";
import { read, type Reading, wanted } from "./reading.ts";
import { eventsOf, hasHeard, hasPrinted, type Recording, saidAt, utf8 } from "./recording.ts";
import { shown, shownBytes } from "./shown.ts";

/** Where a program left the document: the play, the start of the program, and the moment. */
export interface Finding {
  /** Findings with one root are one cause; so are those that have as root what another one `was`. */
  root: string;
  /** What its root would be in a recording without the derailment before it. */
  was?: string | undefined;
  /** The step of the document's list, in full. */
  step?: string | undefined;
  expected: string;
  came: string;
  hint?: string | undefined;
  crash?: Crash | undefined;
  /** What follows in the recording follows from it. */
  derails?: boolean | undefined;
  play: string;
  run: number;
  at: number;
}

type Deviation = Omit<Finding, "play" | "run"> & { step: string };
type Blame = Pick<Finding, "root" | "hint" | "crash">;

// Forms that say something of one step. All others are a program's habits, the same at each step.
const SINGLE = /^(start|twice|error|more|before|word|off|done-in-data|cut|other)$/;
const NAME_CASE = "name case";
const DERAILS = /^(error|other|short|word|cut)$/;

function stepOf({ verb }: Play, letter: string): string {
  return STEPS[verb].find((step) => step.startsWith(`${letter}.`)) ?? letter;
}

function lastOf({ verb }: Play): string {
  return STEPS[verb].at(-1)!;
}

/** What deviations at a step have in common. */
function keyOf({ about, verb }: Play, step: string): string {
  // Which verb it will be, or is, does not matter yet.
  return step <= "b" ? `${about} ${step}` : `${verb} ${step}`;
}

/** Where the program left the document in one recording, in order. What a derailment explains has its root. */
export function deviationsOf(recording: Recording): Finding[] {
  const { readings, surplus } = read(recording);
  const unconnected = eventsOf(recording, "unconnected").find(({ on }) => on === undefined);
  const all = [
    unconnected ? notConnected(recording, unconnected.at) : undefined,
    ...readings.map((_, index) => deviationOf(recording, readings, index)),
    unconnected ? undefined : surplusOf(recording, surplus),
    ...eventsOf(recording, "stayed").map(({ ms, at }) => stayed(recording, ms, at)),
    fileDeviation(recording),
  ];
  const found: Deviation[] = [];
  for (const each of all) {
    if (!each) continue;
    // Who does not wait for one message takes it for the next.
    const isLater = each.derails || each.root.startsWith("early");
    const first = found.find(({ derails, root }) => derails || isLater && /^early(?! PUT g)/.test(root));
    found.push(first ? { ...each, root: first.root, was: each.root, hint: first.hint, crash: first.crash } : each);
  }
  return found.map((each) => ({ ...each, play: recording.play, run: recording.run }));
}

function deviationOf(recording: Recording, readings: Reading[], index: number): Deviation | undefined {
  const play = playOf(recording);
  const [before, reading, next] = [readings[index - 1], readings[index]!, readings[index + 1]];
  const { expected, came, at, isEarly } = reading;
  // A name with NULs in an error: the server took its whole buffer for the name.
  const form = reading.form === "error" && came.includes("\0") ? "nul" : reading.form;
  const step = stepOf(play, reading.step);
  const key = keyOf(play, reading.step);
  const common = { step, at, expected: wanted(expected), derails: false };
  if (form === "missing") return { ...common, ...missing(recording, reading, next), derails: true };
  // Data that was changed may be longer or shorter: then DONE stands elsewhere.
  const moved = next?.form === "other" ? movedData(reading, next) : undefined;
  if (form === "right" && moved === undefined) {
    if (!isEarly) return undefined;
    // The message of ours that it should have awaited, and its own first one after that.
    const steps: readonly string[] = STEPS[play.verb];
    const awaited = steps.findLastIndex((name) => name < step && !name.includes(` ${play.about}:`));
    const root = `early ${keyOf(play, steps[awaited + 1]![0]!)}`;
    // A part of the data had been said.
    const { events } = recording;
    const first = events.findIndex((event) => event.type === "said" && event.step === steps[awaited]?.[0]);
    const isData = steps[awaited]?.endsWith("sends bytes") &&
      first < events.findIndex(({ type, at }) => type === "came" && at === reading.cameAt);
    const hint = isData
      ? HINTS.get("stored cut")
      : `it did not wait for "${steps[awaited]}": call recv() for that message first`;
    return { ...common, root, came: `${shown(came)}, before our message`, hint };
  }
  if ("data" in expected) {
    const whole = moved ?? came;
    const kind = dataForm(expected.data, whole);
    if (kind === "right") return undefined;
    const data = { ...common, came: lengthOf(expected.data, whole), derails: kind === "cut" };
    if (kind !== "cut") return { ...data, root: SINGLE.test(kind) ? `${kind} ${key}` : kind, hint: HINTS.get(kind) };
    return { ...data, ...blamed(recording, `cut ${key}`, HINTS.get("unsent")) };
  }
  if (form === "other" && before && movedData(before, reading) !== undefined) return undefined;
  // A reason after an error's text is one mistake, whatever the reason.
  const refusal = "refusal" in expected ? rightBytes(expected).find((text) => came.startsWith(text)) : undefined;
  const words = (refusal ?? came.slice(0, 200)).replaceAll(utf8(play.name), "<filename>");
  const isHabit = !SINGLE.test(form) || form === "twice" && play.about === "client";
  const kind = answerForm(reading, play);
  const own = /^(other|error)$/.test(form) ? `text ${words}` : `${form} ${key}`;
  const root = kind === NAME_CASE ? kind : isHabit ? form : own;
  const hint = HINTS.get(kind ?? form);
  const crash = form === "other" ? crashOf(recording) : undefined;
  // We answer a wrong request as if it were right.
  const derails = DERAILS.test(reading.form) && !(play.about === "client" && reading.step === "b");
  // Of a large file, bytes are counted.
  const text = "zeros" in expected
    ? `${reading.count} of them, in ${(reading.ms / 1000).toFixed(1)} seconds`
    : shown(came);
  return { ...common, root, came: text, hint, crash, derails };
}

/** The data of a file up to DONE, where that did not follow on as many bytes as were announced. */
function movedData({ expected, came }: Reading, next: Reading): string | undefined {
  const all = came + next.came;
  return "data" in expected && all.endsWith("DONE") ? all.slice(0, -"DONE".length) : undefined;
}

function missing(recording: Recording, reading: Reading, next: Reading | undefined): Blame & { came: string } {
  const play = playOf(recording);
  const { step, expected, isEnded, ms, at } = reading;
  const isNext = next !== undefined && next.form !== "missing";
  const closed = isNext ? `${shown(next.came)} instead` : "it closed the connection instead";
  const came = isEnded ? closed : `nothing, for ${(ms / 1000).toFixed(1)} seconds`;
  const what = "word" in expected ? expected.word : "size" in expected ? "the size" : "the data";
  // In place of the next one.
  const isLate = isNext && rightBytes(expected).some((right) => right !== "" && next.came.startsWith(right));
  const exit = eventsOf(recording, "exit")[0];
  let hint: string | undefined;
  if (hasPrinted(recording, /^client error: unable/)) hint = HINTS.get(uncreatedForm(play));
  else if (isLate) hint = HINTS.get("waits more");
  else if (isNext) hint = `${what} was never sent: the program went on with the next step`;
  else if (isEnded && exit) hint = `the program ended with exit status ${exit.status}${lastWords(recording)}`;
  else if (!isEnded && keyOf(play, step) === "PUT g") hint = HINTS.get(play.data === "" ? "empty data" : "waits");
  // The end of a message is the same in GET and PUT; a program may lack DEL, or errors.
  const isMute = !isEnded && step <= "c" && "word" in expected && keyOf(play, step) !== "DEL c";
  if (isMute) hint ??= HINTS.get("mute");
  const root = isMute && step === "c" ? "mute" : `missing ${keyOf(play, step)}`;
  // What crashes when we hang up was waiting until then; it may say for what.
  const isAfter = !isEnded && hint !== undefined && (crashOf(recording)?.at ?? 0) > at;
  return { came, ...isAfter ? { root, hint, crash: undefined } : blamed(recording, root, hint) };
}

/** A crash explains what did not come. */
export function blamed(recording: Recording, root: string, hint: string | undefined): Blame {
  const crash = crashOf(recording);
  return crash ? { root: crash.root, hint: crash.hint, crash } : { root, hint };
}

/** What kind of answer a message is that has no known form. */
function answerForm({ form, expected, came, step }: Reading, play: Play): string | undefined {
  const name = utf8(play.name);
  if (!came.includes(name) && came.toLowerCase().includes(name.toLowerCase())) return NAME_CASE;
  if ("refusal" in expected) {
    const word = came.replace(/[\0\r\n]+$/, "");
    if (word === "OK" || word === "DONE") return play.files[play.name] === "/" ? "accepted folder" : "accepted";
    return /^(other|error)$/.test(form) && !came.startsWith("ERROR: ") ? "unprefixed" : undefined;
  }
  if (form !== "error" || play.about !== "server" || step !== "c") return undefined;
  if (play.verb === "PUT") return /create/.test(came) ? uncreatedForm(play) : undefined;
  // With other names, or files, something else may be wrong with them.
  return /^[^\0]* does not exist$/.test(came) && /^(GET|GET-again|DEL)$/.test(play.id) ? "unfound" : undefined;
}

/** Why a program may find that it can't create a file which it can. */
function uncreatedForm({ files, name }: Play): string {
  return files[name] === undefined ? "refused" : "replaced";
}

function stayed(recording: Recording, ms: number, at: number): Deviation {
  const play = playOf(recording);
  // Who has got to the end stays with every verb.
  const root = hasPrinted(recording, /^Complete$/) ? "stays" : `stays ${play.verb}`;
  const came = `it was still there ${(ms / 1000).toFixed(1)} seconds after our last message`;
  return { root, step: lastOf(play), expected: "the client exits", came, hint: HINTS.get("stays"), derails: true, at };
}

function surplusOf(recording: Recording, surplus: string): Deviation | undefined {
  if (surplus === "") return undefined;
  const play = playOf(recording);
  const step = stepOf(play, eventsOf(recording, "heard").at(-1)?.step ?? "a");
  // After a message it is in nobody's way; after a file it is more bytes of it.
  const isData = step.endsWith("client: sends bytes");
  const isLineEnd = isData && /^\r?\n$/.test(surplus);
  // Filled up with NULs, or with what was in the block before. Of a large file, nothing but NULs, the play hears a part.
  const isPadding = isData && (/^\0+$/.test(surplus) || (play.data.length + surplus.length) % 1024 === 0) &&
    !play.acts.some((act) => act.do === "hear" && "zeros" in act.expected);
  if (/^[\r\n\0]*$/.test(surplus) && !isLineEnd && !isPadding) return undefined;
  const isTwice = play.about === "client" && surplus.includes(`${play.verb} `);
  const [word] = surplus.match(/^(READY|OK|DONE)/) ?? [];
  const root = isTwice
    ? "twice"
    : isLineEnd
    ? "lines"
    : isPadding
    ? "padded"
    : `surplus ${word ?? keyOf(play, step[0]!)}`;
  const isOver = recording.events.findLast(({ type }) => type === "said" || type === "came")?.type === "came";
  // After an error there is nothing to say.
  const hint = HINTS.get(
    isRefused(play) ? "more after error" : isTwice ? isOver ? "stays" : "twice" : word ? "extra" : root,
  );
  const at = recording.events.at(-1)?.at ?? 0;
  return { root, step, expected: "nothing more", came: shown(surplus), hint, derails: false, at };
}

export function lastWords(recording: Recording): string {
  const line = eventsOf(recording, "line").at(-1)?.text;
  return line ? `; it printed "${line.slice(0, 100)}"` : ", without a word";
}

function lengthOf(data: string, came: string): string {
  const at = [...came].findIndex((char, index) => char !== data[index]);
  if (at < 0) return `${came.length} bytes`;
  if (at >= data.length) return `${came.length} bytes: the file, and ${shown(came.slice(data.length))}`;
  return `${came.length} bytes, which differ from byte ${at} on: ${shownBytes(came.slice(at, at + 12))}`;
}

function notConnected(recording: Recording, at: number): Deviation {
  const play = playOf(recording);
  const isServer = play.about === "server";
  const exit = eventsOf(recording, "exit")[0];
  const own = eventsOf(recording, "line").find(({ text }) => text.startsWith("client error"));
  const why = play.verb === "GET" ? HINTS.get(uncreatedForm(play)) : "the file is there";
  const wrong = own && `it printed "${own.text}", which is not so: ${why}`;
  const hint = wrong ?? HINTS.get(isServer ? "unbound" : "elsewhere");
  return {
    ...blamed(recording, `unconnected ${own ? play.verb : ""}`, hint),
    step: stepOf(play, "a"),
    expected: `it ${isServer ? "listens on" : `connects to ${play.host ?? "127.0.0.1"}`} port ${recording.port}`,
    came: exit ? `it ended with exit status ${exit.status}` : `it did not ${isServer ? "listen" : "connect"}`,
    derails: true,
    at,
  };
}

/** The file that the play looked at, where it is not as it should be. */
function fileDeviation(recording: Recording): Deviation | undefined {
  const play = playOf(recording);
  const looks = eventsOf(recording, "file");
  const [first, last] = [looks[0], looks.at(-1)];
  const step = lastOf(play);
  // A client may take the file for whole, and leave, while data is still to come.
  const hasLeft = eventsOf(recording, "ended").length > 0 && saidAt(recording, "g") !== undefined;
  const isOver = play.about === "server"
    ? hasHeard(recording, step[0]!)
    : hasLeft || saidAt(recording, step[0]!) !== undefined;
  if (!first || !last || !isOver) return undefined;
  if (play.verb === "DEL") {
    if (!first.file) return undefined;
    const came = last.file ? "it is still there" : "it is there at DONE, and gone later";
    const hint = HINTS.get(last.file ? "unremoved" : "undeleted");
    return { step, expected: `no file "${play.name}"`, root: "undeleted", came, hint, derails: false, at: first.at };
  }
  const crash = crashOf(recording);
  const expected = `a file "${play.name}" of ${play.data.length} bytes`;
  const wrong = (kind: string, came: string): Deviation => {
    const root = SINGLE.test(kind) ? `stored ${kind}` : kind;
    const hint = crash?.hint ?? HINTS.get(kind);
    return { step, expected, derails: true, at: last.at, came, root, hint, crash };
  };
  const old = play.files[play.name];
  if (!last.file) return wrong("unstored", "no such file");
  const held = last.file.bytes;
  if (held === old) return wrong("unstored", "the old one");
  const form = dataForm(play.data, held);
  if (form === "right") return undefined;
  const isOld = typeof old === "string" && held.length > play.data.length &&
    (held.endsWith(old.slice(play.data.length)) || held.startsWith(old));
  const kind = isOld ? "untruncated" : form !== "cut" ? form : held === "" ? "stored empty" : "stored cut";
  return wrong(kind, lengthOf(play.data, held));
}
