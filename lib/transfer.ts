/** Moves file data: one pump for both directions and both roles. */

import { delay } from "@std/async";
import type { Bytes } from "./bytes.ts";
import { breakOff } from "./errors.ts";
import { checkNumber, MAX_GATHER } from "./options.ts";
import { BLOCK_BYTES, type Step } from "./protocol.ts";

/** How a transfer of file data is watched, slowed down or sped up. */
export interface TransferOptions {
  /** Called with the number of bytes moved so far; not for an empty file. A promise is awaited. */
  onProgress?: ((bytes: bigint) => unknown) | undefined;
  /**
   * Called with each piece of the data, in order, before it moves on; a promise is awaited. The buffer may be used until
   * then only.
   */
  onData?: ((piece: Uint8Array) => unknown) | undefined;
  /** The most bytes to move in a second, by this transfer or by all that share a limit; without it, no limit. */
  bytesPerSecond?: number | RateLimit | undefined;
  /** How many 1024-byte blocks go to the kernel in one call; by default 1, the lab's way, and 16 inside TLS. */
  gather?: number | undefined;
}

/** One transfer of file data. */
export interface Transfer {
  /** The exact number of bytes to move. */
  size: bigint;
  /** With it, an error that the connection broke names this step, and how much had moved. */
  step?: Step;
  /** Brings a piece, at most the buffer's length and at least a byte; the buffer is transferred to the piece. */
  read: (buffer: Bytes) => Promise<Bytes>;
  /** Takes a piece; its buffer is free again when the promise is fulfilled. */
  write: (piece: Bytes) => Promise<void>;
}

// Large enough that a file's read or write costs little compared with the data it moves, and small enough that two pieces stay
// in a processor core's own cache.
const PIECE_BLOCKS = 256;
// To keep a rate, the pump pauses before each piece, which lasts at most this part of a second.
const PIECES_PER_SECOND = 8;
// Of the time in which nothing moved, so much can be made up for afterwards.
const BURST_MS = 100;

/** A rate that one transfer keeps, or several together. */
export class RateLimit {
  /** The most bytes in a second. */
  readonly bytesPerSecond: number;
  // When the next bytes may move, on the clock of `performance.now()`.
  #next = 0;

  /** `transfers` is how many share the rate at a time. Throws a `RangeError` unless the rate is above 0. */
  constructor(bytesPerSecond: number, readonly transfers = 1) {
    checkNumber("bytesPerSecond", bytesPerSecond, { min: Number.MIN_VALUE, isNeeded: true });
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Waits until so many more bytes may move. */
  async pass(bytes: number): Promise<void> {
    const now = performance.now();
    const time = Math.max(this.#next, now - BURST_MS);
    this.#next = time + bytes / this.bytesPerSecond * 1000;
    if (time > now) await delay(time - now);
  }
}

/**
 * Moves `size` bytes through two buffers: the next piece is read while the last one is written. Fails as soon as either
 * side fails, with that error.
 */
export async function pump(
  { size, step, read, write }: Transfer,
  { onProgress, onData, bytesPerSecond, gather = 1 }: TransferOptions = {},
): Promise<void> {
  if (size === 0n) return;
  const limit = typeof bytesPerSecond === "number" ? new RateLimit(bytesPerSecond) : bytesPerSecond;
  const pieceBytes = Math.min(
    pieceLength(gather, limit ? limit.bytesPerSecond / limit.transfers : Infinity),
    Number(size),
  );
  let left = size;
  const next = (memory: ArrayBuffer): Promise<Bytes> =>
    read(new Uint8Array(memory, 0, left < pieceBytes ? Number(left) : pieceBytes));
  const pass = async (piece: Bytes): Promise<void> => {
    const moved = size - left;
    await limit?.pass(piece.length);
    await write(piece);
    await onProgress?.(moved);
  };
  let spare: ArrayBuffer | undefined;
  try {
    let piece = await next(new ArrayBuffer(pieceBytes));
    while (true) {
      left -= BigInt(piece.length);
      await onData?.(piece);
      if (left === 0n) return await pass(piece);
      const [coming] = await Promise.all([next(spare ?? new ArrayBuffer(pieceBytes)), pass(piece)]);
      spare = piece.buffer;
      piece = coming;
    }
  } catch (error) {
    if (step === undefined) throw error;
    breakOff(step, size - left, size, error);
  }
}

// Whole blocks, unless a single one would last too long.
function pieceLength(gather: number, bytesPerSecond: number): number {
  // Two large calls, where that is not too much: while one is under way, the file's next piece can come.
  const blocks = Math.min(Math.max(2 * gather, PIECE_BLOCKS), MAX_GATHER);
  // Whole calls, so that each carries as many blocks as was asked for.
  const bytes = Math.min((blocks - blocks % gather) * BLOCK_BYTES, Math.ceil(bytesPerSecond / PIECES_PER_SECOND));
  return bytes < BLOCK_BYTES ? bytes : bytes - bytes % BLOCK_BYTES;
}
