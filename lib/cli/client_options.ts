/** The client's command line. */

import type { GetOptions } from "../client.ts";
import { MAX_GATHER } from "../options.ts";
import { type Verb, VERBS } from "../protocol.ts";
import { type Arguments, type Program, readBytes, readInteger, readPem, UsageError } from "./arguments.ts";

/** The client, as its command line has it. */
export const CLIENT: Program = {
  name: "client",
  usage: `Usage: client <address> <port> GET|PUT|DEL <filename>... [options]

  GET <filename>   fetch a file from the server into this folder
  PUT <filename>   send a file to the server; PUT - sends standard input
  DEL <filename>   delete a file on the server

Examples:
  client localhost 12345 PUT photo.jpg
  client localhost 12345 GET photo.jpg --as copy.jpg --verify
  client localhost 12345 GET site.tar --as - | tar x
  tar c photos | client localhost 12345 PUT - --as photos.tar

Options:
  -o, --as NAME       the file's name or path at its destination; NAME/ is a
                      folder, and GET --as - writes to standard output
      --no-clobber    GET replaces no file
      --verify        fetch the file once more and compare SHA-256 sums
      --fsync         GET says Complete only when the file is on disk
      --limit-rate N  move at most N bytes a second, such as 64K or 5M
      --parallel N    keep N transfers under way (default 1)
      --wait S        wait at most S seconds for READY (default 0, no limit)
      --timeout S     give up after S seconds without a byte; 0 is never
                      (default 60)
      --gather N      when sending, hand N blocks of 1024 bytes to the kernel
                      at once, which is faster (default 1, and 16 with TLS)
      --tls           speak TLS; the server needs it too
      --ca FILE       trust the authorities in FILE (PEM) too; implies --tls
      --trace         show each message on standard error
  -q, --quiet         print errors only
  -h, --help          show this text
      --version       show the version

Several files are transferred one after another, over a connection each;
--parallel needs a server with --clients. A name that starts with - comes
after --.
Exit status: 0 done, 1 a transfer failed, 2 the command line is wrong,
130 interrupted, 143 terminated, 129 hung up.
`,
  misplaced: { port: "the port comes after the address", host: "the address comes first" },
};

/** What the command line asks for. */
export interface Task {
  verb: Verb;
  /** The files, in order. */
  files: string[];
  /** The file's name at its destination; `-` is standard output, and a name that ends with `/` a folder. */
  as: string | undefined;
  /** How many transfers are under way at a time. */
  parallel: number;
  isVerified: boolean;
  isTraced: boolean;
  isQuiet: boolean;
  /** Which server, and how to talk to it. */
  options: Omit<GetOptions, "to">;
}

// More gain nothing, and each takes a descriptor or two, of which a process has 1,024 by default.
const MAX_PARALLEL = 256;
const SEPARATOR = Deno.build.os === "windows" ? /[\\/]/ : "/";
// Standard input, and a pipe as the shell passes it for <(command).
const UNNAMED = /^(-|\/dev\/stdin|\/(dev|proc\/self)\/fd\/\d+)$/;

