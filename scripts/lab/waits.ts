/** How long a program is awaited, by what it did before. */

import type { Play } from "./play.ts";
import { slowness } from "./system.ts";

// Where a program was silent once, twice or more often, it is not given as long again.
const AGAIN_MS = [Infinity, 700, 700];
const LEAST_MS = 300;
// What took long once, on a busy machine, may take so many times as long.
const LONGER = 4;

/** How often a program was silent, and where, so that it is not awaited as long again; and how slow it was at most. */
export class Waits {
  readonly #counts = new Map<string, number>();
  readonly #longest = new Map<string, number>();

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.#counts.set(key, this.count(key) + 1);
  }

  /** Forgets what was counted: it came. */
  clear(key: string): void {
    this.#counts.delete(key);
  }

  /** What was awaited came after so many milliseconds. */
  came(key: string, ms: number): void {
    this.#longest.set(key, Math.max(ms, this.#longest.get(key) ?? 0));
  }

  /** How long something is awaited: `ms` at first, and never longer than `most`. */
  limit(key: string, ms: number, most = ms): number {
    const again = (AGAIN_MS[this.count(key)] ?? LEAST_MS) * slowness();
    return Math.min(most, Math.max(Math.min(ms, again), LONGER * (this.#longest.get(key) ?? 0)));
  }
}

/** What a play that hung before its file was moved is remembered by. */
export function overKey({ about, verb }: Play): string {
  return `over ${about} ${verb}`;
}

/** What a silence at a step is remembered by. */
export function keyOf({ about, verb }: Play, step: string): string {
  return about === "server" && step === "a" ? "server a" : `${about} ${verb} ${step}`;
}
