/** Files that are sent, and where received data goes. Nothing here knows about sockets or about the names peers may use. */

import { delay } from "@std/async";
import { type Bytes, writeAll, writeAllSync } from "../bytes.ts";
import { shareLock, tryLock } from "../older_deno.ts";
import { basename } from "./path.ts";
import { FileError, isSystemError, systemReason, TransferError } from "../errors.ts";
import { checkGranted, isGranted, realPath } from "./permissions.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/**
 * Reading or writing up to this many bytes, opening a file and the like take microseconds: less than a trip to another
 * thread and back, which would take longer than a small file's transfer. So these are done at once.
 */
export const SMALL_BYTES = 64 * 1024;

// A server that has said DONE may not have closed its file yet: for a second, look again every 20 ms.
const LOCK_TRIES = 50;
const LOCK_PAUSE_MS = 20;

/** Where received data goes. */
export interface Target {
  /** Takes the next piece; the buffer is the caller's again when the promise is fulfilled. */
  write(piece: Uint8Array): Promise<void>;
  /** Ends the file: all of it has arrived. */
  commit(options?: CommitOptions): Promise<void>;
}

/** How a file takes its place. */
export interface CommitOptions {
  /** Whether file and folder are on disk before the promise is fulfilled. */
  fsync?: boolean;
  /** Whether a file that has appeared in its place stands. */
  createNew?: boolean;
  /** Ends what takes long: a copy into a file that can't be replaced. */
  signal?: AbortSignal;
}

/** The files that a run has written, each with the name under which it was. No other name may replace one. */
export class Written {
  readonly #names = new Map<string, string>();
  readonly #folded = new Set<string>();

  /** Adds the file at a path. */
  add(path: string, name: string): void {
    this.#names.set(identity(path), name);
    this.#folded.add(folded(path));
  }

