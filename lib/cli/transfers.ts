/** The client's transfers, one file after another, with the lab's lines ("The Client"). */

import { sweep } from "../files/sweep.ts";
import { basename, dirname } from "../files/path.ts";
import { found } from "../files/storage.ts";
import type { Spool } from "../files/spool.ts";
import {
  type ClientOptions,
  Connections,
  del,
  type Download,
  FileError,
  get,
  type Message,
  printable,
  ProtocolError,
  put,
  RateLimit,
  remoteSum,
  ServerError,
  sha256,
  TransferError,
  Written,
} from "../mod.ts";
import { ERROR_TEXTS } from "../protocol.ts";
import { fileSum } from "../sha256.ts";
import { within } from "../within.ts";
import type { Task } from "./client_options.ts";
import { printer, writeWaiting } from "./output.ts";
import { bytes, Progress } from "./progress.ts";

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

/** A line that is printed: one of the lab's on standard output, or one of ours on standard error. */
interface Line {
  text: string;
  isError?: boolean;
}

/** What a run of transfers works with. */
interface Run {
  task: Task;
  progress: Progress;
  /** Makes the connections of transfers that follow one another. */
  connections: Connections;
  /** The files that this run has written. */
  written: Written;
}

/** What stands before a transfer's bar. */
type Label = () => string;

/** Prints a transfer's lines. */
type Print = (line: Line) => Promise<void>;

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
        moved += await transfer(file, run, { ...options, connections, onEnding }, printLine, label);
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

/** Whether a PUT can be expected to find a file there. */
function isFile(path: string): boolean {
  return found(path)?.isFile ?? false;
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

/** Transfers one file, printing the lab's lines ("The Client"). Returns how many bytes were moved. */
async function transfer(file: string, run: Run, options: ClientOptions, print: Print, label: Label): Promise<bigint> {
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

/** The file's name at its destination. */
function destination(file: string, { as }: Task): string {
  return as === undefined ? basename(file) : as.endsWith("/") ? as + basename(file) : as;
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

/** Why a transfer failed: in the lab's words on standard output, and in ours on standard error. */
function explain(error: unknown, file: string, task: Task): Line[] {
  const isError = task.as === "-" && task.verb === "GET";
  if (error instanceof ServerError) return [{ text: `server error: ${printable(error.said)}`, isError }];
  if (error instanceof FileError) {
    const line = { text: `client error: ${printable(fileLine(error, file, task))}`, isError };
    const reason = error.reason ?? unreadName(error);
    if (!reason) return [line];
    return [line, { text: `client: ${printable(error.file)}: ${printable(reason)}`, isError: true }];
  }
  if (!(error instanceof TransferError)) throw error;
  const which = task.files.length > 1 ? `${file}: ` : "";
  return [{ text: `client: ${printable(which + describe(error, task))}`, isError: true }];
}

function unreadName({ problem, file }: FileError): string | undefined {
  // What is not UTF-8 in an argument has become U+FFFD before a program in Deno sees it.
  const isMangled = problem === "missing" && file.includes("\ufffd");
  return isMangled ? "if its name is not UTF-8, PUT - --as NAME can send it" : undefined;
}

/** The lab's text for a problem with a file, which it names as the command line does. */
function fileLine({ problem }: FileError, file: string, task: Task): string {
  const isNamed = problem === "create" && task.as !== undefined;
  return ERROR_TEXTS[problem](isNamed ? destination(file, task) : file);
}

function describe(error: TransferError, { options }: Task): string {
  const step = error.step ? ` (at step "${error.step}")` : "";
  // A TLS server answers a plain client with an alert (RFC 8446, 5.1 and 6), or closes.
  const isEarly = error.step === "a. server: READY" &&
    !(error instanceof ProtocolError && !["", "\x15", "\x16"].includes(error.received.slice(0, 1)));
  if (!isEarly) return error.message + step;
  const tls = options.tls ? "is it without TLS" : "does it use TLS (--tls)";
  return `${error.message}${step}; has the server stopped, is it busy, ${tls}, or does it refuse your address?`;
}
