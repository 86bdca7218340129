import { type Arguments, readArguments, readInteger, UsageError } from "./lib/arguments.ts";
import { printable, serve, type ServeOptions, type Server, type ServerEvent } from "./lib/mod.ts";

const USAGE = `Usage: server <port> [-v] [options]

Serves the files of one folder; port 0 takes any free port, which -v shows.

Options:
  -v, --verbose     print what happens
      --root DIR    the folder that is served (default: this one)
      --timeout S   give a client up after S seconds without a byte; 0 is never (default 30)
      --gather N    hand N blocks of 1024 bytes to the kernel at once (default 1)
  -h, --help        show this text

Exit status: 0 ended by a signal, 1 it could not start, 2 the command line is wrong.
`;

function readOptions(args: Arguments): ServeOptions {
  const [port, ...rest] = args.positional;
  if (port === undefined) throw new UsageError("expected a port");
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  return {
    port: readInteger(port, 0, 65535, "the port"),
    root: args.value("root") ?? ".",
    timeoutMs: 1000 * (args.integer("timeout", 0, 1_000_000) ?? 30),
    gather: args.integer("gather", 1, 65536) ?? 1,
    ...(args.has("verbose") && { onEvent: print }),
  };
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
    case "failed":
      return console.error(`server: ${printable(event.error.message)}`);
  }
}

async function main(): Promise<number> {
  let options: ServeOptions;
  try {
    const args = readArguments(Deno.args, {
      flags: ["verbose", "help"],
      values: ["root", "timeout", "gather"],
      alias: { v: "verbose", h: "help" },
    });
    if (args.has("help")) {
      console.log(USAGE.trimEnd());
      return 0;
    }
    options = readOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`server: ${printable(error.message)}; --help shows the usage`);
    return 2;
  }
  let server: Server;
  try {
    server = await serve(options);
  } catch (error) {
    console.error(`server: cannot start: ${printable((error as Error).message)}`);
    return 1;
  }
  await server.finished;
  return 0;
}

Deno.exit(await main());
