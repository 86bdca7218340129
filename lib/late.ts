/**
 * Reads what stands where it does not belong, before a message: the rest of a name that some programs send late, and the
 * line ends of people who type into netcat. Nearly always there is none, and nothing waits for it.
 */

import { startsWith } from "@std/bytes";
import type { Bytes } from "./bytes.ts";
import type { FrameReader } from "./framing.ts";
import { MAX_NAME_BYTES, SIZE_BYTES } from "./protocol.ts";

const NOTHING: Bytes = new Uint8Array(0);
const [LF, CR] = [0x0a, 0x0d];

/**
 * Reads the text that precedes a token; nearly always there is none. Text that `silenceMs` milliseconds of silence follow
 * in its place is left, for `token` to fail with.
 */
export async function textBefore(bytes: FrameReader, token: string, silenceMs: number): Promise<Bytes> {
  const next = new TextEncoder().encode(token);
  while (true) {
    const start = Math.min(bytes.rest.length, next.length);
    if (start > 0 && startsWith(next.subarray(0, start), bytes.rest.subarray(0, start))) return NOTHING;
    const at = indexOf(bytes.rest, next);
    if (at > 0) return bytes.take(at);
    if (bytes.rest.length > MAX_NAME_BYTES || (start > 0 && await bytes.isSilent(silenceMs))) return NOTHING;
    if (!await bytes.fill()) return NOTHING;
  }
}

/**
 * Reads the text that precedes a size, whose first byte is NUL below 2^56 bytes; nearly always there is none. Eight
 * bytes that are no text, and then `silenceMs` milliseconds of silence, are a larger size.
 */
export async function textBeforeSize(bytes: FrameReader, silenceMs: number): Promise<Bytes> {
  while (true) {
    const end = bytes.rest.indexOf(0);
    if (end === 0) return NOTHING;
    if (end > 0 && bytes.rest.length >= end + SIZE_BYTES) return bytes.take(end);
    if (bytes.rest.length > MAX_NAME_BYTES) return bytes.take(bytes.rest.length);
    const mayBeSize = bytes.rest.length === SIZE_BYTES && (end > 0 || !isText(bytes.rest));
    if (mayBeSize && await bytes.isSilent(silenceMs)) return NOTHING;
    if (!await bytes.fill()) return NOTHING;
  }
}

/** Drops line ends that come next: people type into netcat, and a typed line may arrive before its end does. */
export async function skipLineEnds(bytes: FrameReader): Promise<void> {
  do {
    while (bytes.rest[0] === CR || bytes.rest[0] === LF) bytes.take(1);
  } while (bytes.rest.length === 0 && await bytes.fill());
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
