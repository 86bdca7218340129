/**
 * Reads the lab's messages off a byte stream. The texts on the wire carry no length and no newline, and TCP keeps no
 * message boundaries, so what the reader knows decides how it reads: a token of known bytes, an exact count, or text
 * that ends with silence. Nothing here knows of files, commands or sockets. (The end of READING.md's way.)
 */

import { concat, startsWith } from "@std/bytes";
import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { ERROR_PREFIX, SIZE_BYTES } from "./protocol.ts";
import { isReady, within } from "./within.ts";

/** How text without a mark at its end is read. */
export interface TextEnd {
  /** The silence, in milliseconds, that ends the text so far: 0 if it evidently is whole, `Infinity` if it evidently is not. */
  silenceMs: (text: Bytes) => number;
  /** The most bytes of the text that are read. */
  maxBytes: number;
}

/** An error's text ends when the peer closes or is silent: some servers never close (PROTOCOL.md, "Reading messages"). */
export const ERROR_TEXT_END: TextEnd = {
  silenceMs: (text) => startsWith(ERROR_BYTES, text) ? Infinity : 200,
  maxBytes: 4096,
};

// One read of a message has room for any command that people send; more would cost more to make than the read.
const MESSAGE_BYTES = 1024;
// A TLS record is 16 KiB at most, and a write to a file takes about as long for 16 KiB as for 256.
const LARGE_BYTES = 256 * 1024;
// So that a large piece has waited for 20 ms at most, which nobody sees.
const FAST_BYTES_PER_MS = LARGE_BYTES / 20;
const NOTHING: Bytes = new Uint8Array(0);
const ENCODER = new TextEncoder();
const ERROR_BYTES = ENCODER.encode(ERROR_PREFIX);

/**
 * Pulls tokens, exact byte counts and undelimited text from a stream of bytes.
 *
 * @example Usage
 * ```ts
 * import { FrameReader } from "./framing.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = new Blob([new Uint8Array([79, 75, 0, 0, 0, 0, 0, 0, 4, 1])]).stream();
 * const frames = new FrameReader(stream);
 * await frames.token("OK");
 * assertEquals(await frames.size(), 1025n);
 * ```
 */
export class FrameReader {
  /** What has been read, but nobody has asked for yet: a message may arrive glued to the one before it. */
  rest: Bytes = NOTHING;
  /** How many reads have brought messages: more than one for one message means that it was cut. */
  reads = 0;
  readonly #reader: ReadableStreamBYOBReader;
  // A read whose wait was ended by silence: it can't be taken back, so the next wait continues it.
  #pending: Promise<Bytes> | undefined;
  // How much file data the next read waits for.
  #dataBytes = 1;

