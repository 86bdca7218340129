/** The server's command line. */

import type { ServeOptions } from "../listener.ts";
import { MAX_GATHER } from "../options.ts";
import { type Arguments, type Program, readBytes, readInteger, readPem, UsageError } from "./arguments.ts";

/** The server, as its command line has it. */
export const SERVER: Program = {
  name: "server",
  usage: `Usage: server <port> [-v] [options]

Serves the files of one folder; port 0 takes any free port, which -v shows.

Examples:
  server 12345 -v
  server 12345 --root /srv/files --read-only --clients 20

Options:
  -v, --verbose       print what happens
      --trace         show each message on standard error
      --root DIR      the folder that is served (default: this one)
      --host ADDR     the address to listen on (default 0.0.0.0; :: is all,
                      IPv6 too)
      --allow-from N  the networks that clients may come from, such as
                      10.0.0.0/8,::1
      --proxy-from N  the networks of load balancers, whose PROXY protocol tells
                      the clients' own addresses
      --read-only     refuse PUT and DEL
      --clients N     serve N clients at a time (default 1)
      --grace S       when it is ended, let transfers finish for S seconds
                      (default 5; after Ctrl-C at a terminal, no limit)
      --timeout S     give a client up after S seconds without a byte; 0 is
                      never (default 30, and 120 while it takes no data)
      --max-size N    refuse uploads of more than N bytes, such as 64K or 2G
      --fsync         say DONE only when the file is on disk
      --gather N      when sending, hand N blocks of 1024 bytes to the kernel
                      at once, which is faster (default 1, and 16 with TLS)
      --cert FILE     speak TLS with this certificate chain (PEM); clients
                      need --tls
      --key FILE      the certificate's private key (PEM)
  -h, --help          show this text
      --version       show the version

After Ctrl-C or SIGTERM it takes no new client, and running transfers may finish
for as long as --grace says; a second one cuts them.
Exit status: 0 ended by a signal, 1 it could not start or a transfer was cut,
2 the command line is wrong.
`,
  misplaced: { port: "the port comes first" },
};

/** What the command line asks for. */
export interface ServeTask {
  isVerbose: boolean;
  isTraced: boolean;
  /** How long running transfers may go on when the server is ended, in seconds, if that was said. */
  graceSeconds: number | undefined;
  /** How to serve. */
  options: ServeOptions;
}

/** Reads the server's arguments. Throws a {@linkcode UsageError}. */
export async function readServeOptions(args: Arguments): Promise<ServeTask> {
  const [port, ...rest] = args.positional;
  if (port === undefined) throw new UsageError("expected a port");
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  const timeout = args.integer("timeout", 0, 1_000_000);
  const maxSize = args.value("max-size");
  const gather = args.integer("gather", 1, MAX_GATHER);
  const allowFrom = await readNetworks(args, "allow-from");
  const proxyFrom = await readNetworks(args, "proxy-from");
  const [cert, key] = [args.value("cert"), args.value("key")];
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("options --cert and --key go together");
  const options = {
    port: readInteger(port, 0, 65535, "the port"),
    root: args.value("root") ?? ".",
    hostname: args.value("host") ?? "0.0.0.0",
    clients: args.integer("clients", 1, 10_000) ?? 1,
    ...(timeout !== undefined && { timeoutMs: 1000 * timeout }),
    ...(gather !== undefined && { gather }),
    readOnly: args.has("read-only"),
    fsync: args.has("fsync"),
    ...(maxSize !== undefined && { maxBytes: readBytes(maxSize, "option --max-size") }),
    ...(allowFrom && { allowFrom }),
    ...(proxyFrom && { proxyFrom }),
    ...(cert && key && {
      tls: { cert: readPem(cert, "CERTIFICATE", "option --cert"), key: readPem(key, "PRIVATE KEY", "option --key") },
    }),
  };
  const graceSeconds = args.integer("grace", 0, 1_000_000);
  return { isVerbose: args.has("verbose"), isTraced: args.has("trace"), graceSeconds, options };
}

async function readNetworks(args: Arguments, option: string): Promise<string[] | undefined> {
  const networks = args.value(option)?.split(",").map((network) => network.trim());
  if (networks === undefined) return undefined;
  const { networkTest } = await import("../net/networks.ts");
  await networkTest(`option --${option}`, networks).catch(({ message }) => {
    throw new UsageError(message);
  });
  return networks;
}