/** Reads the client's arguments. Throws a {@linkcode UsageError}. */
export function readTask(args: Arguments): Task {
  const [hostname, port = "", word = "", ...files] = args.positional;
  const verb = verbOf(word);
  const order = verb && /^\d+$/.test(port) ? "" : rightOrder(args.positional);
  if (!order && !verb && verbOf(port)) throw new UsageError(`the port is missing before ${port}`);
  if (!order && !verb && word) throw new UsageError(`unknown command ${word}`, word, VERBS);
  if (!order && files.includes("")) throw new UsageError("a file name is empty");
  if (!hostname || !verb || order || files.length === 0) {
    throw new UsageError(`expected an address, a port, a command and a file name${order}`);
  }
  const as = args.value("as");
  if (as !== undefined && !as.endsWith("/") && files.length > 1) {
    const hint = as === "-" ? "" : `; --as ${as}/ names a folder for them`;
    throw new UsageError(`option --as takes one file name, not several${hint}`);
  }
  // What is not UTF-8 in an argument has become U+FFFD, so two such names would be one.
  if (as?.includes("\ufffd")) throw new UsageError("option --as takes a name in UTF-8");
  const names = verb === "DEL" ? [] : [...new Set(files)].map((file) => file.split(SEPARATOR).at(-1)!);
  const seen = new Set<string>();
  const twice = names.find((name) => name !== "" && (seen.has(name) || !seen.add(name)));
  if (twice !== undefined) throw new UsageError(`two of the files would be called ${twice}`);
  const misused = ["as", "verify"].find((option) => args.has(option) && verb === "DEL");
  if (misused) throw new UsageError(`option --${misused} does not go with DEL`);
  if (as === "-" && verb === "PUT") throw new UsageError("option --as - goes with GET alone");
  const unnamed = verb === "PUT" ? files.find((file) => UNNAMED.test(file)) : undefined;
  if (unnamed && (as === undefined || as.endsWith("/"))) {
    const given = as === undefined ? "" : `; ${as} is a folder's`;
    throw new UsageError(`PUT ${unnamed} needs --as NAME, the file's name on the server${given}`);
  }
  const unsaved = ["no-clobber", "fsync"].find((option) => args.has(option) && (verb !== "GET" || as === "-"));
  if (unsaved) throw new UsageError(`option --${unsaved} goes with a GET into a file`);
  const rate = args.value("limit-rate");
  const bytesPerSecond = rate === undefined ? undefined : Number(readBytes(rate, "option --limit-rate"));
  if (bytesPerSecond === 0) throw new UsageError("option --limit-rate takes at least one byte a second");
  const ca = args.value("ca");
  const timeout = args.integer("timeout", 0, 1_000_000);
  return {
    verb,
    files,
    as,
    parallel: args.integer("parallel", 1, MAX_PARALLEL) ?? 1,
    isVerified: args.has("verify"),
    isTraced: args.has("trace"),
    isQuiet: args.has("quiet"),
    options: {
      // As in a URL, an IPv6 address may stand in brackets; a certificate's has none.
      hostname: hostname.replace(/^\[(.+)\]$/, "$1"),
      port: readInteger(port, 1, 65535, "the port"),
      waitMs: 1000 * (args.integer("wait", 0, 1_000_000) ?? 0),
      ...(timeout !== undefined && { timeoutMs: 1000 * timeout }),
      gather: args.integer("gather", 1, MAX_GATHER),
      tls: ca === undefined ? args.has("tls") : { caCerts: [readPem(ca, "CERTIFICATE", "option --ca")] },
      bytesPerSecond,
      createNew: args.has("no-clobber"),
      fsync: args.has("fsync"),
    },
  };
}

function verbOf(word: string): Verb | undefined {
  return VERBS.find((verb) => verb === word.toUpperCase());
}

/** The same arguments in the right order, if they can be told apart; else nothing. */
function rightOrder(words: readonly string[]): string {
  // An address and a port in one word, as in http://localhost:12345/ or [::1]:12345.
  const parts = words.flatMap((word) => {
    const [, host, port] = word.match(/^(?:\w+:\/\/)?(\[[\da-f:]+\]|[\w.-]+):(\d+)\/?$/i) ?? [];
    return host && port ? [host.replace(/^\[|\]$/g, ""), port] : [word.replace(/^\w+:\/\/|\/$/g, "")];
  });
  const verb = parts.find((part) => verbOf(part));
  const port = parts.find((part) => /^\d+$/.test(part));
  const others = parts.filter((part) => part !== verb && part !== port);
  // The address stands first, or before the port where the command stands first.
  const before = parts[0] === verb ? parts[parts.indexOf(port!) - 1] : undefined;
  const address = others.find((part) => part === before) ?? others[0];
  const files = others.filter((part) => part !== address);
  if (!verb || !port || !address || files.length === 0 || words.includes("")) return "";
  return `; did you mean: client ${address} ${port} ${verb.toUpperCase()} ${files.map(quoted).join(" ")}?`;
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
