// @ts-self-types="./csv.d.ts"
export { parse } from "deno-std/csv/parse.js";
export { stringify } from "deno-std/csv/stringify.js";
