/** How the benchmark measures and prints. */

import { createHash } from "node:crypto";
import { randomBytes } from "../support/folder.ts";
import { run } from "../support/programs.ts";
import type { Bench, Copy, Tool } from "./rivals.ts";

export const MIB = 1024 * 1024;
/** Files above this many MiB are sparse ones. */
export const BIG_MIB = 1024;
const WARM_COPIES = 3;
/** Ends the clients at work, and with them the run. */
export const interrupt = new AbortController();

/** Runs a client to its end; the seconds it took. */
export async function timed(words: string[], cwd: string): Promise<number> {
  const [program, ...args] = words;
  const { signal } = interrupt;
  const begin = performance.now();
  const { code, stderr } = await new Deno.Command(program!, { args, cwd, signal, stdin: "null", stdout: "null" })
    .output();
  const seconds = (performance.now() - begin) / 1000;
  signal.throwIfAborted();
  if (code !== 0) {
    throw new Error(`${words.slice(0, 12).join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return seconds;
}

/** What the raw client is asked to do; it ends after the number of GETs or the seconds. */
export interface Load {
  port: number;
  file: string;
  clients?: number;
  /** GETs by each of the clients, one after the other. */
  gets?: number;
  seconds?: number;
}

/** The raw client's command line. */
export function loader(bench: Bench, { port, file, clients = 1, gets = 1e9, seconds = 1e9 }: Load): string[] {
  const script = `${import.meta.dirname}/client.py`;
  return [bench.python, script, ...[port, file, clients, gets, seconds].map(String)];
}

/** Runs the raw client to its end; what it measured. */
export async function load(bench: Bench, task: Load): Promise<{ rate: number; medianMs: number; maxMs: number }> {
  const { status, stdout, stderr } = await run(loader(bench, task), { cwd: bench.folder });
  interrupt.signal.throwIfAborted();
  if (status !== 0) throw new Error(`client.py: ${stderr}`);
  const [count, seconds, medianMs, maxMs] = stdout.split(" ").map(Number) as [number, number, number, number];
  return { rate: count / seconds, medianMs, maxMs };
}

/** Measures each of the subjects in turn, `rounds` times; the medians. */
export async function inTurn<K extends string, T>(
  subjects: Record<K, T>,
  rounds: number,
  measure: (subject: T) => Promise<number>,
): Promise<Record<K, number>> {
  const entries = Object.entries(subjects) as [K, T][];
  const figures = entries.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, subject]] of entries.entries()) figures[index]!.push(await measure(subject));
  }
  return Object.fromEntries(entries.map(([name], index) => [name, median(figures[index]!)])) as Record<K, number>;
}

/** Makes a file in the folder `from`: random bytes, or above 1 GiB a hole. */
export async function makeFile({ from }: Bench, name: string, bytes: number): Promise<void> {
  using file = await Deno.create(`${from}/${name}`);
  if (bytes > BIG_MIB * MIB) return await file.truncate(bytes);
  for (let left = bytes; left > 0; left -= MIB) {
    interrupt.signal.throwIfAborted();
    const piece = randomBytes(Math.min(MIB, left));
    for (let start = 0; start < piece.length;) start += await file.write(piece.subarray(start));
  }
}

/** Which way a file goes. */
export type Verb = "put" | "get";

/** Sends a file with each tool and fetches it back, `rounds` times in turn; the seconds of each tool, round by round. */
export async function race(
  bench: Bench,
  tools: Tool[],
  file: string,
  rounds: number,
): Promise<Map<string, Record<Verb, number[]>>> {
  const seconds = new Map(tools.map(({ name }) => [name, { put: [] as number[], get: [] as number[] }]));
  const sent = await sha256(`${bench.from}/${file}`);
  const measure = async (tool: Tool, verb: Verb, source: string, target: string): Promise<void> => {
    // What the copy before, or the PUT before a GET, left on its way to the disk would slow this one down.
    await run(["sync"], { cwd: bench.folder });
    await warm(bench, file);
    seconds.get(tool.name)![verb].push(await timedCopy(await tool[verb](file), source));
    if (!tool.isBare && await sha256(`${target}/${file}`) !== sent) {
      throw new Error(`${tool.name} changed the file in a ${verb}`);
    }
  };
  for (let round = 1; round <= rounds; round++) {
    console.error(`file "${file}", round ${round} of ${rounds}`);
    for (const tool of tools) {
      await measure(tool, "put", bench.from, bench.served);
      await measure(tool, "get", bench.to, bench.to);
      if (tool.isBare) continue;
      await Deno.remove(`${bench.served}/${file}`);
      await Deno.remove(`${bench.to}/${file}`);
    }
  }
  return seconds;
}

// The host of a virtual machine takes back memory that lies free, and to get that again costs more than a transfer. What
// a copy needs is at hand when several times as much has just been used: the system does not take what was freed last
// first. For a sparse file that would be work for the disk.
async function warm({ from, folder }: Bench, file: string): Promise<void> {
  if ((await Deno.stat(`${from}/${file}`)).size > BIG_MIB * MIB) return;
  const copies = Array.from({ length: WARM_COPIES }, (_, index) => `${folder}/scratch${index}`);
  for (const copy of copies) await Deno.copyFile(`${from}/${file}`, copy);
  for (const copy of copies) await Deno.remove(copy);
}

async function timedCopy({ words, server }: Copy, cwd: string): Promise<number> {
  await using _ = server;
  const seconds = await timed(words, cwd);
  await server?.ended();
  return seconds;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(MIB);
  for (let count; (count = await file.read(buffer)) !== null;) {
    interrupt.signal.throwIfAborted();
    hash.update(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}

/** The middle one of some figures. */
export function median(figures: number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Prints a Markdown table. */
export function table(head: string[], rows: string[][]): void {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;
  const pad = (row: string[]): string =>
    line(row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)));
  const rule = line(widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  console.log([pad(head), rule, ...rows.map(pad), ""].join("\n"));
}

/** Prints figures and whether each has reached its target; one without a target has no verdict. */
export function conclude(figures: [text: string, isReached?: boolean][]): void {
  const said = figures.map(([text, isReached]) =>
    isReached === undefined ? text : `${isReached ? "reached" : "MISSED"}: ${text}`
  );
  console.log(`${said.join("; ")}\n`);
}
