// @ts-self-types="./encoding.d.ts"
export { encodeHex } from "deno-std/encoding/hex.js";
