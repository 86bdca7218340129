/** A conversation as rungs between two lifelines: as it was recorded, and as the document has it. */

import type { Role, Verb } from "../../../lib/protocol.ts";
import { recordingOf, type Result } from "../causes.ts";
import { lineOf } from "../lines.ts";
import type { Play } from "../play.ts";
import { bytesOf, isRefused, playOf } from "../plays.ts";
import type { Finding } from "../deviations.ts";
import { read, type Reading, wanted } from "../reading.ts";
import { type Event, eventsOf, fromUtf8, type Recorded, type Recording, type Session, toSize } from "../recording.ts";
import { shown, shownBytes } from "../shown.ts";
import { capped } from "./frame.tsx";

/** One thing that happened, or should have. */
export interface Rung {
  kind: "message" | "prints" | "note";
  from: Role;
  step?: string;
  /** Lines that were printed at one time are one text: the last of them, where an error says what it is. */
  text: string;
  /** How many lines before are not in it. */
  hidden?: number;
  isError?: boolean;
  /** From the first rung. */
  ms?: number;
  /** It should have been there, and never was. */
  isMissing?: boolean;
  /** The finding is about it; in the right conversation, it is what should have been there. */
  isMarked?: boolean;
  /** What should have been there instead. */
  expected?: string;
}

/** The conversation that shows a cause: as it was, and as the document has it. */
export interface Picture {
  came: Rung[];
  right: Rung[];
}

/** `moment` is when a finding says that it was, if not `at`. */
type Placed = Rung & { at: number; moment?: number; isOff?: boolean };

// A program may print without end.
const [MAX_RUNGS, MAX_LINES] = [40, 12];
/** The step that the line of a verb follows. */
const LINE_STEP: Record<Role, Record<Verb, string>> = {
  server: { GET: "f", PUT: "e", DEL: "b" },
  client: { GET: "f", PUT: "e", DEL: "a" },
};
const SIZE_STEP: Record<Verb, string> = { GET: "e", PUT: "d", DEL: "" };
const DATA_STEP: Record<Verb, string> = { GET: "g", PUT: "f", DEL: "" };

/** A picture for each cause that a recording shows. */
export function picturesOf({ causes }: Result, session: Session): (Picture | null)[] {
  return causes.map(({ finding }) => {
    const recording = recordingOf(finding, session);
    if (!recording) return null;
    const play = playOf(recording);
    return { came: ladderOf(recording, play, finding), right: rightLadder(recording, play, finding) };
  });
}

/** What was recorded, with the place of a finding marked; one without a place stands at the end. */
export function ladderOf(recording: Recording, play: Play, finding: Finding): Rung[] {
  const { readings, surplus } = read(recording);
  const events = recording.events.filter(({ on }) => on === undefined);
  const rungs = [
    ...readings.map((reading) => heard(reading, play)),
    ...events.flatMap((event) => happened(event, play) ?? []),
  ];
  if (!/^[\r\n\0]*$/.test(surplus)) {
    const at = eventsOf(recording, "came").at(-1)!.at;
    rungs.push({ kind: "message", from: play.about, text: shown(surplus), at, moment: events.at(-1)!.at });
  }
  rungs.sort((a, b) => a.at - b.at);
  mark(rungs, finding, rightLadder(recording, play, finding), play.about);
  const all = joined(rungs);
  const kept = all.filter((rung, index) => index < MAX_RUNGS || rung.isMarked)
    .map(({ at, moment: _, isOff: __, ...rung }): Rung => ({ ...rung, ms: at - all[0]!.at }));
  const hidden = all.length - kept.length;
  return hidden === 0 ? kept : [...kept, { kind: "note", from: play.about, text: `${hidden} more, not shown` }];
}

/** Joins lines that follow on each other, and bounds what there is of each rung. */
function joined<T extends Rung>(rungs: T[]): T[] {
  const all: T[] = [];
  for (const rung of rungs) {
    const last = all.at(-1);
    const isNext = last?.kind === "prints" && rung.kind === "prints" && last.isError === rung.isError;
    if (!isNext || last.isMarked || rung.isMarked) all.push({ ...rung });
    else last.text += `\n${rung.text}`;
  }
  return all.map((rung) => {
    const lines = rung.text.split("\n");
    const hidden = Math.max(0, lines.length - MAX_LINES);
    return { ...rung, text: lines.slice(hidden).map(capped).join("\n"), ...hidden > 0 ? { hidden } : {} };
  });
}

function heard({ step, expected, came, count, form, isEarly, at, cameAt }: Reading, { about, verb }: Play): Placed {
  const message = messageOf({ from: about, step, bytes: came, zeros: "zeros" in expected ? count : 0 }, verb);
  const place = { at: cameAt, moment: at, isOff: isEarly || form !== "right" };
  return { ...message, ...place, ...form === "missing" ? { text: wanted(expected), isMissing: true } : {} };
}

const NOTES: { [T in Event["type"]]?: (event: Extract<Event, { type: T }>, about: Role) => string } = {
  connected: (_, about) => about === "client" ? "connects" : "accepts the connection",
  unconnected: (_, about) => about === "client" ? "does not connect" : "does not listen",
  ended: () => "closes the connection",
  exit: ({ status }) => `ends with exit status ${status}`,
  file: ({ name, file }) => file ? `has a file "${name}" of ${lengthOf(file)} bytes` : `has no file "${name}"`,
  stayed: ({ ms }) => `is still running ${ms / 1000} seconds later`,
};

