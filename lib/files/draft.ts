/** Files that appear whole: a draft is written beside its target and replaces it by an atomic rename. */

import { writeAll } from "../bytes.ts";
import { FileError, systemReason } from "../errors.ts";
import { tryLock } from "../older_deno.ts";
import { basename, dirname, isFolderPath, join } from "./path.ts";
import { checkGranted, creating, existing, isGranted, notAFile, Overwrite, type Target } from "./storage.ts";
import { within } from "../within.ts";

// Enough for thousands of files.
const SWEEP_MS = 200;
const DRAFT_NAME = /^\.blockferry-[0-9a-f-]{36}(-link)?\.part$/i;
// The mode bit of a folder in which only a file's owner may rename or delete it.
const STICKY = 0o1000;

/** Whether a path names a draft. Drafts are never served. */
export function isDraft(path: string): boolean {
  return DRAFT_NAME.test(basename(path));
}

// Removed when the program ends at once, as at a second Ctrl-C.
const drafts = new Set<string>();
globalThis.addEventListener("unload", () => {
  for (const path of drafts) {
    try {
      Deno.removeSync(path);
    } catch {
      // Already renamed, or never created.
    }
  }
});

/** A file in the making. The old file stands until the draft is committed; a dropped draft leaves nothing. */
export class Draft implements Target, AsyncDisposable {
  /** The folder of the draft and its target. */
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
   * Makes a draft of the file at `target`, with the old file's permission bits. Throws a {@linkcode FileError} that calls
   * the file `name` if the target is no regular file, or may not be written.
   */
  static create(target: string, name: string): Promise<Draft> {
    return creating(name, async () => {
      checkGranted("create", target, name);
      const old = await existing(target);
      if (old === undefined) return await Draft.#beside(target, name);
      if (!old.isFile) throw new FileError("create", name, { reason: notAFile(old) });
      try {
        // A read-only file must not be replaced, even where its folder would allow it.
        (await Deno.open(target, { write: true })).close();
        return await Draft.#beside(await Deno.realPath(target), name, old);
      } catch (error) {
        // The old file was deleted in the meantime.
        if (error instanceof Deno.errors.NotFound) return await Draft.#beside(target, name);
        throw error;
      }
    });
  }

