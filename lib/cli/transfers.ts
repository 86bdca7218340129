/** A run of the client's: the transfers of several files. */

import { dirname } from "../files/path.ts";
import { sweep } from "../files/sweep.ts";
import { type ClientOptions, get } from "../client.ts";
import { Connections } from "../connections.ts";
import { Written } from "../files/storage.ts";
import { RateLimit } from "../transfer.ts";
import { within } from "../within.ts";
import type { Task } from "./client_options.ts";
import { explain } from "./failures.ts";
import { printer } from "./output.ts";
import { bytes, Progress } from "./progress.ts";
import { destination, isFile, type Line, type Print, transfer } from "./transfer.ts";

// The lines of many small files share their writes; nobody sees so short a delay.
const GATHER_MS = 5;
// A reader that takes nothing for so long is not waited for.
const FIRST_LINE_MS = 1000;
// A large folder must not keep the user waiting: the next run sweeps what this one leaves.
const SWEEP_MS = 200;
// After this, a person may want to know how fast it was.
const LONG_SECONDS = 0.5;
// No server has a file of this name. One that is idle answers in far less.
const WITHDRAWN_NAME = ".blockferry-withdrawn";
const WITHDRAW_MS = 2000;

/**
 * Transfers file after file; returns how many failed. Throws the signal's reason once that is aborted, and the system's
 * error when standard output can't be written.
 */
export async function perform(task: Task): Promise<number> {
  const { files, verb } = task;
  const { bytesPerSecond, signal } = task.options;
  // One limit for all.
  const limit = typeof bytesPerSecond === "number" ? new RateLimit(bytesPerSecond) : bytesPerSecond;
  const options = { ...task.options, bytesPerSecond: limit };
  const start = performance.now();
  let failed = 0;
  let moved = 0n;
  let isFirst = true;
  if (files.length > 1) printer.gatherMs = GATHER_MS;
  using progress = new Progress(task);
  const print: Print = async ({ text, isError }) => {
    progress.hide();
    if (isError) return printer.warn(`${text}\n`);
    await printer.print(`${text}\n`);
    // Where nothing can be printed, nothing is transferred either.
    if (isFirst) await within(printer.flush(), FIRST_LINE_MS);
    isFirst = false;
    if (printer.error) throw printer.error;
  };
  const ending = new AbortController();
  const swept = verb === "GET" && task.as !== "-"
    ? sweep(dirname(destination(files[0]!, task)), { recursive: false, signal: ending.signal })
    : undefined;
  const written = new Written();
  const queue = files.entries();
  const work = async (): Promise<void> => {
    const connections = new Connections(options);
    const run = { task, progress, connections, written };
    for (let next = queue.next(), following: typeof next | undefined; !next.done; next = following ?? queue.next()) {
      const [index, file] = next.value;
      following = undefined;
      const onEnding = (): void => {
        following ??= queue.next();
        if (!following.done && (verb !== "PUT" || isFile(following.value[1]))) connections.prepare();
      };
      // With several transfers under way, the lines of each are printed together.
      const lines: Line[] = [];
      const keep = (line: Line): Promise<void> => Promise.resolve(void lines.push(line));
      const printLine = task.parallel === 1 ? print : keep;
      const label = (): string => files.length > 1 ? place(index, files.length, moved) : "";
      try {
        const size = await transfer(file, run, { ...options, connections, onEnding }, printLine, label);
        moved += size;
        progress.fileDone();
      } catch (error) {
        signal?.throwIfAborted();
        failed++;
        for (const line of explain(error, file, task)) await printLine(line);
      }
      await Promise.all(lines.map(print));
    }
    // The last files could not be sent, after all: servers of the lab's may crash when a client leaves without a command.
    if (connections.hasPrepared) await within(withdraw({ ...options, connections }), WITHDRAW_MS);
  };
  await Promise.all(Array.from({ length: Math.min(task.parallel, files.length) }, work));
  await printer.flush();
  if (printer.error) throw printer.error;
  if (swept) await within(swept, Math.max(SWEEP_MS - (performance.now() - start), 0));
  ending.abort();
  if (failed > 0 && files.length > 1) {
    await print({ text: `client: ${files.length - failed} of ${files.length} files done`, isError: true });
  }
  const seconds = (performance.now() - start) / 1000;
  if (moved > 0n && seconds > LONG_SECONDS && !task.isQuiet && Deno.stderr.isTerminal()) {
    const text = `${bytes(Number(moved))} in ${seconds.toFixed(1)} s, ${bytes(Number(moved) / seconds)}/s`;
    await print({ text, isError: true });
  }
  return failed;
}

async function withdraw(options: ClientOptions): Promise<void> {
  try {
    await (await get(WITHDRAWN_NAME, options)).readable.cancel();
  } catch {
    // There is no such file.
  }
}

/** What stands before the bar of one file of several: which it is, and how much the ones before it had. */
function place(index: number, count: number, moved: bigint): string {
  return `${index + 1}/${count} ${moved > 0n ? `${bytes(Number(moved))} + ` : ""}`;
}
