/** The files that the checks move: names and sizes at which programs go wrong. */

import { wire } from "../../tests/support/raw.ts";

/** Sizes around one block, and one that takes many. */
export const SIZES = [0, 1, 1023, 1024, 1025, 1024 * 1024 + 1];

/** Names that a careless program would cut or mangle. */
export const NAMES = ["two words.txt", "grüße 你好.txt", "GET the PUT.TXT", `${"a-long-name-".repeat(8)}.txt`];

/** Binary data of a length: every byte value, and no period that a block has. */
export function content(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff);
}

/** Data that a careless program takes for messages, or for text. */
export const ODD = [
  wire("DONE", "OK", "READY", "ERROR: no", "\r\n\n\0", new Uint8Array([0xff, 0xfe, 0x80]), "DONE"),
  wire("DONE"),
  wire("ERROR: no"),
];

/** A size that 4 bytes can't hold; in 4 bytes it would be 5. */
export const HUGE_BYTES = 2 ** 32 + 5;

/** As much of it as shows that all of it would come. */
export const PART_BYTES = 65536;

/** Makes a file of that size, all holes. */
export async function makeHuge(path: string): Promise<void> {
  using file = await Deno.create(path);
  await file.truncate(HUGE_BYTES);
}
