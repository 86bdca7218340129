/** Our end of a connection with a program under test; all that passes is recorded. */

import { Buffer } from "node:buffer";
import { abortable } from "@std/async";
import { writeAll } from "../../lib/bytes.ts";
import { within } from "../../lib/within.ts";
import { isStart, take } from "./messages.ts";
import type { Act, Expected } from "./play.ts";
import { type Recorder, toBytes, toText } from "./recording.ts";

// After so much silence, what came is all of a message that is not the right one.
const QUIET_MS = 200;
// Who sends a file may pause after each block.
const BLOCK_MS = 100;
// Between the pieces of a message that is cut; an empty piece is a silence, for a part of the time that a message may take.
const GAP_MS = 100;
const SILENCE = 0.4;
// Far more than any file of a play that is kept.
const MAX_PENDING = 1 << 20;
// What is counted as zeros are dots where we say it: a shell drops NULs, and would not hold them.
const CHUNK = new Uint8Array(65536).fill(0x2e);
const ZEROS = Buffer.alloc(65536);

/**
 * How a message was awaited: it came, it began and silence followed, nothing came, or something else without an end, or
 * the program closed its side.
 */
export type Heard = "heard" | "cut" | "silent" | "endless" | "ended";

/** How long a large file may take, and a part of it, in milliseconds. */
export interface LargeLimits {
  ms: number;
  partMs: number;
}

type Say = Extract<Act, { do: "say" }>;
/** Hears how many bytes of a large file have passed. */
type OnPart = (passed: number) => Promise<void>;

export class Connection implements AsyncDisposable {
  readonly #reading: Promise<void>;
  #pending = "";
  // Of a large file, bytes are counted, not kept.
  #awaited = 0;
  #others = 0;
  #onBytes: () => void = () => {};
  #flowing = Promise.resolve();
  isEnded = false;

