/** Reads a recording beside its play: which message came at each step, and where the program left the document. */

import { STEPS } from "../../lib/protocol.ts";
import { type Crash, crashOf } from "./crash.ts";
import { dataForm, formOf } from "./messages.ts";
import type { Expected, Play } from "./plays.ts";
import { eventsOf, type Recorded, type Recording } from "./recording.ts";
import { shown, shownBytes } from "./shown.ts";

/** A message of the program's, as it came. */
export interface Reading {
  step: string;
  expected: Expected;
  came: string;
  form: string;
  hint: string | undefined;
  /** It stood there before the message of ours that it answers. */
  isEarly: boolean;
  /** How long was waited in vain, or whether the program had closed. */
  ms: number;
  isEnded: boolean;
  at: number;
  /** How many bytes were taken for it, and when the first one came. */
  count: number;
  cameAt: number;
}

/** Where a program left the document. Deviations with one root are one cause. */
export interface Deviation {
  root: string;
  /** What its root would be in a recording without the derailment before it. */
  was?: string | undefined;
  /** The step of the document's list, in full. */
  step: string;
  expected: string;
  came: string;
  hint?: string | undefined;
  crash?: Crash | undefined;
  /** What follows in the recording follows from it. */
  derails: boolean;
  at: number;
}

// A program's habits, the same at each step.
const HABITS =
  /^(newline|space|nul|case|repr|quotes|java|length|bom|utf16|path|little|text|short|short-little|htonl|decoded|lines|padded|stripped)$/;
const DERAILS = /^(size|error|other|short|short-little|start|word|number|cut)$/;

const ACCESS_HINT = "os.access(filename, os.W_OK) is false for a file that is not there yet";

/** The step in the words of the document. */
function stepOf({ verb }: Play, letter: string): string {
  return STEPS[verb].find((step) => step.startsWith(`${letter}.`)) ?? letter;
}

/** The messages of the program, in order, and what came besides. */
export function read(recording: Recording, play: Play): { readings: Reading[]; surplus: string } {
  const expected = play.acts.flatMap((act) => act.do === "hear" && act.on === undefined ? [act] : []);
  const readings: Reading[] = [];
  // Long rows of zeros are counted only.
  const parts: { start: number; text: string; at: number }[] = [];
  const slice = (start: number, end: number): string =>
    parts.map((part) => part.text.slice(Math.max(0, start - part.start), Math.max(0, end - part.start))).join("");
  let [length, taken, before, isEnded, position] = [0, 0, 0, false, 0];
  for (const event of recording.events.filter(({ on }) => on === undefined)) {
    if (event.type === "came") {
      const { bytes, zeros = 0, cut = 0 } = event;
      parts.push({ start: length, text: bytes + (zeros < 1_000_000 ? "\0".repeat(zeros) : ""), at: event.at });
      length += bytes.length + zeros + cut;
    } else if (event.type === "said") before = length;
    else if (event.type === "ended") isEnded = true;
    if (event.type !== "heard") continue;
    // A conversation that broke off may have left some out.
    const act = expected.find(({ step }, index) => index >= position && step === event.step);
    if (!act) continue;
    position = expected.indexOf(act) + 1;
    const isCounted = "zeros" in act.expected;
    const came = isCounted ? "" : slice(taken, taken + event.count);
    const [form, hint] = "zeros" in act.expected && event.count < act.expected.zeros
      ? ["cut"]
      : formOf(act.expected, came);
    const lead = came.match(/^[\r\n\0]*/)![0].length;
    const isEarly = event.count > lead && taken + lead < before;
    const cameAt = event.count > 0 ? parts.findLast(({ start }) => start <= taken + lead)?.at ?? event.at : event.at;
    const { count, ms = 0, at } = event;
    readings.push({ ...act, came, form: form!, hint, isEarly, ms, isEnded, at, count, cameAt });
    taken += event.count;
  }
  return { readings, surplus: slice(taken, length) };
}

