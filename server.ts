import { readCommandLine } from "./lib/cli/arguments.ts";
import { printer } from "./lib/cli/output.ts";
import { readServeOptions, SERVER } from "./lib/cli/server_options.ts";
import { onEndSignal } from "./lib/cli/signals.ts";
import { inSeconds, TransferError } from "./lib/errors.ts";
import type { ServeOptions, Server, ServerEvent } from "./lib/listener.ts";
import { printable } from "./lib/printable.ts";
import { within } from "./lib/within.ts";

// What a transfer of a few megabytes needs to finish, and less than service managers wait before they kill.
const GRACE_SECONDS = 5;
// A wait that is shorter needs no line: what has just been done comes to its end.
const MOMENT_MS = 200;
// How often a person who waits for transfers hears of them.
const WAIT_LINE_MS = 10_000;

/** Prints the lab's lines ("The Server"); ours go to standard error. A line that can't be written ends nothing. */
function report(event: ServerEvent): unknown {
  switch (event.type) {
    case "waiting":
      return say(`waiting on port ${event.port}`);
    case "connected":
      return say(`connected to client at ${shown(event.address)}`);
    case "request":
      return say(`receiving request: ${printable(event.command)}`);
    case "receiving":
    case "sending":
      return say(`${event.type} ${event.size} bytes`);
    case "deleting":
      return say(`deleting file ${printable(event.name)}`);
    case "excluded":
      return warn(`refused a client at ${shown(event.address)}, which --allow-from leaves out`);
    case "refused":
      return event.error.reason && warn(printable(`${event.error.message}: ${event.error.reason}`));
    case "synced":
      return warn(`${printable(event.name)} took ${(event.ms / 1000).toFixed(1)} seconds to reach the disk`);
    case "failed":
      return warn((event.address ? `${shown(event.address)}: ` : "") + describe(event.error));
    case "recovered":
      return warn("connections are accepted again");
  }
}

function shown({ hostname, port }: Deno.NetAddr): string {
  return `${hostname}:${port}`;
}

function say(line: string): Promise<void> {
  void printer.print(`server ${line}\n`);
  return printer.written();
}

function warn(line: string): void {
  printer.warn(`server: ${line}\n`);
}

function describe(error: Error): string {
  // A bug ends one session, not the server, and is printed whole.
  if (!("step" in error)) return error.stack ?? error.message;
  return printable(error.message) + (error.step ? ` (at step "${error.step}")` : "");
}

async function trace({ clients = 1 }: ServeOptions): Promise<Pick<ServeOptions, "onMessage">> {
  const { describe } = await import("./lib/cli/trace.ts");
  return {
    onMessage: (message, address) =>
      printer.warn(`${clients === 1 ? "" : `${shown(address)}  `}${describe(message, "server")}\n`),
  };
}

/** Lets running transfers finish, and says so; a second signal cuts them. The exit status. */
async function end(server: Server, graceMs: number): Promise<number> {
  const ended = server.shutdown({ graceMs });
  const { bytes } = await import("./lib/cli/progress.ts");
  const sayWhatRuns = (): void => {
    if (server.active === 0) return;
    const limit = graceMs === Infinity ? "" : ` up to ${inSeconds(graceMs)}`;
    const who = server.active === 1 ? "a client" : `${server.active} clients`;
    const left = server.bytesLeft > 0n ? `, ${bytes(Number(server.bytesLeft))} left` : "";
    warn(`waits${limit} for ${who}${left}; ${Deno.stderr.isTerminal() ? "Ctrl-C" : "a second signal"} cuts it`);
  };
  if (graceMs > 0 && await within(ended, MOMENT_MS) === undefined) sayWhatRuns();
  if (graceMs === Infinity) setInterval(sayWhatRuns, WAIT_LINE_MS);
  return await ended === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const read = await readCommandLine(SERVER, readServeOptions);
  if (typeof read === "number") return read;
  const { isVerbose, isTraced, graceSeconds, options } = read;
  const { serve } = await import("./lib/start.ts");
  const first = Promise.withResolvers<Deno.Signal>();
  const cut = new AbortController();
  let isEnding = false;
  onEndSignal((_status, signal) => {
    if (isEnding) cut.abort();
    isEnding = true;
    first.resolve(signal);
  });
  try {
    const reports = { ...(isVerbose && { onEvent: report }), ...(isTraced && await trace(options)) };
    const server = await Promise.race([serve({ ...options, ...reports, signal: cut.signal }), first.promise]);
    // Ended before it listened.
    if (typeof server === "string") return 0;
    const { state } = Deno.permissions.querySync({ name: "write", path: options.root ?? "." });
    if (!options.readOnly && state !== "granted") {
      warn("no permission to write, so PUT and DEL will be refused (run it with --allow-write, or --read-only)");
    }
    // A person who reads this can press Ctrl-C again.
    const isPerson = await first.promise === "SIGINT" && Deno.stderr.isTerminal();
    return await end(server, 1000 * (graceSeconds ?? (isPerson ? Infinity : GRACE_SECONDS)));
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    warn(printable(error.message));
    return 1;
  } finally {
    await printer.settled();
  }
}

Deno.exit(await main());
