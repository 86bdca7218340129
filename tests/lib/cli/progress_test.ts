import { assertEquals, assertStringIncludes } from "@std/assert";
import { progressLine } from "../../../lib/cli/progress.ts";

Deno.test("a progress line has share, bytes, rate and time left, and fits any width", () => {
  const [value, total] = [512 * 1024, 1024 * 1024];
  const rate = 64 * 1024;
  assertEquals(
    progressLine(value, total, rate, 80),
    "[################---------------]  50%  512 kiB of 1 MiB  64 kiB/s  0:08 left",
  );
  for (let columns = 0; columns < 120; columns++) {
    const line = progressLine(value, total, rate, columns);
    assertEquals(line.length <= Math.max(columns - 3, 0), true, `${columns}: ${line}`);
    if (columns > 7) assertStringIncludes(line, "50%");
  }
});