  constructor(
    readonly conn: Deno.TcpConn,
    readonly recorder: Recorder,
    readonly signal: AbortSignal,
    readonly on?: number,
  ) {
    conn.setNoDelay(true);
    const { hostname, port } = conn.localAddr;
    recorder.add({ type: "connected", address: `${hostname}:${port}`, host: conn.remoteAddr.hostname, on });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      // Not by the stream, which closes both directions when the other side closes one.
      for (let count; await this.#flowing, (count = await this.conn.read(buffer)) !== null;) {
        const counted = Math.min(this.#awaited, count);
        this.#awaited -= counted;
        this.#others += Number(ZEROS.compare(buffer, 0, counted, 0, counted) !== 0);
        const bytes = buffer.subarray(counted, count);
        this.recorder.addBytes({ type: "came", on: this.on }, bytes, counted);
        this.#pending += toText(bytes);
        // A program that sends without end must not fill this one's memory.
        if (this.#pending.length > MAX_PENDING) break;
        this.#onBytes();
      }
    } catch {
      // Reset, or closed by us.
    }
    this.isEnded = true;
    this.recorder.add({ type: "ended", on: this.on });
    this.#onBytes();
  }

  /** Waits until something holds, the program closes, or `ms` have passed. Throws what the signal is aborted with. */
  async wait(ms: number, isOver: () => boolean): Promise<void> {
    for (const end = performance.now() + ms; !isOver() && !this.isEnded;) {
      const left = end - performance.now();
      if (left <= 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onBytes = resolve;
      await abortable(within(promise, left), this.signal);
    }
  }

  /** Whether the program has ended the connection, as it seems; what it had sent can still be heard. */
  async hasEnded(): Promise<boolean> {
    await this.wait(QUIET_MS, () => false);
    return this.isEnded;
  }

  /** Hears a message, for so many milliseconds at most. */
  async hear(step: string, expected: Expected, ms: number): Promise<Heard> {
    const start = performance.now();
    let count = take(expected, this.#pending);
    // A client says none after its data.
    const mayEnd = "data" in expected && this.recorder.recording.about === "server";
    let isPart = false;
    // However often something comes.
    const blocks = "data" in expected ? Math.ceil(expected.data.length / 1024) : 0;
    const end = start + ms + QUIET_MS + blocks * BLOCK_MS + (blocks > 0 ? ms : 0);
    for (let seen = -1; count === undefined && seen !== this.#pending.length && performance.now() < end;) {
      seen = this.#pending.length;
      isPart = "data" in expected ? !mayEnd || !this.#pending.endsWith("DONE") : isStart(expected, this.#pending);
      await this.wait(isPart ? ms : QUIET_MS, () => this.#pending.length !== seen);
      count = take(expected, this.#pending);
    }
    const isEndless = count === undefined && performance.now() >= end;
    const isDone = mayEnd && this.#pending.endsWith("DONE");
    const isCut = count === undefined && isPart && !isDone && !this.isEnded;
    count ??= this.#pending.length - (isDone ? "DONE".length : 0);
    this.#pending = this.#pending.slice(count);
    const heard = this.#heard(step, count, count > 0 || "data" in expected && expected.data === "", start);
    return heard !== "heard" ? heard : isEndless ? "endless" : isCut ? "cut" : heard;
  }

  /** Records what was taken for a message; how long was waited, if that was in vain, or if `others` were counted. */
  #heard(step: string, count: number, isHeard: boolean, start: number, others?: number): Heard {
    const ms = isHeard && others === undefined ? undefined : Math.round(performance.now() - start);
    this.recorder.add({ type: "heard", step, count, ms, others, on: this.on });
    return isHeard ? "heard" : this.isEnded ? "ended" : "silent";
  }

  /** Reads nothing, but for what is being read, until something is over. */
  async stall(isOver: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flowing = promise;
    await isOver().finally(resolve);
  }

  /** Takes a message that had come before the conversation broke off. */
  async hearRest(step: string, expected: Expected): Promise<void> {
    if (take(expected, this.#pending) !== undefined) await this.hear(step, expected, 0);
  }

  /** Hears so many bytes of a large file, and keeps none; `onPart` is called on the way. */
  async hearZeros(step: string, count: number, limits: LargeLimits, onPart: OnPart): Promise<Heard> {
    const start = performance.now();
    this.#awaited = Math.max(0, count - this.#pending.length);
    this.#others = 0;
    this.#pending = this.#pending.slice(count);
    const isLate = (): boolean => this.isEnded || performance.now() - start >= limits.ms;
    for (let seen = -1; this.#awaited > 0 && this.#awaited !== seen && !isLate();) {
      seen = this.#awaited;
      await onPart(count - seen);
      await this.wait(limits.partMs, () => seen - this.#awaited >= Math.min(seen, count / 4));
    }
    const passed = count - this.#awaited;
    await onPart(passed);
    this.#awaited = 0;
    return this.#heard(step, passed, passed === count, start, this.#others);
  }

  /** Says a message, in pieces if it is cut; false if the program does not take it. */
  async say({ step, bytes, pieces, last }: Say, ms: number): Promise<boolean> {
    const all = pieces ?? (last ? [Math.max(0, bytes.length - 1024), Math.min(1024, bytes.length)] : [bytes.length]);
    let start = 0;
    for (const [index, length] of all.entries()) {
      const piece = bytes.slice(start, start += length);
      const end = index === all.length - 1 ? last : undefined;
      const said = toBytes(piece + (end?.bytes ?? ""));
      if (pieces && index > 0) await this.wait(said.length > 0 ? GAP_MS : SILENCE * ms, () => false);
      if (said.length === 0) continue;
      // Before it is sent: the answer must not stand before it.
      this.recorder.addBytes({ type: "said", step, on: this.on }, toBytes(piece));
      if (end) this.recorder.addBytes({ type: "said", step: end.step, on: this.on }, toBytes(end.bytes));
      if (!await this.#write(said, ms)) return false;
    }
    return true;
  }

  /** Says a large file of zeros, and what follows; false if the program does not take it in time. */
  async sayZeros({ step, zeros = 0, last }: Say, { ms, partMs }: LargeLimits, onPart: OnPart): Promise<boolean> {
    const end = performance.now() + ms;
    this.recorder.add({ type: "said", step, bytes: "", zeros, on: this.on });
    let passed = 0;
    for (; passed < zeros; passed += CHUNK.length) {
      if (passed % (zeros / 4) === 0) await onPart(passed);
      if (performance.now() > end || !await this.#write(CHUNK, partMs)) break;
    }
    await onPart(passed);
    return passed === zeros && (!last || await this.say({ do: "say", ...last }, ms));
  }

  async #write(bytes: Uint8Array, ms: number): Promise<boolean> {
    const done = writeAll(this.conn, bytes).then(() => true, () => false);
    return await within(done, ms) ?? false;
  }

  /** Ends our side; the program may still say something. */
  async finish(): Promise<void> {
    this.recorder.add({ type: "closed", on: this.on });
    // After a write that the program does not take, this end can't be closed alone.
    await within(this.conn.closeWrite().catch(() => {}), QUIET_MS);
  }

  leave(): void {
    this.recorder.add({ type: "left", on: this.on });
    this.#close();
  }

  #close(): void {
    try {
      this.conn.close();
    } catch {
      // Closed already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.#reading;
  }
}
