import { assertEquals } from "@std/assert";
import { describe } from "../../../lib/cli/trace.ts";
import { STEPS } from "../../../lib/protocol.ts";
import { wire } from "../../../scripts/support/raw.ts";

Deno.test("of a long message a trace shows 100 bytes, and counts the others", () => {
  const [, step] = STEPS.GET;
  for (const [length, rest] of [[96, ""], [97, "… and 1 more bytes"]] as const) {
    const bytes = wire(`GET ${"n".repeat(length)}`);
    const line = describe({ step, from: "client", bytes, ms: 0, isGlued: false, pieces: 1 }, "client");
    assertEquals(line, `b. client: GET <filename>     >  GET ${"n".repeat(96)}${rest}`);
  }
});