/** What should come, in words. */
export function wanted(expected: Expected): string {
  if ("word" in expected) return `"${expected.word}"`;
  if ("refusal" in expected) return `"${expected.refusal[0]}"`;
  if ("size" in expected) return `the size ${expected.size} in 8 bytes`;
  return `the ${"data" in expected ? expected.data.length : expected.zeros} bytes of the file`;
}

/** Where the program left the document in one recording, in order. What a derailment explains has its root. */
export function deviationsOf(recording: Recording, play: Play): Deviation[] {
  const found: Deviation[] = [];
  const crash = crashOf(recording);
  const add = (deviation: Deviation): void => {
    const first = found.find(({ derails, root }) => derails || deviation.derails && /^early(?! PUT g)/.test(root));
    found.push(
      first ? { ...deviation, root: first.root, was: deviation.root, hint: first.hint, crash: first.crash } : deviation,
    );
  };
  const { readings, surplus } = read(recording, play);
  const unconnected = eventsOf(recording, "unconnected").find(({ on }) => on === undefined);
  if (unconnected) add(notConnected(recording, play, crash, unconnected.at));
  for (const [index, reading] of readings.entries()) {
    const deviation = deviationOf(recording, play, reading, readings[index + 1], crash);
    if (deviation) add(deviation);
  }
  const step = stepOf(play, eventsOf(recording, "heard").at(-1)?.step ?? "a");
  const at = recording.events.at(-1)?.at ?? 0;
  if (!/^[\r\n\0]*$/.test(surplus) && !unconnected) {
    const isTwice = play.about === "client" && surplus.includes(`${play.verb} `);
    const root = isTwice ? `twice ${play.verb}` : `surplus ${keyOf(play, step[0]!)}`;
    const hint = isTwice
      ? "it was sent twice"
      : /READY|OK|DONE/.test(surplus)
      ? "a message of a later step, or one too many"
      : "send the message alone, and nothing after it";
    add({ root, step, expected: "nothing more", came: shown(surplus), hint, derails: false, at });
  }
  for (const { ms, at } of eventsOf(recording, "stayed")) {
    const came = `it was still there ${ms / 1000} seconds after our last message`;
    const hint = "close the socket and leave when DONE has come";
    add({
      root: `stays ${play.verb}`,
      step: stepOf(play, lastOf(play)),
      expected: "the client exits",
      came,
      hint,
      derails: true,
      at,
    });
  }
  const file = fileDeviation(recording, play);
  if (file) add(file);
  return found;
}

