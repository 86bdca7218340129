/** What stands on a terminal's screen, which tmux plays. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { randomBytes } from "../../scripts/support/folder.ts";
import { testWith, TMUX, UNIX } from "../support/needs.ts";
import { waitFor } from "../support/net.ts";
import { Pair } from "../../scripts/support/pair.ts";
import { run } from "../../scripts/support/programs.ts";

/** A terminal of 80 columns with a shell in it. */
class Screen implements AsyncDisposable {
  readonly #socket = `blockferry-${crypto.randomUUID()}`;

  async tmux(...args: string[]): Promise<string> {
    return (await run(["tmux", "-L", this.#socket, "-f", "/dev/null", ...args], { cwd: "/" })).stdout;
  }

  async start(cwd: string): Promise<void> {
    const shell = "env PS1='prompt> ' bash --norc --noprofile";
    await this.tmux(..."new-session -d -x 80 -y 24 -c".split(" "), cwd, shell);
  }

  async lines(): Promise<string[]> {
    return (await this.tmux("capture-pane", "-p")).trimEnd().split("\n");
  }

  /** Awaits a screen that has what is wanted. */
  async until(isThere: (lines: string[]) => boolean): Promise<string[]> {
    let lines: string[] = [];
    await waitFor(async () => isThere(lines = await this.lines()), () => lines.join("\n"));
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tmux("kill-server");
  }
}

// Ctrl-Z and Ctrl-C are echoed over its first two columns.
const BAR = /^(\[|\^[ZC])#*-*\] +\d+%/;

testWith([UNIX, TMUX], "after Ctrl-Z and fg, or a resize, there is one bar, and Ctrl-C clears it", async () => {
  await using pair = await Pair.start();
  await Deno.writeFile(`${pair.mine}/f`, randomBytes(30_000_000));
  await using screen = new Screen();
  await screen.start(pair.mine);
  // A function, so that the shell shows a short name of the job.
  const words = pair.words("PUT", "f", "--limit-rate", "1M").map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(`${pair.mine}/send`, `exec ${words}\n`);
  await screen.tmux("send-keys", "clear; bash send", "Enter");
  await screen.until((lines) => BAR.test(lines.at(-1)!));
  await screen.tmux("send-keys", "C-z");
  await screen.until((lines) => lines.at(-1) === "prompt>");
  await screen.tmux("send-keys", "fg", "Enter");
  const again = await screen.until((lines) => BAR.test(lines.at(-1)!));
  // The bar as it was stopped, and the one that lives: no line above was overwritten.
  assertEquals(again.filter((line) => BAR.test(line)).length, 2);
  for (const text of ["client sending file f (30000000 bytes)", "prompt> fg", "bash send"]) {
    assert(again.some((line) => line.startsWith(text)), again.join("\n"));
  }
  for (const columns of [50, 110, 60]) {
    await screen.tmux("resize-window", "-x", `${columns}`);
    // tmux tells the programs a quarter of a second later. Then the wrapped line is drawn anew; nothing of it stays.
    await delay(700);
    await screen.until((lines) => {
      const [line, ...rest] = lines.slice(lines.indexOf("prompt> fg") + 2);
      return /\d%/.test(line!) && rest.length === 0;
    });
  }
  await screen.tmux("send-keys", "C-c");
  const after = await screen.until((lines) => lines.at(-1) === "prompt>");
  assertEquals(after.slice(after.indexOf("prompt> fg")), ["prompt> fg", "bash send", "prompt>"]);
});
