import { assertEquals } from "@std/assert";
import { Regulars } from "../../lib/request.ts";
import { Clock } from "../support/timers.ts";

Deno.test("a client is known after eight whole commands in a row, and for a tenth of a second", () => {
  using clock = new Clock();
  const regulars = new Regulars();
  const has: boolean[] = [];
  for (let count = 0; count < 16; count++) {
    regulars.note("192.0.2.1", count !== 7);
    has.push(regulars.has("192.0.2.1"));
  }
  assertEquals(has.indexOf(true), 15);
  assertEquals(regulars.has("192.0.2.2"), false);
  // Each look that finds it counts as a command.
  clock.ms += 100;
  assertEquals(regulars.has("192.0.2.1"), true);
  clock.ms += 101;
  assertEquals(regulars.has("192.0.2.1"), false);
});

Deno.test("clients are forgotten when there are a thousand of them", () => {
  using _clock = new Clock();
  const regulars = new Regulars();
  for (let count = 0; count < 8; count++) regulars.note("192.0.2.1", true);
  for (let client = 0; client < 1000; client++) regulars.note(`2001:db8::${client}`, true);
  assertEquals(regulars.has("192.0.2.1"), false);
});
