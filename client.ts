import { type Arguments, readBytes, readCommandLine, readInteger, readPem, UsageError } from "./lib/cli/arguments.ts";
import type { ClientOptions, Download, TransferError } from "./lib/mod.ts";
import { reportOutputError, writeError } from "./lib/cli/output.ts";
import { onEndSignal } from "./lib/cli/signals.ts";

const USAGE = `Usage: client <address> <port> GET|PUT|DEL <filename>... [options]

  GET <filename>   fetch a file from the server into this folder
  PUT <filename>   send a file to the server
  DEL <filename>   delete a file on the server
                   (get, put and del will do)

Options:
      --as NAME       the file's name at its destination; GET --as - writes to stdout
      --verify        fetch the file once more and compare SHA-256 sums
      --limit-rate N  move at most N bytes a second; 64K and 5M will do
      --timeout S     give up after S seconds without a byte; 0 is never (default 60)
      --gather N      hand N blocks of 1024 bytes to the kernel at once (default 1)
      --tls           speak TLS; the server needs it too
      --ca FILE       trust the authorities in FILE (PEM) as well; implies --tls
  -q, --quiet         print errors only
  -h, --help          show this text
      --version       show the version

Several names are transferred one after another, over a connection each. A name that
begins with - goes behind --.
Exit status: 0 done, 1 a transfer failed, 2 the command line is wrong, 130 interrupted,
143 terminated, 129 hung up.

Examples:
  client localhost 12345 PUT photo.jpg
  client localhost 12345 GET photo.jpg --as copy.jpg --verify
  client localhost 12345 GET site.tar --as - | tar x
`;

const OPTIONS = {
  flags: ["verify", "tls", "quiet"],
  values: ["as", "limit-rate", "timeout", "gather", "ca"],
  alias: { q: "quiet" },
};

const VERBS = ["GET", "PUT", "DEL"] as const;
// Long enough to remove a draft.
const ENDING_MS = 2000;

/** What the command line asks for. */
interface Task {
  verb: typeof VERBS[number];
  files: string[];
  as: string | undefined;
  isVerified: boolean;
  isQuiet: boolean;
  options: ClientOptions;
}

function readTask(args: Arguments): Task {
  const [hostname, port, word, ...files] = args.positional;
  if (!hostname || port === undefined || word === undefined || files.length === 0 || files.includes("")) {
    throw new UsageError("expected an address, a port, a command and a file name");
  }
  const verb = VERBS.find((verb) => verb === word.toUpperCase());
  if (verb === undefined) throw new UsageError(`unknown command ${word}`, { word: word.toUpperCase(), known: VERBS });
  const as = args.value("as");
  if (as !== undefined && files.length > 1) throw new UsageError("option --as takes one file name, not several");
  if (as !== undefined && verb === "DEL") throw new UsageError("option --as does not go with DEL");
  if (as === "-" && verb === "PUT") throw new UsageError("option --as - goes with GET alone");
  if (args.has("verify") && verb === "DEL") throw new UsageError("option --verify does not go with DEL");
  const rate = args.value("limit-rate");
  const bytesPerSecond = rate === undefined ? undefined : Number(readBytes(rate, "option --limit-rate"));
  if (bytesPerSecond === 0) throw new UsageError("option --limit-rate takes at least one byte a second");
  const ca = args.value("ca");
  return {
    verb,
    files,
    as,
    isVerified: args.has("verify"),
    isQuiet: args.has("quiet"),
    options: {
      hostname,
      port: readInteger(port, 1, 65535, "the port"),
      timeoutMs: 1000 * (args.integer("timeout", 0, 1_000_000) ?? 60),
      gather: args.integer("gather", 1, 65536) ?? 1,
      tls: ca === undefined ? args.has("tls") : { caCerts: [readPem(ca, "CERTIFICATE", "option --ca")] },
      bytesPerSecond,
    },
  };
}

