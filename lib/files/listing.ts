/** The names in a folder, to tell whether a name could be the beginning of a longer one there. */

import { basename, dirname } from "./path.ts";

// More than that would take a tenth of a second to read, and longer to keep in order.
const MAX_NAMES = 30_000;
// A folder that others keep changing is read for at most this part of the time.
const READING_SHARE = 1 / 20;
// Of a folder's time of change; some disks have ticks of 10 ms.
const TICK_MS = 20;

/** Whether there is a longer name, or why that is not known: the folder can't be read now, or is too large for it. */
export type Longer = boolean | "unread" | "too many";

/** Knows one folder at a time, and reads it again only when somebody else has changed it. */
export class Listing {
  #folder = "";
  #mtime: number | undefined;
  // Sorted, so that the names which begin with another follow it.
  #names: Promise<string[] | undefined> = Promise.resolve([]);
  // Before this time, on the clock of `performance.now()`, no folder is read.
  #nextTime = 0;
  // Whether somebody may have changed the folder since, in the tick of the clock that its time of change tells of.
  #isFresh = false;

  /**
   * Whether another name in its folder begins with this one's. `isQuick` takes what may have changed since, within a tick
   * of the clock, for known.
   */
  async hasLonger(path: string, { isQuick = false }: { isQuick?: boolean } = {}): Promise<Longer> {
    const folder = dirname(path);
    try {
      const mtime = timeOf(folder);
      if (folder !== this.#folder || mtime !== this.#mtime || (this.#isFresh && !isQuick)) {
        if (performance.now() < this.#nextTime) return "unread";
        this.#folder = folder;
        this.#mtime = mtime;
        this.#isFresh = Date.now() - (mtime ?? 0) < TICK_MS;
        this.#names = this.#read(folder);
      }
      const names = await this.#names;
      if (names === undefined) return "too many";
      const name = basename(path);
      const index = indexOf(names, name);
      return names[names[index] === name ? index + 1 : index]?.startsWith(name) ?? false;
    } catch {
      return "unread";
    }
  }

  /** Removes a file, and takes note of that, unless somebody else has changed the folder since the last look. */
  remove(path: string): void {
    const isSeen = dirname(path) === this.#folder && timeOf(this.#folder) === this.#mtime;
    Deno.removeSync(path);
    if (!isSeen) return;
    this.#mtime = timeOf(this.#folder);
    this.#isFresh = true;
    this.#names.then((names = []) => {
      const index = indexOf(names, basename(path));
      if (names[index] === basename(path)) names.splice(index, 1);
    }, () => {});
  }

  /** Forgets what it knows: this process has changed a folder in another way. */
  forget(): void {
    this.#folder = "";
  }

  // Nothing if there are too many.
  async #read(folder: string): Promise<string[] | undefined> {
    const start = performance.now();
    this.#nextTime = Infinity;
    try {
      const names: string[] = [];
      for await (const { name } of Deno.readDir(folder)) if (names.push(name) > MAX_NAMES) return undefined;
      return names.sort();
    } finally {
      const end = performance.now();
      this.#nextTime = end + (end - start) / READING_SHARE;
    }
  }
}

/** When a folder was changed last, in milliseconds. */
function timeOf(folder: string): number | undefined {
  try {
    return Deno.statSync(folder).mtime?.getTime();
  } catch {
    return undefined;
  }
}

/** Where a name stands in sorted ones, or would stand. */
function indexOf(names: string[], name: string): number {
  let [from, to] = [0, names.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (names[middle]! < name) from = middle + 1;
    else to = middle;
  }
  return from;
}
