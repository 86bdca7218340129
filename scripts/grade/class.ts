/** Grades all hand-ins of a class: some at a time, then alone what failed; and keeps each as soon as it is done. */

import { UsageError } from "../../lib/cli/arguments.ts";
import { tryLock } from "../../lib/older_deno.ts";
import { systemReason } from "../../lib/errors.ts";
import { printable } from "../../lib/printable.ts";
import type { Role } from "../../lib/protocol.ts";
import { CheckError } from "../lab/launch.ts";
import { count } from "../lab/page/frame.tsx";
import { showProgress } from "../lab/report.ts";
import type { Sandbox } from "../lab/sandbox.ts";
import { grade } from "./grade.ts";
import { findHandins, type Handin, stage, type Staged, walk } from "./handins.ts";
import { readOutcome, writeClass, writeHandin } from "./results.ts";
import { digestOf, inWords, type Ledger, numberOf, type Outcome, type Row, rowOf, shownNotes } from "./rows.ts";

const WORK = ".blockferry_work_";

export interface Class {
  /** A folder or a zip file. */
  handins: string;
  /** Names of programs that are not the usual ones. */
  names: Record<Role, string[]>;
  sandbox: Sandbox;
  ledger: Ledger;
  /** The hand-ins that are graded anew. */
  again: string[];
  signal: AbortSignal;
}

interface Entry {
  handin: Handin;
  staged: Staged;
  digest: string;
  outcome?: Outcome | undefined;
  /** How long its first plays took, in milliseconds. */
  ms: number;
}

/** Grades a class, and writes what there is of it, whatever happens. */
export async function gradeClass({ handins, names, sandbox, ledger, again, signal }: Class): Promise<Row[]> {
  const { out } = ledger;
  using locked = await Deno.open(out);
  if (!await tryLock(locked)) throw new CheckError(`another run writes to ${out}`);
  // What a killed run left.
  for (const { name } of await Array.fromAsync(Deno.readDir(out))) {
    if (name.startsWith(WORK)) await Deno.remove(`${out}/${name}`, { recursive: true });
  }
  const work = await Deno.makeTempDir({ dir: out, prefix: WORK }).catch((error) => {
    throw new CheckError(`${out} can't be written: ${error.message}`);
  });
  await Deno.chmod(work, 0o755);
  const entries: Entry[] = [];
  const rows = (): Row[] => entries.flatMap(({ handin, outcome }) => outcome ? [rowOf(handin, outcome, ledger)] : []);
  try {
    const version = await checksVersion();
    const found = await findHandins(handins, work, (others) => {
      console.log(`Not taken for hand-ins: ${printable(others.slice(0, 20).join(", "))}.`);
    });
    const namesOf = (handin: Handin): string[] => [handin.name, handin.id, numberOf(handin)];
    const isOf = (handin: Handin, name: string): boolean =>
      namesOf(handin).some((each) => each.toLowerCase() === name.toLowerCase());
    const unknown = again.find((name) => !found.some((handin) => isOf(handin, name)));
    if (unknown !== undefined) {
      throw new UsageError(`there is no hand-in of "${unknown}"`, unknown, found.flatMap(namesOf));
    }
    for (const [index, handin] of found.entries()) {
      signal.throwIfAborted();
      const folder = `${work}/${index + 1}`;
      const before = await readOutcome(handin, ledger);
      const staged = await stage(handin, folder, names, before?.result?.programs).catch((error): Staged => (
        { folder, programs: {}, notes: [], error: `it can't be read: ${systemReason(error)}` }
      ));
      const parts = [version, JSON.stringify([staged.programs, sandbox.bounds, staged.notes])];
      const contents: (string | Uint8Array)[] = [];
      for (const path of await walk(folder)) contents.push(path, await Deno.readFile(`${folder}/${path}`));
      const digest = digestOf([...parts, ...contents]);
      const isSame = before?.digest === digest && !again.some((name) => isOf(handin, name));
      const outcome = isSame ? before : undefined;
      entries.push({ handin, staged, digest, outcome, ms: 0 });
    }
    await play(entries, sandbox, ledger, signal);
  } finally {
    progress();
    await Deno.remove(work, { recursive: true });
    if (entries.length > 0) await writeClass(rows(), entries.length, ledger);
  }
  return rows();
}

async function play(entries: Entry[], sandbox: Sandbox, ledger: Ledger, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  let done = 0;
  const isLeft = ({ outcome }: Entry): boolean => !outcome || outcome.isUnconfirmed === true;
  const show = (): void => progress(done, entries.filter(isLeft).length, performance.now() - start);
  /** Plays with hand-ins, in their order, so many at a time. */
  const inLanes = async (count: number, lane: Entry[]): Promise<void> => {
    const queue = lane.values();
    await Promise.all(Array.from({ length: count }, async () => {
      for (const entry of queue) {
        const begin = performance.now();
        const outcome = await grade(entry.staged, sandbox, signal, entry.outcome);
        entry.outcome = { ...outcome, digest: entry.digest };
        entry.ms = performance.now() - begin;
        const row = rowOf(entry.handin, entry.outcome, ledger);
        await writeHandin(row, entry.outcome, ledger);
        done++;
        if (!outcome.isUnconfirmed) say(row, shownNotes(row, ledger));
        show();
      }
    }));
  };
  const cores = navigator.hardwareConcurrency;
  // The points may have changed, or the names.
  for (const { handin, outcome } of entries) {
    if (outcome) await writeHandin(rowOf(handin, outcome, ledger), outcome, ledger);
  }
  show();
  // One more than the cores: a play waits more than it works.
  await inLanes(cores + 1, entries.filter(({ outcome }) => !outcome));
  // The slowest last: their waits grow with the machine's load, which falls. With a core each, it is as good as alone.
  await inLanes(cores, entries.filter(isLeft).toSorted((a, b) => a.ms - b.ms));
  progress();
}

function say({ label, status, points, of, result, late }: Row, notes: string[]): void {
  progress();
  const causes = result?.causes.length ?? 0;
  const parts = [status.padEnd(12), `${points ?? "-"} of ${of}`.padEnd(12), label];
  if (causes > 0) parts.push(`(${count(causes, "cause")})`);
  if (late !== "") parts.push(`(${inWords(late)})`);
  if (notes.length > 0) parts.push(`- ${notes.join("; ")}`);
  console.log(printable(parts.join(" ")));
}

/** A bar on a terminal; without arguments, none. */
function progress(done?: number, left = 0, ms = 0): void {
  let text = "";
  if (done !== undefined) {
    const bar = "#".repeat(Math.round(20 * done / (done + left || 1))).padEnd(20, "-");
    text = `[${bar}] ${done} of ${done + left} plays`;
    const seconds = Math.ceil(ms / done * left / 1000);
    if (done > 0) text += `, about ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
  }
  showProgress(text);
}

/** What a check depends on: all of its sources, or the executable that they are in. */
async function checksVersion(): Promise<string> {
  if (Deno.build.standalone) {
    const { size, mtime } = await Deno.stat(Deno.execPath());
    return `${size} ${mtime?.getTime()}`;
  }
  const folder = `${import.meta.dirname}/../lab`;
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const sources = [...names.filter((name) => name.endsWith(".ts")).sort(), "page/ladder.ts"];
  return digestOf(await Promise.all(sources.map((name) => Deno.readTextFile(`${folder}/${name}`))));
}
