/** Grades all hand-ins of a class: some at a time, then alone what failed; and keeps each as soon as it is done. */

import { UsageError } from "../../lib/cli/arguments.ts";
import { printable } from "../../lib/printable.ts";
import type { Role } from "../../lib/protocol.ts";
import type { Sandbox } from "../lab/sandbox.ts";
import { confirm, grade, type Graded } from "./grade.ts";
import { findHandins, type Handin, stage, type Staged, walk } from "./handins.ts";
import { writeClass, writeHandin } from "./results.ts";
import { digestOf, folderOf, type Ledger, type Outcome, readOutcome, type Row, rowOf } from "./rows.ts";

/** A class to grade. */
export interface Class {
  /** A folder or a zip file. */
  handins: string;
  /** The programs' names, where they are not the usual ones. */
  names: Partial<Record<Role, string>>;
  sandbox: Sandbox;
  ledger: Ledger;
  /** The hand-in that is graded anew. */
  again: string | undefined;
  signal: AbortSignal;
}

interface Entry {
  handin: Handin;
  folder: string;
  staged: Staged;
  outcome?: Outcome;
  digest: string;
}

/** Grades a class, and writes what there is of it, whatever happens. */
export async function gradeClass({ handins, names, sandbox, ledger, again, signal }: Class): Promise<Row[]> {
  const { out } = ledger;
  // What a killed run left.
  for (const { name } of await Array.fromAsync(Deno.readDir(out))) {
    if (/^\.(work|draft)_/.test(name)) await Deno.remove(`${out}/${name}`, { recursive: true });
  }
  const work = await Deno.makeTempDir({ dir: out, prefix: ".work_" });
  await Deno.chmod(work, 0o755);
  const entries: Entry[] = [];
  const rows = (): Row[] =>
    entries.flatMap(({ handin, folder, outcome }) => outcome ? [rowOf(handin, folder, outcome, ledger)] : []);
  try {
    const version = await checksVersion();
    const found = await findHandins(handins, work);
    const isAgain = ({ name, id }: Handin): boolean =>
      again !== undefined && [name, id].some((each) => each.toLowerCase() === again.toLowerCase());
    if (again !== undefined && !found.some(isAgain)) throw new UsageError(`there is no hand-in of "${again}"`);
    for (const [index, handin] of found.entries()) {
      signal.throwIfAborted();
      const at = `${work}/${index + 1}`;
      const staged = await stage(handin, at, names).catch(({ message }): Staged => ({
        folder: at,
        programs: {},
        notes: [],
        error: `it can't be read: ${message}`,
      }));
      const folder = folderOf(handin, ledger);
      const programs = [staged.programs.client, staged.programs.server].map((path) => path?.slice(at.length));
      const digest = digestOf([
        version,
        JSON.stringify([programs, sandbox.bounds, staged.notes]),
        ...await contentsOf(at),
      ]);
      const outcome = isAgain(handin) ? undefined : await readOutcome(`${out}/${folder}`, digest);
      entries.push({ handin, folder, staged, digest, ...outcome ? { outcome } : {} });
    }
    await play(entries, sandbox, ledger, signal);
  } finally {
    await Deno.remove(work, { recursive: true });
    if (entries.length > 0) await writeClass(rows(), ledger);
  }
  return rows();
}

async function play(entries: Entry[], sandbox: Sandbox, ledger: Ledger, signal: AbortSignal): Promise<void> {
  const fresh = entries.filter(({ outcome }) => !outcome);
  const isLeft = ({ outcome }: Entry): boolean => !outcome || outcome.isUnconfirmed === true;
  const start = performance.now();
  let done = 0;
  const show = (): void => progress(done, entries.filter(isLeft).length, performance.now() - start);
  const keep = async (entry: Entry, { outcome, session }: Graded): Promise<void> => {
    entry.outcome = { digest: entry.digest, ...outcome };
    const row = rowOf(entry.handin, entry.folder, entry.outcome, ledger);
    await writeHandin(row, entry.outcome, session, ledger);
    done++;
    if (!outcome.isUnconfirmed) say(row);
    show();
  };
  // Points may have changed.
  for (const { handin, folder, outcome } of ledger.isGradescope ? entries : []) {
    if (outcome) await writeHandin(rowOf(handin, folder, outcome, ledger), outcome, undefined, ledger);
  }
  const queue = fresh.values();
  show();
  // One more than the cores: a play waits more than it works.
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency + 1 }, async () => {
    for (const entry of queue) await keep(entry, await grade(entry.staged, sandbox, signal));
  }));
  for (const entry of entries.filter(isLeft)) {
    await keep(entry, await confirm(entry.outcome!, entry.staged, sandbox, signal));
  }
  progress();
}

/** A line for a hand-in. */
function say({ label, status, points, of, result, notes }: Row): void {
  progress();
  const causes = result?.causes.length ?? 0;
  const parts = [`${status}`.padEnd(12), `${points ?? "-"} of ${of}`.padEnd(12), label];
  if (causes > 0) parts.push(`(${causes} ${causes === 1 ? "cause" : "causes"})`);
  console.log(printable([...parts, ...notes.length > 0 ? [`- ${notes.join("; ")}`] : []].join(" ")));
}

/** A bar on a terminal; without arguments, none. */
function progress(done?: number, left = 0, ms = 0): void {
  if (!Deno.stderr.isTerminal()) return;
  const filled = done === undefined ? 0 : Math.round(20 * done / (done + left || 1));
  const bar = `[${"#".repeat(filled)}${"-".repeat(20 - filled)}]`;
  const seconds = done ? Math.ceil(ms / done * left / 1000) : undefined;
  const time = seconds === undefined
    ? ""
    : `, about ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
  const text = done === undefined ? "" : `${bar} ${done} of ${done + left} plays${time}`;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

/** What a check depends on: all of its sources, or the executable that they are in. */
async function checksVersion(): Promise<string> {
  if (Deno.build.standalone) {
    const { size, mtime } = await Deno.stat(Deno.execPath());
    return `${size} ${mtime?.getTime()}`;
  }
  const folder = `${import.meta.dirname}/../lab`;
  const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) =>
    name.endsWith(".ts")
  );
  const texts = await Promise.all(names.sort().map((name) => Deno.readTextFile(`${folder}/${name}`)));
  return digestOf(texts);
}

async function contentsOf(folder: string): Promise<(string | Uint8Array)[]> {
  const parts: (string | Uint8Array)[] = [];
  for (const path of await walk(folder)) parts.push(path, await Deno.readFile(`${folder}/${path}`));
  return parts;
}
