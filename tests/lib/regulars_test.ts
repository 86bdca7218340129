import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { Regulars } from "../../lib/request.ts";

Deno.test("a client is known after three whole commands in a row, and for a tenth of a second", async () => {
  const regulars = new Regulars();
  const has: boolean[] = [];
  for (const isWhole of [true, true, false, true, true, true]) {
    regulars.note("192.0.2.1", isWhole);
    has.push(regulars.has("192.0.2.1"));
  }
  assertEquals(has, [false, false, false, false, false, true]);
  assertEquals(regulars.has("192.0.2.2"), false);
  await delay(150);
  assertEquals(regulars.has("192.0.2.1"), false);
});

Deno.test("clients are forgotten when there are a thousand of them", () => {
  const regulars = new Regulars();
  for (let count = 0; count < 3; count++) regulars.note("192.0.2.1", true);
  for (let client = 0; client < 1000; client++) regulars.note(`2001:db8::${client}`, true);
  assertEquals(regulars.has("192.0.2.1"), false);
});
