/** Points for what holds. One cause costs once, however many sentences it breaks. */

import { CheckError } from "../lab/launch.ts";
import type { Result } from "../lab/causes.ts";
import { isMachines, ROLES } from "../lab/report.ts";
import type { Rule } from "../lab/rule.ts";
import { RULES } from "../lab/rules.ts";

export interface Points {
  /** The points of a sentence, by its number; of each sentence of a section, by the section's. */
  points: Record<string, number>;
  /** Whether a cause costs the dearest of its sentences, or all of them. Once, the others do not count. */
  cause: "once" | "each sentence";
  /** What a sentence earns that could not be shown: a share of its points, from 0 to 1; or it does not count. */
  notShown: number | "does not count";
}

/** Every sentence is worth a point; what could not be shown costs nothing but its own points. */
export const DEFAULT_POINTS: Points = {
  points: { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1 },
  cause: "once",
  notShown: 0,
};

/** The most points of a sentence. */
const MOST = 1_000_000;

/** The sentences that count. */
export const JUDGED: Rule[] = RULES.filter(({ strict }) => !strict);

/** Reads a points file. Throws a {@linkcode CheckError} that says what is wrong with it. */
export function readPoints(text: string, path: string): Points {
  const wrong = (why: string): CheckError => new CheckError(`${path} is no points file: ${why}`);
  let given: Points;
  try {
    const file = JSON.parse(text);
    if (file?.constructor !== Object) throw new Error("it holds no object");
    given = { ...DEFAULT_POINTS, ...file, points: { ...DEFAULT_POINTS.points, ...file?.points } };
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const other = Object.keys(given).find((key) => key !== "sentences" && !(key in DEFAULT_POINTS));
  if (other !== undefined) throw wrong(`there is no "${other}" in one`);
  for (const [key, value] of Object.entries(given.points)) {
    if (!JUDGED.some(({ id }) => id === key || id.startsWith(`${key}.`))) throw wrong(`there is no sentence ${key}`);
    if (typeof value !== "number" || !(value >= 0 && value <= MOST)) throw wrong(`${key} needs 0 to ${MOST} points`);
  }
  if (!JUDGED.some(({ id }) => pointsOf(id, given) > 0)) throw wrong("no sentence has points");
  if (given.cause !== "once" && given.cause !== "each sentence") throw wrong('"cause" is "once" or "each sentence"');
  const { notShown } = given;
  if (notShown !== "does not count" && !(typeof notShown === "number" && notShown >= 0 && notShown <= 1)) {
    throw wrong('"notShown" is a number from 0 to 1, or "does not count"');
  }
  return given;
}

export function pointsOf(id: string, { points }: Points): number {
  return points[id] ?? points[id.split(".")[0]!] ?? 0;
}

/** The sentences that a result's causes cost. */
function costsOf(result: Result | undefined, rules: Points): Set<string> {
  const costs = new Set<string>();
  for (const { sentences } of result?.causes ?? []) {
    const own = sentences.filter((id) => !costs.has(id)).sort((a, b) => pointsOf(b, rules) - pointsOf(a, rules));
    for (const id of rules.cause === "once" ? own.slice(0, 1) : own) costs.add(id);
  }
  return costs;
}

/** The points of a hand-in, of how many, those of each program in words, and those of each sentence. */
export interface Mark {
  points: number;
  of: number;
  parts: string;
  each: Map<string, number>;
}

/** The mark of what a hand-in's check found. */
export function mark(result: Result | undefined, rules: Points): Mark {
  const sentences = new Map(result?.sentences.map((one) => [one.id, one]));
  const costs = costsOf(result, rules);
  const shareOf = (id: string): Points["notShown"] => {
    const outcome = sentences.get(id)?.outcome;
    if (outcome === "fails") return costs.has(id) ? 0 : "does not count";
    return outcome === "holds" ? 1 : rules.notShown;
  };
  const each = new Map<string, number>();
  const parts: string[] = [];
  let [points, of] = [0, 0];
  for (const role of ROLES) {
    // What does not count leaves the mark as it would be without it: a program of which nothing holds has no points.
    let [earned, counted, all] = [0, 0, 0];
    const judged = JUDGED.filter(({ about }) => about === role);
    const isNothing = !judged.some(({ id }) => sentences.get(id)?.outcome === "holds");
    for (const { id } of judged) {
      const reason = sentences.get(id)?.reason;
      // What this machine lacks is nobody's fault; but a disk that a hand-in fills is its own.
      if (isMachines(reason) && !reason!.includes("folder")) continue;
      const [worth, share] = [pointsOf(id, rules), isNothing ? 0 : shareOf(id)];
      const points = share === "does not count" ? 0 : share * worth;
      all += worth;
      earned += points;
      if (share !== "does not count") counted += worth;
      each.set(id, round(points));
    }
    const own = counted > 0 ? all * earned / counted : 0;
    parts.push(`${role} ${round(own)} of ${round(all)}`);
    points += own;
    of += all;
  }
  return { points: round(points), of: round(of), parts: parts.join(", "), each };
}

/** How a mark comes about, in a sentence for whoever gets it. */
export function explained({ cause, notShown }: Points): string {
  const costs = cause === "once" ? "a mistake costs one, however many it breaks" : "a mistake costs all that it breaks";
  const hidden = typeof notShown === "string" ? notShown : `earns ${notShown === 0 ? "none" : `${notShown} of them`}`;
  return `Each sentence that holds earns its points; ${costs}; what could not be shown ${hidden}`;
}

/** A number with two decimals at most. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
