/** How a program under test is started: from a file by what it is, or by a command line; and how all of it is ended. */

import { UsageError } from "../../lib/cli/arguments.ts";
import { basename, dirname } from "../../lib/files/path.ts";
import type { Role, Verb } from "../../lib/protocol.ts";
import { compile } from "./java.ts";
import { output, runs } from "./system.ts";

export interface Call {
  port: number;
  /** A client's: the server's address, if not 127.0.0.1. */
  host?: string | undefined;
  verb?: Verb;
  file?: string;
  verbose?: boolean;
}

export interface Launch {
  /** What reports call it. */
  label: string;
  /** What the user would write to name it again. */
  argument: string[];
  words: (call: Call) => string[];
  /** Makes its starts faster, with files of its own in a folder. */
  prepare?: (folder: string) => Promise<void>;
}

/** A program that can't be started, or not checked; the message is one sentence. */
export class CheckError extends Error {
  override name = "CheckError";
}

const HOST = "127.0.0.1";

/** Where the user stands: `deno task` runs in the project's folder, and says where it was called. */
export function userFolder(): string {
  return (Deno.build.standalone ? undefined : Deno.env.get("INIT_CWD")) ?? Deno.cwd();
}
// In an executable, this process is no Deno.
const DENO = Deno.build.standalone ? "deno" : Deno.execPath();
// Without a file whose name two programs may share, of which Java warns; and it compiles less: half the time of a start.
const JAVA = ["java", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
/** The words before a file, by the end of its name. */
const STARTERS: Record<string, string[]> = {
  ".js": ["node"],
  ".mjs": ["node"],
  ".cjs": ["node"],
  ".ts": [DENO, ..."run --quiet --no-prompt --allow-net --allow-read --allow-write".split(" ")],
  ".jar": [...JAVA, "-jar"],
  ".java": JAVA,
  ".sh": ["bash"],
  // These two keep lines for a pipe that a terminal would show at once.
  ".pl": ["perl", "-MIO::Handle;STDOUT->autoflush"],
  ".rb": ["ruby", "-e", "$stdout.sync = true; load($0 = ARGV.shift)"],
};

/** Looks at a file, whose path is relative to `cwd`. Throws a {@linkcode UsageError} if there is none. */
export async function checkFile(path: string, cwd: string): Promise<{ absolute: string; info: Deno.FileInfo }> {
  const absolute = path.startsWith("/") ? path : `${cwd}/${path}`;
  const info = await Deno.stat(absolute).catch(() => undefined);
  if (info?.isDirectory) throw new CheckError(`"${path}" is a folder: give the program in it`);
  if (!info?.isFile) {
    const names = await Array.fromAsync(Deno.readDir(dirname(absolute)), ({ name }) => name).catch(() => []);
    throw new UsageError(`there is no file "${path}"${path === absolute ? "" : ` in ${cwd}`}`, basename(path), names);
  }
  return { absolute, info };
}

/** A program that is a file: its path is relative to `cwd`. */
export async function fromFile(role: Role, path: string, cwd: string): Promise<Launch> {
  const { absolute, info } = await checkFile(path, cwd);
  const suffix = path.match(/\.[a-z]+$/i)?.[0].toLowerCase() ?? "";
  const starter = suffix === ".py" ? [await python()] : STARTERS[suffix] ?? [];
  let start = [...starter, absolute];
  const [program] = starter;
  if (!program && !((info.mode ?? 0) & 0o111)) {
    throw new CheckError(`"${path}" can't be started: it is not executable, and --${role} takes a command for it`);
  }
  if (program && !await runs([program, program === "java" ? "-version" : "--version"])) {
    throw new CheckError(`"${path}" can't be started: there is no ${program} here`);
  }
  const words = ({ host = HOST, port, verb, file, verbose }: Call): string[] => [
    ...start,
    ...role === "server" ? [String(port), ...verbose ? ["-v"] : []] : [host, String(port), verb!, file!],
  ];
  const launch: Launch = { label: path.split("/").at(-1)!, argument: [path], words };
  if (suffix !== ".java") return launch;
  const prepare = async (folder: string): Promise<void> => {
    const main = await compile(absolute, folder);
    start = main === undefined ? [...JAVA, absolute] : [...JAVA, "-cp", folder, main];
  };
  return { ...launch, prepare };
}

/** A word as a shell takes it for one, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A program that a shell starts, by a command with `{port}` and the like. */
export function fromCommand(role: Role, command: string): Launch {
  const words = ({ host = HOST, port, verb = "GET", file = "", verbose }: Call): string[] => {
    const values: Record<string, string> = { host, port: String(port), command: verb, file: quoted(file) };
    const line = command.replace(/\{(host|port|command|file)\}/g, (_, word: string) => values[word]!);
    return ["sh", "-c", line + (verbose ? " -v" : "")];
  };
  const named = command.match(/[^\s'"/]+\.[a-z]{1,4}\b/)?.[0];
  return { label: named ?? `the ${role}`, argument: [`--${role}`, command], words };
}

/** The interpreter itself: `python3` may be a script that looks for one first, as pyenv's is, which takes long. */
async function python(): Promise<string> {
  interpreter ??= output(["python3", "-c", "import sys; print(sys.executable)"]);
  return await interpreter || "python3";
}

let interpreter: Promise<string> | undefined;

/** What this machine has for the check. */
export interface Machine {
  /** The words before a program that end all that it starts with it; none if there is no such thing. */
  enclosed: string[];
  /** The words that make C's stdio print each line at once. */
  unbuffered: string[];
  hasStrace: boolean;
  hasProc: boolean;
  /** Whether the name localhost leads to 127.0.0.1. */
  hasLocalhost: boolean;
}

/**
 * The words before a program in a namespace of its own: the first process gets no signals as `abort()` sends them, so it is
 * a shell. It starts some processes before, since programs may name files by their numbers.
 */
export function afterShell(run: number): string[] {
  const script = 'i=$0; while [ $i -gt 0 ]; do ( : ); i=$((i - 1)); done; "$@"; exit $?';
  return ["sh", "-c", script, String(run % 16)];
}

let machine: Promise<Machine> | undefined;

/** Looks what there is, once, by trying it. */
export function probe(): Promise<Machine> {
  return machine ??= look();
}

async function look(): Promise<Machine> {
  const pid = ["--pid", "--fork", "--kill-child", "--mount-proc"];
  const candidates = [
    // Ended with this process, however that ends.
    ["setpriv", "--pdeathsig", "KILL", "unshare", ...pid],
    ["unshare", ...pid],
    ["unshare", "--user", "--map-current-user", ...pid],
    ["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--die-with-parent"],
  ];
  const tried = await Promise.all(candidates.map((words) => runs([...words, "sh", "-c", "test $$ -lt 9"])));
  // Not a terminal, which would serve Perl and Ruby too: what relays it is slower than the conversation.
  const stdbuf = ["stdbuf", "--output=L"];
  return {
    enclosed: candidates[tried.indexOf(true)] ?? [],
    unbuffered: await runs([...stdbuf, "true"]) ? stdbuf : [],
    hasStrace: await runs(["strace", "-f", "-o", "/dev/null", "true"]),
    hasProc: Deno.build.os === "linux",
    hasLocalhost: /^127\.0\.0\.1\s.*\blocalhost\b/m.test(await Deno.readTextFile("/etc/hosts").catch(() => "")),
  };
}
