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
  overwrite,
  SMALL_BYTES,
  type Target,
} from "./storage.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const DRAFT_NAME = /^\.blockferry-[0-9a-f-]{36}\.part$/i;
// A draft that was created, but can't be renamed to its target: a mount point, another user's file in a sticky folder.
const NOT_RENAMED = ["EBUSY", "EXDEV", "EPERM", "EACCES"];

/** Whether a path names a draft. Drafts are never served. */
export function isDraft(path: string): boolean {
  return DRAFT_NAME.test(basename(path));
}

// Those that have not been renamed. They are removed when the program ends at once, as at a second Ctrl-C.
const drafts = new Set<string>();
globalThis.addEventListener("unload", () => drafts.forEach(remove));

function remove(draft: string): void {
  try {
    Deno.removeSync(draft);
  } catch {
    // Its folder was removed.
  }
  drafts.delete(draft);
}

/** What a draft is to replace. */
export interface DraftOptions {
  /**
   * What is there: the draft gets its owner and group as far as the system lets us, and its permission bits as far as a
   * new file in this folder would have them.
   */
  old?: Deno.FileInfo | undefined;
  /** Whether the data is copied into an old file that can be written, but not replaced. */
  isCopied?: boolean;
}

/** A file in the making. The old file stands until the draft is committed; a dropped draft leaves nothing. */
export class Draft implements Target, AsyncDisposable {
  /** The folder of the draft and its target. */
  readonly folder: string;
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #target: string;
  readonly #name: string;
  readonly #options: DraftOptions;
  #size = 0;

  /**
   * Makes a draft of the file at `target`, a path that is no link. Throws a {@linkcode FileError} that calls the file
   * `name` if the old one is no regular file, or may not be written.
   */
  constructor(target: string, name: string, options: DraftOptions = {}) {
    const { old } = options;
    if (old && !old.isFile) throw new FileError("create", name, { reason: notAFile(old) });
    this.folder = dirname(target);
    // Not joined, which would take out a link with the dots after it.
    this.#path = `${this.folder}/.blockferry-${crypto.randomUUID()}.part`;
    this.#target = target;
    this.#name = name;
    this.#options = options;
    // Deno would prompt for what is not granted.
    checkGranted("create", target, name);
    checkGranted("create", this.#path, name, "its folder");
    using made = new DisposableStack();
    made.defer(() => remove(this.#path));
    try {
      checkFolder(this.folder, name);
      // Less the umask, or the folder's default ACL: where the old file has an ACL, which Deno can't see, the bits of its
      // group are those of the ACL's mask, and its group may have been denied what they seem to allow.
      const permissions = old?.mode ? { mode: old.mode & 0o777 } : {};
      this.#file = made.use(Deno.openSync(this.#path, { createNew: true, write: true, ...permissions }));
      drafts.add(this.#path);
      this.#lock();
      if (old && !IS_WINDOWS) this.#own(old);
    } catch (cause) {
      throw createError(name, cause);
    }
    made.move();
  }

  // The lock tells a sweep that the draft's process is alive; it goes with the process, however that ends.
  #lock(): void {
    try {
      this.#file.lockSync(true);
    } catch {
      // Where the system has no locks, a sweep can't lock the draft either, and leaves it.
    }
  }

  #own(old: Deno.FileInfo): void {
    const made = this.#file.statSync();
    if (!isWritable(this.#target, old, made)) throw new Deno.errors.PermissionDenied("permission denied");
    if (made.uid === old.uid && made.gid === old.gid) return;
    // A user who may not give a file away may still be a member of the old group.
    for (const owner of [old.uid, null]) {
      try {
        return Deno.chownSync(this.#path, owner, old.gid);
      } catch {
        // It stays this user's.
      }
    }
    // This user's group gets no more than others have.
    const mode = made.mode ?? 0;
    Deno.chmodSync(this.#path, mode & (0o707 | (mode & 0o007) << 3));
  }

  /** Appends a piece. Throws a {@linkcode FileError} when the disk is full. */
  write(piece: Uint8Array): Promise<void> {
    this.#size += piece.length;
    return append(this.#file, piece, this.#name);
  }

  /** Renames the draft to its target. Throws a {@linkcode FileError} if the system refuses that. */
  async commit({ fsync = false, createNew = false, written }: CommitOptions = {}): Promise<void> {
    try {
      const mustSync = fsync ||
        (this.#size > SMALL_BYTES && await isDeferring(this.folder, this.#file.statSync().dev));
      if (mustSync) await this.#file.sync();
      // Windows can't sync a folder. If the folder can't be opened, that must be known before the old file is replaced.
      using folder = fsync && !IS_WINDOWS ? await Deno.open(this.folder) : undefined;
      this.#file.close();
      // Some disks tell only the closing program that data was lost, and Deno does not pass that on.
      checkStored(this.#size, Deno.lstatSync(this.#path), this.#name);
      written?.check(this.#target, this.#name);
      // Replacing a large file takes as long as deleting it; but no other file of a run may come between look and rename.
      const oldSize = this.#options.old?.size ?? 0;
      const isAtOnce = written !== undefined || Math.max(this.#size, oldSize) <= SMALL_BYTES;
      if (!createNew || !this.#link()) await this.#replace(isAtOnce);
      written?.add(this.#target, this.#name);
      await folder?.sync();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw createError(this.#name, cause);
      throw new FileError("create", this.#name, { reason: "another program removed its draft or its folder", cause });
    }
  }

  async #replace(isAtOnce: boolean): Promise<void> {
    try {
      if (isAtOnce) Deno.renameSync(this.#path, this.#target);
      else await Deno.rename(this.#path, this.#target);
      drafts.delete(this.#path);
    } catch (error) {
      const { isCopied, old } = this.#options;
      if (!isCopied || !old || !NOT_RENAMED.includes(codeOf(error) ?? "")) throw error;
      using target = await overwrite(this.#target, this.#name);
      for await (const piece of (await Deno.open(this.#path)).readable) await target.write(piece);
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

  /** Closes the file, and removes the draft unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#file[Symbol.dispose]();
    if (!drafts.has(this.#path)) return;
    // It is missing only if its folder was removed.
    await Deno.remove(this.#path).catch(() => {});
    drafts.delete(this.#path);
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

/** Whether a folder is this user's, on a disk that knows its users. */
function isOwn(folder: string): boolean {
  // A file says who this user is; Deno.uid would need a permission.
  if (!isGranted("read") || !isGranted("write")) return false;
  const path = Deno.makeTempFileSync({ prefix: "blockferry-" });
  const [mine, { uid, dev }] = [Deno.statSync(path).uid, Deno.statSync(folder)];
  Deno.removeSync(path);
  return hasDisk(dev) && uid === mine;
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
