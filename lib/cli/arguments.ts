/** Reads a command line, for both programs and the scripts. */

import { parseArgs } from "@std/cli";
import { printer, reportOutputError } from "./output.ts";
import { printable } from "../printable.ts";

/** A command line that is wrong; the message is one sentence. */
export class UsageError extends Error {
  override name = "UsageError";

  /** Makes the error; {@linkcode explain} suggests the word of those `known` that is nearest to `word`. */
  constructor(message: string, readonly word = "", readonly known: readonly string[] = []) {
    super(message);
  }
}

/** A program, as its command line has it. */
export interface Program {
  /** What it is called. */
  name: string;
  /** What `--help` prints. An option exists by its line there, such as `  -o, --as NAME`; capitals are a value. */
  usage: string;
  /** Names of arguments that people take for options, and what to do instead. */
  misplaced?: Readonly<Record<string, string>>;
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
    const args = new Arguments(Deno.args, program);
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
  if (printer.error) await reportOutputError(name, printer.error);
  await printer.flush();
  return printer.error ? 1 : 0;
}

/** A command line taken apart: options may stand anywhere, and `--` ends them. */
export class Arguments {
  /** The arguments that are not options, in order. */
  readonly positional: string[] = [];
  readonly #given: Record<string, unknown>;

  /** Throws a {@linkcode UsageError} for an option that the program does not have. */
  constructor(args: readonly string[], { usage, misplaced = {} }: Program) {
    const lines = [...usage.matchAll(/^ +(?:(-\w), )?--([\w-]+)( [A-Z]+)?/gm)];
    const long = new Map([["-h", "--help"], ...lines.map(([, short, name]) => [short, `--${name}`] as const)]);
    const values = lines.flatMap(([, , name, value]) => value ? [name!] : []);
    const flags = ["help", "version", ...lines.flatMap(([, , name, value]) => value ? [] : [name!])];
    const known = [...flags, ...values].map((name) => `--${name}`);
    const options: string[] = [];
    const words = args.values();
    for (const arg of words) {
      if (arg === "--") this.positional.push(...words);
      else if (arg === "-" || !arg.startsWith("-")) this.positional.push(arg);
      else {
        const option = long.get(arg) ?? arg;
        const [, assigned = ""] = option.match(/^--([^=]+)=/) ?? [];
        if (flags.includes(assigned)) throw new UsageError(`option --${assigned} takes no value`);
        // parseArgs takes no value that begins with a hyphen, as in `--as -`, from the next argument.
        const takesNext = values.some((name) => option === `--${name}`);
        const next = takesNext ? words.next().value ?? "" : "";
        // Who forgets a value must not lose the next option to it; a file that is called so is --as=--verify.
        if (known.includes(next) || long.has(next)) {
          throw new UsageError(`option ${option} needs a value, and ${next} is an option`);
        }
        options.push(takesNext ? `${option}=${next}` : option);
      }
    }
    this.#given = parseArgs(options, { boolean: flags, string: values, collect: values, unknown: refuse });
    if (this.positional.length === 1 && /^help$/i.test(this.positional[0]!)) {
      throw new UsageError("there is no command help; did you mean --help?");
    }

    function refuse(arg: string, name = ""): never {
      if (Object.hasOwn(misplaced, name)) throw new UsageError(`there is no option ${arg}: ${misplaced[name]}`);
      // A short option that does not exist is a file's name, more likely, or a port.
      const isNumber = /^-\d/.test(arg);
      const hint = /^-[^-]{2}/.test(arg) || isNumber ? "; a name that starts with - comes after --" : "";
      if (isNumber) throw new UsageError(`"${arg}" is not a port: a port is a whole number up to 65535${hint}`);
      throw new UsageError(`unknown option ${arg}${hint}`, arg.replace(/=.*/s, ""), known);
    }
  }

  /** Whether an option was given. */
  has(option: string): boolean {
    return this.#given[option] === true || this.values(option).length > 0;
  }

  /** The values that an option was given, in order. */
  values(option: string): string[] {
    const given = this.#given[option];
    if (!Array.isArray(given)) return [];
    if (given.includes("")) throw new UsageError(`option --${option} needs a value`);
    return given;
  }

  /** The value that an option was given last, if any. */
  value(option: string): string | undefined {
    return this.values(option).at(-1);
  }

  /** The value of an option as a whole number from `min` to `max`. Throws a {@linkcode UsageError} for any other. */
  integer(option: string, min: number, max: number): number | undefined {
    const given = this.value(option);
    return given === undefined ? undefined : readInteger(given, min, max, `option --${option}`);
  }
}

/** The sentence for a wrong command line, with the nearest right word if there is one. */
export async function explain({ message, word, known }: UsageError): Promise<string> {
  if (word === "") return printable(message);
  const { levenshteinDistance } = await import("@std/text");
  const bare = (word: string): string => word.replace(/^--/, "").toLowerCase();
  const isBeginning = (word: string, other: string): boolean => word.length >= 3 && other.startsWith(word);
  const distance = (one: string, other: string): number =>
    isBeginning(one, other) || isBeginning(other, one) ? 0 : levenshteinDistance(one, other);
  const [nearest] = known.map((known) => ({ known, distance: distance(bare(known), bare(word)) }))
    // Two swapped letters are two changes; a word of which every letter changes is not near.
    .filter(({ known, distance }) => distance <= 2 && distance < bare(known).length)
    .sort((a, b) => a.distance - b.distance);
  return printable(message) + (nearest ? `; did you mean ${nearest.known}?` : "");
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
  let text: string;
  try {
    // Without the permission Deno would prompt on the terminal, and a device may have no end.
    const { state } = Deno.permissions.querySync({ name: "read", path });
    if (state !== "granted" || Deno.statSync(path).isCharDevice) throw new Error("not read");
    text = Deno.readTextFileSync(path);
  } catch {
    throw new UsageError(`${what}: cannot read ${path}`);
  }
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw new UsageError(`${what}: the key in ${path} is encrypted; openssl pkey -in ${path} -out FILE decrypts it`);
  }
  if (new RegExp(`^-----BEGIN ([A-Z]+ )?${label}-----`, "m").test(text)) return text;
  throw new UsageError(`${what}: there is no ${label.toLowerCase()} (PEM) in ${path}`);
}
