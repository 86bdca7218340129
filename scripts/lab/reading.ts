/** Reads a recording beside its play: which message came at each step, and where the program left the document. */

import { STEPS } from "../../lib/protocol.ts";
import { type Crash, crashOf } from "./crash.ts";
import { fileHint, formHint, missingHint } from "./hints.ts";
import { dataForm, type Form, formOf } from "./messages.ts";
import type { Expected, Play } from "./plays.ts";
import { type Event, eventsOf, type Recorded, type Recording } from "./recording.ts";
import { shown, shownBytes } from "./shown.ts";

/** A message of the program's, as it came. */
export interface Reading {
  step: string;
  expected: Expected;
  came: string;
  form: Form;
  /** It stood there before the message of ours that it answers. */
  isEarly: boolean;
  /** How long was waited in vain. */
  ms: number | undefined;
  isEnded: boolean;
  at: number;
}

/** Where a program left the document. */
export interface Deviation {
  /** Deviations with one root are one cause. */
  root: string;
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

/** A stream of bytes of which long parts are only counted. */
class Stream {
  #parts: { start: number; text: string | undefined }[] = [];
  length = 0;

  push({ bytes, zeros = 0, cut = 0 }: Recorded): void {
    this.#parts.push({ start: this.length, text: bytes });
    this.length += bytes.length;
    if (zeros > 0 && zeros <= 1_000_000) this.#parts.push({ start: this.length, text: "\0".repeat(zeros) });
    this.length += zeros + cut;
  }

  slice(start: number, end: number): string {
    return this.#parts.map((part) =>
      (part.text ?? "").slice(Math.max(0, start - part.start), Math.max(0, end - part.start))
    )
      .join("");
  }
}

/** The step in the words of the document. */
export function stepOf({ verb }: Play, letter: string): string {
  return STEPS[verb].find((step) => step.startsWith(`${letter}.`)) ?? letter;
}

/** The messages of the program, in order, and what came beside them. */
export function read(recording: Recording, play: Play, on?: number): { readings: Reading[]; surplus: string } {
  const expected = play.acts.filter((act) => act.do === "hear" && act.on === on);
  const stream = new Stream();
  const readings: Reading[] = [];
  let [taken, before, isEnded, position] = [0, 0, false, 0];
  for (const event of recording.events) {
    if (event.on !== on) continue;
    if (event.type === "came") stream.push(event);
    else if (event.type === "said") before = stream.length;
    else if (event.type === "ended") isEnded = true;
    else if (event.type === "heard") {
      // A conversation that broke off may have left some out.
      const act = expected.find((act, index) => index >= position && act.do === "hear" && act.step === event.step);
      if (act?.do !== "hear") continue;
      position = expected.indexOf(act) + 1;
      const isCounted = "zeros" in act.expected;
      const came = isCounted ? "" : stream.slice(taken, taken + event.count);
      const lead = came.match(/^[\r\n\0]*/)![0].length;
      readings.push({
        step: event.step,
        expected: act.expected,
        came,
        form: isCounted ? (event.count >= zerosOf(act.expected) ? "right" : "cut") : formOf(act.expected, came),
        isEarly: event.count > lead && taken + lead < before,
        ms: event.ms,
        isEnded,
        at: event.at,
      });
      taken += event.count;
    }
  }
  return { readings, surplus: stream.slice(taken, stream.length) };
}

