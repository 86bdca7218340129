import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { toArrayBuffer } from "@std/streams";
import { spool } from "../../lib/files/spool.ts";
import { ConnectionError, del, get, put, type PutOptions, TransferError } from "../../lib/mod.ts";
import { within } from "../../lib/within.ts";
import { randomBytes } from "../../scripts/support/folder.ts";
import { Conversation, LIMIT_MS, wire } from "../../scripts/support/raw.ts";
import { HOST, servedTest } from "../support/served.ts";
import { withinTime } from "../support/net.ts";

servedTest("streams of any length, in pieces of any size, are sent and received", async ({ options }) => {
  for (const length of [0, 1, 1023, 1024, 1025, 600_000]) {
    const data = randomBytes(length);
    for (const piece of [7, 1024, 300_000]) {
      if (length / piece > 10_000) continue;
      let start = 0;
      const from = new ReadableStream<Uint8Array>({
        pull(controller): void {
          if (start >= length) return controller.close();
          controller.enqueue(data.subarray(start, start += piece));
        },
      });
      await put("f", { ...options, from, size: BigInt(length) });
      const { size, readable } = await get("f", options);
      assertEquals(size, BigInt(length));
      assertEquals(new Uint8Array(await toArrayBuffer(readable)), data);
    }
  }
});

Deno.test("a reader that cancels closes the connection, though the server is silent", async () => {
  using listener = Deno.listen({ ...HOST, port: 0 });
  const download = get("f", { ...HOST, port: listener.addr.port, timeoutMs: 0 });
  using server = await Conversation.accept(listener, "GET", "f", wire("12345678"));
  await server.until("half");
  const reader = (await download).readable.getReader();
  await reader.read();
  await reader.cancel();
  await server.rest();
});

servedTest("what a slow stream brings is sent before it brings more", async ({ folder, options }) => {
  const data = randomBytes(3000);
  const moved: bigint[] = [];
  let next = Promise.withResolvers<void>();
  const from = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(data.subarray(0, 1500)),
    pull: async (controller) => {
      await next.promise;
      controller.enqueue(data.subarray(1500));
      controller.close();
    },
  }, { highWaterMark: 0 });
  const onProgress = (bytes: bigint): void => {
    moved.push(bytes);
    next.resolve();
    next = Promise.withResolvers();
  };
  await put("f", { ...options, from, size: 3000n, onProgress, signal: AbortSignal.timeout(LIMIT_MS) });
  assertEquals(moved, [1024n, 3000n]);
  assertEquals(await Deno.readFile(folder.at("f")), data);
});

Deno.test("a stream whose transfer breaks ends with the error, never as if it were whole", async () => {
  using listener = Deno.listen({ ...HOST, port: 0 });
  const download = get("f", { ...HOST, port: listener.addr.port });
  {
    using server = await Conversation.accept(listener, "GET", "f", wire("12345678"));
    await server.until("half");
  }
  const { readable } = await download;
  const said = /^the server closed the connection after \d+ of \d+ bytes$/;
  const error = await assertRejects(() => toArrayBuffer(readable), ConnectionError);
  assertMatch(error.message, said);
});

servedTest("a stream that can't be sent fails, and leaves the old file", async ({ folder, options }) => {
  await Deno.writeTextFile(folder.at("f"), "old");
  const sizes = [[6n, "ended before its 6"], [4n, "more than its 4"], [0n, "more than its 0"]] as const;
  for (const [size, message] of sizes) {
    const from = new Blob(["short"]).stream();
    await assertRejects(() => put("f", { ...options, from, size }), TransferError, `${message} bytes`);
    assertEquals(await Deno.readTextFile(folder.at("f")), "old");
  }
  const unsized = { ...options, from: new Blob(["x"]).stream() } as unknown as PutOptions;
  await assertRejects(() => put("f", unsized), TypeError, "size");
  for (const chunk of [new Uint16Array(2), new ArrayBuffer(4), new DataView(new ArrayBuffer(4)), "text", undefined]) {
    const from = ReadableStream.from([chunk as unknown as Uint8Array]);
    const message = `the stream's chunks must be Uint8Arrays, not ${Deno.inspect(chunk)}`;
    await assertRejects(() => put("f", { ...options, from, size: 4n }), TypeError, message);
  }
  assertEquals(await Deno.readTextFile(folder.at("f")), "old");
  // The server has seen the last of them when it answers the next.
  await del("f", options);
  assertEquals(await folder.names(), []);
});

servedTest("a stream that nobody reads is given up after the timeout", async ({ folder, options }) => {
  await Deno.writeFile(folder.at("f"), new Uint8Array(20_000_000));
  await withinTime(async () => {
    const { readable } = await get("f", { ...options, timeoutMs: 500 });
    await delay(1500);
    await assertRejects(() => toArrayBuffer(readable), TransferError, "nobody read the data for 0.5 seconds");
  });
});

servedTest("empty chunks of a stream are no data, however many come", async ({ folder, options }) => {
  const empty = new Uint8Array(0);
  const halves = [wire("01234"), empty, empty, wire("56789"), empty, empty];
  for (const chunks of [[empty, wire("0123456789"), empty], halves]) {
    await put("f", { ...options, from: ReadableStream.from(chunks), size: 10n });
    assertEquals(await Deno.readTextFile(folder.at("f")), "0123456789");
  }
  const from = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(empty) });
  const signal = AbortSignal.timeout(200);
  const { name } = await assertRejects(() => put("f", { ...options, from, size: 10n, signal }), DOMException);
  assertEquals(name, "TimeoutError");
  assertEquals(await Deno.readTextFile(folder.at("f")), "0123456789");
});

Deno.test("a stream that is kept in a file is cancelled when its reading is ended", async () => {
  const ending = new AbortController();
  const cancelled = Promise.withResolvers<boolean>();
  const from = new ReadableStream<Uint8Array>({
    pull: () => ending.abort(new Error("enough")),
    cancel: () => cancelled.resolve(true),
  });
  const options = { name: "a stream", onProgress: () => {}, signal: ending.signal };
  await assertRejects(() => spool(from, options), Error, "enough");
  // At once; a stream that is not cancelled never says so.
  assertEquals(await within(cancelled.promise, LIMIT_MS), true);
});
