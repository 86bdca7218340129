/** What became of each hand-in: what is kept of it, and its line in the class's table. */

import { createHash } from "node:crypto";
import type { Result } from "../lab/causes.ts";
import type { Handin } from "./handins.ts";
import { mark, type Points } from "./marks.ts";

/** What became of a hand-in. */
export type Status = "graded" | "no program" | "timed out" | "check failed" | "unsteady";

/** All that `result.json` keeps: the verdict, not the points, which a new points file changes. */
export interface Outcome {
  /** Of the hand-in's files and of the check. */
  digest: string;
  status: Status;
  result?: Result;
  /** What is missing, doubtful or differs, in sentences. */
  notes: string[];
  /** What failed has not been played alone yet. */
  isUnconfirmed?: boolean;
}

/** A line of the class's table. */
export interface Row extends Pick<Outcome, "status" | "result" | "notes"> {
  /** What the row is called: a name, or a number with --anonymous. */
  label: string;
  handin: Handin;
  /** Its folder in DIR. */
  folder: string;
  points: number | undefined;
  of: number;
  each: Map<string, number>;
  /** Minutes after --due, or "late" where the platform says no more. */
  late: string;
}

/** Where the results are, and how they are counted. */
export interface Ledger {
  out: string;
  points: Points;
  due: Date | undefined;
  isAnonymous: boolean;
  isGradescope: boolean;
}

/** A folder's name for a hand-in: no other hand-in has it, and no path can leave DIR. */
export function folderOf({ name, id }: Handin, { isAnonymous }: Ledger): string {
  const hash = digestOf([name, id]).slice(0, 8);
  const readable = name === id ? name : `${name}_${id}`;
  return isAnonymous ? hash : `${readable.replace(/[^\p{L}\p{N}-]+/gu, "_").slice(0, 60)}.${hash}`;
}

/** SHA-256, in hexadecimal, of texts and bytes, each with its length. */
export function digestOf(parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest("hex");
}

/** The outcome that was written before, if it is of the same files and check. */
export async function readOutcome(folder: string, digest: string): Promise<Outcome | undefined> {
  const outcome = await Deno.readTextFile(`${folder}/result.json`).then(JSON.parse).catch(() => undefined);
  return outcome?.digest === digest ? outcome : undefined;
}

/** The row of an outcome. */
export function rowOf(handin: Handin, folder: string, outcome: Outcome, ledger: Ledger): Row {
  const { points, of, each } = mark(outcome.result, ledger.points);
  const minutes = handin.at && ledger.due ? Math.ceil((Number(handin.at) - Number(ledger.due)) / 60_000) : 0;
  const late = handin.isLate ? "late" : minutes > 0 ? String(minutes) : "";
  const { status, result, notes } = outcome;
  const earlier = handin.earlier.map((name) => `an earlier submission does not count: ${name}`);
  return {
    label: ledger.isAnonymous ? folder : handin.name,
    handin,
    folder,
    status,
    ...result ? { result } : {},
    notes: [...notes, ...ledger.isAnonymous ? [] : earlier],
    points: status === "check failed" ? undefined : points,
    of,
    each,
    late,
  };
}
