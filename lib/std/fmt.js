// @ts-self-types="./fmt.d.ts"
export { format } from "deno-std/fmt/bytes.js";
