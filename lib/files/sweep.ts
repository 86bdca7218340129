/** Removes what killed programs left half-written. */

import { delay } from "@std/async";
import { tryLock } from "../older_deno.ts";
import { isDraft } from "./draft.ts";
import { join } from "./path.ts";
import { isGranted } from "./permissions.ts";
import { within } from "../within.ts";

// Nobody is without a byte for longer than that, by default; so a file that old is no longer written.
const ABANDONED_MS = 60 * 60 * 1000;

// An aborted sweep still finishes the file it is on, which can hang with the disk.
const ENDING_MS = 500;

/** Sweeps a folder, and all that is in it, at once and then every hour, until the signal is aborted. */
export async function sweepHourly(folder: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const swept = sweep(folder, { recursive: true, signal });
    await delay(ABANDONED_MS, { signal, persistent: false }).catch(() => {});
    await within(swept, ENDING_MS);
  }
}

/**
 * Removes the drafts that ended processes left in a folder, and below it if `recursive`. A draft that was written within
 * the last hour stays: on a file system whose machines don't share their locks, another one may be at work on it.
 */
export async function sweep(folder: string, options: { recursive: boolean; signal?: AbortSignal }): Promise<void> {
  if (!isGranted("read", folder) || !isGranted("write", folder)) return;
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (options.signal?.aborted) return;
      if (entry.isDirectory && options.recursive) await sweep(join(folder, entry.name), options);
      if (entry.isFile && isDraft(entry.name)) await removeAbandoned(join(folder, entry.name));
    }
  } catch {
    // A folder that can't be read holds no draft of ours.
  }
}

async function removeAbandoned(path: string): Promise<void> {
  try {
    if (isYoung(await Deno.stat(path))) return;
    using file = await Deno.open(path, { write: true });
    // Its process may just have written the rest, and closed it to rename it.
    if (await tryLock(file) && !isYoung(await file.stat())) await Deno.remove(path);
  } catch {
    // Removed in the meantime, or another user's.
  }
}

function isYoung({ mtime }: Deno.FileInfo): boolean {
  return mtime !== null && Date.now() - mtime.getTime() < ABANDONED_MS;
}
