/** Bytes in memory. */

/** Bytes in a buffer that a BYOB read may transfer and hand back. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The pieces as one, in order. */
export function concat(...pieces: Uint8Array[]): Bytes {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    joined.set(piece, end);
    end += piece.length;
  }
  return joined;
}

/** Whether `bytes` begin with `start`. */
export function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.length <= bytes.length && start.every((byte, index) => byte === bytes[index]);
}

/** Writes all of `data`, however little each call takes. */
export async function writeAll(to: { write(data: Uint8Array): Promise<number> }, data: Uint8Array): Promise<void> {
  for (let start = 0; start < data.length;) start += await to.write(data.subarray(start));
}

/** Writes all of `data`, however little each call takes, without a trip to another thread. */
export function writeAllSync(to: { writeSync(data: Uint8Array): number }, data: Uint8Array): void {
  for (let start = 0; start < data.length;) start += to.writeSync(data.subarray(start));
}
