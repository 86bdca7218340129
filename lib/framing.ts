/**
 * Reads the lab's messages off a byte stream. The texts on the wire carry no length and no newline, and TCP keeps no
 * message boundaries, so what the reader knows decides how it reads: a token of known bytes, an exact count, or text
 * that ends with silence. Nothing here knows of files, commands or sockets. (The end of READING.md's way; below is
 * `buffered.ts`.)
 */

import { concat, startsWith } from "@std/bytes";
import { BufferedReader } from "./buffered.ts";
import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { ERROR_PREFIX, SIZE_BYTES } from "./protocol.ts";

/** What the bytes of an undelimited text, so far, say about its end. */
export type TextState = "open" | "maybe" | "whole";

/** How an undelimited text ends. */
export interface TextEnd {
  /** Silence, in milliseconds, that ends a text which `state` calls "maybe" whole. */
  silenceMs: number;
  /** The most bytes of the text that are read. */
  maxBytes: number;
  /** Judges the bytes so far; without it, every text may be whole. */
  state?: (text: Bytes) => TextState;
}

/** An error's text ends when the peer closes or is silent: some servers never close (PROTOCOL.md, "Reading messages"). */
export const ERROR_TEXT_END: TextEnd = {
  silenceMs: 200,
  maxBytes: 4096,
  state: (text) => startsWith(ERROR_BYTES, text) ? "open" : "maybe",
};

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
 * const bytes = new Uint8Array([79, 75, 0, 0, 0, 0, 0, 0, 4, 1]);
 * const stream = new ReadableStream({
 *   type: "bytes",
 *   start(controller) {
 *     controller.enqueue(bytes);
 *     controller.close();
 *   },
 * });
 * const frames = new FrameReader(stream);
 * await frames.token("OK");
 * assertEquals(await frames.size(), 1025n);
 * ```
 */
export class FrameReader extends BufferedReader {
  /**
   * Reads the bytes of a token, however they were cut, and nothing that follows. `after` names a token that may
   * precede it, once or twice. Throws a {@linkcode ProtocolError} with what came instead.
   */
  async token(token: string, { after }: { after?: string } = {}): Promise<void> {
    const expected = ENCODER.encode(token);
    const skipped = after === undefined ? NOTHING : await this.#skip(ENCODER.encode(after));
    while (this.rest.length < expected.length && startsWith(expected, this.rest)) {
      if (!await this.fill()) break;
    }
    if (!startsWith(this.rest, expected)) {
      const received = this.rest.length === 0 ? skipped : await this.text(ERROR_TEXT_END);
      throw new ProtocolError(token, new TextDecoder().decode(received));
    }
    this.take(expected.length);
  }

  // Takes a token that may come up to twice; returns what it took.
  async #skip(token: Bytes): Promise<Bytes> {
    let skipped = NOTHING;
    while (skipped.length < 2 * token.length) {
      while (this.rest.length < token.length && startsWith(token, this.rest)) if (!await this.fill()) return skipped;
      if (!startsWith(this.rest, token)) break;
      skipped = concat([skipped, this.take(token.length)]);
    }
    return skipped;
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
  async text({ silenceMs, maxBytes, state = (): TextState => "maybe" }: TextEnd): Promise<Bytes> {
    let now: TextState = this.rest.length === 0 ? "open" : state(this.rest);
    try {
      while (now !== "whole" && this.rest.length < maxBytes) {
        if (now === "maybe" && await this.isSilent(silenceMs)) break;
        if (!await this.fill()) break;
        now = state(this.rest);
      }
    } catch (error) {
      // A peer may say why it gives up and then reset the connection: what it said still counts.
      if (this.rest.length === 0) throw error;
    }
    return this.take(Math.min(this.rest.length, maxBytes)).slice();
  }

  /** Reads what arrives before `silenceMs` milliseconds of silence, `maxBytes` at most: the rest of a text. */
  async more({ silenceMs, maxBytes }: TextEnd): Promise<Bytes> {
    return (await this.peek(silenceMs)).length === 0 ? NOTHING : await this.text({ silenceMs, maxBytes });
  }
}