/** What else happened: what was said to the program, what it printed, and its end. */
function happened(event: Event, { about, verb }: Play): Placed | undefined {
  const { at, type } = event;
  if (type === "said") return { ...messageOf({ from: other(about), ...event }, verb), at };
  if (type === "line") return { kind: "prints", from: about, text: event.text, isError: event.stream === "stderr", at };
  const note = NOTES[type] as ((event: Event, about: Role) => string) | undefined;
  return note && { kind: "note", from: about, text: note(event, about), at };
}

/** Marks what a finding is about, and adds what should have been printed. */
function mark(rungs: Placed[], { at, came, expected }: Finding, right: Rung[], from: Role): void {
  const own = at === 0 ? [] : rungs.filter((rung) => (rung.moment ?? rung.at) === at);
  // Several things may have happened at that moment.
  const wrong = own.find(({ text }) => came.includes(text)) ??
    own.find((rung) => rung.isOff || rung.isMissing) ?? own.at(-1);
  const line = lineIn(expected);
  if (line !== undefined && came === "no such line") {
    // After the message that it would follow.
    const end = right.findIndex(({ kind, text }) => kind === "prints" && text === line);
    const step = right.slice(0, Math.max(0, end)).findLast(({ kind }) => kind === "message")?.step;
    const before = rungs.findLastIndex((rung) => rung.step === step && step !== undefined);
    const index = before < 0 ? rungs.length : before + 1;
    const at = rungs[index - 1]?.at ?? 0;
    rungs.splice(index, 0, { kind: "prints", from, text: line, isMissing: true, isMarked: true, at });
  } else if (wrong) Object.assign(wrong, { isMarked: true, expected });
  else rungs.push({ kind: "note", from, text: came, isMarked: true, expected, at: rungs.at(-1)?.at ?? 0 });
}

/** The line that a finding expects, if it expects one. */
function lineIn(expected: string): string | undefined {
  return expected.match(/^the line "(.*)"$/s)?.[1];
}

/** The conversation as the document has it, with what the program under test prints; what a finding misses is marked. */
export function rightLadder(recording: Recording, play: Play, { step, expected }: Finding): Rung[] {
  const line = lineIn(expected);
  return joined(
    rightRungs(recording, play).map((rung) => ({
      ...rung,
      isMarked: rung.kind === "message" ? rung.step === step?.[0] : rung.text === line,
    })),
  );
}

function rightRungs(recording: Recording, play: Play): Rung[] {
  const { about, verb, verbose, acts } = play;
  const prints = (text: string): Rung => ({ kind: "prints", from: about, text });
  // What a client prints that finds the error itself, before it connects.
  if (play.id === "client-PUT-missing") return [prints(`client error: ${play.name} does not exist`)];
  if (/^client-GET-(folder|nowhere)$/.test(play.id)) {
    return [prints(`client error: unable to create file ${play.name}`)];
  }
  const messages = acts.filter(({ on, ifAccepted }) => on === undefined && !ifAccepted).flatMap((act) => {
    if (act.do === "hear") return [{ from: about, step: act.step, ...bytesOf(act.expected) }];
    const said = act.do === "say" ? [act, ...act.last ? [act.last] : []] : [];
    return said.map(({ step, ...bytes }) => ({ from: other(about), step, ...bytes }));
  });
  const announced = messages.find(({ step, bytes }) => step === SIZE_STEP[verb] && bytes.length === 8);
  const size = announced ? toSize(announced.bytes) : BigInt(play.data.length);
  const address = eventsOf(recording, "connected")[0]?.address ?? "<address>:<port>";
  const opening = [`server waiting on port ${recording.port}`, `server connected to client at ${address}`];
  // Of a file that our side only begins, all that was announced.
  const isPart = (one: Message): boolean => one.from !== about && one.step === DATA_STEP[verb] && lengthOf(one) < size;
  const whole = messages.map((one) => isPart(one) ? { ...one, bytes: "", zeros: Number(size) } : one);
  return [
    ...about === "server" && verbose ? opening.map(prints) : [],
    ...whole.flatMap((one) => [messageOf(one, verb), ...linesAfter(one, play, size).map(prints)]),
  ];
}

interface Message extends Recorded {
  from: Role;
  step: string;
}

/** What the document has a program print when a message has passed. */
function linesAfter({ from, step, bytes }: Message, play: Play, size: bigint): string[] {
  const { about, verb, name, verbose } = play;
  const line = step === LINE_STEP[about][verb] && !isRefused(play) ? [lineOf(about, verb, name, size)] : [];
  if (about === "server") {
    const request = step === "b" ? [`server receiving request: ${verb} ${name}`] : [];
    return verbose ? [...request, ...line] : [];
  }
  // A file may hold these words too.
  if (from === "client" || verb === "GET" && step === "g") return line;
  if (bytes.startsWith("ERROR: ")) return [fromUtf8(bytes).replace("ERROR: ", "server error: ")];
  return bytes === "DONE" ? ["Complete"] : line;
}

/** A message, in quotes where it is text; a size as a number too. */
function messageOf({ from, step, ...recorded }: Message, verb: Verb): Rung {
  const { bytes } = recorded;
  const isSize = step === SIZE_STEP[verb] && bytes.length === 8;
  const text = lengthOf(recorded) > bytes.length ? `${lengthOf(recorded)} bytes` : shown(bytes);
  return { kind: "message", from, step, text: isSize ? `${toSize(bytes)} as ${shownBytes(bytes)}` : text };
}

function lengthOf({ bytes, zeros = 0, cut = 0 }: Recorded): number {
  return bytes.length + zeros + cut;
}

function other(role: Role): Role {
  return role === "server" ? "client" : "server";
}
