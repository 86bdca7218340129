import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { pump, RateLimit } from "../../lib/transfer.ts";

Deno.test("a transfer fails as soon as either side fails, with that error", async () => {
  const never = new Promise<never>(() => {});
  let pieces = 0;
  const reading = pump({
    size: 10n,
    read: (buffer) => pieces++ === 0 ? Promise.resolve(buffer.subarray(0, 1)) : Promise.reject(new Error("read")),
    write: () => never,
  });
  await assertRejects(() => reading, Error, "read");
  let isFirst = true;
  const writing = pump({
    size: 10n,
    read: (buffer) => isFirst ? (isFirst = false, Promise.resolve(buffer.subarray(0, 1))) : never,
    write: () => Promise.reject(new Error("write")),
  });
  await assertRejects(() => writing, Error, "write");
});

Deno.test("the pieces of a transfer are whole calls of as many blocks as are gathered", async () => {
  for (const gather of [1, 100, 256, 300, 512]) {
    const lengths: number[] = [];
    const read = (buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => Promise.resolve(buffer);
    const write = (piece: Uint8Array): Promise<void> => Promise.resolve(void lengths.push(piece.length));
    await pump({ size: 2_000_000n, read, write }, { gather });
    assertEquals(lengths.slice(0, -1).filter((length) => length % (gather * 1024) !== 0), []);
    assertEquals(lengths.reduce((sum, length) => sum + length, 0), 2_000_000);
  }
});

Deno.test("of a rate that several share, each takes pieces that leave the others theirs", async () => {
  const lengths: number[] = [];
  const write = (piece: Uint8Array): Promise<void> => Promise.resolve(void lengths.push(piece.length));
  await pump({ size: 100n, read: (buffer) => Promise.resolve(buffer), write }, {
    bytesPerSecond: new RateLimit(8000, 50),
  });
  assertEquals(lengths, [20, 20, 20, 20, 20]);
});

Deno.test("a rate makes up for a pause of a tenth of a second at most", async () => {
  const limit = new RateLimit(10_000);
  await limit.pass(1000);
  await delay(700);
  const start = performance.now();
  for (let piece = 0; piece < 6; piece++) await limit.pass(1000);
  // Five pieces last half a second, less that tenth; timers may be a little early.
  assert(performance.now() - start > 390, `${performance.now() - start} ms`);
});
