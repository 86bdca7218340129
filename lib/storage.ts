/**
 * Files that are read whole and files that appear whole: a draft is written beside its target and takes the target's
 * place in one step. Nothing here knows of sockets, or of which names a peer may use.
 */

import { FileError, TransferError } from "./errors.ts";
import type { Bytes } from "./framing.ts";
import { within } from "./within.ts";
import { basename, dirname, join } from "./path.ts";

const DRAFT_NAME = /^\.blockferry-[0-9a-f-]{36}\.part$/i;

// A file of this size is read in less time than a thread's answer takes.
const SMALL_BYTES = 64n * 1024n;

/** Whether a path names a draft: those are never served, and never mistaken for files. */
export function isDraft(path: string): boolean {
  return DRAFT_NAME.test(basename(path));
}

/** Where received data goes. */
export interface Target extends AsyncDisposable {
  /** Takes the next piece; the buffer is the caller's again when the promise is fulfilled. */
  write(piece: Uint8Array): Promise<void>;
  /** Ends the file: all of it is there. */
  commit(): Promise<void>;
}

/** Whether a permission is granted; Deno is not asked for more, since it would prompt on a terminal. */
export function isGranted(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}

/** A regular file that is open for reading. */
export class Source implements Disposable {
  /** The file's size when it was opened, in bytes. */
  readonly size: bigint;
  readonly #file: Deno.FsFile;
  readonly #name: string;

  private constructor(file: Deno.FsFile, size: bigint, name: string) {
    this.#file = file;
    this.size = size;
    this.#name = name;
  }

  /**
   * Opens a regular file. Throws a {@linkcode FileError} when there is none that can be read: a folder, a FIFO or a
   * device is not one, and is not opened, since that alone may wait for ever.
   */
  static open(path: string, name: string): Source {
    let file: Deno.FsFile | undefined;
    try {
      // These calls take microseconds; a thread's answer to each would take longer than a small file's transfer.
      if (!isGranted("read", path) || !Deno.statSync(path).isFile) throw new FileError("missing", name);
      file = Deno.openSync(path);
      const { isFile, size } = file.statSync();
      if (!isFile) throw new FileError("missing", name);
      return new Source(file, BigInt(size), name);
    } catch (cause) {
      file?.close();
      throw cause instanceof FileError ? cause : new FileError("missing", name, { cause });
    }
  }

  /** Fills `buffer` from the file. Throws a {@linkcode TransferError} when the file has become too short for that. */
  async read(buffer: Bytes): Promise<Bytes> {
    for (let length = 0; length < buffer.length;) {
      const rest = buffer.subarray(length);
      const count = this.size <= SMALL_BYTES ? this.#file.readSync(rest) : await this.#file.read(rest);
      if (count === null) throw new TransferError(`${this.#name} became shorter while it was sent`);
      length += count;
    }
    return buffer;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** A file in the making. Until it is committed the old file stands; when it is dropped nothing is left of it. */
export class Draft implements Target {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #target: string;
  readonly #name: string;
  #isCommitted = false;

  private constructor(file: Deno.FsFile, path: string, target: string, name: string) {
    this.#file = file;
    this.#path = path;
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
      const permissions = mode === null ? {} : { mode: mode & 0o777 };
      const file = await Deno.open(path, { createNew: true, write: true, ...permissions });
      const draft = new Draft(file, path, target, name);
      try {
        // The lock says that the draft's process lives; it goes with the process, however that ends.
        await file.lock(true);
        // A sweep may have come between the file's birth and its lock.
        if (await existing(path)) {
          if (mode !== null && Deno.build.os !== "windows") await Deno.chmod(path, mode & 0o777);
          return draft;
        }
        file.close();
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
      await Deno.rename(this.#path, this.#target);
      this.#isCommitted = true;
      // Windows has no way to do that for a folder.
      if (isDurable && Deno.build.os !== "windows") {
        using folder = await Deno.open(dirname(this.#target));
        await folder.sync();
      }
    });
  }

  /** Gives the file back, and removes the draft unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    // It can be gone only with its folder.
    if (!this.#isCommitted) await Deno.remove(this.#path).catch(() => {});
  }
}

/**
 * A file that is written where it is, since no draft can stand beside it: a device, or a file in a folder that is
 * read-only. What a failure leaves of it can't be undone.
 */
export class Overwrite implements Target {
  readonly #file: Deno.FsFile;
  readonly #name: string;
  #isBegun = false;

  private constructor(file: Deno.FsFile, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** Opens what is at `target`; it is left as it is until data comes. Throws a {@linkcode FileError}. */
  static open(target: string, name: string): Promise<Overwrite> {
    return creating(name, async () => {
      if (!isGranted("write", target)) throw new FileError("create", name);
      return new Overwrite(await Deno.open(target, { write: true }), name);
    });
  }

  /** Writes a piece; the first takes the place of all that was there. */
  write(piece: Uint8Array): Promise<void> {
    return creating(this.#name, async () => {
      await this.#begin();
      await writeAll(this.#file, piece);
    });
  }

  /** Ends a file that got no data. */
  commit(): Promise<void> {
    return creating(this.#name, () => this.#begin());
  }

  async #begin(): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    // A device has no length to cut.
    if ((await this.#file.stat()).isFile) await this.#file.truncate();
  }

  /** Closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    return Promise.resolve();
  }
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

/**
 * Bytes that a folder's disk has free for this user; `undefined` when that can't be known, as without the permission
 * `--allow-sys=statfs`.
 */
export async function freeBytes(folder: string): Promise<bigint | undefined> {
  if (Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state !== "granted") return undefined;
  const { statfs } = await import("node:fs");
  return await new Promise((resolve) =>
    statfs(folder, { bigint: true }, (error, stats) => resolve(error ? undefined : stats.bavail * stats.bsize))
  );
}

async function existing(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function writeAll(file: Deno.FsFile, piece: Uint8Array): Promise<void> {
  for (let start = 0; start < piece.length;) start += await file.write(piece.subarray(start));
}

async function creating<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof FileError ? cause : new FileError("create", name, { cause });
  }
}
