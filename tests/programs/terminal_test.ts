/** What the client shows on a terminal, which util-linux's `script` plays. */

// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Conversation } from "../support/raw.ts";
import { command, Folder, Process, randomBytes, run, ServerProcess } from "../support/programs.ts";

const HAS_TERMINAL = Deno.build.os === "linux" &&
  await run(["script", "--version"], { cwd: "/" }).then(({ status }) => status === 0, () => false);

function terminalTest(name: string, work: (pair: Pair) => Promise<void>): void {
  Deno.test(name, async () => {
    if (!HAS_TERMINAL) return console.log("left out: there is no script(1) of util-linux to play a terminal");
    await using folder = new Folder();
    await folder.folder("mine");
    await using server = await ServerProcess.start([], { cwd: await folder.folder("served") });
    await work({ folder, server });
  });
}

interface Pair {
  folder: Folder;
  server: ServerProcess;
}

/** Starts the client on a terminal of so many columns. */
function start({ folder, server }: Pair, columns: number, ...args: string[]): Process {
  const words = [...command("client"), "localhost", `${server.port}`, ...args].map((word) => `'${word}'`).join(" ");
  // Two streams of the client's become one.
  return new Process(["script", "-qefc", `stty cols ${columns} rows 10; ${words}`, "/dev/null"], {
    cwd: folder.at("mine"),
  });
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

for (const columns of [20, 80]) {
  terminalTest(
    `a transfer that lasts shows a bar that fits into ${columns} columns, and is gone at its end`,
    async (pair) => {
      await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(1_500_000));
      await using client = start(pair, columns, "PUT", "f", "--limit-rate", "1M");
      const parts = texts(await shown(client));
      const bars = parts.filter((text) => text.includes("%"));
      assert(bars.length >= 2, parts.join("\n"));
      for (const bar of bars) assert(bar.length < columns, bar);
      if (columns === 80) {
        assertMatch(bars[0]!, /^\[#*-*\] +\d+% {2}[\d.,]+ .?i?B of 1.4 MiB {2}[\d.,]+ .?i?B\/s {2}[\d:-]+ left$/);
      }
      assertEquals(
        parts.filter((text) => !text.includes("%")),
        ["client sending file f (1500000 bytes)", "Complete"],
      );
    },
  );
}

terminalTest("what is verified stays to be read behind the bar of the second transfer", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(1_500_000));
  await using client = start(pair, 80, "PUT", "f", "--limit-rate", "1M", "--verify");
  assertMatch(await shown(client), /verified SHA-256 [0-9a-f]{64}\s*$/);
});

terminalTest("a client that waits for its turn says so, in one line that goes when its turn comes", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(10));
  for (const columns of [20, 80]) {
    using first = await Conversation.start(pair.server.port, "PUT", "g", randomBytes(10));
    await first.until("half");
    await using client = start(pair, columns, "PUT", "f");
    // The line has no end until it is wiped away.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await first.until("g");
    const output = await shown(client);
    const message = `waiting for our turn at localhost port ${pair.server.port}`.slice(0, columns - 1);
    assertStringIncludes(output, `${message}\r\x1b[K`);
  }
});

terminalTest("with --quiet there is no bar and no word", async (pair) => {
  await Deno.writeFile(pair.folder.at("mine/f"), randomBytes(1_000_000));
  await using client = start(pair, 80, "PUT", "f", "--limit-rate", "1M", "--quiet");
  assertEquals(await shown(client), "");
});
