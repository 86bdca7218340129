/** The client's transfers, one file after another, with the lab's lines ("The Client"). */

import { basename } from "../files/path.ts";
import {
  type ClientOptions,
  del,
  type Download,
  FileError,
  get,
  printable,
  ProtocolError,
  put,
  remoteSum,
  ServerError,
  sha256,
  TransferError,
} from "../mod.ts";
import { ERROR_TEXTS } from "../protocol.ts";
import type { Task } from "./client_options.ts";
import { Meter } from "./meter.ts";
import { stdout, writeError, writeOutput, writeWaiting } from "./output.ts";
import { bytes } from "./progress.ts";

/**
 * Transfers file after file; returns how many failed. Throws the signal's reason once that is aborted, and the system's
 * error when standard output can't be written.
 */
export async function perform(asked: Task): Promise<number> {
  const task = asked.isTraced ? await traced(asked) : asked;
  const { files } = task;
  const start = performance.now();
  let failed = 0;
  let moved = 0n;
  for (const [index, file] of files.entries()) {
    try {
      moved += await transfer(file, task, files.length > 1 ? place(index, files.length, moved) : "");
    } catch (error) {
      task.options.signal?.throwIfAborted();
      failed++;
      await report(error, file, task);
    }
  }
  if (failed > 0 && files.length > 1) writeError(`client: ${files.length - failed} of ${files.length} files done\n`);
  if (moved > 0n && !task.isQuiet && Deno.stderr.isTerminal()) {
    const seconds = (performance.now() - start) / 1000;
    writeError(`${bytes(Number(moved))} in ${seconds.toFixed(1)} s, ${bytes(Number(moved) / seconds)}/s\n`);
  }
  return failed;
}

async function traced(task: Task): Promise<Task> {
  const { printMessage } = await import("./trace.ts");
  return { ...task, options: { ...task.options, onMessage: (message) => printMessage(message, "client") } };
}

/** What stands before the bar of one file of several: which it is, and how much the ones before it had. */
function place(index: number, count: number, moved: bigint): string {
  return `${index + 1}/${count} ${moved > 0n ? `${bytes(Number(moved))} + ` : ""}`;
}

/** Transfers one file, printing the lab's lines ("The Client"). Returns how many bytes were moved. */
async function transfer(file: string, task: Task, label: string): Promise<bigint> {
  const { verb } = task;
  const sum = task.isVerified ? await sha256() : undefined;
  const shown = printable(verb === "PUT" && file === "-" ? task.as! : file);
  const line = { GET: "receiving", PUT: "sending", DEL: "deleting" }[verb];
  let size = 0n;
  {
    using meter = new Meter(task, label);
    const options: ClientOptions = {
      ...task.options,
      onReady: verb === "DEL" ? () => print(`client ${line} file ${shown}`, task) : () => {},
      onStart: (bytes) => {
        size = bytes;
        return print(`client ${line} file ${shown} (${bytes} bytes)`, task);
      },
      onData: sum && ((piece) => sum.update(piece)),
    };
    await move(file, task, options, meter);
  }
  await print("Complete", task);
  if (sum) await verify(file, task, sum.hex(), label);
  return size;
}

/** The file's name at its destination. */
function destination(file: string, { as }: Task): string {
  return as === undefined ? basename(file) : as.endsWith("/") ? as + basename(file) : as;
}

async function move(
  file: string,
  task: Task,
  options: ClientOptions,
  meter: Meter,
): Promise<void> {
  const { verb } = task;
  if (verb === "DEL") return await del(file, meter.watch(options));
  if (verb === "GET" && task.as === "-") return await toStdout(await get(file, meter.watch(options)));
  const to = destination(file, task);
  if (verb === "GET") return await get(file, { ...meter.watch(options), to, isNew: task.isNoClobber });
  // Like the trace, loaded only where it is needed: it would cost every start two milliseconds.
  const { openStream } = await import("./source.ts");
  const name = file === "-" ? "standard input" : file;
  const onProgress = (bytes: bigint): void => meter.reading(bytes);
  using stream = await openStream(file, { name, onProgress, signal: options.signal! });
  const { readable: from, size } = stream ?? {};
  const watched = meter.watch(options);
  await put(to, from && size !== undefined ? { ...watched, from, size } : { ...watched, from: file });
}

/** Fetches the file once more and compares its sum with what was moved. */
async function verify(file: string, task: Task, moved: string, label: string): Promise<void> {
  const name = task.verb === "PUT" ? destination(file, task) : file;
  let stored: string;
  {
    using meter = new Meter(task, `${label}verifying `);
    stored = await remoteSum(name, meter.watch(task.options));
  }
  if (stored !== moved) {
    throw new TransferError(`${printable(file)} differs: moved SHA-256 ${moved}, fetched again ${stored}`);
  }
  if (!task.isQuiet) writeError(`verified SHA-256 ${moved}\n`);
}

async function toStdout({ readable }: Download): Promise<void> {
  // Not pipeTo, which does not notice when the last write fails.
  for await (const piece of readable) await writeWaiting(Deno.stdout, piece);
}

/** Prints one of the lab's lines: on standard output, unless a file's content goes there. */
async function print(line: string, { as, isQuiet, verb }: Pick<Task, "as" | "isQuiet" | "verb">): Promise<void> {
  if (isQuiet) return;
  if (as === "-" && verb === "GET") return writeError(`${line}\n`);
  await writeOutput(`${line}\n`);
  if (stdout.error) throw stdout.error;
}

/** Says why a transfer failed: in the lab's words on standard output, or in ours on standard error. */
async function report(error: unknown, file: string, task: Task): Promise<void> {
  // Errors are printed with --quiet too.
  const say = (line: string): Promise<void> => print(line, { ...task, isQuiet: false });
  if (error instanceof ServerError) await say(`server error: ${printable(error.said)}`);
  else if (error instanceof FileError) {
    await say(`client error: ${printable(fileLine(error, file, task))}`);
    const reason = error.reason ?? unreadName(error);
    if (reason) writeError(`client: ${printable(error.file)}: ${printable(reason)}\n`);
  } else if (error instanceof TransferError) {
    const which = task.files.length > 1 ? `${file}: ` : "";
    writeError(`client: ${printable(which + describe(error))}\n`);
  } else throw error;
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

function describe(error: TransferError): string {
  // A TLS server answers a plain client with an alert (RFC 8446, 5.1 and 6), or closes.
  const isTls = error instanceof ProtocolError && error.expected === "READY" &&
    ["", "\x15", "\x16"].includes(error.received.slice(0, 1));
  return error.message + (error.step ? ` (at step "${error.step}")` : "") +
    (isTls ? "; was the server ended, does it speak TLS (--tls), or does it not admit this address?" : "");
}
