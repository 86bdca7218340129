import { type Arguments, readBytes, readCommandLine, readInteger, readPem, UsageError } from "./lib/cli/arguments.ts";
import type { ServeOptions, ServerEvent } from "./lib/mod.ts";
import { writeError } from "./lib/cli/output.ts";
import { printable } from "./lib/printable.ts";
import { onEndSignal } from "./lib/cli/signals.ts";

const USAGE = `Usage: server <port> [-v] [options]

Serves the files of one folder; port 0 takes any free port, which -v shows.

Options:
  -v, --verbose       print what happens
      --root DIR      the folder that is served (default: this one)
      --host ADDR     the address to listen on (default 0.0.0.0; :: is all, IPv6 too)
      --allow-from N  the networks that clients may come from, such as 10.0.0.0/8,::1
      --read-only     refuse PUT and DEL
      --clients N     serve N clients at a time (default 1)
      --timeout S     give a client up after S seconds without a byte; 0 is never (default 30)
      --max-size N    refuse uploads of more than N bytes; 64K, 5M and 2G will do
      --fsync         say DONE only when the file is on disk
      --gather N      hand N blocks of 1024 bytes to the kernel at once (default 1)
      --cert FILE     speak TLS with this certificate chain (PEM); clients need --tls
      --key FILE      the certificate's private key (PEM)
  -h, --help          show this text
      --version       show the version

Ctrl-C lets the transfers at hand finish for 5 seconds, a second one ends them at once.
Exit status: 0 ended by a signal, 1 it could not start or a transfer was cut, 2 the
command line is wrong.
`;

const OPTIONS = {
  flags: ["verbose", "read-only", "fsync"],
  values: ["root", "host", "allow-from", "clients", "timeout", "max-size", "gather", "cert", "key"],
  alias: { v: "verbose" },
};

async function readOptions(args: Arguments): Promise<ServeOptions> {
  const [port, ...rest] = args.positional;
  if (port === undefined) throw new UsageError("expected a port");
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  const maxSize = args.value("max-size");
  const allowFrom = args.value("allow-from");
  const [cert, key] = [args.value("cert"), args.value("key")];
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("options --cert and --key go together");
  return {
    port: readInteger(port, 0, 65535, "the port"),
    root: args.value("root") ?? ".",
    hostname: args.value("host") ?? "0.0.0.0",
    clients: args.integer("clients", 1, 10_000) ?? 1,
    timeoutMs: 1000 * (args.integer("timeout", 0, 1_000_000) ?? 30),
    gather: args.integer("gather", 1, 65536) ?? 1,
    isReadOnly: args.has("read-only"),
    isDurable: args.has("fsync"),
    ...(maxSize !== undefined && { maxBytes: readBytes(maxSize, "option --max-size") }),
    ...(allowFrom !== undefined && { allowFrom: await readNetworks(allowFrom) }),
    ...(cert && key && {
      tls: { cert: readPem(cert, "CERTIFICATE", "option --cert"), key: readPem(key, "PRIVATE KEY", "option --key") },
    }),
    ...(args.has("verbose") && { onEvent: report }),
  };
}

async function readNetworks(text: string): Promise<string[]> {
  const { networkTest } = await import("./lib/net/networks.ts");
  const networks = text.split(",").map((network) => network.trim());
  try {
    await networkTest(networks);
  } catch (error) {
    throw new UsageError(`option --allow-from: ${(error as Error).message}`);
  }
  return networks;
}

function report(event: ServerEvent): void {
  try {
    print(event);
  } catch {
    // What can't be written, to a full disk or a closed pipe, is no reason to end a transfer.
  }
}

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
  // A bug of ours ends one conversation, not the server; it is told whole.
  if (!("step" in error)) return error.stack ?? error.message;
  return printable(error.message) + (error.step ? ` (at step "${error.step}")` : "");
}

async function main(): Promise<number> {
  const options = await readCommandLine({ name: "server", usage: USAGE, options: OPTIONS }, readOptions);
  if (typeof options === "number") return options;
  const { serve, TransferError } = await import("./lib/mod.ts");
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isEnding = false;
  onEndSignal(() => {
    (isEnding ? second : first).resolve();
    isEnding = true;
  });
  try {
    const server = await Promise.race([serve(options), first.promise]);
    // Nobody is served yet.
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
