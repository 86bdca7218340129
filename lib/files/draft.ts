/** Files that appear whole: a draft is written beside its target and replaces it by an atomic rename. */

import { FileError } from "../errors.ts";
import { hasDisk, isDeferring } from "./disk.ts";
import { basename, dirname } from "./path.ts";
import { checkGranted, isGranted } from "./permissions.ts";
import {
  append,
  checkStored,
  type CommitOptions,
  createError,
  existing,
  notAFile,
  Overwrite,
  SMALL_BYTES,
  type Target,
  type Written,
} from "./storage.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const DRAFT_NAME = /^\.blockferry-[0-9a-f-]{36}\.part$/i;
// A draft that was created, but can't be renamed to its target: a mount point, another user's file in a sticky folder.
const NOT_RENAMED = ["EBUSY", "EXDEV", "EPERM", "EACCES"];
const PIECE_BYTES = 256 * 1024;

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

/** What a draft is to replace. */
export interface DraftOptions {
  /**
   * What is there: the draft gets its owner and group as far as the system lets us, and its permission bits as far as a
   * new file in this folder would have them.
   */
  old?: Deno.FileInfo | undefined;
  /** Whether the data is copied into an old file that can be written, but not replaced. */
  isCopied?: boolean;
  /** What must not be replaced, where that may be known too late for `old`. */
  written?: Written | undefined;
}

/**
 * A file in the making. The old file stands until the draft is committed; a dropped draft leaves nothing. What takes
 * microseconds is done at once: a trip to another thread for each call would take longer than a small file's transfer.
 */
export class Draft implements Target, AsyncDisposable {
  /** The folder of the draft and its target. */
  readonly folder: string;
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #target: string;
  readonly #name: string;
  readonly #isCopied: boolean;
  readonly #written: Written | undefined;
  readonly #writtenBefore: number | undefined;
  readonly #oldSize: number;
  #size = 0;
  #isOpen = true;
  #isCommitted = false;
  #isCopying = false;

  private constructor(
    file: Deno.FsFile,
    path: string,
    target: string,
    name: string,
    { old, isCopied, written }: DraftOptions,
  ) {
    this.#file = file;
    this.#path = path;
    this.folder = dirname(target);
    this.#target = target;
    this.#name = name;
    this.#oldSize = old?.size ?? 0;
    this.#isCopied = isCopied === true && old !== undefined;
    this.#written = written;
    this.#writtenBefore = written?.count;
  }

  /**
   * Makes a draft of the file at `target`, a path that is no link. Throws a {@linkcode FileError} that calls the file
   * `name` if the old one is no regular file, or may not be written.
   */
  static create(target: string, name: string, options: DraftOptions = {}): Draft {
    const { old } = options;
    if (old && !old.isFile) throw new FileError("create", name, { reason: notAFile(old) });
    const folder = dirname(target);
    // Not joined, which would take out a link with the dots after it.
    const path = `${folder}/.blockferry-${crypto.randomUUID()}.part`;
    // Deno would prompt for what is not granted.
    checkGranted("create", target, name);
    checkGranted("create", path, name, "its folder");
    try {
      checkFolder(folder, name);
      drafts.add(path);
      // Less the umask, or the folder's default ACL: where the old file has an ACL, which Deno can't see, the bits of its
      // group are those of the ACL's mask, and its group may have been denied what they seem to allow.
      const permissions = old?.mode ? { mode: old.mode & 0o777 } : {};
      const file = Deno.openSync(path, { createNew: true, write: true, ...permissions });
      const draft = new Draft(file, path, target, name, options);
      try {
        draft.#begin(old);
      } catch (error) {
        file.close();
        Deno.removeSync(path);
        throw error;
      }
      return draft;
    } catch (cause) {
      drafts.delete(path);
      throw createError(name, cause);
    }
  }