function zerosOf(expected: Expected): number {
  return "zeros" in expected ? expected.zeros : 0;
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
  const { readings, surplus } = read(recording, play);
  const add = (deviation: Deviation): void => {
    const first = found.find(({ derails }) => derails);
    found.push(first ? { ...deviation, root: first.root, hint: first.hint, crash: first.crash } : deviation);
  };
  const unconnected = eventsOf(recording, "unconnected").find(({ on }) => on === undefined);
  if (unconnected) add(notConnected(recording, play, crash, unconnected.at));
  for (const [index, reading] of readings.entries()) {
    const next = readings[index + 1];
    const { step, expected, came, form, at } = reading;
    const full = stepOf(play, step);
    const common = { step: full, at, expected: wanted(expected) };
    if (reading.isEarly && form === "right") {
      const early = { root: `early ${stepKey(play, step)}`, derails: false };
      add({ ...common, ...early, came: `${shown(came)}, before our message`, hint: earlyHint(play, step) });
    }
    if (form === "right") continue;
    if (form === "missing") {
      const isForgotten = next !== undefined && next.form !== "missing" && !next.isEarly;
      const root = crash ? crash.root : `missing ${stepKey(play, step)}`;
      const silence = reading.isEnded
        ? "it closed the connection instead"
        : `nothing, for ${((reading.ms ?? 0) / 1000).toFixed(1)} seconds`;
      const hint = crash?.hint ?? (crash ? undefined : missingHint(recording, play, reading, isForgotten));
      add({ ...common, root, came: silence, hint, crash, derails: true });
      continue;
    }
    const whole = "data" in expected && next && next.came.length > 4 && next.came.endsWith("DONE")
      ? came + next.came.slice(0, -4)
      : came;
    const isData = "data" in expected;
    const kind = isData ? dataForm(expected.data, whole) : form;
    if (isData && kind === "right") continue;
    if ("word" in expected && form === "other" && index > 0 && readings[index - 1]!.form !== "right") {
      if (came.endsWith(expected.word)) continue;
    }
    add({
      ...common,
      came: isData ? lengthOf(expected.data, whole) : shown(came),
      root: rootOf(kind, play, step, came),
      hint: isData ? fileHint(kind, "sent") : formHint(kind, { expected, came, play, step }),
      crash: isEndedBy(kind) ? crash : undefined,
      derails: ["size", "error", "other", "short", "short-little", "start", "word", "number", "cut"].includes(kind),
    });
  }
  if (surplus.replace(/^[\r\n\0]+$/, "") !== "" && !unconnected) add(surplusOf(play, surplus, recording));
  for (const { ms, at } of eventsOf(recording, "stayed")) {
    const hint = "it waits for something after DONE; or DONE was read as part of the file: recv(min(1024, left))";
    const isGet = play.verb === "GET";
    add({
      root: `stays ${play.verb}`,
      step: stepOf(play, STEPS[play.verb].at(-1)![0]!),
      expected: "the client exits",
      came: `it was still there ${ms / 1000} seconds after our last message`,
      hint: isGet ? hint : "close the socket and leave when DONE has come",
      derails: true,
      at,
    });
  }
  for (const deviation of fileDeviations(recording, play)) add(deviation);
  return found;
}

function isEndedBy(kind: Form): boolean {
  return kind === "cut" || kind === "other";
}

function stepKey(play: Play, step: string): string {
  return step === "a" ? `${play.about} a` : `${play.verb} ${step}`;
}

function rootOf(form: Form, play: Play, step: string, came: string): string {
  // These are habits of a program, the same at each step.
  const habits = [
    "newline",
    "space",
    "nul",
    "case",
    "repr",
    "quotes",
    "length",
    "bom",
    "utf16",
    "path",
    "little",
    "text",
  ];
  habits.push("short", "short-little", "htonl", "decoded", "crlf", "lf", "padded", "stripped", "done-in-data");
  if (habits.includes(form)) return form;
  if (form === "other" || form === "error") return `text ${came.slice(0, 80).replaceAll(play.name, "<filename>")}`;
  return `${form} ${stepKey(play, step)}`;
}

function earlyHint(play: Play, step: string): string {
  const own = STEPS[play.verb].findIndex((name) => name.startsWith(`${step}.`));
  const before = STEPS[play.verb][own - 1] ?? "";
  return `it did not wait for "${before}": call recv() for that message first`;
}

function lengthOf(data: string, came: string): string {
  const at = [...came].findIndex((char, index) => char !== data[index]);
  const where = at < 0 || at >= data.length
    ? ""
    : `, which differ from byte ${at} on: ${shownBytes(came.slice(at, at + 12))}`;
  const end = came.length > data.length && at >= data.length
    ? `: the file, and ${shown(came.slice(data.length))}`
    : where;
  return `${came.length} bytes${end}`;
}

function surplusOf(play: Play, surplus: string, recording: Recording): Deviation {
  const last = eventsOf(recording, "heard").at(-1);
  const isTwice = play.about === "client" && surplus.includes(`${play.verb} `);
  const hint = isTwice
    ? "the request was sent twice"
    : surplus.trim() === "" || /^[ -~]+$/.test(surplus) && !/READY|OK|DONE/.test(surplus)
    ? "send the message alone, and nothing after it"
    : "a message of a later step, or one too many";
  return {
    root: isTwice ? `twice ${play.verb}` : `surplus ${stepKey(play, last?.step ?? "a")}`,
    step: stepOf(play, last?.step ?? "a"),
    expected: "nothing more",
    came: shown(surplus),
    hint,
    derails: false,
    at: last?.at ?? 0,
  };
}

