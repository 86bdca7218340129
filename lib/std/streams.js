// @ts-self-types="./streams.d.ts"
export { TextLineStream } from "deno-std/streams/text_line_stream.js";
export { toArrayBuffer } from "deno-std/streams/to_array_buffer.js";
export { toText } from "deno-std/streams/to_text.js";
