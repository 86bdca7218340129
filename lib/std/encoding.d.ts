/** Types of the function of `@std/encoding` that is used. */
export function encodeHex(bytes: Uint8Array | ArrayBuffer): string;
