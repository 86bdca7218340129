/** A run of the client's: file after file, each with the lab's lines ("The Client"). */

import { writeAll } from "../bytes.ts";
import { type ClientOptions, del, put, receive } from "../client.ts";
import { withdrawals } from "../dial.ts";
import { FileError, isSystemError, ProtocolError, ServerError, systemReason, TransferError } from "../errors.ts";
import { basename, dirname } from "../files/path.ts";
import type { Spool } from "../files/spool.ts";
import { found, type Target, Written } from "../files/storage.ts";
import { sweep } from "../files/sweep.ts";
import { openTarget } from "../files/target.ts";
import { printable } from "../printable.ts";
import { ERROR_TEXTS } from "../protocol.ts";
import { fileSum, remoteSum, sha256 } from "../sha256.ts";
import { RateLimit } from "../transfer.ts";
import { within } from "../within.ts";
import { quoted, type Task } from "./client_options.ts";
import { printer } from "./output.ts";
import { bytes, Progress } from "./progress.ts";

// The lines of many small files share their writes; nobody sees so short a delay.
const GATHER_MS = 5;
// A large folder must not keep the user waiting: the next run sweeps what this one leaves.
const SWEEP_MS = 200;

// Its reader may take as long as it likes, as a person with a pager does.
const STDOUT: Target = {
  write: async (piece) => {
    try {
      await writeAll(Deno.stdout, piece);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.WouldBlock)) throw cause;
      // Deno has taken a part of the piece, and does not say how much.
      const reason = "standard output is full, and another program has made it non-blocking; | cat makes it wait";
      throw new TransferError(reason, { cause });
    }
  },
  commit: () => Promise.resolve(),
};

/** Prints a line: one of the lab's on standard output, or one of ours on standard error. */
type Print = (text: string, isError?: boolean) => Promise<void>;

/**
 * Transfers file after file; returns how many failed. Throws the signal's reason once that is aborted, and the system's
 * error when standard output can't be written.
 */
export async function perform(task: Task): Promise<number> {
  const { files, verb } = task;
  const { bytesPerSecond, signal } = task.options;
  // One limit for all, and one record of what was written.
  const limit = typeof bytesPerSecond === "number" ? new RateLimit(bytesPerSecond, task.parallel) : bytesPerSecond;
  const shared = { ...task, options: { ...task.options, bytesPerSecond: limit, written: new Written() } };
  const start = performance.now();
  let failed = 0;
  let isFirst = true;
  if (files.length > 1) printer.gatherMs = GATHER_MS;
  using progress = new Progress(task);
  const print: Print = async (text, isError) => {
    progress.hide();
    if (isError) return printer.warn(`${text}\n`);
    await printer.print(`${text}\n`);
    // Where nothing can be printed, nothing is transferred either.
    if (isFirst) await printer.settled();
    isFirst = false;
    if (printer.error) throw printer.error;
  };
  const ending = new AbortController();
  const swept = verb === "GET" && !isToStdout(task)
    ? sweep(dirname(destination(files[0]!, task)), { recursive: false, signal: ending.signal })
    : undefined;
  const queue = files.entries();
  // With several transfers under way, the lines of each are printed together.
  const gathered = new Set<Parameters<Print>[]>();
  const printGathered = async (lines: Parameters<Print>[]): Promise<void> => {
    // After a signal they may have been printed before their worker ends.
    if (!gathered.delete(lines)) return;
    await Promise.all(lines.map((line) => print(...line)));
  };
  // Looked up once.
  const onConnect = (address: string): void => void (shared.options.address = address);
  const work = async (): Promise<void> => {
    for (const [index, file] of queue) {
      // No line of the lab's is lost, however long nobody reads; no server waits meanwhile.
      if (printer.isBehind) await printer.flush();
      const lines: Parameters<Print>[] = [];
      gathered.add(lines);
      const printLine: Print = task.parallel === 1 ? print : (...line) => Promise.resolve(void lines.push(line));
      try {
        const options = { ...shared.options, onConnect };
        progress.fileDone(await transfer(file, { ...shared, options }, progress, index, printLine));
      } catch (error) {
        signal?.throwIfAborted();
        failed++;
        await explain(error, file, task, printLine);
      } finally {
        await printGathered(lines);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(task.parallel, files.length) }, work));
  } finally {
    // After a signal, what one has done while another ended.
    await Promise.all(Array.from(gathered, printGathered));
  }
  await printer.flush();
  if (printer.error) throw printer.error;
  {
    using _ = progress.begin({ wait: "waiting until the server has seen that one connection was enough" });
    await withdrawals();
  }
  if (swept) await within(swept, Math.max(SWEEP_MS - (performance.now() - start), 0));
  ending.abort();
  if (failed > 0 && files.length > 1) {
    await print(`client: ${files.length - failed} of ${files.length} files done`, true);
  }
  const summary = progress.summary();
  if (summary && !task.isQuiet) await print(summary, true);
  return failed;
}

/** The file's name at its destination. */
function destination(file: string, { as }: Task): string {
  return as === undefined ? basename(file) : as.endsWith("/") ? as + basename(file) : as;
}

/** Whether files' content goes to standard output, and all else to standard error. */
function isToStdout({ verb, as }: Task): boolean {
  return verb === "GET" && as === "-";
}

