// @ts-types="../../support/types/assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { Output, stderr } from "../../../lib/cli/output.ts";

Deno.test("lines that nobody reads are dropped, and counted when there is room again", async () => {
  const written: string[] = [];
  const room = Promise.withResolvers<void>();
  const output = new Output({
    write: async (data): Promise<number> => {
      await room.promise;
      written.push(new TextDecoder().decode(data));
      return data.length;
    },
  });
  const errors: string[] = [];
  const real = stderr.write;
  stderr.write = (text): Promise<void> => Promise.resolve(void errors.push(text));
  try {
    for (let line = 0; line < 1500; line++) void output.write(`${line}\n`);
    room.resolve();
    await output.flush();
  } finally {
    stderr.write = real;
  }
  const lines = written.join("").trim().split("\n");
  assertEquals(lines.slice(0, 3), ["0", "1", "2"]);
  assertEquals(lines.length, 1001);
  assertMatch(errors.join(""), /^499 lines of output were dropped/);
});

Deno.test("a stream that can't be written keeps its error, and nothing waits for it", async () => {
  const broken = new Error("broken");
  const output = new Output({ write: () => Promise.reject(broken) });
  await output.write("a line");
  assertEquals([output.error, output.isIdle], [broken, true]);
});
