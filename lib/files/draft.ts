/** Files that appear whole: a draft is written beside its target and replaces it by an atomic rename. */

import { FileError } from "../errors.ts";
import { copyOver } from "./copy.ts";
import { hasDisk, isDeferring } from "./disk.ts";
import { dirname } from "./path.ts";
import { checkGranted, isGranted } from "./permissions.ts";
import {
  append,
  checkStored,
  createError,
  existing,
  notAFile,
  SMALL_BYTES,
  type Target,
  type Written,
} from "./storage.ts";

const IS_WINDOWS = Deno.build.os === "windows";
// Tried on every name of a folder that is swept, so nothing takes the path apart first.
const DRAFT_PATH = new RegExp(`(^|[/${IS_WINDOWS ? "\\\\" : ""}])\\.blockferry-[0-9a-f-]{36}\\.part$`, "i");
// A draft that was created, but can't be renamed to its target: a mount point, another user's file in a sticky folder.
const NOT_RENAMED = ["EBUSY", "EXDEV", "EPERM", "EACCES"];

/** Whether a path names a draft. Drafts are never served. */
export function isDraft(path: string): boolean {
  return DRAFT_PATH.test(path);
}

// Those that have not been renamed. They are removed when the program ends at once, as at a second Ctrl-C.
const drafts = new Set<string>();
globalThis.addEventListener("unload", () => {
  for (const path of drafts) {
    try {
      Deno.removeSync(path);
    } catch {
      // Its folder was removed.
    }
  }
});

/** What a draft is to replace. */
export interface DraftOptions {
  /** What is there: the draft gets its owner, group and permission bits as far as the system lets us. */
  old?: Deno.FileInfo | undefined;
  /** Whether the data is copied into an old file that can be written, but not replaced. */
  isCopied?: boolean;
  /** The files of the run, to which this one is added when it is committed. */
  written?: Written | undefined;
}

/** A file in the making. The old file stands until the draft is committed; one that is dropped leaves nothing. */
export interface Draft extends Target, AsyncDisposable {
  /** The folder of the draft and its target. */
  folder: string;
}

/**
 * Makes a draft of the file at `target`, a path that is no link. Throws a {@linkcode FileError} that calls the file `name`
 * if the old one is no regular file, or may not be written.
 */
export function createDraft(target: string, name: string, options: DraftOptions = {}): Draft {
  const { old, isCopied = false, written } = options;
  if (old && !old.isFile) throw new FileError("create", name, { reason: notAFile(old) });
  const folder = dirname(target);
  // Not joined, which would take out a link with the dots after it.
  const path = `${folder}/.blockferry-${crypto.randomUUID()}.part`;
  // Deno would prompt for what is not granted.
  checkGranted("create", target, name);
  checkGranted("create", path, name, "its folder");
  let file: Deno.FsFile;
  try {
    checkFolder(folder, name);
    file = make(path, target, old);
  } catch (cause) {
    throw createError(name, cause);
  }
  drafts.add(path);
  let size = 0;
  // Replacing a large file takes as long as deleting it; but no file of a run may come between look, rename and note.
  const rename = (): Promise<void> | void => {
    if (!written && Math.max(size, old?.size ?? 0) > SMALL_BYTES) return Deno.rename(path, target);
    Deno.renameSync(path, target);
    written?.add(target, name);
  };
  const replace = async (signal: AbortSignal | undefined): Promise<void> => {
    try {
      await rename();
    } catch (error) {
      if (!isCopied || !old || !NOT_RENAMED.includes(codeOf(error) ?? "")) throw error;
      written?.add(target, name);
      await copyOver(path, target, name, signal);
    }
    drafts.delete(path);
  };
  return {
    folder,
    write: (piece) => {
      size += piece.length;
      return append(file, piece, name);
    },
    commit: async ({ fsync = false, createNew = false, signal } = {}) => {
      try {
        const mustSync = fsync || (size > SMALL_BYTES && await isDeferring(folder, file.statSync().dev));
        if (mustSync) await file.sync();
        // Windows can't sync a folder. If it can't be opened, that must be known before the old file is replaced.
        using synced = fsync && !IS_WINDOWS ? await Deno.open(folder) : undefined;
        unlock(file);
        file.close();
        // Some disks tell only the closing program that data was lost, and Deno does not pass that on.
        checkStored(size, path, name);
        written?.check(target, name, old);
        if (createNew && link(path, target)) written?.add(target, name);
        else await replace(signal);
        await synced?.sync();
      } catch (cause) {
        if (!(cause instanceof Deno.errors.NotFound)) throw createError(name, cause);
        throw new FileError("create", name, { reason: "another program removed its draft or its folder", cause });
      }
    },
    [Symbol.asyncDispose]: async () => {
      file[Symbol.dispose]();
      if (!drafts.has(path)) return;
      // It is missing if its folder was removed, or a copy of it has broken off.
      await Deno.remove(path).catch((error) => error instanceof Deno.errors.NotFound || stuck.set(folder, path));
      drafts.delete(path);
    },
  };
}

