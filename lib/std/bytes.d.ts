/** Types of the functions of `@std/bytes` that are used here. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
export function equals(one: Uint8Array, other: Uint8Array): boolean;
export function startsWith(bytes: Uint8Array, start: Uint8Array): boolean;
