/** What happened in a play, as plain JSON: `--record` keeps it, `--replay` judges it again. */

import { Buffer } from "node:buffer";
import type { Bytes } from "../../lib/bytes.ts";
import type { Role } from "../../lib/protocol.ts";

/** Bytes in a recording, a character each. Long rows of zeros are counted; what is too long for a recording is cut. */
export interface Recorded {
  bytes: string;
  zeros?: number;
  cut?: number | undefined;
}

/** A file in the program's folder: its bytes, or `null` where there is none, or no file. */
export type Held = Recorded | null;

/** One event; `at` is in milliseconds from the start of the run. A play may have a second connection. */
export type Event =
  & { at: number; on?: number | undefined }
  & (
    | { type: "connected"; address: string; host: string }
    /** The server did not listen, or the client did not connect. */
    | { type: "unconnected" }
    | { type: "said"; step: string } & Recorded
    | { type: "came" } & Recorded
    /**
     * The player took so many bytes for the message of a step; 0 if nothing came in `ms`, or the program closed. Of a large
     * file, which is zeros but for its last byte, so many pieces held something else.
     */
    | { type: "heard"; step: string; count: number; ms?: number | undefined; others?: number | undefined }
    /** The program closed its side, or the connection broke. */
    | { type: "ended" }
    /** We closed: our side alone, or all. */
    | { type: "closed" | "left" }
    /** What a program printed up to a newline, or up to its end without one, whenever that was. */
    | { type: "line"; stream: "stdout" | "stderr"; text: string; isUnended?: boolean | undefined }
    | { type: "file"; name: string; file: Held }
    /** The most memory so far, when so many bytes of file data had passed. */
    | { type: "memory"; kib: number; passed: number; ms: number }
    | { type: "call"; text: string }
    | { type: "exit"; status: number }
    /** A client was still there so long after the end. */
    | { type: "stayed"; ms: number }
  );

export type Line = Extract<Event, { type: "line" }>;

export interface Recording {
  play: string;
  about: Role;
  /** Which start of the program this was; a server serves several plays in one. */
  run: number;
  port: number;
  events: Event[];
  /** Why the play could not be played, if so. */
  missing?: string;
  /** That was an error of the player's own. */
  isFault?: true;
  /** It had served others and did not serve this one: it was started anew, and the play is played again. */
  retried?: true;
}

/** Of recordings, and of the plays beside which they are judged: those of another version say something else. */
export const VERSION = 4;

/** All that `--record` keeps. */
export interface Session {
  version: number;
  /** The two programs, as a report calls them. */
  programs: Partial<Record<Role, string>>;
  recordings: Recording[];
}

export function eventsOf<T extends Event["type"]>({ events }: Recording, type: T): Extract<Event, { type: T }>[] {
  return events.filter((event): event is Extract<Event, { type: T }> => event.type === type);
}

export function hasPrinted(one: Recording, line: RegExp): boolean {
  return eventsOf(one, "line").some(({ text }) => line.test(text));
}

export function textOf(one: Recording): string {
  return eventsOf(one, "came").map(({ bytes }) => bytes).join("");
}

/** Whether the player took something for the message of a step. */
export function hasHeard(one: Recording, step: string): boolean {
  return eventsOf(one, "heard").some((event) => event.step === step && event.count > 0);
}

/** Whether the program closed its side before we left. */
export function isClosed(one: Recording): boolean {
  const left = one.events.findIndex(({ type }) => type === "left");
  return one.events.slice(0, left).some(({ type }) => type === "ended");
}

/** When our side said a step, if it did. */
export function saidAt(one: Recording, step: string): number | undefined {
  return eventsOf(one, "said").find((event) => event.step === step)?.at;
}

export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function toBytes(text: string): Bytes {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The bytes of text in UTF-8, as a recording keeps them. */
export function utf8(text: string): string {
  return toText(new TextEncoder().encode(text));
}

export function fromUtf8(bytes: string): string {
  return new TextDecoder().decode(toBytes(bytes));
}

export function reverse(bytes: string): string {
  return [...bytes].toReversed().join("");
}

export function toSize(bytes: string): bigint {
  return [...bytes].reduce((sum, char) => sum * 256n + BigInt(char.charCodeAt(0)), 0n);
}

/** A size as 8 bytes, as a recording keeps them. */
export function sizeBytes(size: bigint): string {
  return toText(new Uint8Array(new BigUint64Array([size]).buffer).toReversed());
}

/** Of the calls of a traced play, so many are kept. */
export const MAX_CALLS = 2000;
// Where a play has more than this, the rest is counted only.
const MAX_BYTES = 512 * 1024;

type Said = ({ type: "came" } | { type: "said"; step: string }) & Pick<Event, "on">;

export class Recorder {
  readonly recording: Recording;
  #left = MAX_BYTES;

  constructor(recording: Omit<Recording, "events">, readonly start: number) {
    this.recording = { ...recording, events: [] };
  }

  /** Adds an event that happens now. */
  add(event: Event extends infer E ? E extends Event ? Omit<E, "at"> : never : never): void {
    // Precise enough for the order of events.
    const at = Math.round(100 * (performance.now() - this.start)) / 100;
    this.recording.events.push({ at, ...event } as Event);
  }

  /** Adds bytes; long rows of zeros are counted, as are those of a large file that are `counted` before. */
  addBytes(event: Said, bytes: Uint8Array, counted = 0): void {
    const zeros = counted + (bytes.length >= 1024 && bytes.every((byte) => byte === 0) ? bytes.length : 0);
    const last = this.recording.events.at(-1);
    if (zeros > 0 && last?.type === event.type && last.zeros !== undefined) last.zeros += zeros;
    else if (zeros > 0) this.add({ ...event, bytes: "", zeros });
    if (zeros > counted || bytes.length === 0) return;
    const kept = bytes.subarray(0, this.#left);
    this.#left -= kept.length;
    const cut = bytes.length - kept.length;
    this.add({ ...event, bytes: toText(kept), cut: cut || undefined });
  }
}