function deviationOf(
  recording: Recording,
  play: Play,
  reading: Reading,
  next: Reading | undefined,
  crash?: Crash,
): Deviation | undefined {
  const { step, expected, came, form, at, isEarly, isEnded, ms } = reading;
  const common = { step: stepOf(play, step), at, expected: wanted(expected) };
  if (form === "missing") {
    const what = "word" in expected ? expected.word : "size" in expected ? "the size" : "it";
    const isForgotten = next !== undefined && next.form !== "missing" && !next.isEarly;
    const exit = eventsOf(recording, "exit")[0];
    const hint = crash
      ? crash.hint
      : isForgotten
      ? `${what} was never sent: the program went on with the next step`
      : isEnded && exit
      ? `the program ended with exit status ${exit.status}${lastWords(recording)}`
      : isEnded
      ? `the connection was closed before ${what} was sent`
      : play.about === "server" && play.verb === "PUT" && step === "g"
      ? play.data === ""
        ? "of an empty file no data comes: do not call recv() for it"
        : "all bytes had been sent, and it waits for more: count them, and stop at the size that was announced"
      : undefined;
    const silence = isEnded ? "it closed the connection instead" : `nothing, for ${(ms / 1000).toFixed(1)} seconds`;
    return {
      ...common,
      root: crash?.root ?? `missing ${keyOf(play, step)}`,
      came: silence,
      hint,
      crash,
      derails: true,
    };
  }
  // Data that was changed on its way may be longer.
  const isLonger = "data" in expected && next?.form === "other" && next.came.endsWith("DONE");
  if (form === "right" && !isLonger) {
    if (!isEarly) return undefined;
    // The message of ours that it should have awaited, and its own first one after that.
    const steps: readonly string[] = STEPS[play.verb];
    const before = steps.findLastIndex((name) => name < step && !name.includes(` ${play.about}:`));
    const hint = `it did not wait for "${steps[before]}": call recv() for that message first`;
    return {
      ...common,
      root: `early ${keyOf(play, steps[before + 1]![0]!)}`,
      came: `${shown(came)}, before our message`,
      hint,
      derails: false,
    };
  }
  if ("data" in expected) {
    const whole = isLonger ? came + next.came.slice(0, -"DONE".length) : came;
    const [kind, hint] = dataForm(expected.data, whole);
    if (kind === "right") return undefined;
    const isCut = kind === "cut";
    const cutHint = "not all of the file was sent: send what each read(1024) returns, until it returns nothing";
    const root = isCut && crash ? crash.root : HABITS.test(kind) ? kind : `${kind} ${keyOf(play, step)}`;
    const why = isCut ? (crash ? { crash, hint: crash.hint } : { hint: cutHint }) : { hint };
    return { ...common, root, came: lengthOf(expected.data, whole), derails: isCut, ...why };
  }
  // The end of data that was longer.
  if ("word" in expected && step === "h" && form === "other" && came.endsWith(expected.word)) return undefined;
  const words = came.slice(0, 80).replaceAll(play.name, "<filename>");
  const key = form === "twice" && play.about === "client" ? play.verb : keyOf(play, step);
  const root = HABITS.test(form) ? form : /^(other|error)$/.test(form) ? `text ${words}` : `${form} ${key}`;
  const hint = reading.hint || hintFor(reading, play);
  return {
    ...common,
    root,
    came: shown(came),
    hint,
    crash: form === "other" ? crash : undefined,
    derails: DERAILS.test(form),
  };
}

/** What is to say of a message that has no known form. */
function hintFor({ form, expected, came, step }: Reading, play: Play): string | undefined {
  if ("refusal" in expected) {
    if (came === "OK" || came === "DONE") return `it accepted the request: look at the file before ${came} is sent`;
    return came.startsWith("ERROR: ") ? undefined : 'the text begins with "ERROR: ", with that case, colon and space';
  }
  const isCreating = form === "error" && play.about === "server" && play.verb === "PUT" && step === "c" &&
    /create/.test(came);
  return isCreating
    ? "it refused a file that can be made: os.access(filename, os.W_OK) is false for a file that is not there yet"
    : undefined;
}

function lastOf({ verb }: Play): string {
  return STEPS[verb].at(-1)![0]!;
}

function keyOf(play: Play, step: string): string {
  // Which verb it will be, or is, does not matter yet.
  return step <= "b" ? `${play.about} ${step}` : `${play.verb} ${step}`;
}

/** What the program printed last. */
export function lastWords(recording: Recording): string {
  const line = eventsOf(recording, "line").at(-1)?.text;
  return line ? `; it printed "${line.slice(0, 100)}"` : ", without a word";
}

function lengthOf(data: string, came: string): string {
  const at = [...came].findIndex((char, index) => char !== data[index]);
  if (came.length > data.length && at >= data.length) {
    return `${came.length} bytes: the file, and ${shown(came.slice(data.length))}`;
  }
  return `${came.length} bytes${
    at < 0 ? "" : `, which differ from byte ${at} on: ${shownBytes(came.slice(at, at + 12))}`
  }`;
}