  #begin(old: Deno.FileInfo | undefined): void {
    try {
      // The lock tells a sweep that the draft's process is alive; it goes with the process, however that ends. Where the
      // system has no locks, a sweep can't lock the draft either, and leaves it.
      this.#file.lockSync(true);
    } catch {
      // The draft's age alone protects it.
    }
    if (!old || IS_WINDOWS) return;
    const made = this.#file.statSync();
    if (!isWritable(this.#target, old, made)) throw new Deno.errors.PermissionDenied("permission denied");
    if ((made.uid === old.uid && made.gid === old.gid) || this.#chown(old)) return;
    // This user's group gets no more than others have.
    const mode = made.mode ?? 0;
    Deno.chmodSync(this.#path, mode & (0o707 | (mode & 0o007) << 3));
  }

  #chown({ uid, gid }: Deno.FileInfo): boolean {
    // A user who may not give a file away may still be a member of the old group.
    for (const owner of [uid, null]) {
      try {
        Deno.chownSync(this.#path, owner, gid);
        return true;
      } catch {
        // It stays this user's.
      }
    }
    return false;
  }

  /** Appends a piece. Throws a {@linkcode FileError} when the disk is full. */
  write(piece: Uint8Array): Promise<void> {
    this.#size += piece.length;
    return append(this.#file, piece, this.#name);
  }

  /** Renames the draft to its target. Throws a {@linkcode FileError} if the system refuses that. */
  async commit({ fsync = false, createNew = false }: CommitOptions = {}): Promise<void> {
    try {
      const mustSync = fsync ||
        (this.#size > SMALL_BYTES && await isDeferring(this.folder, this.#file.statSync().dev));
      if (mustSync) await this.#file.sync();
      // Windows can't sync a folder. If the folder can't be opened, that must be known before the old file is replaced.
      using folder = fsync && !IS_WINDOWS ? await Deno.open(this.folder) : undefined;
      this.#close();
      // Some disks tell only the closing program that data was lost, and Deno does not pass that on.
      const made = Deno.lstatSync(this.#path);
      checkStored(this.#size, made, this.#name);
      if (!createNew || !this.#link()) await this.#replace();
      this.#written?.add(this.#target, this.#isCopying ? Deno.statSync(this.#target) : made, this.#name);
      await folder?.sync();
    } catch (cause) {
      const isGone = cause instanceof Deno.errors.NotFound && existing(this.folder) !== undefined;
      const reason = isGone ? "another program removed its draft" : undefined;
      throw reason ? new FileError("create", this.#name, { reason, cause }) : createError(this.#name, cause);
    }
  }

  async #replace(): Promise<void> {
    // Another transfer of the run may have ended meanwhile.
    if (this.#written && this.#written.count !== this.#writtenBefore) {
      this.#written.check(this.#target, existing(this.#target, Deno.lstatSync), this.#name);
    }
    try {
      // Replacing a large file takes as long as deleting it; but no other transfer may come between look and rename.
      const isSmall = this.#written !== undefined || (this.#size <= SMALL_BYTES && this.#oldSize <= SMALL_BYTES);
      await rename(this.#path, this.#target, isSmall);
      this.#isCommitted = true;
    } catch (error) {
      if (!this.#isCopied || !NOT_RENAMED.includes(codeOf(error) ?? "")) throw error;
      this.#isCopying = true;
      using target = await Overwrite.open(this.#target, this.#name);
      using file = await Deno.open(this.#path);
      const buffer = new Uint8Array(PIECE_BYTES);
      for (let count; (count = await file.read(buffer)) !== null;) await target.write(buffer.subarray(0, count));
      await target.commit();
    }
  }

  // Makes the target a second name of the draft, whose own name is then removed with it: a rename would replace a file,
  // a link does not. False where the file system has no links, and a look must do.
  #link(): boolean {
    try {
      Deno.linkSync(this.#path, this.#target);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists || existing(this.#target)) throw error;
      return false;
    }
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  /** Closes the file, and removes the draft unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    // It is missing only if its folder was removed.
    if (!this.#isCommitted) await Deno.remove(this.#path).catch(() => {});
    drafts.delete(this.#path);
  }
}

function rename(from: string, to: string, isSmall: boolean): Promise<void> | void {
  return isSmall ? Deno.renameSync(from, to) : Deno.rename(from, to);
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

// Folders that are not known to keep every draft.
const checked = new Set<string>();

/**
 * Throws if a folder is append-only (chattr +a): every draft would stay there. Linux lets nobody set the times of such a
 * folder; of any other its owner may, and a draft changes them anyway.
 */
function checkFolder(folder: string, name: string): void {
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

// Who a folder that is not mapped into a container seems to belong to.
const NOBODY = 65534;

/** Whether a folder on a local disk is this user's, or root's for this user. */
function isOwn(folder: string): boolean {
  // A file says who this user is; Deno.uid would need a permission.
  if (!isGranted("read") || !isGranted("write")) return false;
  const path = Deno.makeTempFileSync({ prefix: "blockferry-" });
  const { uid } = Deno.statSync(path);
  Deno.removeSync(path);
  const { uid: owner, dev } = Deno.statSync(folder);
  return hasDisk(dev) && (owner === uid || (uid === 0 && owner !== NOBODY));
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
