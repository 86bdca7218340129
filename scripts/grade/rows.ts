/** What became of each hand-in: what is kept of it, and its line in the class's table. */

import { createHash } from "node:crypto";
import type { Result } from "../lab/causes.ts";
import type { Picture } from "../lab/page/ladder.ts";
import type { Handin } from "./handins.ts";
import { type Mark, mark, type Points } from "./marks.ts";

/** What became of a hand-in: all that `result.json` keeps. The points are not in it, which a new points file changes. */
export interface Outcome {
  /** Of the hand-in's files and of the check. */
  digest: string;
  status: "graded" | "no program" | "timed out" | "check failed" | "unsteady";
  /** What is missing, doubtful or differs, in sentences. */
  notes: string[];
  /** What failed has not been played alone yet. */
  isUnconfirmed?: boolean;
  result?: Result;
  pictures?: (Picture | null)[];
}

/** A line of the class's table. */
export interface Row extends Outcome, Omit<Mark, "points"> {
  handin: Handin;
  /** What the row is called: a name, or a code with --anonymous. */
  label: string;
  folder: string;
  points: number | undefined;
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

/** SHA-256, in hexadecimal, of texts and bytes, each with its length. */
export function digestOf(parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest("hex");
}

/** A hand-in's number: no other hand-in has it, and its folder's name ends with it. */
export function numberOf({ name, id }: Pick<Handin, "name" | "id">): string {
  return digestOf([name, id]).slice(0, 8);
}

export function rowOf(handin: Handin, outcome: Outcome, { points: rules, due, isAnonymous }: Ledger): Row {
  const { name, id, at, isLate, earlier } = handin;
  const number = numberOf(handin);
  // No path can leave DIR; and no character is cut in two.
  const readable = [...(name === id ? name : `${name}_${id}`).replace(/[^\p{L}\p{N}-]+/gu, "_")].slice(0, 50).join("");
  const minutes = at && due ? Math.ceil((Number(at) - Number(due)) / 60_000) : 0;
  const others = earlier.map((name) => `an earlier submission does not count: ${name}`);
  return {
    ...outcome,
    ...mark(outcome.result, rules),
    ...outcome.status === "check failed" ? { points: undefined } : {},
    handin,
    label: isAnonymous ? number : name,
    folder: isAnonymous ? number : `${readable}.${number}`,
    notes: [...outcome.notes, ...others],
    late: isLate ? "late" : minutes > 0 ? String(minutes) : "",
  };
}

/** The notes for a page, or a terminal; with codes in place of names without what follows a colon, such as a file's name. */
export function shownNotes({ notes }: Row, { isAnonymous }: Ledger): string[] {
  return isAnonymous ? notes.map((note) => note.split(": ")[0]!) : notes;
}

/** How late, in words. */
export function inWords(late: string): string {
  return late === "late" ? late : `${late} minutes late`;
}

const STATUSES = ["graded", "unsteady", "timed out", "no program", "check failed"];

/** How many there are of each status, in words. */
export function tally(rows: Row[]): string {
  return STATUSES.map((each) => ({ each, own: rows.filter(({ status }) => status === each) }))
    .filter(({ own }) => own.length > 0).map(({ each, own }) => `${own.length} ${each}`).join(", ");
}
