/** Types of the functions of `@std/bytes` that the library uses. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
export function startsWith(bytes: Uint8Array, start: Uint8Array): boolean;
