import { readCommandLine } from "./lib/cli/arguments.ts";
import { printer } from "./lib/cli/output.ts";
import { readServeOptions, SERVER } from "./lib/cli/server_options.ts";
import { onEndSignal } from "./lib/cli/signals.ts";
import { inSeconds, TransferError } from "./lib/errors.ts";
import type { ServeOptions, Server, ServerEvent } from "./lib/listener.ts";
import { printable } from "./lib/printable.ts";
import { within } from "./lib/within.ts";

// Enough for a reader of the output that is alive.
const FLUSH_MS = 1000;
// What a transfer of a few megabytes needs to finish, and less than service managers wait before they kill.
const GRACE_SECONDS = 5;
// How often a person who waits for transfers hears of them.
const WAIT_LINE_MS = 10_000;

/** Prints the lab's lines ("The Server"); ours go to standard error. A line that can't be written ends nothing. */
function report(event: ServerEvent): unknown {
  switch (event.type) {
    case "waiting":
      return say(`server waiting on port ${event.port}`);
    case "connected":
      return say(`server connected to client at ${event.address.hostname}:${event.address.port}`);
    case "request":
      return say(`server receiving request: ${printable(event.command)}`);
    case "receiving":
      return say(`server receiving ${event.size} bytes`);
    case "sending":
      return say(`server sending ${event.size} bytes`);
    case "deleting":
      return say(`server deleting file ${printable(event.name)}`);
    case "excluded":
      return printer.warn(`server: refused a client at ${event.address.hostname}:${event.address.port}\n`);
    case "refused":
      if (event.error.reason) printer.warn(`server: ${printable(`${event.error.message}: ${event.error.reason}`)}\n`);
      return;
    case "synced":
      return printer.warn(
        `server: ${printable(event.name)} took ${(event.ms / 1000).toFixed(1)} seconds to reach the disk\n`,
      );
    case "failed":
      return printer.warn(`server: ${describe(event.error)}\n`);
    case "recovered":
      return printer.warn("server: connections are accepted again\n");
  }
}

async function trace({ clients = 1 }: ServeOptions): Promise<Pick<ServeOptions, "onMessage">> {
  const { describe: describeMessage } = await import("./lib/cli/trace.ts");
  return {
    onMessage: (message, { hostname, port }) =>
      printer.warn(`${clients === 1 ? "" : `${hostname}:${port}  `}${describeMessage(message, "server")}\n`),
  };
}

function say(line: string): Promise<void> {
  void printer.print(`${line}\n`);
  return printer.written();
}

function describe(error: Error): string {
  // A bug ends one session, not the server, and is printed whole.
  if (!("step" in error)) return error.stack ?? error.message;
  return printable(error.message) + (error.step ? ` (at step "${error.step}")` : "");
}

/** Lets running transfers finish, and says so; a second signal cuts them. The exit status. */
async function end(server: Server, graceMs: number, second: Promise<unknown>): Promise<number> {
  second.then(() => server[Symbol.asyncDispose]());
  const ended = server.shutdown({ graceMs });
  const { bytes } = await import("./lib/cli/progress.ts");
  const sayWhatRuns = (): void => {
    if (server.active === 0) return;
    const limit = graceMs === Infinity ? "" : ` up to ${inSeconds(graceMs)}`;
    const who = server.active === 1 ? "a client" : `${server.active} clients`;
    const left = server.bytesLeft > 0n ? `, ${bytes(Number(server.bytesLeft))} left` : "";
    printer.warn(`server: waits${limit} for ${who}${left}; Ctrl-C cuts it\n`);
  };
  if (graceMs > 0) sayWhatRuns();
  if (graceMs === Infinity) setInterval(sayWhatRuns, WAIT_LINE_MS);
  return await ended === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const read = await readCommandLine(SERVER, readServeOptions);
  if (typeof read === "number") return read;
  const { serve } = await import("./lib/start.ts");
  const [first, second] = [Promise.withResolvers<Deno.Signal>(), Promise.withResolvers<Deno.Signal>()];
  let isEnding = false;
  onEndSignal((_status, signal) => {
    (isEnding ? second : first).resolve(signal);
    isEnding = true;
  });
  try {
    const { isVerbose, isTraced, graceSeconds, options } = read;
    const reports = { ...(isVerbose && { onEvent: report }), ...(isTraced && await trace(options)) };
    const server = await Promise.race([serve({ ...options, ...reports }), first.promise]);
    // Ended before it listened.
    if (typeof server === "string") return 0;
    if (
      !options.readOnly &&
      Deno.permissions.querySync({ name: "write", path: options.root ?? "." }).state !== "granted"
    ) {
      printer.warn(
        "server: no permission to write, so PUT and DEL will be refused (run it with --allow-write, or --read-only)\n",
      );
    }
    // A person who reads this can press Ctrl-C again.
    const isPerson = await first.promise === "SIGINT" && Deno.stderr.isTerminal();
    return await end(server, 1000 * (graceSeconds ?? (isPerson ? Infinity : GRACE_SECONDS)), second.promise);
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    printer.warn(`server: ${printable(error.message)}\n`);
    return 1;
  } finally {
    await within(printer.flush(), FLUSH_MS);
  }
}

Deno.exit(await main());