async function transfer(file: string, { verb, as, isVerified, isQuiet, options }: Task): Promise<void> {
  const { del, get, printable, put, remoteSum, sha256, TransferError } = await import("./lib/mod.ts");
  const { basename } = await import("./lib/files/path.ts");
  const { Meter } = await import("./lib/cli/meter.ts");
  const say = (line: string): void => {
    if (!isQuiet) print(line, as);
  };
  const metered = (line: (size: bigint) => void): ClientOptions & Disposable => {
    const address = `${printable(options.hostname)} port ${options.port}`;
    const isOn = !isQuiet && Deno.stderr.isTerminal();
    const meter = new Meter(address, { isOn, lateMs: isQuiet ? 0 : options.timeoutMs ?? 0 });
    return {
      ...options,
      onReady: () => meter.ready(),
      onStart: (size) => {
        line(size);
        if (verb !== "DEL") meter.start(size);
      },
      onProgress: (bytes) => meter.update(bytes),
      [Symbol.dispose]: () => meter[Symbol.dispose](),
    };
  };

  const shown = printable(file);
  const sum = isVerified ? await sha256() : undefined;
  const onData = sum && ((piece: Uint8Array): void => sum.update(piece));
  {
    using watched = metered((size) => {
      if (verb === "GET") say(`client receiving file ${shown} (${size} bytes)`);
      if (verb === "PUT") say(`client sending file ${shown} (${size} bytes)`);
      if (verb === "DEL") say(`client deleting file ${shown}`);
    });
    if (verb === "DEL") await del(file, watched);
    else if (verb === "PUT") await put(as ?? basename(file), { ...watched, onData, from: file });
    else if (as !== "-") await get(file, { ...watched, onData, to: as ?? basename(file) });
    else await toStdout(await get(file, { ...watched, onData }));
  }
  say("Complete");
  if (sum === undefined) return;
  const moved = sum.hex();
  let stored: string;
  {
    using watched = metered(() => {});
    stored = await remoteSum(verb === "PUT" ? as ?? basename(file) : file, watched);
  }
  if (stored !== moved) throw new TransferError(`${shown} differs: moved SHA-256 ${moved}, fetched again ${stored}`);
  if (!isQuiet) writeError(`verified SHA-256 ${moved}\n`);
}

async function toStdout({ readable }: Download): Promise<void> {
  const { writeAll } = await import("./lib/files/storage.ts");
  // Not pipeTo, which takes no notice when the last write fails.
  for await (const piece of readable) await writeAll(Deno.stdout, piece);
}

/** Prints one of the lab's lines: on standard output, unless a file's content goes there. */
function print(line: string, as: string | undefined): void {
  if (as === "-") writeError(`${line}\n`);
  else console.log(line);
}

/** Says why a transfer failed: in the lab's words on standard output, or in ours on standard error. */
async function report(error: unknown, file: string, as: string | undefined): Promise<void> {
  const { FileError, printable, ServerError, TransferError } = await import("./lib/mod.ts");
  if (error instanceof ServerError) print(`server error: ${printable(error.said)}`, as);
  else if (error instanceof FileError) {
    const { message } = new FileError(error.problem, error.problem === "create" ? as ?? file : file);
    print(`client error: ${printable(message)}`, as);
  } else if (error instanceof TransferError) writeError(`client: ${printable(describe(error))}\n`);
  else throw error;
}

function describe({ message, step }: TransferError): string {
  const hint = step?.startsWith("a.") && /closed|\\x1[56]/.test(message)
    ? "; does the server speak TLS (--tls), or not admit this address?"
    : "";
  return message + (step ? ` (at step "${step}")` : "") + hint;
}

/** Transfers file after file; how many failed. */
async function perform(task: Task): Promise<number> {
  let failed = 0;
  for (const file of task.files) {
    try {
      await transfer(file, task);
    } catch (error) {
      task.options.signal?.throwIfAborted();
      failed++;
      await report(error, file, task.as);
    }
  }
  if (failed > 0 && task.files.length > 1) {
    writeError(`client: ${task.files.length - failed} of ${task.files.length} files done\n`);
  }
  return failed;
}

async function main(): Promise<number> {
  const task = await readCommandLine({ name: "client", usage: USAGE, options: OPTIONS }, readTask);
  if (typeof task === "number") return task;
  const interrupt = new AbortController();
  onEndSignal((status) => {
    // What can't be cut short, such as a write to a pipe that nobody reads, is not waited for.
    if (interrupt.signal.aborted) Deno.exit(status);
    setTimeout(() => Deno.exit(status), ENDING_MS);
    interrupt.abort(status);
  });
  try {
    return await perform({ ...task, options: { ...task.options, signal: interrupt.signal } }) === 0 ? 0 : 1;
  } catch (error) {
    if (interrupt.signal.aborted) return interrupt.signal.reason;
    await reportOutputError("client", error);
    return 1;
  }
}

Deno.exit(await main());
