/** Moves file data: one pump for both directions and both roles. */

import type { Bytes } from "./framing.ts";

/** One movement of file data. */
export interface Transfer {
  /** How many bytes are moved, exactly. */
  size: bigint;
  /** Brings a piece, at most the buffer's length and at least a byte; the buffer is given away for it. */
  read: (buffer: Bytes) => Promise<Bytes>;
  /** Takes a piece; its buffer is free again when the promise is fulfilled. */
  write: (piece: Bytes) => Promise<void>;
  /** Is told the number of bytes moved so far. */
  onProgress?: ((bytes: bigint) => void) | undefined;
}

// A multiple of a block; large enough that a file's read or write costs little beside the data it moves.
const PIECE_BYTES = 256 * 1024;

/**
 * Moves `size` bytes through two buffers: the next piece is read while the last one is written. Fails with the first
 * error of either side.
 */
export async function pump({ size, read, write, onProgress }: Transfer): Promise<void> {
  if (size === 0n) return;
  const memoryBytes = Number(size < PIECE_BYTES ? size : PIECE_BYTES);
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
    await write(piece);
    onProgress?.(size - left);
    if (left === 0n) return;
    free = piece.buffer;
  }
}