function notConnected(recording: Recording, play: Play, crash: Crash | undefined, at: number): Deviation {
  const isServer = play.about === "server";
  const exit = eventsOf(recording, "exit")[0];
  const printed = eventsOf(recording, "line").find(({ text }) => text.startsWith("client error"));
  const hint = printed
    ? `it printed "${printed.text}", which is not so here`
    : isServer
    ? "bind to the port that is the first argument, and listen before anything else"
    : "connect to the host and the port that are the first two arguments";
  return {
    root: crash?.root ?? `unconnected ${printed ? play.verb : ""}`,
    step: stepOf(play, "a"),
    expected: isServer ? `it listens on port ${recording.port}` : `it connects to port ${recording.port}`,
    came: exit ? `it ended with exit status ${exit.status}` : "it did not",
    hint: crash ? crash.hint : hint,
    crash,
    derails: true,
    at,
  };
}

/** The files that the play looked at, where they are not as they should be. */
function fileDeviations(recording: Recording, play: Play): Deviation[] {
  const looks = eventsOf(recording, "file");
  const isDone = eventsOf(recording, play.about === "server" ? "heard" : "said").some(({ step, ...event }) =>
    step === STEPS[play.verb].at(-1)![0] && (event.type === "said" || event.count > 0)
  );
  if (!isDone || play.files?.[play.name] === "/") return [];
  const step = stepOf(play, STEPS[play.verb].at(-1)![0]!);
  if (play.verb === "DEL") {
    const [atDone] = looks;
    if (!atDone?.file) return [];
    const isLate = looks.at(-1)!.file === null;
    const came = isLate ? "it is there at DONE, and gone later" : "it is still there";
    const hint = isLate ? "delete first, then send DONE" : "os.remove(filename)";
    return [{ root: "undeleted", step, expected: `no file "${play.name}"`, came, hint, derails: false, at: atDone.at }];
  }
  const look = looks.at(-1);
  if (!look) return [];
  const common = { step, expected: `a file "${play.name}" of ${play.data.length} bytes`, derails: true, at: look.at };
  if (look.file === null) {
    const hint = "open it under the name that was given, in the folder in which the program runs";
    return [{ ...common, root: `unstored ${play.verb}`, came: "no such file", hint }];
  }
  const held = look.file.bytes + "\0".repeat(look.file.zeros ?? 0);
  const form = dataForm(play.data, held);
  if (form === "right") return [];
  const old = play.files?.[play.name];
  const isOld = typeof old === "string" && held.length > play.data.length && old !== play.data &&
    (held.endsWith(old.slice(play.data.length)) || held.startsWith(old));
  return [{
    ...common,
    root: isOld
      ? "untruncated"
      : form === "cut" && held === "" && play.data !== ""
      ? `stored empty ${play.verb}`
      : `stored ${form}`,
    came: lengthOf(play.data, held),
    hint: isOld
      ? 'the old file was not truncated: open it with "wb", not "r+b" or "ab"'
      : fileHint(form, "stored", held),
  }];
}

/** The events of a conversation as lines: our messages, the program's, and what it printed. */
export function conversationOf(recording: Recording, play: Play): { at: number; line: string }[] {
  const self = play.about === "server" ? "client" : "server";
  const { readings } = read(recording, play);
  const lines = readings.map(({ step, came, at, form, expected }) => {
    const text = form === "missing"
      ? "nothing"
      : "data" in expected || "zeros" in expected
      ? `${"data" in expected ? came.length : "many"} bytes`
      : shown(came);
    return { at, line: `${step}. ${play.about}: ${text}` };
  });
  const own = recording.events.flatMap((event: Event) => {
    if (event.type === "said") return [{ at: event.at, line: `${event.step}. ${self}: ${saidText(event)}` }];
    if (event.type === "line") return [{ at: event.at, line: `   printed: ${shown(event.text)}` }];
    if (event.type === "exit") return [{ at: event.at, line: `   exit status ${event.status}` }];
    return [];
  });
  return [...lines, ...own].toSorted((a, b) => a.at - b.at);
}

function saidText({ bytes, zeros }: Recorded): string {
  return zeros || bytes.length > 200 ? `${bytes.length + (zeros ?? 0)} bytes` : shown(bytes);
}
