import { readCommandLine } from "./lib/cli/arguments.ts";
import { CLIENT, readTask, type Task } from "./lib/cli/client_options.ts";
import { reportOutputError, writeError } from "./lib/cli/output.ts";
import { onEndSignal } from "./lib/cli/signals.ts";
import type { ClientOptions, Download, TransferError } from "./lib/mod.ts";

// Long enough to remove a draft.
const ENDING_MS = 2000;

/** Transfers one file, printing the lab's lines ("The Client"). */
async function transfer(file: string, task: Task): Promise<void> {
  const { printable, sha256 } = await import("./lib/mod.ts");
  const { Meter } = await import("./lib/cli/meter.ts");
  const sum = task.isVerified ? await sha256() : undefined;
  const shown = printable(file);
  {
    using meter = new Meter(task);
    const options = meter.watch({
      ...task.options,
      onReady: () => task.verb === "DEL" && print(`client deleting file ${shown}`, task),
      onStart: (size) =>
        print(`client ${task.verb === "GET" ? "receiving" : "sending"} file ${shown} (${size} bytes)`, task),
      onData: sum && ((piece) => sum.update(piece)),
    });
    await move(file, task, options);
  }
  print("Complete", task);
  if (sum) await verify(file, task, sum.hex());
}

async function move(file: string, { verb, as }: Task, options: ClientOptions): Promise<void> {
  const { del, get, put } = await import("./lib/mod.ts");
  const { basename } = await import("./lib/files/path.ts");
  if (verb === "DEL") await del(file, options);
  else if (verb === "PUT") await put(as ?? basename(file), { ...options, from: file });
  else if (as !== "-") await get(file, { ...options, to: as ?? basename(file) });
  else await toStdout(await get(file, options));
}

/** Fetches the file once more and compares its sum with what was moved. */
async function verify(file: string, task: Task, moved: string): Promise<void> {
  const { printable, remoteSum, TransferError } = await import("./lib/mod.ts");
  const { Meter } = await import("./lib/cli/meter.ts");
  const { basename } = await import("./lib/files/path.ts");
  const name = task.verb === "PUT" ? task.as ?? basename(file) : file;
  let stored: string;
  {
    using meter = new Meter(task);
    stored = await remoteSum(name, meter.watch(task.options));
  }
  if (stored !== moved) {
    throw new TransferError(`${printable(file)} differs: moved SHA-256 ${moved}, fetched again ${stored}`);
  }
  if (!task.isQuiet) writeError(`verified SHA-256 ${moved}\n`);
}

async function toStdout({ readable }: Download): Promise<void> {
  const { writeAll } = await import("./lib/bytes.ts");
  // Not pipeTo, which does not notice when the last write fails.
  for await (const piece of readable) await writeAll(Deno.stdout, piece);
}

/** Prints one of the lab's lines: on standard output, unless a file's content goes there. */
function print(line: string, { as, isQuiet }: Pick<Task, "as" | "isQuiet">): void {
  if (isQuiet) return;
  if (as === "-") writeError(`${line}\n`);
  else console.log(line);
}

/** Says why a transfer failed: in the lab's words on standard output, or in ours on standard error. */
async function report(error: unknown, file: string, { as }: Task): Promise<void> {
  const { FileError, printable, ServerError, TransferError } = await import("./lib/mod.ts");
  const { ERROR_TEXTS } = await import("./lib/protocol.ts");
  // Errors are printed with --quiet too.
  const say = (line: string): void => print(line, { as, isQuiet: false });
  if (error instanceof ServerError) say(`server error: ${printable(error.said)}`);
  else if (error instanceof FileError) {
    const name = error.problem === "create" ? as ?? file : file;
    say(`client error: ${printable(ERROR_TEXTS[error.problem](name))}`);
  } else if (error instanceof TransferError) writeError(`client: ${printable(await describe(error))}\n`);
  else throw error;
}

async function describe(error: TransferError): Promise<string> {
  const { ProtocolError } = await import("./lib/mod.ts");
  // A TLS server answers a plain client with an alert (RFC 8446, 5.1 and 6), or closes.
  const isTls = error instanceof ProtocolError && error.expected === "READY" &&
    ["", "\x15", "\x16"].includes(error.received.slice(0, 1));
  return error.message + (error.step ? ` (at step "${error.step}")` : "") +
    (isTls ? "; does the server speak TLS (--tls), or not admit this address?" : "");
}

/** Transfers file after file; returns how many failed. */
async function perform(task: Task): Promise<number> {
  let failed = 0;
  for (const file of task.files) {
    try {
      await transfer(file, task);
    } catch (error) {
      task.options.signal?.throwIfAborted();
      failed++;
      await report(error, file, task);
    }
  }
  if (failed > 0 && task.files.length > 1) {
    writeError(`client: ${task.files.length - failed} of ${task.files.length} files done\n`);
  }
  return failed;
}

async function main(): Promise<number> {
  const task = await readCommandLine(CLIENT, readTask);
  if (typeof task === "number") return task;
  const interrupt = new AbortController();
  let endStatus: number | undefined;
  onEndSignal((status) => {
    if (endStatus !== undefined) Deno.exit(status);
    endStatus = status;
    // Some waits can't be cut, such as a write to a pipe that nobody reads.
    setTimeout(() => Deno.exit(status), ENDING_MS);
    interrupt.abort();
  });
  try {
    const failed = await perform({ ...task, options: { ...task.options, signal: interrupt.signal } });
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (endStatus !== undefined) return endStatus;
    await reportOutputError("client", error);
    return 1;
  }
}

Deno.exit(await main());
