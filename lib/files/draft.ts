/** Files that appear whole: a draft is written beside its target, and takes the target's place in one step. */

import { FileError, systemReason } from "../errors.ts";
import { basename, dirname, isFolderPath, join } from "./path.ts";
import { creating, existing, isGranted, Overwrite, type Target, writeAll } from "./storage.ts";
import { within } from "../within.ts";

const DRAFT_NAME = /^\.blockferry-[0-9a-f-]{36}\.part$/i;

/** Whether a path names a draft: those are never served, and never mistaken for files. */
export function isDraft(path: string): boolean {
  return DRAFT_NAME.test(basename(path));
}

// What is there when the program ends at once, as at a second Ctrl-C.
const drafts = new Set<string>();
globalThis.addEventListener("unload", () => {
  for (const path of drafts) {
    try {
      Deno.removeSync(path);
    } catch {
      // It has its name by now, or was never made.
    }
  }
});

/** A file in the making. Until it is committed the old file stands; when it is dropped nothing is left of it. */
export class Draft implements Target {
  /** The folder that it is in, as is its target. */
  readonly folder: string;
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #target: string;
  readonly #name: string;
  #isCommitted = false;

  private constructor(file: Deno.FsFile, path: string, target: string, name: string) {
    this.#file = file;
    this.#path = path;
    this.folder = dirname(target);
    this.#target = target;
    this.#name = name;
  }

  /**
   * Makes a draft of the file at `target`, which has the old file's permission bits. Throws a {@linkcode FileError} that
   * calls the file `name` when there is something else than a file, or one that may not be written.
   */
  static create(target: string, name: string): Promise<Draft> {
    return creating(name, async () => {
      if (!isGranted("read", target) || !isGranted("write", target)) throw new FileError("create", name);
      const old = await existing(target);
      if (old === undefined) return await Draft.#beside(target, name);
      if (!old.isFile) throw new FileError("create", name);
      try {
        // A file that its owner made read-only is not to be replaced, though its folder would let it be.
        (await Deno.open(target, { write: true })).close();
        return await Draft.#beside(await Deno.realPath(target), name, old.mode);
      } catch (error) {
        // Deleted in the meantime.
        if (error instanceof Deno.errors.NotFound) return await Draft.#beside(target, name);
        throw error;
      }
    });
  }

  static async #beside(target: string, name: string, mode: number | null = null): Promise<Draft> {
    while (true) {
      const path = join(dirname(target), `.blockferry-${crypto.randomUUID()}.part`);
      if (!isGranted("write", path)) throw new FileError("create", name);
      const permissions = mode === null ? {} : { mode: mode & 0o777 };
      drafts.add(path);
      const file = await Deno.open(path, { createNew: true, write: true, ...permissions }).catch((error) => {
        drafts.delete(path);
        throw error;
      });
      const draft = new Draft(file, path, target, name);
      try {
        // The lock says that the draft's process lives; it goes with the process, however that ends. Where the system
        // has no locks, no sweep takes the draft.
        await file.lock(true).catch(() => {});
        // A sweep may have come between the file's birth and its lock.
        if (await existing(path)) {
          if (mode !== null && Deno.build.os !== "windows") await Deno.chmod(path, mode & 0o777);
          return draft;
        }
        await draft[Symbol.asyncDispose]();
      } catch (error) {
        await draft[Symbol.asyncDispose]();
        throw error;
      }
    }
  }

  /** Appends a piece. Throws a {@linkcode FileError} when the disk is full. */
  write(piece: Uint8Array): Promise<void> {
    return creating(this.#name, () => writeAll(this.#file, piece));
  }

  /** Puts the draft in its target's place, in one step; `isDurable` waits until file and folder are on disk. */
  commit({ isDurable = false }: { isDurable?: boolean } = {}): Promise<void> {
    return creating(this.#name, async () => {
      if (isDurable) await this.#file.sync();
      // Windows has no way to do that for a folder. What can't be opened is to be known before the old file goes.
      using folder = isDurable && Deno.build.os !== "windows" ? await Deno.open(this.folder) : undefined;
      await Deno.rename(this.#path, this.#target);
      this.#isCommitted = true;
      await folder?.sync();
    });
  }

  /** Gives the file back, and removes the draft unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    // It can be gone only with its folder.
    if (!this.#isCommitted) await Deno.remove(this.#path).catch(() => {});
    drafts.delete(this.#path);
  }
}

/**
 * Opens what is to become the file at `path`: a draft, or what can have none in place. Sweeps its folder first. Throws a
 * {@linkcode FileError}.
 */
export function openTarget(path: string): Promise<Target> {
  return creating(path, async () => {
    // The next sweep would take a file of a draft's name.
    if (isDraft(path) || isFolderPath(path)) throw new FileError("create", path);
    const real = isGranted("read", path) ? await Deno.realPath(path).catch(() => path) : path;
    await sweep(dirname(real), { recursive: false });
    try {
      return await Draft.create(path, path);
    } catch (error) {
      if (!isBarred(error)) throw error;
      return await Overwrite.open(path, path);
    }
  });
}

// Whether it is the draft that can't be: of a device, beside a file in a folder that is not to be written.
function isBarred(error: unknown): boolean {
  if (!(error instanceof FileError)) return false;
  const { cause } = error;
  return cause === undefined || cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.NotCapable || /read-only file system/i.test(systemReason(cause));
}

/** Removes the drafts that processes now gone have left in a folder, and below it if `recursive`. */
export async function sweep(folder: string, options: { recursive: boolean }): Promise<void> {
  if (!isGranted("read", folder) || !isGranted("write", folder)) return;
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory && options.recursive) await sweep(path, options);
      if (entry.isFile && isDraft(path)) await removeAbandoned(path);
    }
  } catch {
    // A folder that can't be read holds no draft of ours.
  }
}

async function removeAbandoned(path: string): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true });
    if (await isAbandoned(file)) await Deno.remove(path);
  } catch {
    // Gone in the meantime, or another user's.
  }
}

async function isAbandoned(file: Deno.FsFile & { tryLock?(exclusive: boolean): Promise<boolean> }): Promise<boolean> {
  if (file.tryLock) return await file.tryLock(true);
  // Before Deno 2.7 there is lock() alone: one that is not there at once is held by a living process.
  return await within(file.lock(true).then(() => true, () => false), 100) ?? false;
}