/** Transfers one file, printing the lab's lines ("The Client"). Returns how many bytes were moved. */
async function transfer(file: string, task: Task, progress: Progress, index: number, print: Print): Promise<bigint> {
  const { verb } = task;
  const to = destination(file, task);
  const shown = printable(verb === "PUT" && file === "-" ? to : file);
  const line = `client ${{ GET: "receiving", PUT: "sending", DEL: "deleting" }[verb]} file ${shown}`;
  const isOut = isToStdout(task);
  const say = async (text: string): Promise<void> => task.isQuiet ? undefined : await print(text, isOut);
  const options = task.isTraced ? await traced(task, task.parallel > 1 ? `${shown}  ` : "", print) : task.options;
  const sum = task.isVerified ? await sha256() : undefined;
  let size = 0n;
  using stream = verb === "PUT" ? await openStream(file, options, progress) : undefined;
  // A file that can't be created is an error before the server is asked.
  await using target = verb === "GET" && !isOut ? await openTarget(to, options) : undefined;
  {
    using watched = progress.watch({
      ...options,
      onReady: () => verb === "DEL" ? say(line) : undefined,
      onStart: (bytes) => {
        size = bytes;
        return say(`${line} (${bytes} bytes)`);
      },
      onData: sum && ((piece) => sum.update(piece)),
    }, () => progress.label(index));
    if (verb === "DEL") await del(file, watched);
    else if (verb === "PUT") {
      await put(to, { ...watched, ...(stream ? { from: stream.readable, size: stream.size } : { from: file }) });
    } else await receive(file, watched, target ?? STDOUT);
  }
  const moved = sum?.hex();
  const verify = async (): Promise<void> => {
    using watched = progress.watch(options, () => `${progress.label(index)}verifying `);
    compare("moved", moved!, await remoteSum(verb === "PUT" ? to : file, watched));
  };
  // While the old file still stands.
  if (moved !== undefined && target) await verify();
  await target?.commit(options);
  await say("Complete");
  if (moved === undefined) return size;
  if (!target) await verify();
  else compare("on disk", await fileSum(to) ?? moved, moved);
  if (!task.isQuiet) await print(`verified SHA-256 ${moved}`, true);
  return size;
}

function compare(what: string, here: string, there: string): void {
  if (there !== here) throw new TransferError(`the file differs: ${what} SHA-256 ${here}, fetched again ${there}`);
}

async function traced({ options }: Task, label: string, print: Print): Promise<Task["options"]> {
  const { describe } = await import("./trace.ts");
  return { ...options, onMessage: (message) => void print(label + describe(message, "client"), true) };
}

/** What PUT sends where that is standard input, or a pipe with a name: all of it, read to its end. */
async function openStream(
  file: string,
  { signal }: ClientOptions,
  progress: Progress,
): Promise<Spool | undefined> {
  const info = file === "-" ? undefined : found(file);
  // Other devices may have no end.
  if (file !== "-" && !info?.isFifo) return undefined;
  // Like the trace, loaded only where it is needed: it would cost every start two milliseconds.
  const { spool } = await import("../files/spool.ts");
  using reading = progress.begin({ wait: "reading" });
  const onProgress = (count: bigint): string => reading.wait = `reading: ${bytes(Number(count))}`;
  const options = { name: file === "-" ? "standard input" : file, onProgress, signal: signal! };
  // A file behind it may have been read in part, or grow: only its end tells its size.
  if (file === "-") {
    if (Deno.stdin.isTerminal()) printer.warn("client: reads the keyboard until Ctrl-D\n");
    return await spool(Deno.stdin.readable, options);
  }
  try {
    return await spool((await Deno.open(file)).readable, options);
  } catch (cause) {
    throw isSystemError(cause) ? new FileError("missing", file, { reason: systemReason(cause) }) : cause;
  }
}

/** Prints why a transfer failed: in the lab's words on standard output, and in ours on standard error. */
async function explain(error: unknown, file: string, task: Task, print: Print): Promise<void> {
  const isOut = isToStdout(task);
  if (error instanceof ServerError) return await print(`server error: ${printable(error.said)}`, isOut);
  if (error instanceof FileError) {
    // The file's name as the command line has it.
    const name = error.problem === "create" && task.as !== undefined ? destination(file, task) : file;
    await print(`client error: ${printable(ERROR_TEXTS[error.problem](name))}`, isOut);
    // What is not UTF-8 in an argument has become U+FFFD before a program in Deno sees it.
    const isMangled = error.problem === "missing" && error.file.includes("\ufffd");
    const reason = error.reason ?? (isMangled ? "if its name is not UTF-8, PUT - --as NAME can send it" : undefined);
    const isFolder = task.verb === "PUT" && reason === "that is a folder";
    // Of . or / the name says nothing, and - begins an option.
    const archive = quoted(`${basename(file).replace(/^[./\\]*$/, "folder").replace(/^-/, "./-")}.tar`);
    const folder = quoted(file.replace(/^-/, "./-"));
    const advice = isFolder ? `; tar c ${folder} | client ... PUT - --as ${archive} sends what is in it` : "";
    if (reason) await print(`client: ${printable(error.file)}: ${printable(reason + advice)}`, true);
    return;
  }
  if (!(error instanceof TransferError)) throw error;
  const which = task.files.length > 1 ? `${file}: ` : "";
  await print(`client: ${printable(which + error.message + hint(error, task))}`, true);
}

/** At which step a transfer failed and, at its beginning, what may be the cause. */
function hint(error: TransferError, { options }: Task): string {
  const step = error.step ? ` (at step "${error.step}")` : "";
  // A TLS server answers a plain client with an alert (RFC 8446, 5.1 and 6), or closes.
  const isEarly = error.step === "a. server: READY" &&
    !(error instanceof ProtocolError && !["", "\x15", "\x16"].includes(error.received.slice(0, 1)));
  if (!isEarly) return step;
  const tls = options.tls ? "is it without TLS" : "does it use TLS (--tls)";
  return `${step}; has the server stopped, is it busy, ${tls}, or does it refuse your address?`;
}
