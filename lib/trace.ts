/** What passes between the two sides, message by message. */

import { ProtocolError } from "./errors.ts";
import type { FrameReader } from "./framing.ts";
import { REQUEST_STEP, type Role, type Step, STEPS, VERBS } from "./protocol.ts";

/** One message, after it has passed. */
export interface Message {
  /** The step of the lab's list at which it passed. */
  step: Step;
  /** Who sent it. */
  from: Role;
  /** Its bytes; none of file data. */
  bytes: Uint8Array;
  /** The number of bytes of file data. */
  count?: bigint;
  /** How long it took from the step's beginning, or from the end of file data before it, in milliseconds. */
  ms: number;
  /** What the step has, if something else came. */
  expected?: string;
  /** Whether it arrived together with the message before it. */
  isGlued: boolean;
  /** In how many pieces it arrived. */
  pieces: number;
}

/** Reports the messages of one conversation: what `self` sends, and what it hears through `frames`. */
export class Tracer {
  // What the frames held after the last message.
  #before = { isGlued: false, reads: 0 };
  #data: { step: Step; from: Role; count: bigint; start: number; end: number } | undefined;

  /** Calls `onMessage` with each message, and awaits it. */
  constructor(
    readonly self: Role,
    readonly frames: FrameReader,
    readonly onMessage: (message: Message) => unknown,
  ) {}

  /** Reports a message when the wait for it is over: it has been sent, or it or something else has arrived. */
  async passing<T>(from: Role, step: Step, wait: Promise<T>, bytesOf: (result: T) => Uint8Array): Promise<T> {
    const start = performance.now();
    const report = async (bytes: Uint8Array, expected?: string): Promise<void> => {
      // An upload's DONE is awaited from the upload's beginning.
      const ms = performance.now() - Math.max(start, this.#data?.end ?? 0);
      const cut = from === this.self ? { isGlued: false, pieces: 1 } : this.#pieces();
      await this.#reportData();
      // Silence is no message.
      if (bytes.length === 0 && expected === undefined) return;
      const message = { step: step === REQUEST_STEP ? requestStep(bytes) : step, from, bytes, ms, ...cut };
      await this.onMessage(expected === undefined ? message : { ...message, expected });
    };
    try {
      const result = await wait;
      await report(bytesOf(result));
      return result;
    } catch (error) {
      if (error instanceof ProtocolError) await report(new TextEncoder().encode(error.received), error.expected);
      throw error;
    }
  }

  #pieces(): { isGlued: boolean; pieces: number } {
    const { isGlued, reads } = this.#before;
    this.#before = { isGlued: this.frames.rest.length > 0, reads: this.frames.reads };
    return { isGlued, pieces: this.frames.reads - reads + (isGlued ? 1 : 0) };
  }

  /** Counts file data, which is reported as one message. */
  data(from: Role, step: Step, piece: Uint8Array): void {
    const now = performance.now();
    this.#data ??= { step, from, count: 0n, start: now, end: now };
    this.#data.end = now;
    this.#data.count += BigInt(piece.length);
    this.#pieces();
  }

  /** Reports the file data so far, if there is any. The transfer has failed already, so an error here is not its own. */
  end(): void {
    this.#reportData().catch(() => {});
  }

  async #reportData(): Promise<void> {
    if (!this.#data) return;
    const { start, end: _, ...data } = this.#data;
    this.#data = undefined;
    const ms = performance.now() - start;
    await this.onMessage({ ...data, bytes: new Uint8Array(0), ms, isGlued: false, pieces: 1 });
  }
}

/** The step of the command that came, if it is one. */
function requestStep(bytes: Uint8Array): Step {
  const word = new TextDecoder().decode(bytes.subarray(0, "GET".length));
  const verb = VERBS.find((verb) => verb === word);
  return verb ? STEPS[verb][1] : REQUEST_STEP;
}
