// @ts-self-types="./path.d.ts"
export { basename } from "deno-std/path/posix/basename.js";
export { dirname } from "deno-std/path/posix/dirname.js";
export { join } from "deno-std/path/posix/join.js";
export { resolve } from "deno-std/path/posix/resolve.js";
