/** Streams in place of files: what a caller sends, and what it receives. */

import { delay } from "@std/async";
import type { Bytes } from "../bytes.ts";
import { inSeconds, isSystemError, systemReason, TransferError } from "../errors.ts";
import { checkSize } from "../options.ts";
import { BLOCK_BYTES } from "../protocol.ts";
import { isReady, within } from "../within.ts";
import type { Source, Target } from "./storage.ts";

// A stream that has ended says so at once.
const END_MS = 1000;
// The whole blocks that a slow stream has brought move on after so long; less than a block waits for more.
const GATHER_MS = 100;

/**
 * Takes over a stream to send it. Throws a `RangeError` for a size that does not fit into 8 bytes. Reading it throws a
 * {@linkcode TransferError} when it ends too early, or not at its size, and a `TypeError` for a chunk that is no
 * `Uint8Array`.
 */
export function streamSource(stream: ReadableStream<Uint8Array>, size: bigint): Source {
  checkSize("size", size);
  const reader = stream.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  let left = size;
  // A read that was still waiting when a piece moved on; the next piece goes on with it.
  let coming: Promise<Uint8Array> | undefined;
  /** The next chunk with bytes in it; without any at the stream's end. */
  const next = async (): Promise<Uint8Array> => {
    while (true) {
      const { done, value } = await reader.read().catch((cause) => {
        throw isSystemError(cause) ? new TransferError(`cannot read it: ${systemReason(cause)}`, { cause }) : cause;
      });
      if (done) return new Uint8Array(0);
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`the stream's chunks must be Uint8Arrays, not ${Deno.inspect(value)}`);
      }
      if (value.length > 0) return value;
      // A stream that always has an empty chunk at hand must not keep timers and signals waiting.
      await delay(0);
    }
  };
  /** Waits for a chunk; false if none comes within so many milliseconds: the next wait goes on with this one. */
  const hasCome = async (ms: number): Promise<boolean> => {
    coming ??= next();
    // The next wait gets the error.
    coming.catch(() => {});
    // A timer for each small chunk would cost more than the chunk.
    const chunk = await isReady(coming) ? await coming : await within(coming, ms);
    if (chunk === undefined) return false;
    if (chunk.length === 0) throw new TransferError(`the stream ended before its ${size} bytes`);
    coming = undefined;
    rest = chunk;
    return true;
  };
  return {
    size,
    read: async (buffer) => {
      const end = performance.now() + GATHER_MS;
      let length = 0;
      while (length < buffer.length) {
        const ms = length < BLOCK_BYTES ? Infinity : Math.max(end - performance.now(), 0);
        if (rest.length === 0 && !await hasCome(ms)) break;
        const part = rest.subarray(0, buffer.length - length);
        buffer.set(part, length);
        rest = rest.subarray(part.length);
        length += part.length;
      }
      const whole = length < buffer.length ? length - length % BLOCK_BYTES : length;
      if (whole < length) rest = buffer.slice(whole, length);
      left -= BigInt(whole);
      if (left > 0n) return buffer.subarray(0, whole);
      // Before the last piece is sent: the server must not take a part of the data for all of it. A stream that neither
      // ends nor brings more has nothing to add.
      const more = rest.length > 0 ? rest : await within(next(), END_MS);
      if (more?.length) throw new TransferError(`the stream has more than its ${size} bytes`);
      return buffer;
    },
    // A stream that failed can't be cancelled.
    [Symbol.dispose]: () => void reader.cancel().catch(() => {}),
  };
}

/** The writing end of a stream that a caller reads; the stream ends without an error only when the transfer does. */
export interface StreamTarget extends Target {
  readable: ReadableStream<Bytes>;
  /** Ends the stream with an error. */
  abort(error: unknown): void;
}

/**
 * Makes both ends; a caller that reads nothing for `timeoutMs` milliseconds (0 is no limit) has left. `onCancel` is called
 * when the caller cancels.
 */
export function streamTarget(timeoutMs: number, onCancel: () => void): StreamTarget {
  let controller: ReadableStreamDefaultController<Bytes>;
  // Resolved when the caller waits for a piece, rejected when it never will.
  let wanted = Promise.withResolvers<void>();
  const refuse = (reason: unknown): void => {
    // Perhaps nothing is being written.
    wanted.promise.catch(() => {});
    wanted.reject(reason);
  };
  // Not a TransformStream: its writing end can't be aborted while a piece waits for the reader.
  const readable = new ReadableStream<Bytes>({
    start: (own): void => void (controller = own),
    pull: (): void => wanted.resolve(),
    cancel: (reason): void => {
      refuse(reason);
      onCancel();
    },
  }, { highWaterMark: 0 });
  return {
    readable,
    write: async (piece) => {
      const isTaken = await within(wanted.promise.then(() => true), timeoutMs || Infinity);
      if (!isTaken) throw new TransferError(`nobody read the data for ${inSeconds(timeoutMs)}`);
      wanted = Promise.withResolvers();
      controller.enqueue(new Uint8Array(piece));
    },
    commit: async () => await controller.close(),
    abort: (error) => {
      controller.error(error);
      refuse(error);
    },
  };
}
