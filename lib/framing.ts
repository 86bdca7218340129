/**
 * Reads the lab's messages off a byte stream. The texts on the wire carry no length and no newline, and TCP keeps no
 * message boundaries, so what the reader knows decides how it reads: a token of known bytes, an exact count, or text
 * that ends with silence. Nothing here knows of files, commands or sockets.
 */

import { concat, startsWith } from "@std/bytes";
import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { ERROR_PREFIX, SIZE_BYTES } from "./protocol.ts";
import { isReady, within } from "./within.ts";

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

// One read of a message has room for more than any program of the lab sends in one piece.
const MESSAGE_BYTES = 4096;
// A TLS record is 16 KiB at most, and a write to a file takes about as long for 16 KiB as for 256.
const LARGE_BYTES = 256 * 1024;
// So that a large piece has waited for 20 ms at most, which nobody sees.
const FAST_BYTES_PER_MS = LARGE_BYTES / 20;
const NOTHING: Bytes = new Uint8Array(0);
const ENCODER = new TextEncoder();
const ERROR_BYTES = ENCODER.encode(ERROR_PREFIX);
const [LF, CR] = [0x0a, 0x0d];

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
export class FrameReader {
  readonly #reader: ReadableStreamBYOBReader;
  // Read, but not asked for yet: a message may arrive glued to the one before it.
  #rest: Bytes = NOTHING;
  // A read whose wait was ended by silence: it can't be taken back, so the next wait continues it.
  #pending: Promise<Bytes> | undefined;
  #memory = new ArrayBuffer(MESSAGE_BYTES);
  #reads = 0;
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
    const expected = ENCODER.encode(token);
    const skipped = after === undefined ? NOTHING : await this.#skip(ENCODER.encode(after));
    while (this.#rest.length < expected.length && startsWith(expected, this.#rest)) {
      if (!await this.#fill()) break;
    }
    if (!startsWith(this.#rest, expected)) {
      const received = this.#rest.length === 0 ? skipped : await this.text(ERROR_TEXT_END);
      throw new ProtocolError(token, new TextDecoder().decode(received));
    }
    this.#take(expected.length);
  }

  // Takes a token that may come up to twice; returns what it took.
  async #skip(token: Bytes): Promise<Bytes> {
    let skipped = NOTHING;
    while (skipped.length < 2 * token.length) {
      while (this.#rest.length < token.length && startsWith(token, this.#rest)) if (!await this.#fill()) return skipped;
      if (!startsWith(this.#rest, token)) break;
      skipped = concat([skipped, this.#take(token.length)]);
    }
    return skipped;
  }

  /**
   * Reads the text that precedes a token; nearly always there is none. Text that `silenceMs` milliseconds of silence follow
   * in its place is left, for {@linkcode token} to fail with.
   */
  async textBefore(token: string, silenceMs: number): Promise<Bytes> {
    const next = ENCODER.encode(token);
    while (true) {
      const start = Math.min(this.#rest.length, next.length);
      if (start > 0 && startsWith(next.subarray(0, start), this.#rest.subarray(0, start))) return NOTHING;
      const at = indexOf(this.#rest, next);
      if (at > 0) return this.#take(at).slice();
      if (this.#rest.length > MESSAGE_BYTES || (start > 0 && await this.#isSilent(silenceMs))) return NOTHING;
      if (!await this.#fill()) return NOTHING;
    }
  }

  /** Drops line ends that come next: people type into netcat, and a typed line may arrive before its end does. */
  async skipLineEnds(): Promise<void> {
    do {
      while (this.#rest[0] === CR || this.#rest[0] === LF) this.#take(1);
    } while (this.#rest.length === 0 && await this.#fill());
  }

  /**
   * Reads a size. Throws a {@linkcode ProtocolError} when the stream ends too early, or when an error stands there: no
   * file is as large as the number that its letters would be.
   */
  async size(): Promise<bigint> {
    while (this.#rest.length < SIZE_BYTES) {
      const missing = SIZE_BYTES - this.#rest.length;
      if (!await this.#fill(missing)) throw new ProtocolError(`${missing} more bytes of a size`, "");
    }
    if (startsWith(this.#rest, ERROR_BYTES)) {
      throw new ProtocolError("a size", new TextDecoder().decode(await this.text(ERROR_TEXT_END)));
    }
    const bytes = this.#take(SIZE_BYTES);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  }

  /**
   * Reads the text that precedes a size, whose first byte is NUL below 2^56 bytes; nearly always there is none. Eight
   * bytes that are no text, and then `silenceMs` milliseconds of silence, are a larger size.
   */
  async textBeforeSize(silenceMs: number): Promise<Bytes> {
    while (true) {
      const end = this.#rest.indexOf(0);
      if (end === 0) return NOTHING;
      if (end > 0 && this.#rest.length >= end + SIZE_BYTES) return this.#take(end).slice();
      if (this.#rest.length > MESSAGE_BYTES) return this.#take(this.#rest.length).slice();
      const mayBeSize = this.#rest.length === SIZE_BYTES && (end > 0 || !isText(this.#rest));
      if (mayBeSize && await this.#isSilent(silenceMs)) return NOTHING;
      if (!await this.#fill()) return NOTHING;
    }
  }

  /** Reads text without a mark at its end, as `end` says; empty when the stream ends first. */
  async text({ silenceMs, maxBytes, state = (): TextState => "maybe" }: TextEnd): Promise<Bytes> {
    let now: TextState = this.#rest.length === 0 ? "open" : state(this.#rest);
    try {
      while (now !== "whole" && this.#rest.length < maxBytes) {
        if (now === "maybe" && await this.#isSilent(silenceMs)) break;
        if (!await this.#fill()) break;
        now = state(this.#rest);
      }
    } catch (error) {
      // A peer may say why it gives up and then reset the connection: what it said still counts.
      if (this.#rest.length === 0) throw error;
    }
    return this.#take(Math.min(this.#rest.length, maxBytes)).slice();
  }

  /** How many reads have brought what was asked for: more than one for one message means that it was cut. */
  get reads(): number {
    return this.#reads;
  }

  /** Whether bytes have been read that nobody has asked for yet. */
  get hasMore(): boolean {
    return this.#rest.length > 0;
  }

  /** What nobody has asked for yet, if some of it has arrived or arrives within `ms` milliseconds; it stays to be read. */
  async peek(ms = 0): Promise<Bytes> {
    const next = (): Promise<boolean> =>
      ms > 0 ? this.#isSilent(ms).then((isSilent) => !isSilent) : isReady(this.#next(1));
    if (this.#rest.length === 0 && await next()) await this.#fill();
    return this.#rest;
  }

  /** Reads what arrives before `silenceMs` milliseconds of silence, `maxBytes` at most: the rest of a text. */
  async more({ silenceMs, maxBytes }: TextEnd): Promise<Bytes> {
    return (await this.peek(silenceMs)).length === 0 ? NOTHING : await this.text({ silenceMs, maxBytes });
  }

  /**
   * Reads file data into `buffer`, which is transferred to the returned piece; an empty piece is the end. What comes fast
   * comes in large pieces, since each costs the caller as much as a small one; otherwise every arrival is a piece.
   */
  async read(buffer: Bytes): Promise<Bytes> {
    if (this.#pending) await this.#fill();
    if (this.#rest.length > 0) {
      const piece = this.#take(Math.min(this.#rest.length, buffer.length));
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

  // Adds what the next read brings, `min` bytes or more, to the rest; false at the end of the stream.
  async #fill(min = 1): Promise<boolean> {
    const piece = await this.#next(min);
    this.#pending = undefined;
    if (piece.length === 0) return false;
    this.#reads++;
    this.#rest = this.#rest.length === 0 ? piece : concat([this.#rest, piece]);
    return true;
  }

  #next(min: number): Promise<Bytes> {
    if (this.#pending === undefined) {
      // The memory of the last message is used again, so what is left of that moves out.
      this.#rest = this.#rest.length > 0 ? this.#rest.slice() : NOTHING;
      this.#pending = this.#reader.read(new Uint8Array(this.#memory), { min }).then(({ value = NOTHING }) => {
        this.#memory = value.buffer;
        return value;
      });
      // The next wait gets the error; until then it must not count as unhandled.
      this.#pending.catch(() => {});
    }
    return this.#pending;
  }

  async #isSilent(ms: number): Promise<boolean> {
    return await within(this.#next(1), ms) === undefined;
  }

  #take(count: number): Bytes {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }
}

function isText(bytes: Bytes): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function indexOf(bytes: Bytes, part: Bytes): number {
  return bytes.findIndex((_, index) => startsWith(bytes.subarray(index), part));
}
