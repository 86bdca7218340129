/** What only older versions of Deno need. Each part says with which version it can go. */

import { within } from "./within.ts";

/**
 * Every address of a name; none if it is an address itself. Before Deno 2.9, `Deno.connect` tries only a name's first
 * address. Goes when 2.9 is the oldest that is supported.
 */
export async function lookupAll(hostname: string): Promise<string[]> {
  if (/^[\d.]+$|:/.test(hostname)) return [];
  const { default: process } = await import("node:process");
  const { noDeprecation } = process as { noDeprecation?: boolean };
  // Before Deno 2.7 a lookup prints a warning about a module that Deno itself uses.
  Object.assign(process, { noDeprecation: true });
  try {
    const { lookup } = await import("node:dns/promises");
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  } finally {
    Object.assign(process, { noDeprecation });
  }
}

// A lock that is free is taken in far less time; 100 ms allow for a busy machine.
const LOCK_MS = 100;

/**
 * Locks a file unless another process holds its lock. Before Deno 2.7 there is only `lock`, which waits. Goes when 2.7
 * is the oldest that is supported: then it is `file.tryLock(true)`.
 */
export async function tryLock(
  file: Deno.FsFile & { tryLock?(exclusive: boolean): Promise<boolean> },
): Promise<boolean> {
  if (file.tryLock) return await file.tryLock(true);
  return await within(file.lock(true).then(() => true, () => false), LOCK_MS) ?? false;
}

/**
 * Shares a file's lock with other readers; false if a writer has it. Goes with {@linkcode tryLock}: then it is
 * `file.tryLockSync(false)`. Before Deno 2.7 there is no lock for readers, since `lockSync` waits for the writer.
 */
export function shareLock(file: Deno.FsFile & { tryLockSync?(exclusive: boolean): boolean }): boolean {
  try {
    return file.tryLockSync?.(false) ?? true;
  } catch {
    // The file system has no locks.
    return true;
  }
}
