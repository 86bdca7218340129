/** A conversation as rungs between two lifelines: as it was recorded, and as the document has it. */

import type { Role, Verb } from "../../../lib/protocol.ts";
import type { Expected, Play } from "../plays.ts";
import { read, type Reading, wanted } from "../reading.ts";
import { type Event, eventsOf, type Recorded, type Recording, sizeBytes, toBytes, utf8 } from "../recording.ts";
import type { Finding } from "../rule.ts";
import { shown, shownBytes } from "../shown.ts";

/** One thing that happened, or should have. */
export interface Rung {
  kind: "message" | "prints" | "note";
  from: Role;
  /** The letter of the document's step. */
  step?: string;
  text: string;
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
    const at = events.at(-1)!.at;
    rungs.push({ kind: "message", from: play.about, text: shown(surplus), at, moment: at, isOff: true });
  }
  rungs.sort((a, b) => a.at - b.at);
  mark(rungs, finding, rightLadder(recording, play, finding), play.about);
  const end = Math.max(MAX_RUNGS, rungs.findIndex((rung) => rung.isMarked) + 1);
  const start = rungs[0]?.at ?? 0;
  const kept = rungs.slice(0, end).map(({ at, moment: _, isOff: __, ...rung }): Rung => ({ ...rung, ms: at - start }));
  const hidden = rungs.length - end;
  return hidden <= 0 ? kept : [...kept, { kind: "note", from: play.about, text: `${hidden} more, not shown` }];
}

/** A message of the program's. */
function heard({ step, expected, came, form, isEarly, at, cameAt }: Reading, { about, verb }: Play): Placed {
  const common = { kind: "message" as const, from: about, step, at: cameAt, moment: at };
  if (form === "missing") return { ...common, text: wanted(expected), isMissing: true };
  const text = "zeros" in expected ? "many bytes" : textOf({ bytes: came }, step === SIZE_STEP[verb]);
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
      return one({
        kind: "prints",
        text: event.stream === "stderr" ? `${event.text} (on standard error)` : event.text,
      });
    case "connected":
      return note(about === "client" ? "connects" : "accepts the connection");
    case "unconnected":
      return note(about === "client" ? "does not connect" : "does not listen");
    case "ended":
      return note("closes the connection");
    case "exit":
      return note(`ends with exit status ${event.status}`);
    case "stayed":
      return note(`is still running ${event.ms / 1000} seconds later`);
    default:
      return [];
  }
}

/** Marks what a finding is about, and adds what should have been printed. */
function mark(rungs: Placed[], { at, came, expected }: Finding, right: Rung[], from: Role): void {
  const own = at === 0 ? [] : rungs.filter(({ moment }) => moment === at);
  const wrong = own.find((rung) => rung.isOff || rung.isMissing) ?? own[0];
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
  return rightRungs(recording, play).map((rung) => ({
    ...rung,
    isMarked: rung.kind === "message" ? rung.step === step?.[0] : rung.text === line,
  }));
}

function rightRungs(recording: Recording, { about, verb, name, data, verbose, acts }: Play): Rung[] {
  const isServer = about === "server";
  const sizes = acts.flatMap((act) => act.do === "hear" && "size" in act.expected ? [act.expected.size] : []);
  const said = acts.flatMap((act) => act.do === "say" && act.step === SIZE_STEP[verb] ? [act.bytes] : []);
  const size = sizes[0] ?? (said[0] ? numberOf(said[0]) : BigInt(data.length));
  const prints = (text: string): Rung => ({ kind: "prints", from: about, text });
  const message = (from: Role, step: string, text: string): Rung => ({ kind: "message", from, step, text });
  // What is printed just before a message, by the document.
  const lines: Record<string, string[]> = isServer && verbose
    ? {
      "c": [`server receiving request: ${verb} ${name}`],
      "PUT f": [`server receiving ${size} bytes`],
      "GET g": [`server sending ${size} bytes`],
      "DEL c": [`server deleting file ${name}`],
    }
    : isServer
    ? {}
    : {
      "GET g": [`client receiving file ${name} (${size} bytes)`],
      "PUT f": [`client sending file ${name} (${size} bytes)`],
      "DEL b": [`client deleting file ${name}`],
    };
  const printed = (step: string): Rung[] => [...lines[step] ?? [], ...lines[`${verb} ${step}`] ?? []].map(prints);
  const address = eventsOf(recording, "connected")[0]?.address;
  const opening = isServer && verbose
    ? [`server waiting on port ${recording.port}`, ...address ? [`server connected to client at ${address}`] : []]
    : [];
  const own = isServer ? undefined : clientError(recording.play, name);
  if (own) return [prints(own)];
  const messages = acts.filter(({ on }) => on === undefined).flatMap((act): Rung[] => {
    if (act.do === "hear") {
      const lines = "refusal" in act.expected ? printed(act.step).slice(0, 1) : printed(act.step);
      return [...lines, message(about, act.step, expectedText(act.expected))];
    }
    if (act.do !== "say") return [];
    const all = [act, ...act.last ? [act.last] : []];
    return all.flatMap(({ step, ...bytes }) => {
      const end = bytes.bytes === "DONE" ? "Complete" : bytes.bytes.replace(/^ERROR: /, "server error: ");
      const answer = !isServer && /^(DONE$|ERROR: )/.test(bytes.bytes) ? [prints(end)] : [];
      return [...printed(step), message(other(about), step, textOf(bytes, step === SIZE_STEP[verb])), ...answer];
    });
  });
  return [...opening.map(prints), ...messages];
}

/** What a client prints that finds the error itself, before it connects. */
function clientError(play: string, name: string): string | undefined {
  if (play === "client-PUT-missing") return `client error: ${name} does not exist`;
  return play === "client-GET-folder" ? `client error: unable to create file ${name}` : undefined;
}

function expectedText(expected: Expected): string {
  if ("size" in expected) return textOf({ bytes: sizeBytes(expected.size) }, true);
  if ("zeros" in expected) return textOf({ bytes: "", ...expected });
  return textOf({
    bytes: "data" in expected ? expected.data : utf8("word" in expected ? expected.word : expected.refusal[0]!),
  });
}

/** Bytes in quotes where they are text; a size as a number too. */
function textOf({ bytes, zeros = 0, cut = 0 }: Recorded, isSize = false): string {
  if (isSize && bytes.length === 8) return `${numberOf(bytes)} as ${shownBytes(bytes)}`;
  return zeros + cut > 0 ? `${bytes.length + zeros + cut} bytes` : shown(bytes);
}

function numberOf(bytes: string): bigint {
  return new DataView(toBytes(bytes).buffer).getBigUint64(0);
}

function other(role: Role): Role {
  return role === "server" ? "client" : "server";
}
