/** Types of the parts of `@std/streams` that are used. */
export class TextLineStream extends TransformStream<string, string> {
  constructor(options?: { allowCR?: boolean });
}
export function toArrayBuffer(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer>;
export function toText(stream: ReadableStream<Uint8Array>): Promise<string>;
