/** Reads a command line, for both programs and the scripts. */

import { parseArgs } from "@std/cli";
import { printer, reportOutputError } from "./output.ts";
import { printable } from "../printable.ts";

/** A command line that is wrong; the message is one sentence. */
export class UsageError extends Error {
  override name = "UsageError";
  /** The wrong word, and the right ones. */
  readonly mistake: { word: string; known: readonly string[] } | undefined;

  /** Makes the error; with a mistake, {@linkcode explain} suggests the nearest right word. */
  constructor(message: string, mistake?: { word: string; known: readonly string[] }) {
    super(message);
    this.mistake = mistake;
  }
}

/** A program's options, by their long names. */
export interface OptionNames {
  /** Options without a value. */
  flags: readonly string[];
  /** Options with a value. */
  values: readonly string[];
  /** Short names. */
  alias?: Readonly<Record<string, string>>;
  /** Names of arguments that people take for options, and what to do instead. */
  misplaced?: Readonly<Record<string, string>>;
}

/** A command line taken apart. */
export interface Arguments {
  /** The arguments that are not options, in order. */
  positional: string[];
  /** Whether a flag was given. */
  has(flag: string): boolean;
  /** The value that an option was given, if any. */
  value(option: string): string | undefined;
  /** The value of an option as a whole number from `min` to `max`. Throws a {@linkcode UsageError} for any other. */
  integer(option: string, min: number, max: number): number | undefined;
}

/** A program, as its command line has it. */
export interface Program {
  /** What it is called. */
  name: string;
  /** What `--help` prints. */
  usage: string;
  /** Its options besides `--help` and `--version`. */
  options: OptionNames;
}

/**
 * Reads this process's command line with `read`. Answers `--help` and `--version` itself, and prints a mistake as one
 * sentence; in these cases the result is the exit status.
 */
export async function readCommandLine<T>(
  program: Program,
  read: (args: Arguments) => T | Promise<T>,
): Promise<T | number> {
  try {
    const args = readArguments(Deno.args, program.options);
    if (args.has("version")) {
      const { default: { version } } = await import("../../deno.json", { with: { type: "json" } });
      return await answer(program, `blockferry-${program.name} ${version}`);
    }
    if (args.has("help")) return await answer(program, program.usage.trimEnd());
    return await read(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printer.warn(`${program.name}: ${await explain(error)} (--help shows the usage)\n`);
    await printer.flush();
    return 2;
  }
}

async function answer({ name }: Program, text: string): Promise<number> {
  await printer.print(`${text}\n`);
  await printer.flush();
  if (printer.error === undefined) return 0;
  await reportOutputError(name, printer.error);
  await printer.flush();
  return 1;
}

/**
 * Takes a command line apart; options may stand anywhere, and `--` ends them. Every program has `--help`, `-h` and
 * `--version`. Throws a {@linkcode UsageError} for an unknown option, or one without its value.
 */
export function readArguments(args: readonly string[], options: OptionNames): Arguments {
  const names = {
    ...options,
    flags: [...options.flags, "help", "version"],
    alias: { ...options.alias, h: "help" },
  };
  const { flags, words } = joined(args, names);
  const parsed = parseArgs(words, {
    string: [...names.values, "_"],
    unknown: (arg, key) => {
      if (key === undefined) return true;
      const misplaced = names.misplaced && Object.hasOwn(names.misplaced, key) ? names.misplaced[key] : undefined;
      if (misplaced) throw new UsageError(`there is no option ${arg}: ${misplaced}`);
      if (/^-\d/.test(arg)) throw new UsageError(`"${arg}" is not a port: a port is a whole number up to 65535`);
      const known = [...names.flags, ...names.values].map((name) => `--${name}`);
      // A short option that does not exist is a file's name, more likely.
      const hint = /^-[^-]{2}/.test(arg) ? "; a name that starts with - comes after --" : "";
      throw new UsageError(`unknown option ${arg}${hint}`, { word: arg.replace(/=.*/s, ""), known });
    },
  });
  const value = (option: string): string | undefined => {
    const given = parsed[option] as string | undefined;
    if (given === "") throw new UsageError(`option --${option} needs a value`);
    return given;
  };
  return {
    positional: parsed._,
    has: (flag) => flags.has(flag),
    value,
    integer: (option, min, max) => {
      const given = value(option);
      return given === undefined ? undefined : readInteger(given, min, max, `option --${option}`);
    },
  };
}

/** The sentence for a wrong command line, with the nearest right word if there is one. */
export async function explain(error: UsageError): Promise<string> {
  const { mistake } = error;
  const message = printable(error.message);
  if (mistake === undefined) return message;
  const { levenshteinDistance } = await import("@std/text");
  const bare = (word: string): string => word.replace(/^--/, "").toLowerCase();
  const isBeginning = (word: string, other: string): boolean => word.length >= 3 && other.startsWith(word);
  const [start] = mistake.known.filter((known) =>
    isBeginning(bare(known), bare(mistake.word)) || isBeginning(bare(mistake.word), bare(known))
  );
  if (start) return `${message}; did you mean ${start}?`;
  const [nearest] = mistake.known
    .map((known) => ({ known, distance: levenshteinDistance(bare(known), bare(mistake.word)) }))
    // Two swapped letters are two changes; a word of which every letter changes is not near.
    .filter(({ known, distance }) => distance <= 2 && distance < bare(known).length)
    .sort((a, b) => a.distance - b.distance);
  return nearest ? `${message}; did you mean ${nearest.known}?` : message;
}

/** Reads a whole number from `min` to `max`. Throws a {@linkcode UsageError} that calls it `what`. */
export function readInteger(text: string, min: number, max: number, what: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`${what} takes a whole number from ${min} to ${max}, not "${text}"`);
}

