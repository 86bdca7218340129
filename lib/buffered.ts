/** Reads a stream of bytes so that what has been read, and nobody has asked for yet, can be looked at first. */

import { concat } from "@std/bytes";
import type { Bytes } from "./bytes.ts";
import { isReady, within } from "./within.ts";

// One read of a message has room for more than any program of the lab sends in one piece.
const MESSAGE_BYTES = 4096;
// A TLS record is 16 KiB at most, and a write to a file takes about as long for 16 KiB as for 256.
const LARGE_BYTES = 256 * 1024;
// So that a large piece has waited for 20 ms at most, which nobody sees.
const FAST_BYTES_PER_MS = LARGE_BYTES / 20;
const NOTHING: Bytes = new Uint8Array(0);

/** A stream of bytes, and what of it has been read ahead. */
export class BufferedReader {
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

  /** What has been read, and nobody has asked for yet. */
  get rest(): Bytes {
    return this.#rest;
  }

  /** How many reads have brought what was asked for: more than one for one message means that it was cut. */
  get reads(): number {
    return this.#reads;
  }

  /** What nobody has asked for yet, if some of it has arrived or arrives within `ms` milliseconds; it stays to be read. */
  async peek(ms = 0): Promise<Bytes> {
    const next = (): Promise<boolean> =>
      ms > 0 ? this.isSilent(ms).then((isSilent) => !isSilent) : isReady(this.#next(1));
    if (this.#rest.length === 0 && await next()) await this.fill();
    return this.#rest;
  }

  /**
   * Reads file data into `buffer`, which is transferred to the returned piece; an empty piece is the end. What comes fast
   * comes in large pieces, since each costs the caller as much as a small one; otherwise every arrival is a piece.
   */
  async read(buffer: Bytes): Promise<Bytes> {
    if (this.#pending) await this.fill();
    if (this.#rest.length > 0) {
      const piece = this.take(Math.min(this.#rest.length, buffer.length));
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

  /** Adds what the next read brings, `min` bytes or more, to the rest; false at the end of the stream. */
  async fill(min = 1): Promise<boolean> {
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

  /** Whether nothing arrives for `ms` milliseconds. */
  async isSilent(ms: number): Promise<boolean> {
    return await within(this.#next(1), ms) === undefined;
  }

  /** Takes so many bytes of the rest; they are valid until the next read. */
  take(count: number): Bytes {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }
}
