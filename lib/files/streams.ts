/** Streams in place of files: what a caller sends, and what it receives. */

import type { Bytes } from "../bytes.ts";
import { TransferError } from "../errors.ts";
import { checkSize } from "../options.ts";
import type { Target } from "./storage.ts";

/** A stream that is sent, with the size that the server is told. */
export class StreamSource implements Disposable {
  /** How many bytes are sent. */
  readonly size: bigint;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  /** Takes over a stream. Throws a `RangeError` for a size that does not fit into 8 bytes. */
  constructor(stream: ReadableStream<Uint8Array>, size: bigint) {
    checkSize("size", size);
    this.#reader = stream.getReader();
    this.size = size;
  }

  /** Fills `buffer` from the stream. Throws a {@linkcode TransferError} when that ends too early. */
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
    return buffer;
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

  /** Makes both ends. */
  constructor() {
    const { readable, writable } = new TransformStream<Bytes, Bytes>();
    this.readable = readable;
    this.#writer = writable.getWriter();
  }

  /** Passes a piece on, as fast as the caller reads. */
  async write(piece: Uint8Array): Promise<void> {
    await this.#writer.ready;
    await this.#writer.write(new Uint8Array(piece));
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
