/** Streams in place of files: what a caller sends, and what it receives. */

import { delay } from "@std/async";
import type { Bytes } from "../bytes.ts";
import { inSeconds, TransferError } from "../errors.ts";
import { checkSize } from "../options.ts";
import { within } from "../within.ts";
import type { Target } from "./storage.ts";

// A stream that has ended says so at once.
const END_MS = 1000;

/** A stream that is sent, and the size that is announced for it. */
export class StreamSource implements Disposable {
  /** How many bytes are sent. */
  readonly size: bigint;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #left: bigint;

  /** Takes over a stream. Throws a `RangeError` for a size that does not fit into 8 bytes. */
  constructor(stream: ReadableStream<Uint8Array>, size: bigint) {
    checkSize("size", size);
    this.#reader = stream.getReader();
    this.#left = this.size = size;
  }

  /**
   * Fills `buffer` from the stream. Throws a {@linkcode TransferError} when that ends too early, or not at its size, and a
   * `TypeError` for a chunk that is no `Uint8Array`.
   */
  async read(buffer: Bytes): Promise<Bytes> {
    for (let length = 0; length < buffer.length;) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      if (this.#rest.length === 0) throw new TransferError(`the stream ended before its ${this.size} bytes`);
      const part = this.#rest.subarray(0, buffer.length - length);
      buffer.set(part, length);
      this.#rest = this.#rest.subarray(part.length);
      length += part.length;
    }
    this.#left -= BigInt(buffer.length);
    if (this.#left > 0n) return buffer;
    // Before the last piece is sent: the server must not take a part of the data for all of it. A stream that neither ends
    // nor brings more has nothing to add.
    const more = this.#rest.length > 0 ? this.#rest : await within(this.#next(), END_MS);
    if (more?.length) throw new TransferError(`the stream has more than its ${this.size} bytes`);
    return buffer;
  }

  /** The next chunk with bytes in it; without any at the stream's end. */
  async #next(): Promise<Uint8Array> {
    while (true) {
      const { done, value } = await this.#reader.read();
      if (done) return new Uint8Array(0);
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`the stream's chunks must be Uint8Arrays, not ${Deno.inspect(value)}`);
      }
      if (value.length > 0) return value;
      // A stream that always has an empty chunk at hand must not keep timers and signals waiting.
      await delay(0);
    }
  }

  /** Cancels what is left of the stream. */
  [Symbol.dispose](): void {
    // A stream that failed can't be cancelled.
    this.#reader.cancel().catch(() => {});
  }
}

/** The writing end of a stream that a caller reads; it ends without an error only when the transfer does. */
export class StreamTarget implements Target {
  /** What the caller reads. */
  readonly readable: ReadableStream<Bytes>;
  readonly #timeoutMs: number;
  #controller!: ReadableStreamDefaultController<Bytes>;
  // Resolved when the caller waits for a piece, rejected when it never will.
  #wanted = Promise.withResolvers<void>();

  /** Makes both ends; a caller that reads nothing for `timeoutMs` milliseconds (0 is no limit) has left. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs || Infinity;
    // Not a TransformStream: its writing end can't be aborted while a piece waits for the reader.
    this.readable = new ReadableStream({
      start: (controller): void => void (this.#controller = controller),
      pull: (): void => this.#wanted.resolve(),
      cancel: (reason): void => this.#unwanted(reason),
    }, { highWaterMark: 0 });
  }

  /** Passes a piece on, as fast as the caller reads. Throws a {@linkcode TransferError} when it does not. */
  async write(piece: Uint8Array): Promise<void> {
    const isTaken = await within(this.#wanted.promise.then(() => true), this.#timeoutMs);
    if (!isTaken) throw new TransferError(`nobody read the data for ${inSeconds(this.#timeoutMs)}`);
    this.#wanted = Promise.withResolvers();
    this.#controller.enqueue(new Uint8Array(piece));
  }

  /** Ends the stream: all of it has arrived. */
  commit(): Promise<void> {
    this.#controller.close();
    return Promise.resolve();
  }

  /** Ends the stream with an error. */
  abort(error: unknown): void {
    this.#controller.error(error);
    this.#unwanted(error);
  }

  #unwanted(reason: unknown): void {
    // Perhaps nothing is being written.
    this.#wanted.promise.catch(() => {});
    this.#wanted.reject(reason);
  }
}
