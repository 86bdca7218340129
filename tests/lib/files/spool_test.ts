import { assert, assertRejects } from "@std/assert";
import { spool } from "../../../lib/files/spool.ts";
import { within } from "../../../lib/within.ts";

Deno.test("a stream whose reading is ended is cancelled, so that its writer learns it", async () => {
  const ending = new AbortController();
  const cancelled = Promise.withResolvers<boolean>();
  const from = new ReadableStream<Uint8Array>({
    pull: () => ending.abort(new Error("enough")),
    cancel: () => cancelled.resolve(true),
  });
  const options = { name: "a stream", onProgress: () => {}, signal: ending.signal };
  await assertRejects(() => spool(from, options), Error, "enough");
  // At once; a stream that is not cancelled never says so.
  assert(await within(cancelled.promise, 1000));
});
