/** A conversation as rungs between two lifelines: as it was recorded, and as the document has it. */

import type { Role, Verb } from "../../../lib/protocol.ts";
import { bytesOf, type Play } from "../plays.ts";
import { read, type Reading, wanted } from "../reading.ts";
import { type Event, eventsOf, type Recorded, type Recording, toBytes } from "../recording.ts";
import type { Finding } from "../rule.ts";
import { shown, shownBytes } from "../shown.ts";

/** One thing that happened, or should have. */
export interface Rung {
  kind: "message" | "prints" | "note";
  from: Role;
  /** The letter of the document's step. */
  step?: string;
  /** Lines that were printed at one time are one text. */
  text: string;
  isError?: boolean;
  /** In milliseconds from the first rung. */
  ms?: number;
  /** It should have been there, and never was. */
  isMissing?: boolean;
  /** What the finding is about; in the right conversation, what should have been there. */
  isMarked?: boolean;
  /** What should have been there instead. */
  expected?: string;
}

/** `moment` is when a finding says that it was. */
type Placed = Rung & { at: number; moment: number; isOff?: boolean };

// A program may print without end.
const MAX_RUNGS = 40;
const MISSED = { isMissing: true, isMarked: true };
const SIZE_STEP: Record<Verb, string> = { GET: "e", PUT: "d", DEL: "" };

/** What was recorded, with the place of a finding marked; a finding without a place stands at the end. */
export function ladderOf(recording: Recording, play: Play, finding: Finding): Rung[] {
  const { readings, surplus } = read(recording, play);
  const events = recording.events.filter(({ on }) => on === undefined);
  const rungs = [
    ...readings.map((reading) => heard(reading, play)),
    ...events.flatMap((event) => happened(event, play)),
  ];
  if (!/^[\r\n\0]*$/.test(surplus)) {
    const at = eventsOf(recording, "came").at(-1)!.at;
    rungs.push({ kind: "message", from: play.about, text: shown(surplus), at, moment: events.at(-1)!.at });
  }
  rungs.sort((a, b) => a.at - b.at);
  mark(rungs, finding, rightLadder(recording, play, finding), play.about);
  const all = joined(rungs);
  const start = all[0]?.at ?? 0;
  const kept = all.filter((rung, index) => index < MAX_RUNGS || rung.isMarked)
    .map(({ at, moment: _, isOff: __, ...rung }): Rung => ({ ...rung, ms: at - start }));
  const hidden = all.length - kept.length;
  return hidden === 0 ? kept : [...kept, { kind: "note", from: play.about, text: `${hidden} more, not shown` }];
}

/** Joins lines that follow on each other. */
function joined<T extends Rung>(rungs: T[]): T[] {
  const all: T[] = [];
  for (const rung of rungs) {
    const last = all.at(-1);
    const isNext = last?.kind === "prints" && rung.kind === "prints" && last.isError === rung.isError;
    if (!isNext || last.isMarked || rung.isMarked) all.push({ ...rung });
    else last.text += `\n${rung.text}`;
  }
  return all;
}

/** A message of the program's. */
function heard({ step, expected, came, count, form, isEarly, at, cameAt }: Reading, { about, verb }: Play): Placed {
  const common = { kind: "message" as const, from: about, step, at: cameAt, moment: at };
  if (form === "missing") return { ...common, text: wanted(expected), isMissing: true };
  const text = "zeros" in expected ? `${count} bytes` : textOf({ bytes: came }, step === SIZE_STEP[verb]);
  return { ...common, text, isOff: isEarly || form !== "right" };
}

/** What else happened: what was said to the program, what it printed, and its end. */
function happened(event: Event, { about, verb }: Play): Placed[] {
  const one = (rung: Omit<Rung, "from">, from = about): Placed[] => [
    { from, at: event.at, moment: event.at, ...rung },
  ];
  const note = (text: string): Placed[] => one({ kind: "note", text });
  switch (event.type) {
    case "said":
      return one(
        { kind: "message", step: event.step, text: textOf(event, event.step === SIZE_STEP[verb]) },
        other(about),
      );
    case "line":
      return one({ kind: "prints", text: event.text, isError: event.stream === "stderr" });
    case "connected":
      return note(about === "client" ? "connects" : "accepts the connection");
    case "unconnected":
      return note(about === "client" ? "does not connect" : "does not listen");
    case "ended":
      return note("closes the connection");
    case "exit":
      return note(`ends with exit status ${event.status}`);
    case "file":
      return note(
        event.file ? `has a file "${event.name}" of ${lengthOf(event.file)} bytes` : `has no file "${event.name}"`,
      );
    case "stayed":
      return note(`is still running ${event.ms / 1000} seconds later`);
    default:
      return [];
  }
}

