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

/** The step of the command that came, if it is one. */
function requestStep({ step, bytes }: Message): Step | undefined {
  if (step !== REQUEST_STEP) return undefined;
  const verb = new TextDecoder().decode(bytes.subarray(0, "GET".length));
  return VERBS.flatMap((known) => known === verb ? STEPS[known][1] : [])[0];
}

/** Reports the messages of one conversation. */
export class Tracer {
  readonly #self: Role;
  readonly #frames: FrameReader;
  readonly #onMessage: (message: Message) => unknown;
  // What the frames held after the last message.
  #before = { isGlued: false, reads: 0 };
  #data: { step: Step; from: Role; count: bigint; start: number; end: number } | undefined;

  /** Reports what `self` sends, and what it hears through `frames`. */
  constructor(self: Role, frames: FrameReader, onMessage: (message: Message) => unknown) {
    this.#self = self;
    this.#frames = frames;
    this.#onMessage = onMessage;
  }

  /** Reports a message of this side's when it has been sent. */
  async sending(step: Step, bytes: Uint8Array, wait: Promise<void>): Promise<void> {
    const start = performance.now();
    await wait;
    await this.#report({ step, from: this.#self, bytes, ms: performance.now() - start, isGlued: false, pieces: 1 });
  }

  /** Reports a message of the other side's when it, or something else in its place, has arrived. */
  async hearing<T>(step: Step, wait: Promise<T>, bytesOf: (message: T) => Uint8Array): Promise<T> {
    const start = performance.now();
    const report = (bytes: Uint8Array, expected?: string): Promise<void> => {
      // An upload's DONE is awaited from the upload's beginning.
      const ms = performance.now() - Math.max(start, this.#data?.end ?? 0);
      const { isGlued, reads } = this.#before;
      const pieces = this.#frames.reads - reads + (isGlued ? 1 : 0);
      this.#before = { isGlued: this.#frames.rest.length > 0, reads: this.#frames.reads };
      const message = { step, from: this.#other, bytes, ms, isGlued, pieces };
      return this.#report(expected === undefined ? message : { ...message, expected });
    };
    try {
      const message = await wait;
      await report(bytesOf(message));
      return message;
    } catch (error) {
      if (error instanceof ProtocolError) await report(new TextEncoder().encode(error.received), error.expected);
      throw error;
    }
  }

  /** Counts file data, which is reported as one message. */
  data(step: Step, from: Role, piece: Uint8Array): void {
    const now = performance.now();
    this.#data ??= { step, from, count: 0n, start: now, end: now };
    this.#data.end = now;
    this.#data.count += BigInt(piece.length);
    this.#before = { isGlued: this.#frames.rest.length > 0, reads: this.#frames.reads };
  }

  /** Reports the file data so far, if there is any. The transfer has failed already, so an error here is not its own. */
  end(): void {
    this.#reportData().catch(() => {});
  }

  async #reportData(): Promise<void> {
    const data = this.#data;
    if (!data) return;
    this.#data = undefined;
    const { step, from, count, start } = data;
    const message = { step, from, bytes: new Uint8Array(0), count, isGlued: false, pieces: 1 };
    await this.#onMessage({ ...message, ms: performance.now() - start });
  }

  get #other(): Role {
    return this.#self === "client" ? "server" : "client";
  }

  async #report(message: Message): Promise<void> {
    await this.#reportData();
    // Silence is no message.
    if (message.bytes.length > 0 || message.expected !== undefined) {
      await this.#onMessage({ ...message, step: requestStep(message) ?? message.step });
    }
  }
}
