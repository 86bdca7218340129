/** Streams in place of files: what a caller sends, and what it receives. */

import type { Bytes } from "../bytes.ts";
import { inSeconds, TransferError } from "../errors.ts";
import { checkSize } from "../options.ts";
import { within } from "../within.ts";
import type { Target } from "./storage.ts";

// A stream that has ended says so at once.
const END_MS = 1000;

/** A stream that is sent, with the size that the server is told. */
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
    this.size = size;
    this.#left = size;
  }

  /** Fills `buffer` from the stream. Throws a {@linkcode TransferError} when that ends too early, or not at its size. */
  async read(buffer: Bytes): Promise<Bytes> {
    for (let length = 0; length < buffer.length;) {
      if (this.#rest.length === 0) {
        const { value } = await this.#reader.read();
        if (value === undefined) throw new TransferError(`the stream ended before its ${this.size} bytes`);
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, buffer.length - length);
      buffer.set(part, length);
      this.#rest = this.#rest.subarray(part.length);
      length += part.length;
    }
    this.#left -= BigInt(buffer.length);
    if (this.#left === 0n) await this.#checkEnd();
    return buffer;
  }

  // Before the last piece is sent: the server must not take a part of the data for all of it.
  async #checkEnd(): Promise<void> {
    // A stream that neither ends nor brings more has nothing to add.
    const more = this.#rest.length > 0 ? this.#rest : (await within(this.#reader.read(), END_MS))?.value;
    if (more) throw new TransferError(`the stream has more than its ${this.size} bytes`);
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
  readonly #writer: WritableStreamDefaultWriter<Bytes>;

  readonly #timeoutMs: number;

  /** Makes both ends; a caller that reads nothing for `timeoutMs` milliseconds (0 is for ever) has left. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs || Infinity;
    const { readable, writable } = new TransformStream<Bytes, Bytes>();
    this.readable = readable;
    this.#writer = writable.getWriter();
  }

  /** Passes a piece on, as fast as the caller reads. Throws a {@linkcode TransferError} when it does not. */
  async write(piece: Uint8Array): Promise<void> {
    const isTaken = await within(this.#pass(new Uint8Array(piece)).then(() => true), this.#timeoutMs);
    if (!isTaken) throw new TransferError(`nobody read the data for ${inSeconds(this.#timeoutMs)}`);
  }

  async #pass(piece: Bytes): Promise<void> {
    await this.#writer.ready;
    await this.#writer.write(piece);
  }

  /** Ends the stream: all of it has arrived. */
  commit(): Promise<void> {
    return this.#writer.close();
  }

  /** Ends the stream with an error. */
  async abort(error: unknown): Promise<void> {
    // The caller may have stopped reading.
    await this.#writer.abort(error).catch(() => {});
  }
}
