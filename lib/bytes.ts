/** Bytes in memory. */

/** Bytes in a buffer that a BYOB read may transfer and hand back. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The text that UTF-8 bytes are; `undefined` for bytes that are not UTF-8. */
export function decoded(bytes: Bytes, options?: TextDecodeOptions): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, options);
  } catch {
    return undefined;
  }
}

/** Writes all of `data`, however little each call takes. */
export async function writeAll(to: { write(data: Uint8Array): Promise<number> }, data: Uint8Array): Promise<void> {
  for (let start = 0; start < data.length;) start += await to.write(data.subarray(start));
}

/** Writes all of `data`, however little each call takes, without a trip to another thread. */
export function writeAllSync(to: { writeSync(data: Uint8Array): number }, data: Uint8Array): void {
  for (let start = 0; start < data.length;) start += to.writeSync(data.subarray(start));
}