  static async #beside(target: string, name: string, old?: Deno.FileInfo): Promise<Draft> {
    while (true) {
      const path = join(dirname(target), `.blockferry-${crypto.randomUUID()}.part`);
      const permissions = old?.mode ? { mode: old.mode & 0o777 } : {};
      drafts.add(path);
      const file = await Deno.open(path, { createNew: true, write: true, ...permissions }).catch((error) => {
        drafts.delete(path);
        throw error;
      });
      const draft = new Draft(file, path, target, name);
      try {
        // The lock tells a sweep that the draft's process is alive; it goes with the process, however that ends. Where
        // the system has no locks, a sweep can't lock the draft either, and leaves it.
        await file.lock(true).catch(() => {});
        // A sweep may have removed the draft before it was locked.
        const made = await existing(path);
        if (made) {
          if (old && Deno.build.os !== "windows") await replaceable(target, old, path, made);
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

  /**
   * Renames the draft to its target; `isDurable` waits until file and folder are on disk, and `isNew` leaves a file that
   * has appeared there.
   */
  commit({ isDurable = false, isNew = false }: { isDurable?: boolean; isNew?: boolean } = {}): Promise<void> {
    return creating(this.#name, async () => {
      if (isDurable) await this.#file.sync();
      // Windows can't sync a folder. If the folder can't be opened, that must be known before the old file is replaced.
      using folder = isDurable && Deno.build.os !== "windows" ? await Deno.open(this.folder) : undefined;
      if (!isNew || !await this.#link()) {
        await Deno.rename(this.#path, this.#target);
        this.#isCommitted = true;
      }
      await folder?.sync();
    });
  }

  // Makes the target a second name of the draft, whose own name is then removed with it: a rename would replace a file,
  // a link does not. False where the file system has no links, and a look must do.
  async #link(): Promise<boolean> {
    try {
      await Deno.link(this.#path, this.#target);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists || await existing(this.#target)) throw error;
      return false;
    }
  }

  /** Closes the file, and removes the draft unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    // It is missing only if its folder was removed.
    if (!this.#isCommitted) await Deno.remove(this.#path).catch(() => {});
    drafts.delete(this.#path);
  }
}

/**
 * Gives a draft the old file's owner, group and permission bits, as far as the system lets us. Throws if the rename would
 * be refused after all of the data has moved.
 */
async function replaceable(target: string, old: Deno.FileInfo, path: string, made: Deno.FileInfo): Promise<void> {
  const folder = await Deno.stat(dirname(target));
  const isSticky = ((folder.mode ?? 0) & STICKY) !== 0;
  if (isSticky && made.uid !== 0 && made.uid !== old.uid && made.uid !== folder.uid) {
    throw new Deno.errors.PermissionDenied("the folder is sticky, and the file is another user's");
  }
  if (await isMountPoint(target, path)) throw new Deno.errors.PermissionDenied("the file is a mount point");
  if (made.uid !== old.uid || made.gid !== old.gid) {
    // A user who may not give a file away may still be a member of the old group.
    await Deno.chown(path, old.uid, old.gid).catch(() => Deno.chown(path, null, old.gid)).catch(() => {});
  }
  if (old.mode !== null) await Deno.chmod(path, old.mode & 0o777);
}

// A mount point can't be renamed over. One of the same file system is only told by a hard link to it, which fails (EXDEV).
async function isMountPoint(target: string, path: string): Promise<boolean> {
  const probe = path.replace(/\.part$/, "-link.part");
  try {
    await Deno.link(target, probe);
    await Deno.remove(probe);
    return false;
  } catch (error) {
    return (error as { code?: unknown }).code === "EXDEV";
  }
}

/**
 * Opens a draft of the file at `path` or, where no draft is possible, the file itself, which `isNew` forbids. Sweeps the
 * folder first. Throws a {@linkcode FileError}.
 */
export function openTarget(path: string, { isNew }: { isNew: boolean }): Promise<Target & AsyncDisposable> {
  return creating(path, async () => {
    if (isNew && await existing(path)) throw new FileError("create", path, { reason: "it exists" });
    // The next sweep would remove a file with a draft's name.
    if (isDraft(path)) throw new FileError("create", path, { reason: "its name is that of a temporary file" });
    if (isFolderPath(path)) throw new FileError("create", path, { reason: "that is a folder" });
    const real = isGranted("read", path) ? await Deno.realPath(path).catch(() => path) : path;
    // A large folder must not keep the user waiting: the next sweep takes what this one leaves.
    await within(sweep(dirname(real), { recursive: false }), SWEEP_MS);
    try {
      return await Draft.create(path, path);
    } catch (error) {
      // A file that does not exist can't be written in place either.
      if (!isBarred(error) || !await existing(path)) throw error;
      return await Overwrite.open(path, path);
    }
  });
}

// Whether only the draft is impossible, as for a device, or for a file in a folder that may not be written.
function isBarred(error: unknown): boolean {
  if (!(error instanceof FileError)) return false;
  const { cause } = error;
  return cause === undefined || cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.NotCapable || /read-only file system/i.test(systemReason(cause));
}

/** Removes the drafts that ended processes left in a folder, and below it if `recursive`. */
export async function sweep(folder: string, options: { recursive: boolean; signal?: AbortSignal }): Promise<void> {
  if (!isGranted("read", folder) || !isGranted("write", folder)) return;
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (options.signal?.aborted) return;
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
    if (await tryLock(file)) await Deno.remove(path);
  } catch {
    // Removed in the meantime, or another user's.
  }
}
