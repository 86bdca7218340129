/** One transfer of the client's, with the lab's lines ("The Client"). */

import { basename } from "../files/path.ts";
import type { Spool } from "../files/spool.ts";
import { found } from "../files/storage.ts";
import { type ClientOptions, del, type Download, get, put } from "../client.ts";
import type { Connections } from "../connections.ts";
import { TransferError } from "../errors.ts";
import type { Written } from "../files/storage.ts";
import { printable } from "../printable.ts";
import { remoteSum, sha256 } from "../sha256.ts";
import type { Message } from "../trace.ts";
import { fileSum } from "../sha256.ts";
import type { Task } from "./client_options.ts";
import { writeWaiting } from "./output.ts";
import type { Progress } from "./progress.ts";

/** A line that is printed: one of the lab's on standard output, or one of ours on standard error. */
export interface Line {
  /** Without its newline. */
  text: string;
  /** Whether it goes to standard error. */
  isError?: boolean;
}

/** What a run of transfers works with. */
export interface Run {
  task: Task;
  progress: Progress;
  /** Makes the connections of transfers that follow one another. */
  connections: Connections;
  /** The files that this run has written. */
  written: Written;
}

/** What stands before a transfer's bar. */
export type Label = () => string;

/** Prints a transfer's lines. */
export type Print = (line: Line) => Promise<void>;

/** The file's name at its destination. */
export function destination(file: string, { as }: Task): string {
  return as === undefined ? basename(file) : as.endsWith("/") ? as + basename(file) : as;
}

/** Whether a PUT can be expected to find a file there. */
export function isFile(path: string): boolean {
  return found(path)?.isFile ?? false;
}

/** Transfers one file, printing the lab's lines ("The Client"). Returns how many bytes were moved. */
export async function transfer(
  file: string,
  run: Run,
  options: ClientOptions,
  print: Print,
  label: Label,
): Promise<bigint> {
  const { task } = run;
  const { verb, isQuiet, isVerified } = task;
  const sum = isVerified ? await sha256() : undefined;
  const shown = printable(verb === "PUT" && file === "-" ? task.as! : file);
  const line = { GET: "receiving", PUT: "sending", DEL: "deleting" }[verb];
  // Unless a file's content goes to standard output.
  const isError = verb === "GET" && task.as === "-";
  const say = (text: string): Promise<void> => isQuiet ? Promise.resolve() : print({ text, isError });
  const onMessage = task.isTraced ? await tracer(task.parallel > 1 ? `${shown}  ` : "", print) : undefined;
  let size = 0n;
  const told: ClientOptions = {
    ...options,
    ...(onMessage && { onMessage }),
    onReady: () => verb === "DEL" ? say(`client ${line} file ${shown}`) : undefined,
    onStart: (bytes) => {
      size = bytes;
      return say(`client ${line} file ${shown} (${bytes} bytes)`);
    },
    onData: sum && ((piece) => sum.update(piece)),
  };
  await move(file, run, told, label);
  await say("Complete");
  if (sum) await verify(file, run, { ...options, ...(onMessage && { onMessage }) }, sum.hex(), label, print);
  return size;
}

async function tracer(label: string, print: Print): Promise<(message: Message) => void> {
  const { describe } = await import("./trace.ts");
  return (message) => void print({ text: label + describe(message, "client"), isError: true });
}

async function move(
  file: string,
  { task, progress, written }: Run,
  options: ClientOptions,
  label: Label,
): Promise<void> {
  const { verb } = task;
  if (verb === "PUT") return await send(file, task, options, progress, label);
  using watched = progress.watch(options, label);
  if (verb === "DEL") await del(file, watched);
  else if (task.as === "-") await toStdout(await get(file, watched));
  else {
    const { isNoClobber: createNew, isSynced: fsync } = task;
    await get(file, { ...watched, to: destination(file, task), createNew, fsync, written });
  }
}

async function send(
  file: string,
  task: Task,
  options: ClientOptions,
  progress: Progress,
  label: Label,
): Promise<void> {
  const to = destination(file, task);
  using stream = isFile(file) ? undefined : await openSpool(file, options, progress);
  const { readable: from, size } = stream ?? {};
  using watched = progress.watch(options, label);
  await put(to, from && size !== undefined ? { ...watched, from, size } : { ...watched, from: file });
}

async function openSpool(file: string, { signal }: ClientOptions, progress: Progress): Promise<Spool | undefined> {
  // Like the trace, loaded only where it is needed: it would cost every start two milliseconds.
  const { openStream } = await import("./source.ts");
  using reading = progress.reading();
  const name = file === "-" ? "standard input" : file;
  return await openStream(file, { name, onProgress: reading.onProgress, signal: signal! });
}

/** Fetches the file once more and compares its sum with what was sent, or with what is on this side's disk. */
async function verify(
  file: string,
  { task, progress }: Run,
  options: ClientOptions,
  moved: string,
  label: Label,
  print: Print,
): Promise<void> {
  const isOnDisk = task.verb === "GET" && task.as !== "-";
  const here = isOnDisk ? await fileSum(destination(file, task)) ?? moved : moved;
  const name = task.verb === "PUT" ? destination(file, task) : file;
  let stored: string;
  {
    using watched = progress.watch(options, () => `${label()}verifying `);
    stored = await remoteSum(name, watched);
  }
  if (stored !== here) {
    const what = isOnDisk ? "on disk" : "moved";
    throw new TransferError(`${printable(file)} differs: ${what} SHA-256 ${here}, fetched again ${stored}`);
  }
  if (!task.isQuiet) await print({ text: `verified SHA-256 ${here}`, isError: true });
}

async function toStdout({ readable }: Download): Promise<void> {
  // Not pipeTo, which does not notice when the last write fails.
  for await (const piece of readable) await writeWaiting(Deno.stdout, piece);
}