/**
 * Reads a number of bytes, such as `1500`, `64K`, `5MB` or `1.5GiB` (all powers of 1024), up to the protocol's 2^64-1.
 */
export function readBytes(text: string, what: string): bigint {
  const [, whole, fraction = "0", unit] =
    text.match(/^(\d{1,20})(?:\.(\d{1,9})(?=[KMGT]))?([KMGT]?)(?:(?<=[KMGT])i?B)?$/i) ?? [];
  if (whole === undefined) throw new UsageError(`${what} takes a number of bytes such as 64K or 5M, not "${text}"`);
  const factor = 1024n ** BigInt(" KMGT".indexOf((unit || " ").toUpperCase()));
  const bytes = BigInt(whole) * factor + BigInt(fraction) * factor / 10n ** BigInt(fraction.length);
  if (bytes >= 2n ** 64n) throw new UsageError(`${what}: ${text} is more than the largest file's size, 2^64-1 bytes`);
  return bytes;
}

/** Reads a PEM file (RFC 7468). Throws a {@linkcode UsageError} that calls it `what` if there is no such part in it. */
export function readPem(path: string, label: "CERTIFICATE" | "PRIVATE KEY", what: string): string {
  const text = readTextFile(path);
  if (text === undefined) throw new UsageError(`${what}: cannot read ${path}`);
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw new UsageError(`${what}: the key in ${path} is encrypted; openssl pkey -in ${path} -out FILE decrypts it`);
  }
  const isThere = new RegExp(`^-----BEGIN ([A-Z]+ )?${label}-----`, "m").test(text);
  if (!isThere) throw new UsageError(`${what}: there is no ${label.toLowerCase()} (PEM) in ${path}`);
  return text;
}

function readTextFile(path: string): string | undefined {
  try {
    // Without the permission Deno would prompt on the terminal.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
    // A device may have no end.
    if (!Deno.statSync(path).isCharDevice) return Deno.readTextFileSync(path);
  } catch {
    // It does not exist, or may not be read.
  }
  return undefined;
}

// Takes the flags out, since parseArgs has ideas of its own about --no-…, and joins values to their options, since it does
// not take one that starts with a hyphen from the next argument, as in `--as -`.
function joined(args: readonly string[], { flags, values, alias }: Required<Omit<OptionNames, "misplaced">>): Joined {
  const result: Joined = { flags: new Set(), words: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      result.words.push(...args.slice(i));
      break;
    }
    const name = arg.startsWith("--") ? arg.slice(2) : arg.startsWith("-") ? alias[arg.slice(1)] : undefined;
    const [, assigned = ""] = arg.match(/^--(.+?)=/s) ?? [];
    if (flags.includes(assigned)) throw new UsageError(`option --${assigned} takes no value`);
    // parseArgs keeps the positional arguments under this name.
    if (assigned === "_" || name === "_") throw new UsageError(`unknown option ${arg}`);
    if (name !== undefined && flags.includes(name)) result.flags.add(name);
    else if (name !== undefined && values.includes(name)) result.words.push(`--${name}=${args[++i] ?? ""}`);
    else result.words.push(arg);
  }
  return result;
}

interface Joined {
  flags: Set<string>;
  words: string[];
}
