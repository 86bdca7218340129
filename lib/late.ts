/**
 * Reads what stands where it does not belong, before a message: the rest of a name that some programs send late, and the
 * line ends of people who type into netcat. Nearly always there is none, and nothing waits for it.
 */

import { startsWith } from "@std/bytes";
import { type Bytes, decoded } from "./bytes.ts";
import type { FrameReader } from "./framing.ts";
import { MAX_NAME_BYTES, SIZE_BYTES } from "./protocol.ts";

const NOTHING: Bytes = new Uint8Array(0);
const [LF, CR] = [0x0a, 0x0d];

/**
 * Reads the text that precedes a token; nearly always there is none. Text that `silenceMs` milliseconds of silence follow
 * in its place is left, for `token` to fail with.
 */
export async function textBefore(frames: FrameReader, token: string, silenceMs: number): Promise<Bytes> {
  const next = new TextEncoder().encode(token);
  do {
    const { rest } = frames;
    if (rest.length > 0 && (startsWith(rest, next) || startsWith(next, rest))) return NOTHING;
    const at = rest.findIndex((_, index) => startsWith(rest.subarray(index), next));
    if (at > 0) return frames.take(at);
    if (rest.length > MAX_NAME_BYTES || (rest.length > 0 && await frames.isSilent(silenceMs))) return NOTHING;
  } while (await frames.fill());
  return NOTHING;
}

/**
 * Reads the text that precedes a size, whose first byte is NUL below 2^56 bytes; nearly always there is none. Eight
 * bytes that `silenceMs` milliseconds of silence follow are a larger size: of text, that takes `textMs`.
 */
export async function textBeforeSize(
  frames: FrameReader,
  { silenceMs, textMs }: { silenceMs: number; textMs: number },
): Promise<Bytes> {
  do {
    const { rest } = frames;
    const end = rest.indexOf(0);
    if (end === 0) return NOTHING;
    if (end > 0 && rest.length >= end + SIZE_BYTES) return frames.take(end);
    if (rest.length > MAX_NAME_BYTES) return frames.take(rest.length);
    const isText = end < 0 && /^\P{Cc}+$/u.test(decoded(rest) ?? "\0");
    if (rest.length === SIZE_BYTES && await frames.isSilent(isText ? textMs : silenceMs)) return NOTHING;
  } while (await frames.fill());
  return NOTHING;
}

/** Drops line ends that come next: people type into netcat, and a typed line may arrive before its end does. */
export async function skipLineEnds(frames: FrameReader): Promise<void> {
  do {
    while (frames.rest[0] === CR || frames.rest[0] === LF) frames.take(1);
  } while (frames.rest.length === 0 && await frames.fill());
}
