/** Shows what passes between the two sides, a line a message, in the lab's words. */

import type { Message } from "../trace.ts";
import { printable } from "../printable.ts";
import { BLOCK_BYTES, type Role, SIZE_BYTES } from "../protocol.ts";

// Enough for any command that a person types; the rest of a longer message is counted.
const SHOWN_BYTES = 100;
// Longer than a message takes between two idle programs, on any network.
const LATE_MS = 1000;

/** A message as `self` sees it. */
export function describe(message: Message, self: Role): string {
  const arrow = message.from === self ? ">" : "<";
  return `${message.step.padEnd(29)} ${arrow}  ${content(message)}${remarks(message)}`;
}

function content({ step, bytes, count, ms }: Message): string {
  if (count !== undefined) {
    const block = BigInt(BLOCK_BYTES);
    const blocks = (count + block - 1n) / block;
    return `${count} bytes in ${blocks} ${blocks === 1n ? "block" : "blocks"}, ${ms.toFixed(1)} ms`;
  }
  if (step.endsWith("<# bytes>") && bytes.length === SIZE_BYTES) {
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return `${hex}  ${new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)}`;
  }
  const rest = bytes.length - SHOWN_BYTES;
  const text = printable(new TextDecoder().decode(bytes.subarray(0, SHOWN_BYTES)));
  return rest > 0 ? `${text}… and ${rest} more bytes` : text;
}

function remarks({ bytes, count, expected, isGlued, pieces, ms, from, step }: Message): string {
  const remarks = [];
  if (expected !== undefined) {
    remarks.push(bytes.length === 0 ? `closed; expected ${expected}` : `expected ${expected}`);
  }
  if (isGlued) remarks.push("together with the message before");
  if (pieces > 1) remarks.push(`in ${pieces} pieces`);
  // READY may take as long as the queue is.
  if (ms > LATE_MS && count === undefined && !(from === "server" && step.startsWith("a."))) {
    remarks.push(`after ${(ms / 1000).toFixed(1)} s`);
  }
  return remarks.length === 0 ? "" : `  (${remarks.join(", ")})`;
}
