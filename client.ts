// @ts-types="./lib/types/path.d.ts"
import { basename } from "@std/path/basename";
import { type Arguments, readArguments, readInteger, UsageError } from "./lib/arguments.ts";
import { del, FileError, get, printable, put, ServerError, TransferError } from "./lib/mod.ts";

const USAGE = `Usage: client <address> <port> GET|PUT|DEL <filename> [options]

  GET <filename>   fetch a file from the server into this folder
  PUT <filename>   send a file to the server
  DEL <filename>   delete a file on the server

Options:
      --timeout S   give up after S seconds without a byte; 0 is never (default 60)
      --gather N    hand N blocks of 1024 bytes to the kernel at once (default 1)
  -h, --help        show this text

Exit status: 0 done, 1 the transfer failed, 2 the command line is wrong.
`;

/** What the command line asks for. */
interface Task {
  hostname: string;
  port: number;
  verb: "GET" | "PUT" | "DEL";
  file: string;
  timeoutMs: number;
  gather: number;
}

function readTask(args: Arguments): Task {
  const [hostname, port, verb, file, ...rest] = args.positional;
  if (hostname === undefined || port === undefined || verb === undefined || file === undefined) {
    throw new UsageError("expected an address, a port, a command and a file name");
  }
  if (rest.length > 0) throw new UsageError(`expected one file name, not ${1 + rest.length}`);
  const upper = verb.toUpperCase();
  if (upper !== "GET" && upper !== "PUT" && upper !== "DEL") {
    throw new UsageError(`unknown command "${verb}": expected GET, PUT or DEL`);
  }
  if (hostname === "" || file === "") throw new UsageError("an address and a file name can't be empty");
  return {
    hostname,
    port: readInteger(port, 1, 65535, "the port"),
    verb: upper,
    file,
    timeoutMs: 1000 * (args.integer("timeout", 0, 1_000_000) ?? 60),
    gather: args.integer("gather", 1, 65536) ?? 1,
  };
}

async function perform({ verb, file, ...task }: Task, signal: AbortSignal): Promise<void> {
  const name = basename(file);
  const shown = printable(file);
  switch (verb) {
    case "GET":
      await get(file, {
        ...task,
        signal,
        to: name,
        onStart: (size) => console.log(`client receiving file ${shown} (${size} bytes)`),
      });
      break;
    case "PUT":
      await put(name, {
        ...task,
        signal,
        from: file,
        onStart: (size) => console.log(`client sending file ${shown} (${size} bytes)`),
      });
      break;
    case "DEL":
      await del(file, { ...task, signal, onStart: () => console.log(`client deleting file ${shown}`) });
  }
  console.log("Complete");
}

function report(error: unknown, file: string): void {
  if (error instanceof ServerError) console.log(`server error: ${printable(error.said)}`);
  else if (error instanceof FileError) console.log(`client error: ${printable(FileError.text(error.problem, file))}`);
  else if (error instanceof TransferError) {
    console.error(`client: ${error.message}${error.step ? ` (at step "${error.step}")` : ""}`);
  } else throw error;
}

async function main(): Promise<number> {
  let task: Task;
  try {
    const args = readArguments(Deno.args, { flags: ["help"], values: ["timeout", "gather"], alias: { h: "help" } });
    if (args.has("help")) {
      console.log(USAGE.trimEnd());
      return 0;
    }
    task = readTask(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`client: ${printable(error.message)}; --help shows the usage`);
    return 2;
  }
  const interrupt = new AbortController();
  // 128 and the signal's number, as a shell reports it.
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  for (const [name, status] of Object.entries(signals)) {
    if (Deno.build.os === "windows" && name === "SIGTERM") continue;
    Deno.addSignalListener(name as Deno.Signal, () => interrupt.abort(status));
  }
  try {
    await perform(task, interrupt.signal);
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) return interrupt.signal.reason;
    report(error, task.file);
    return 1;
  }
}

Deno.exit(await main());
