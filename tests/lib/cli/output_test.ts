import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { Printer } from "../../../lib/cli/output.ts";
import { progressLine } from "../../../lib/cli/progress.ts";
import { describe } from "../../../lib/cli/trace.ts";
import { STEPS } from "../../../lib/protocol.ts";
import { isReady } from "../../../lib/within.ts";
import { waitFor } from "../../support/net.ts";
import { wire } from "../../../scripts/support/raw.ts";

/** Keeps what is written, once there is room. */
function sink(written: string[], room: Promise<void> = Promise.resolve()): Pick<Deno.FsFile, "write"> {
  return {
    write: async (data): Promise<number> => {
      await room;
      written.push(new TextDecoder().decode(data));
      return data.length;
    },
  };
}

Deno.test("lines that nobody reads are dropped, and counted when there is room again", async () => {
  const [written, errors]: string[][] = [[], []];
  const room = Promise.withResolvers<void>();
  const printer = new Printer(sink(written!, room.promise), sink(errors!));
  const isFar = printer.print("first\n");
  for (let line = 0; line < 1500; line++) void printer.print(`${line}\n`);
  await isFar;
  room.resolve();
  await printer.flush();
  const lines = written!.join("").trim().split("\n");
  assertEquals(lines.slice(0, 3), ["first", "0", "1"]);
  assertEquals(lines.length, 1001);
  assertMatch(errors!.join(""), /^500 lines of output were dropped/);
  await printer.print("last\n");
  await printer.flush();
  assertEquals(errors!.length, 1);
});

Deno.test("lines of both streams come in their order, and one that is stuck holds up none", async () => {
  const both: string[] = [];
  const room = Promise.withResolvers<void>();
  const printer = new Printer(sink(both), sink(both));
  for (let line = 0; line < 10; line++) {
    void printer.print(`out ${line}\n`);
    printer.warn(`err ${line}\n`);
  }
  await printer.flush();
  const expected = Array.from({ length: 10 }, (_, line) => `out ${line}\nerr ${line}\n`);
  assertEquals(both.join(""), expected.join(""));

  const [out, err]: string[][] = [[], []];
  const stuck = new Printer(sink(out!, room.promise), sink(err!));
  void stuck.print("one\n");
  stuck.warn("two\n");
  await waitFor(() => err!.length > 0);
  assertEquals([out, err], [[], ["two\n"]]);
  void stuck.print("three\n");
  // Until that has been looked at, and left.
  await delay(50);
  room.resolve();
  // Without a flush, and without a line after it.
  await waitFor(() => out!.length >= 2);
  assertEquals(out, ["one\n", "three\n"]);
});

Deno.test("a line on standard output is written, though standard error has been stuck for long", async () => {
  const out: string[] = [];
  const printer = new Printer(sink(out), { write: () => new Promise(() => {}) });
  printer.warn("stuck\n");
  void printer.print("one\n");
  await waitFor(() => out.length > 0);
  for (const line of ["two\n", "three\n"]) {
    printer.warn("stuck\n");
    void printer.print(line);
    assert(await isReady(printer.written()));
  }
  assertEquals(out, ["one\n", "two\n", "three\n"]);
});

Deno.test("whoever prints waits for a reader that is a hundred lines behind", async () => {
  const room = Promise.withResolvers<void>();
  const printer = new Printer(sink([], room.promise), sink([]));
  let count = 1;
  // The first line is being written.
  void printer.print("line\n");
  while (await isReady(printer.print("line\n"))) count++;
  assertEquals(count, 100);
  // A second later it may still be a slow one.
  await delay(1100);
  assert(!await isReady(printer.print("line\n")));
  room.resolve();
  await printer.flush();
});

Deno.test("after a write has failed the next lines are written, and those that were lost counted", async () => {
  const [out, err]: string[][] = [[], []];
  let isFull = true;
  const { write } = sink(out!);
  const full = (data: Uint8Array): Promise<number> => isFull ? Promise.reject(new Error("full")) : write(data);
  const printer = new Printer({ write: full }, sink(err!));
  for (const line of ["one\n", "two\n"]) {
    await printer.print(line);
    await printer.flush();
  }
  isFull = false;
  await printer.print("three\n");
  await printer.flush();
  assertEquals([out, err], [["\nthree\n"], ["2 lines of output were dropped, which could not be written\n"]]);
});

Deno.test("a stream that can't be written keeps its error, and nothing waits for it", async () => {
  const broken = new Error("broken");
  const printer = new Printer({ write: () => Promise.reject(broken) }, sink([]));
  await printer.print("a line");
  await printer.flush();
  assertEquals([printer.error, printer.isIdle], [broken, true]);
});

Deno.test("of a long message a trace shows 100 bytes, and counts the others", () => {
  const [, step] = STEPS.GET;
  for (const [length, rest] of [[96, ""], [97, "… and 1 more bytes"]] as const) {
    const bytes = wire(`GET ${"n".repeat(length)}`);
    const line = describe({ step, from: "client", bytes, ms: 0, isGlued: false, pieces: 1 }, "client");
    assertEquals(line, `b. client: GET <filename>     >  GET ${"n".repeat(96)}${rest}`);
  }
});

Deno.test("a progress line has share, bytes, rate and time left, and fits any width", () => {
  const half = (columns: number): string => progressLine(512 * 1024, 1024 * 1024, 64 * 1024, columns);
  assertEquals(half(80), "[################---------------]  50%  512 kiB of 1 MiB  64 kiB/s  0:08 left");
  for (let columns = 0; columns < 120; columns++) {
    const line = half(columns);
    assertEquals(line.length <= Math.max(columns - 3, 0), true, `${columns}: ${line}`);
    if (columns > 7) assertStringIncludes(line, "50%");
  }
});
