/** What the client shows on a terminal, which util-linux's `script` plays. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readBytes } from "../../lib/cli/arguments.ts";
import { Conversation } from "../../scripts/support/raw.ts";
import { randomBytes } from "../../scripts/support/folder.ts";
import { TERMINAL, testWith } from "../support/needs.ts";
import { waitFor } from "../support/net.ts";
import { Pair } from "../../scripts/support/pair.ts";
import { command, Process } from "../../scripts/support/programs.ts";

/** A test that plays a terminal. */
function terminalTest(name: string, work: (pair: Pair) => Promise<void>): void {
  testWith([TERMINAL], name, async () => {
    await using pair = await Pair.start();
    await work(pair);
  });
}

/** Starts the client on a terminal of so many columns, whose output is in the file `screen` too. */
function start({ folder, server }: Pair, columns: number, ...args: string[]): Process {
  const words = [...command("client"), "localhost", `${server.port}`, ...args].map((word) => `'${word}'`).join(" ");
  // Two streams of the client's become one.
  const script = ["script", "-qefc", `stty cols ${columns} rows 10; ${words}`, folder.at("screen")];
  return new Process(script, { cwd: folder.at("mine") });
}

/** All that a terminal was sent, once its program has ended well. */
async function shown(client: Process): Promise<string> {
  assertEquals(await client.ended(), 0, client.lines.join("\n"));
  return client.lines.join("\n");
}

/** The texts between the moves of the cursor. */
function texts(output: string): string[] {
  // deno-lint-ignore no-control-regex
  return output.split(/\x1b(?:\[[?\d;]*[A-Za-z]|[78])|[\r\n]/).filter((text) => text !== "");
}

terminalTest("a long transfer shows a bar that fits the terminal's columns, and clears it", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(1_500_000));
  for (const columns of [20, 80]) {
    await using client = start(pair, columns, "PUT", "f", "--limit-rate", "1M");
    const parts = texts(await shown(client));
    const bars = parts.filter((text) => text.includes("%"));
    assertMatch(parts.pop()!, /^1\.4 MiB in \d+\.\d s, [\d.,]+ .?i?B\/s$/);
    assert(bars.length >= 2, parts.join("\n"));
    for (const bar of bars) assert(bar.length <= columns - 3, bar);
    if (columns === 80) {
      assertMatch(bars[0]!, /^\[#*-*\] +\d+% {2}[\d.,]+ .?i?B of 1.4 MiB {2}[\d.,]+ .?i?B\/s {2}[\d:-]+ left$/);
    }
    // A machine that is slow to connect shows that too.
    const others = parts.filter((text) => !text.includes("%") && !/^(connecting|waiting)/.test(text));
    assertEquals(others, ["client sending file f (1500000 bytes)", "Complete"]);
  }
});

terminalTest("the verified sum stays on the screen after the second transfer's bar", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(1_500_000));
  await using client = start(pair, 80, "PUT", "f", "--limit-rate", "1M", "--verify");
  assertMatch(await shown(client), /verified SHA-256 [0-9a-f]{64}\s+1\.4 MiB in [^\n]*$/);
});

terminalTest("a client that waits for its turn says so in one line, and then clears it", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(10));
  for (const columns of [20, 80]) {
    using first = await Conversation.start(pair.server.port, "PUT", "g", randomBytes(10));
    await first.until("half");
    await using client = start(pair, columns, "PUT", "f");
    const message = `waiting for our turn at localhost port ${pair.server.port}`.slice(0, columns - 3);
    // The line has no end until it is wiped away.
    const screen = (): Promise<string> => Deno.readTextFile(pair.folder.at("screen")).catch(() => "");
    await waitFor(async () => (await screen()).includes(message), screen);
    await first.until("g");
    const output = await shown(client);
    assertStringIncludes(output, `${message}\x1b[J\x1b[?7h\r\r\x1b[J`);
  }
});

terminalTest("after three seconds without READY a terminal hears of --tls, as in the error", async (pair) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = { folder: pair.folder, server: { port: listener.addr.port } } as Pair;
  await using client = start(silent, 120, "DEL", "f", "--wait", "4");
  assertEquals(await client.ended(), 1);
  const [shown, error] = client.lines.join("\n").split("client: the server did not send READY");
  assertStringIncludes(shown!, "(is it busy, or does it use TLS (--tls)?)");
  assertStringIncludes(error!, "does it use TLS (--tls)");
});

terminalTest("PUT - at a terminal says that it reads the keyboard; a short PUT has no rate", async (pair) => {
  await using client = start(pair, 80, "PUT", "-", "--as", "typed");
  const output = await shown(client);
  assertStringIncludes(output, "client: reads the keyboard until Ctrl-D");
  await Deno.writeTextFile(pair.folder.at("mine/f"), "text");
  await using short = start(pair, 80, "PUT", "f");
  // On a slow machine it may not be short.
  assertMatch(texts(await shown(short)).at(-1)!, /^(Complete|4 B in (0\.[5-9]|[1-9]).*)$/);
});

terminalTest("with --quiet a terminal shows nothing", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(1_000_000));
  await using client = start(pair, 80, "PUT", "f", "--limit-rate", "1M", "--quiet");
  assertEquals(await shown(client), "");
});

terminalTest("of parallel transfers one line counts all files, and each byte once", async (pair) => {
  for (const name of ["f", "g", "h"]) await Deno.writeFile(pair.folder.at(`mine/${name}`), randomBytes(500_000));
  await using client = start(pair, 100, "PUT", "f", "g", "h", "--limit-rate", "1M", "--parallel", "2");
  const parts = texts(await shown(client));
  assertMatch(parts.pop()!, /^1\.4 MiB in /);
  const lines = parts.map((text) => text.match(/^[0-3] of 3 files {2}([\d.]+) (\w+) {2}/));
  const sizes = lines.flatMap((line) => line ? readBytes(`${line[1]}${line[2]}`, "it") : []);
  assert(sizes.length > 0);
  for (const size of sizes) assert(size <= 1_600_000n, `${size} bytes`);
});

terminalTest("of several files the bar says which it is, and how much the others had", async (pair) => {
  for (const name of ["f", "g"]) await Deno.writeFile(pair.folder.at(`mine/${name}`), randomBytes(1_200_000));
  await using client = start(pair, 100, "PUT", "f", "g", "--limit-rate", "1M");
  const bars = texts(await shown(client)).filter((text) => text.includes("%"));
  assertMatch(bars[0]!, /^1\/2 \[/);
  assertMatch(bars.at(-1)!, /^2\/2 1\.1 MiB \+ \[.* of 1\.1 MiB/);
});