/** Creates a draft's file, and leaves nothing if that fails. */
function make(path: string, target: string, old: Deno.FileInfo | undefined): Deno.FsFile {
  // Less the umask, or the folder's default ACL: where the old file has an ACL, which Deno can't see, the bits of its
  // group are those of the ACL's mask, and its group may have been denied what they seem to allow.
  const permissions = old?.mode ? { mode: old.mode & 0o777 } : {};
  const file = Deno.openSync(path, { createNew: true, write: true, ...permissions });
  try {
    // The lock tells a sweep that the draft's process is alive; it goes with the process, however that ends.
    file.lockSync(true);
  } catch {
    // Where the system has no locks, a sweep can't lock the draft either, and leaves it.
  }
  try {
    if (old && !IS_WINDOWS) resemble(file, path, target, old);
  } catch (error) {
    file.close();
    Deno.removeSync(path);
    throw error;
  }
  return file;
}

/** Ends a draft's lock before its close: a process that is being started has copies of all descriptors for a moment. */
function unlock(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // There are no locks.
  }
}

/** Gives a draft the owner, the group and the mode of the file that it replaces, as far as the system lets us. */
function resemble(file: Deno.FsFile, path: string, target: string, old: Deno.FileInfo): void {
  const made = file.statSync();
  if (!isWritable(target, old, made)) throw new Deno.errors.PermissionDenied("permission denied");
  if (made.uid === old.uid && made.gid === old.gid) return;
  // By its descriptor, since the folder's owner may have put a link in its place. Loading this takes 40 ms.
  const { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync } = globalThis.process.getBuiltinModule(
    "node:fs",
  );
  // Its owner may have no right to write, where its group has.
  const access = (made.mode ?? 0) & 0o200 ? constants.O_WRONLY : constants.O_RDONLY;
  const fd = openSync(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { dev, ino } = fstatSync(fd);
    if (dev !== made.dev || ino !== made.ino) throw new Deno.errors.NotFound("another program removed its draft");
    // A user who may not give a file away may still be a member of the old group.
    if ([old.uid!, made.uid!].some((uid) => succeeds(() => fchownSync(fd, uid, old.gid!)))) return;
    // This user's group gets no more than others have.
    const mode = made.mode ?? 0;
    fchmodSync(fd, mode & (0o707 | (mode & 0o007) << 3));
  } finally {
    closeSync(fd);
  }
}

function succeeds(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

// Makes the target a second name of the draft, whose own name is then removed with it: a rename would replace a file, a
// link does not. False where the file system has no links, and a look must do.
function link(path: string, target: string): boolean {
  try {
    Deno.linkSync(path, target);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists || existing(target)) throw error;
    return false;
  }
}

/** Whether the maker of the draft `made` may write the file that it replaces. */
function isWritable(target: string, old: Deno.FileInfo, made: Deno.FileInfo): boolean {
  const { mode } = old;
  if (mode === null || made.uid === 0) return true;
  if (made.uid === old.uid) return (mode & 0o200) !== 0;
  if ((mode & 0o022) !== 0o020) return (mode & 0o002) !== 0;
  // Only the system knows whether this user is in the group.
  try {
    Deno.openSync(target, { write: true }).close();
    return true;
  } catch (error) {
    return codeOf(error) === "ETXTBSY";
  }
}

// Folders that are not known to keep every draft; and those that have kept one.
const checked = new Set<string>();
const stuck = new Map<string, string>();

/**
 * Throws if a folder is append-only (chattr +a): every draft would stay there. Linux lets nobody set the times of such a
 * folder; of any other its owner may, and a draft changes them anyway.
 */
function checkFolder(folder: string, name: string): void {
  const draft = stuck.get(folder);
  if (draft !== undefined) {
    // Each failed upload would leave one more.
    if (existing(draft)) Deno.removeSync(draft);
    stuck.delete(folder);
  }
  if (Deno.build.os !== "linux" || checked.has(folder) || !isGranted("write", folder)) return;
  const now = new Date();
  try {
    Deno.utimeSync(folder, now, now);
  } catch (error) {
    if (codeOf(error) === "EPERM" && isOwn(folder)) {
      throw new FileError("create", name, { reason: "its folder is append-only" });
    }
  }
  checked.add(folder);
}

/** Whether a folder is this user's, on a disk that knows its users. */
function isOwn(folder: string): boolean {
  if (!isGranted("read") || !isGranted("write")) return false;
  try {
    // A file says who this user is; Deno.uid would need a permission.
    const path = Deno.makeTempFileSync({ prefix: "blockferry-" });
    const [mine, { uid, dev }] = [Deno.statSync(path).uid, Deno.statSync(folder)];
    Deno.removeSync(path);
    return hasDisk(dev) && uid === mine;
  } catch {
    // The temporary folder can't be written, which says nothing of this one.
    return false;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