function notConnected(recording: Recording, play: Play, crash: Crash | undefined, at: number): Deviation {
  const isServer = play.about === "server";
  const exit = eventsOf(recording, "exit")[0];
  const own = eventsOf(recording, "line").find(({ text }) => text.startsWith("client error"));
  const hint = crash
    ? crash.hint
    : own
    ? `it printed "${own.text}", which is not so: ${play.verb === "GET" ? ACCESS_HINT : "the file is there"}`
    : isServer
    ? "bind to the port that is the first argument, and listen before anything else"
    : "connect to the host and the port that are the first two arguments";
  return {
    root: crash?.root ?? `unconnected ${own ? play.verb : ""}`,
    step: stepOf(play, "a"),
    expected: isServer ? `it listens on port ${recording.port}` : `it connects to port ${recording.port}`,
    came: exit ? `it ended with exit status ${exit.status}` : "it did not",
    hint,
    crash,
    derails: true,
    at,
  };
}

/** The file that the play looked at, where it is not as it should be. */
function fileDeviation(recording: Recording, play: Play): Deviation | undefined {
  const looks = eventsOf(recording, "file");
  const [first, last] = [looks[0], looks.at(-1)];
  const own = play.about === "server"
    ? eventsOf(recording, "heard").filter(({ count }) => count > 0)
    : eventsOf(recording, "said");
  if (!first || !last || !own.some(({ step }) => step === lastOf(play)) || play.files[play.name] === "/") {
    return undefined;
  }
  const common = { step: stepOf(play, lastOf(play)), expected: `a file "${play.name}" of ${play.data.length} bytes` };
  if (play.verb === "DEL") {
    if (!first.file) return undefined;
    const [came, hint] = last.file
      ? ["it is still there", "os.remove(filename)"]
      : ["it is there at DONE, and gone later", "delete first, then send DONE"];
    return {
      ...common,
      root: "undeleted",
      expected: `no file "${play.name}"`,
      came,
      hint,
      derails: false,
      at: first.at,
    };
  }
  const old = play.files[play.name];
  if (!last.file || last.file.bytes === old && old !== play.data) {
    const hint = "open it under the name that was given, in the folder in which the program runs";
    return {
      ...common,
      root: `unstored ${play.verb}`,
      came: last.file ? "the old one" : "no such file",
      hint,
      derails: true,
      at: last.at,
    };
  }
  const held = last.file.bytes;
  const [form, hint] = dataForm(play.data, held);
  if (form === "right") return undefined;
  const isOld = typeof old === "string" && held.length > play.data.length &&
    (held.endsWith(old.slice(play.data.length)) || held.startsWith(old));
  const [root, why] = isOld
    ? ["untruncated", 'the old file was not truncated: open it with "wb", not "r+b" or "ab"']
    : form !== "cut"
    ? [HABITS.test(form) ? form : `stored ${form}`, hint]
    : held === ""
    ? [
      `stored empty ${play.verb}`,
      "the file is empty: was the size read right, were the bytes written, and the file closed before DONE?",
    ]
    : [
      "stored cut",
      "a recv() returns what has arrived, not what was asked for: call it in a loop until all bytes are there",
    ];
  return { ...common, root: root!, came: lengthOf(play.data, held), hint: why, derails: true, at: last.at };
}

/** The conversation as lines: our messages, the program's, and what it printed. */
export function conversationOf(recording: Recording, play: Play): { at: number; line: string }[] {
  const self = play.about === "server" ? "client" : "server";
  const heard = read(recording, play).readings.map(({ step, came, at, form, expected }) => {
    const text = form === "missing" ? "nothing" : "data" in expected ? `${came.length} bytes` : shown(came);
    return { at, line: `${step}. ${play.about}: ${"zeros" in expected ? "many bytes" : text}` };
  });
  const others = recording.events.flatMap((event) => {
    if (event.type === "said") return [{ at: event.at, line: `${event.step}. ${self}: ${saidText(event)}` }];
    if (event.type === "line") return [{ at: event.at, line: `   printed: ${shown(event.text)}` }];
    return event.type === "exit" ? [{ at: event.at, line: `   exit status ${event.status}` }] : [];
  });
  return [...heard, ...others].toSorted((a, b) => a.at - b.at);
}

function saidText({ bytes, zeros = 0 }: Recorded): string {
  return zeros || bytes.length > 200 ? `${bytes.length + zeros} bytes` : shown(bytes);
}
