// @ts-self-types="./path.d.ts"
export { basename } from "deno-std/path/windows/basename.js";
export { dirname } from "deno-std/path/windows/dirname.js";
export { join } from "deno-std/path/windows/join.js";
export { resolve } from "deno-std/path/windows/resolve.js";
