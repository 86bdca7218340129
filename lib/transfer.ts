/** Moves file data: one pump for both directions and both roles. */

import type { Bytes } from "./framing.ts";
import { BLOCK_BYTES } from "./peer.ts";

/** How a movement of file data is watched and held back. */
export interface TransferOptions {
  /** Is called with the number of bytes moved so far. */
  onProgress?: ((bytes: bigint) => void) | undefined;
  /** Is shown each piece of the data, in order, before it goes on; the buffer is lent for the call. */
  onData?: ((piece: Uint8Array) => void) | undefined;
  /** The most bytes that are moved in a second; without it, as many as can be. */
  bytesPerSecond?: number | undefined;
}

/** One movement of file data. */
export interface Transfer extends TransferOptions {
  /** How many bytes are moved, exactly. */
  size: bigint;
  /** Brings a piece, at most the buffer's length and at least a byte; the buffer is given away for it. */
  read: (buffer: Bytes) => Promise<Bytes>;
  /** Takes a piece; its buffer is free again when the promise is fulfilled. */
  write: (piece: Bytes) => Promise<void>;
}

// Large enough that a file's read or write costs little beside the data it moves; whole blocks.
const PIECE_BYTES = 512 * BLOCK_BYTES;
// A rate is kept by pausing behind each piece, which then lasts this part of a second at most.
const PIECES_PER_SECOND = 8;

/**
 * Moves `size` bytes through two buffers: the next piece is read while the last one is written. Fails with the first
 * error of either side.
 */
export async function pump({ size, read, write, onProgress, onData, bytesPerSecond }: Transfer): Promise<void> {
  if (size === 0n) return;
  const memoryBytes = Math.min(pieceBytes(bytesPerSecond), Number(size));
  const start = performance.now();
  let left = size;
  const next = (memory = new ArrayBuffer(memoryBytes)): Promise<Bytes> => {
    const piece = read(new Uint8Array(memory, 0, left < memoryBytes ? Number(left) : memoryBytes));
    // Should the write beside it fail first, then that is the error to tell.
    piece.catch(() => {});
    return piece;
  };
  let coming = next();
  let free: ArrayBuffer | undefined;
  while (true) {
    const piece = await coming;
    left -= BigInt(piece.length);
    if (left > 0n) coming = next(free);
    onData?.(piece);
    await write(piece);
    onProgress?.(size - left);
    if (left === 0n) return;
    if (bytesPerSecond) await sleepUntil(start + Number(size - left) / bytesPerSecond * 1000);
    free = piece.buffer;
  }
}

// Whole blocks, unless a single one would last too long.
function pieceBytes(bytesPerSecond = Infinity): number {
  const bytes = Math.min(PIECE_BYTES, Math.ceil(bytesPerSecond / PIECES_PER_SECOND));
  return bytes < BLOCK_BYTES ? bytes : bytes - bytes % BLOCK_BYTES;
}

async function sleepUntil(time: number): Promise<void> {
  const ms = time - performance.now();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