  /** Takes over a byte stream (`type: "bytes"`); its errors are passed on as they are. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader({ mode: "byob" });
  }

  /**
   * Reads the bytes of a token, however they were cut, and nothing that follows. `after` names a token that may
   * precede it, once or twice. Throws a {@linkcode ProtocolError} with what came instead.
   */
  async token(token: string, { after }: { after?: string } = {}): Promise<void> {
    let skipped = "";
    while (after !== undefined && skipped.length < 2 * after.length && await this.#take(after)) skipped += after;
    if (await this.#take(token)) return;
    const received = this.rest.length === 0 ? skipped : new TextDecoder().decode(await this.text(ERROR_TEXT_END));
    throw new ProtocolError(token, received);
  }

  // Takes a token if it comes next: the first wrong byte decides.
  async #take(token: string): Promise<boolean> {
    const expected = ENCODER.encode(token);
    while (this.rest.length < expected.length && startsWith(expected, this.rest)) {
      if (!await this.fill()) return false;
    }
    if (!startsWith(this.rest, expected)) return false;
    this.take(expected.length);
    return true;
  }

  /**
   * Reads a size. Throws a {@linkcode ProtocolError} when the stream ends too early, or when an error stands there: no
   * file is as large as the number that its letters would be.
   */
  async size(): Promise<bigint> {
    while (this.rest.length < SIZE_BYTES) {
      const missing = SIZE_BYTES - this.rest.length;
      if (!await this.fill(missing)) throw new ProtocolError(`${missing} more bytes of a size`, "");
    }
    if (startsWith(this.rest, ERROR_BYTES)) {
      throw new ProtocolError("a size", new TextDecoder().decode(await this.text(ERROR_TEXT_END)));
    }
    const bytes = this.take(SIZE_BYTES);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  }

  /** Reads text without a mark at its end, as `end` says; empty when the stream ends first. */
  async text({ silenceMs, maxBytes }: TextEnd): Promise<Bytes> {
    try {
      while (this.rest.length < maxBytes) {
        const ms = this.rest.length === 0 ? Infinity : silenceMs(this.rest);
        if (ms === 0 || await this.isSilent(ms) || !await this.fill()) break;
      }
    } catch (error) {
      // A peer may say why it gives up and then reset the connection: what it said still counts.
      if (this.rest.length === 0) throw error;
    }
    return this.take(maxBytes);
  }

  /** Reads what arrives before `silenceMs` milliseconds of silence, `maxBytes` at most: the rest of a text. */
  async more({ silenceMs, maxBytes }: { silenceMs: number; maxBytes: number }): Promise<Bytes> {
    if ((await this.peek(silenceMs)).length === 0) return NOTHING;
    return await this.text({ silenceMs: () => silenceMs, maxBytes });
  }

  /**
   * Reads file data into `buffer`, which is transferred to the returned piece; an empty piece is the end. What comes fast
   * comes in large pieces, since each costs the caller as much as a small one; otherwise every arrival is a piece.
   */
  async read(buffer: Bytes): Promise<Bytes> {
    if (this.#pending) await this.fill();
    if (this.rest.length > 0) {
      const piece = this.take(buffer.length);
      buffer.set(piece);
      return buffer.subarray(0, piece.length);
    }
    const start = performance.now();
    const min = Math.min(this.#dataBytes, buffer.length);
    const piece = (await this.#reader.read(buffer, { min })).value ?? NOTHING;
    const isFast = piece.length > FAST_BYTES_PER_MS * (performance.now() - start);
    // Doubling, so that one quick arrival on a slow link makes the next piece wait for one more only.
    this.#dataBytes = isFast ? Math.min(2 * piece.length, LARGE_BYTES) : 1;
    return piece;
  }

  /** The rest, if some of it has arrived or arrives within `ms` milliseconds; it stays to be read. */
  async peek(ms = 0): Promise<Bytes> {
    if (this.rest.length > 0) return this.rest;
    if (ms > 0 ? !await this.isSilent(ms) : await isReady(this.#next(1))) await this.fill();
    return this.rest;
  }

  /** Takes so many bytes of the rest, or all. */
  take(count: number): Bytes {
    const taken = this.rest.subarray(0, count);
    this.rest = this.rest.subarray(count);
    return taken;
  }

  /** Adds what the next read brings, `min` bytes or more, to the rest; false at the end of the stream. */
  async fill(min = 1): Promise<boolean> {
    const piece = await this.#next(min);
    this.#pending = undefined;
    if (piece.length === 0) return false;
    this.reads++;
    this.rest = this.rest.length === 0 ? piece : concat([this.rest, piece]);
    return true;
  }

  /** Whether nothing arrives for `ms` milliseconds. */
  async isSilent(ms: number): Promise<boolean> {
    return await within(this.#next(1), ms) === undefined;
  }

  #next(min: number): Promise<Bytes> {
    this.#pending ??= this.#reader.read(new Uint8Array(MESSAGE_BYTES), { min }).then(({ value = NOTHING }) => value);
    // The next wait gets the error; until then it must not count as unhandled.
    this.#pending.catch(() => {});
    return this.#pending;
  }
}