/** Marks what a finding is about, and adds what should have been printed. */
function mark(rungs: Placed[], { at, came, expected }: Finding, right: Rung[], from: Role): void {
  const own = at === 0 ? [] : rungs.filter(({ moment }) => moment === at);
  // Several lines may have been printed at that moment.
  // Several things may have happened at that moment.
  const wrong = own.find(({ text }) => came.includes(text)) ??
    own.find((rung) => rung.isOff || rung.isMissing) ?? own.at(-1);
  const line = lineOf(expected);
  if (line !== undefined && came === "no such line") {
    // After the message that it would follow.
    const end = right.findIndex(({ kind, text }) => kind === "prints" && text === line);
    const step = right.slice(0, Math.max(0, end)).findLast(({ kind }) => kind === "message")?.step;
    const before = rungs.findLastIndex((rung) => rung.step === step && step !== undefined);
    const index = before < 0 ? rungs.length : before + 1;
    const place = rungs[index - 1]?.at ?? 0;
    rungs.splice(index, 0, { kind: "prints", from, text: line, ...MISSED, at: place, moment: place });
  } else if (wrong) Object.assign(wrong, { isMarked: true, expected });
  else {
    const end = rungs.at(-1)?.at ?? 0;
    rungs.push({ kind: "note", from, text: came, isMarked: true, expected, at: end, moment: end });
  }
}

/** The line that a finding expects, if it expects one. */
function lineOf(expected: string): string | undefined {
  return expected.match(/^the line "(.*)"$/s)?.[1];
}

/** The conversation as the document has it, with what the program under test prints; what a finding misses is marked. */
export function rightLadder(recording: Recording, play: Play, { step, expected }: Finding): Rung[] {
  const line = lineOf(expected);
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
  const own = clientError(play);
  if (own) return [prints(own)];
  const message = (from: Role, step: string, text: string, answer: string[] = []): Rung[] => [
    { kind: "message", from, step, text },
    ...[...linesAfter(step, play), ...answer].map(prints),
  ];
  const address = eventsOf(recording, "connected")[0]?.address ?? "<address>:<port>";
  const opening = [`server waiting on port ${recording.port}`, `server connected to client at ${address}`];
  const messages = acts.filter(({ on }) => on === undefined).flatMap((act): Rung[] => {
    if (act.do === "hear") return message(about, act.step, textOf(bytesOf(act.expected), "size" in act.expected));
    const said = act.do === "say" ? [act, ...act.last ? [act.last] : []] : [];
    return said.flatMap(({ step, ...bytes }) => {
      const text = textOf(bytes, step === SIZE_STEP[verb]);
      return message(other(about), step, text, about === "client" ? answerTo(bytes.bytes) : []);
    });
  });
  return [...about === "server" && verbose ? opening.map(prints) : [], ...messages];
}

/** What the document has a program print when the message of a step has passed. */
function linesAfter(step: string, { about, verb, name, data, verbose, acts }: Play): string[] {
  const announced = acts.flatMap((act) => {
    if (act.do === "say") return act.step === SIZE_STEP[verb] ? [numberOf(act.bytes)] : [];
    return act.do === "hear" && "size" in act.expected ? [act.expected.size] : [];
  });
  const size = announced[0] ?? BigInt(data.length);
  const isServer = about === "server";
  if (isServer && !verbose) return [];
  const isRefused = acts.some((act) => act.do === "hear" && "refusal" in act.expected);
  const lines: Record<Verb, [step: string, server: string, client: string]> = {
    GET: ["f", `sending ${size} bytes`, `receiving file ${name} (${size} bytes)`],
    PUT: ["e", `receiving ${size} bytes`, `sending file ${name} (${size} bytes)`],
    DEL: [isServer ? "b" : "a", `deleting file ${name}`, `deleting file ${name}`],
  };
  const [last, ...texts] = lines[verb];
  const line = isServer ? `server ${texts[0]}` : `client ${texts[1]}`;
  const request = isServer && step === "b" ? [`server receiving request: ${verb} ${name}`] : [];
  return [...request, ...step === last && !isRefused ? [line] : []];
}

/** What a client prints of the server's last message. */
function answerTo(bytes: string): string[] {
  if (bytes === "DONE") return ["Complete"];
  return bytes.startsWith("ERROR: ") ? [bytes.replace("ERROR: ", "server error: ")] : [];
}

/** What a client prints that finds the error itself, before it connects. */
function clientError({ id, name }: Play): string | undefined {
  if (id === "client-PUT-missing") return `client error: ${name} does not exist`;
  return id === "client-GET-folder" ? `client error: unable to create file ${name}` : undefined;
}

/** Bytes in quotes where they are text; a size as a number too. */
function textOf({ bytes, zeros = 0, cut = 0 }: Recorded, isSize = false): string {
  if (isSize && bytes.length === 8) return `${numberOf(bytes)} as ${shownBytes(bytes)}`;
  return zeros + cut > 0 ? `${lengthOf({ bytes, zeros, cut })} bytes` : shown(bytes);
}

function lengthOf({ bytes, zeros = 0, cut = 0 }: Recorded): number {
  return bytes.length + zeros + cut;
}

function numberOf(bytes: string): bigint {
  return new DataView(toBytes(bytes).buffer).getBigUint64(0);
}

function other(role: Role): Role {
  return role === "server" ? "client" : "server";
}