  /**
   * Throws a {@linkcode FileError} if what is at a path was written under another name: the two are one file. `old` is
   * what was there when the file was begun.
   */
  check(path: string, name: string, old: Deno.FileInfo | undefined): void {
    // A look at nothing costs as much as a message, so not for each name: what has come since has one that is alike.
    if (old === undefined && !IS_WINDOWS && !this.#folded.has(folded(path))) return;
    const id = identity(path);
    const other = this.#names.get(id);
    // What is replaced is gone, and the next file may have its number.
    if (other === name) this.#names.delete(id);
    if (other === undefined || other === name) return;
    throw new FileError("create", name, { reason: `here it is the same file as ${other}, which has just arrived` });
  }
}

// The same for all names that may be one file's where a folder ignores case or forms of Unicode. Windows has short names.
function folded(path: string): string {
  return basename(path).normalize("NFKD").toUpperCase().toLowerCase();
}

// Folders that ignore case, or links, give one file several names.
function identity(path: string): string {
  const { dev, ino } = found(path) ?? {};
  return ino ? `${dev} ${ino}` : realPath(path);
}

/** What stands where a regular file is expected. */
export function notAFile({ isDirectory }: Deno.FileInfo): string {
  return isDirectory ? "that is a folder" : "that is not a regular file";
}

/** What is sent. */
export interface Source extends Disposable {
  /** How many bytes are sent. */
  size: bigint;
  /**
   * Fills the buffer, or as many of its blocks as a slow stream has brought. Throws a {@linkcode TransferError} if there is
   * too little, or it can't be read.
   */
  read(buffer: Bytes): Promise<Bytes>;
}

/**
 * Opens a regular file to be sent. Throws a {@linkcode FileError} if there is no such file that can be read. Folders, FIFOs
 * and devices are not opened, since that alone may wait without a limit; `known` is the file's `stat`, if the caller has it.
 * Throws a {@linkcode TransferError} when this process can open no more files.
 */
export function openSource(path: string, name: string, known?: Deno.FileInfo): Source {
  const unusable = (reason: string): FileError => new FileError("missing", name, { reason });
  using opened = new DisposableStack();
  try {
    checkGranted("missing", path, name);
    const info = known ?? Deno.statSync(path);
    if (!info.isFile) throw unusable(notAFile(info));
    const file = opened.use(Deno.openSync(path));
    const { isFile, size } = file.statSync();
    if (!isFile) throw new FileError("missing", name);
    // Some file systems, such as proc, say 0 for files that have content.
    if (size === 0 && file.readSync(new Uint8Array(1)) !== null) {
      throw unusable("its size is 0, but it has content; PUT - can send it");
    }
    // Deno rounds larger ones, node:fs with bigint too.
    if (!Number.isSafeInteger(size)) throw unusable("it is larger than 2^53 bytes, so its exact size is unknown");
    // Nobody writes it in place meanwhile: a client may fetch a file onto itself, through a mount.
    if (!shareLock(file)) throw unusable("another program is writing it");
    opened.move();
    const readSome = (part: Bytes): number | null | Promise<number | null> =>
      size <= SMALL_BYTES ? file.readSync(part) : file.read(part);
    return {
      size: BigInt(size),
      read: async (buffer) => {
        for (let length = 0; length < buffer.length;) {
          let count: number | null;
          try {
            count = await readSome(buffer.subarray(length));
          } catch (cause) {
            throw new TransferError(`cannot read ${name}: ${systemReason(cause)}`, { cause });
          }
          if (count === null) throw new TransferError(`${name} became shorter while it was sent`);
          length += count;
        }
        return buffer;
      },
      [Symbol.dispose]: () => file.close(),
    };
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    // Running out of descriptors does not mean that the file is missing.
    if (/too many open files/i.test(systemReason(cause))) {
      throw new TransferError(`cannot open ${name}: ${systemReason(cause)}`, { cause });
    }
    throw new FileError("missing", name, { cause });
  }
}

/**
 * Opens a file that is written in place, since there can be no draft beside it: a device, or a file in a read-only folder.
 * It stays as it is until data comes; a failure leaves it as far as it was written. `written` are the files of the run. A
 * FIFO is refused: opening it waits for a reader. Throws a {@linkcode FileError}, as what it returns does.
 */
export async function overwrite(path: string, name: string, written?: Written): Promise<Target & Disposable> {
  checkGranted("create", path, name);
  const failed = (cause: unknown): never => {
    throw createError(name, cause);
  };
  const info = await Deno.stat(path).catch(failed);
  if (info.isDirectory || info.isFifo || info.isSocket) throw new FileError("create", name, { reason: notAFile(info) });
  const file = await Deno.open(path, { write: true }).catch(failed);
  let size: number | undefined;
  const begin = async (): Promise<void> => {
    // A device has no length to cut, and may have many writers.
    if (!info.isFile) return;
    await lockAlone(file, name);
    written?.check(path, name, info);
    await file.truncate().catch(failed);
  };
  return {
    write: async (piece) => {
      if (size === undefined) await begin();
      await append(file, piece, name);
      size = (size ?? 0) + piece.length;
    },
    commit: async () => {
      if (size === undefined) await begin();
      if (!info.isFile) return;
      await file.sync().then(() => checkStored(size ?? 0, path, name)).catch(failed);
      written?.add(path, name);
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** Locks a file that is written in place: whoever sends it, or writes it so, has a lock until that is done. */
export async function lockAlone(file: Deno.FsFile, name: string): Promise<void> {
  // Where there are no locks, this throws.
  for (let tries = 0; !await tryLock(file).catch(() => true); tries++) {
    if (tries === LOCK_TRIES) throw new FileError("create", name, { reason: "another program sends or writes it" });
    await delay(LOCK_PAUSE_MS);
  }
}

/** Throws unless a file has the bytes that were written to it: nothing else tells some errors. */
export function checkStored(written: number, path: string, name: string): void {
  const { size } = Deno.statSync(path);
  if (size === written) return;
  throw new FileError("create", name, { reason: `the disk has ${size} of its ${written} bytes` });
}

/** Appends a piece to a file that is being made. Throws a {@linkcode FileError} for `name`, as when the disk is full. */
export async function append(file: Deno.FsFile, piece: Uint8Array, name: string): Promise<void> {
  try {
    if (piece.length <= SMALL_BYTES) writeAllSync(file, piece);
    else await writeAll(file, piece);
  } catch (cause) {
    throw createError(name, cause);
  }
}

/** What a path leads to, with `stat` through links; `undefined` if there is nothing. */
export function existing(path: string, stat = Deno.statSync): Deno.FileInfo | undefined {
  // Of an error's cost, as much as a message's, most is its stack, and nobody sees that.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The same, but `undefined` too if nothing can be seen there. */
export function found(path: string, stat = Deno.statSync): Deno.FileInfo | undefined {
  try {
    return isGranted("read", path) ? stat(path) : undefined;
  } catch {
    return undefined;
  }
}

/** What a call threw while a file was made: the system's refusal as a {@linkcode FileError} for `name`. */
export function createError(name: string, cause: unknown): unknown {
  return isSystemError(cause) ? new FileError("create", name, { cause }) : cause;
}
