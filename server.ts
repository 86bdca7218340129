import { readCommandLine } from "./lib/cli/arguments.ts";
import { writeError } from "./lib/cli/output.ts";
import { readServeOptions, SERVER } from "./lib/cli/server_options.ts";
import { onEndSignal } from "./lib/cli/signals.ts";
import type { ServerEvent } from "./lib/mod.ts";
import { printable } from "./lib/printable.ts";

function report(event: ServerEvent): void {
  try {
    print(event);
  } catch {
    // A full disk or a closed pipe must not end a transfer.
  }
}

/** Prints the lab's lines ("The Server"); ours go to standard error. */
function print(event: ServerEvent): void {
  switch (event.type) {
    case "waiting":
      return console.log(`server waiting on port ${event.port}`);
    case "connected":
      return console.log(`server connected to client at ${event.address.hostname}:${event.address.port}`);
    case "request":
      return console.log(`server receiving request: ${printable(event.command)}`);
    case "receiving":
      return console.log(`server receiving ${event.size} bytes`);
    case "sending":
      return console.log(`server sending ${event.size} bytes`);
    case "deleting":
      return console.log(`server deleting file ${printable(event.name)}`);
    case "refused":
      return console.error(`server: refused a client at ${event.address.hostname}:${event.address.port}`);
    case "failed":
      return console.error(`server: ${describe(event.error)}`);
  }
}

function describe(error: Error): string {
  // A bug ends one session, not the server, and is printed whole.
  if (!("step" in error)) return error.stack ?? error.message;
  return printable(error.message) + (error.step ? ` (at step "${error.step}")` : "");
}

async function main(): Promise<number> {
  const read = await readCommandLine(SERVER, readServeOptions);
  if (typeof read === "number") return read;
  const { serve, TransferError } = await import("./lib/mod.ts");
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isEnding = false;
  onEndSignal(() => {
    (isEnding ? second : first).resolve();
    isEnding = true;
  });
  try {
    const options = { ...read.options, ...(read.isVerbose && { onEvent: report }) };
    const server = await Promise.race([serve(options), first.promise]);
    // Ended while the folder was still being swept.
    if (!server) return 0;
    await first.promise;
    second.promise.then(() => server[Symbol.asyncDispose]());
    return await server.shutdown() === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    writeError(`server: ${printable(error.message)}\n`);
    return 1;
  }
}

Deno.exit(await main());
