/** The folder that a server serves. Nothing outside it is read, made or deleted, whatever a name says. */

import { FileError, isSystemError, systemReason, TransferError } from "../errors.ts";
import { createDraft, type Draft, isDraft } from "./draft.ts";
import { Listing, type Longer } from "./listing.ts";
import { isGranted } from "./permissions.ts";
import {
  type CommitOptions,
  createError,
  existing,
  found,
  notAFile,
  openSource,
  SMALL_BYTES,
  type Source,
} from "./storage.ts";
import { basename, dirname, isFolderPath, join, resolve } from "./path.ts";

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";
// Names that Windows gives to devices, and characters with a special meaning there, such as streams.
const WINDOWS_RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const WINDOWS_UNSAFE = /[<>:"|?*\p{Cc}]|[. ]$/u;

/**
 * Whether a name can be a file's on this system. One that ends with a separator or dots is a folder's, NUL ends a name
 * for the system, and on Windows some names are devices and some characters are special.
 */
export function isFileName(name: string, os: string = Deno.build.os): boolean {
  if (isFolderPath(name) || name.includes("\0")) return false;
  if (os !== "windows") return true;
  return name.split(/[\\/]/).every((part, index, { length }) =>
    part === "." || part === ".."
      ? index < length - 1
      : !WINDOWS_UNSAFE.test(part) && !WINDOWS_RESERVED.test(part) && (part !== "" || index < length - 1)
  );
}

const BAD_LINK = "it is a link that leads nowhere, or outside of the served folder";

/** What a name leads to: its own path, and the path and the kind of what is there, free of links. */
export interface Found {
  path: string;
  target: string;
  info: Deno.FileInfo;
}

/** A folder that is served. */
export class Root {
  /** The folder's path, free of symbolic links. */
  readonly path: string;
  /** Whether nothing is made or deleted in it. */
  readonly readOnly: boolean;
  readonly #listing = new Listing();

  private constructor(path: string, readOnly: boolean) {
    this.path = path;
    this.readOnly = readOnly;
  }

  /**
   * Opens a folder; if it is read-only, nothing is made or deleted in it. Throws a {@linkcode TransferError} if there is
   * no such folder that can be read.
   */
  static async open(path: string, { readOnly = false }: { readOnly?: boolean } = {}): Promise<Root> {
    const forbidden = (path: string): TransferError =>
      new TransferError(`no permission to read ${path} (run it with --allow-read)`);
    if (!isGranted("read", path)) throw forbidden(path);
    try {
      const real = await Deno.realPath(path);
      if (!isGranted("read", real)) throw forbidden(real);
      if ((await Deno.stat(real)).isDirectory) {
        // Fails here if this user may not enter the folder.
        existing(join(real, "missing"));
        return new Root(real, readOnly);
      }
    } catch (cause) {
      if (cause instanceof TransferError) throw cause;
      if (cause instanceof Deno.errors.NotCapable) {
        throw new TransferError(`${path}: ${systemReason(cause)}`, { cause });
      }
      // In an argument, what is not UTF-8 has become U+FFFD before a program in Deno sees it.
      const isMangled = cause instanceof Deno.errors.InvalidData || path.includes("\ufffd");
      throw new TransferError(
        isMangled
          ? `cannot serve the folder ${path}: its path is not UTF-8`
          : `there is no folder ${path} that can be read`,
        { cause },
      );
    }
    throw new TransferError(`${path} is not a folder`);
  }

  /** What `name` leads to in this folder, a file or anything else; `undefined` if there is nothing. */
  find(name: string): Found | undefined {
    const { path } = this.#entry(name);
    const info = path && found(path, Deno.lstatSync);
    return path && info ? this.#follow(path, info) : undefined;
  }

  /** Whether something here has a longer name that begins with `name`; `found` is what `find` has just said. */
  hasLonger(name: string, found: Found | undefined, options?: { isQuick: boolean }): Promise<Longer> {
    // That of a file in it.
    if (found?.info.isDirectory || isFolderPath(name)) return Promise.resolve(true);
    const { path } = found ?? this.#entry(name);
    return path === undefined ? Promise.resolve(false) : this.#listing.hasLonger(path, options);
  }

  /**
   * Opens the file `name` to be sent; `found` is what `find` has just said. Throws a {@linkcode FileError} if it does not
   * exist in this folder.
   */
  read(name: string, found: Found | undefined = this.find(name)): Source {
    if (found === undefined) throw this.missing(name);
    return openSource(found.target, name, found.info);
  }

  /** That the file `name` does not exist here, and why if it is elsewhere. */
  missing(name: string): FileError {
    const { path, reason } = this.#entry(name);
    return new FileError("missing", name, { reason: path && found(path, Deno.lstatSync) ? BAD_LINK : reason });
  }

  /** Makes a draft of the file `name`. Throws a {@linkcode FileError} if it can't be created in this folder. */
  create(name: string): Draft {
    const refused = (reason: string): FileError => new FileError("create", name, { reason });
    if (this.readOnly) throw refused("the server is read-only");
    const { path, reason } = this.#entry(name);
    if (path === undefined) throw refused(reason);
    try {
      const info = existing(path, Deno.lstatSync);
      // A link is written through, as long as it stays in this folder.
      const found = info && this.#follow(path, info);
      if (info && !found) throw refused(BAD_LINK);
      const draft = createDraft(found?.target ?? path, name, { old: found?.info });
      const commit = async (options?: CommitOptions): Promise<void> => {
        await draft.commit(options);
        this.#listing.forget();
      };
      return { ...draft, commit };
    } catch (cause) {
      throw createError(name, cause);
    }
  }

  /** Deletes the file `name`, or the link of that name. Throws a {@linkcode FileError} if that is impossible. */
  async remove(name: string, found: Found | undefined = this.find(name)): Promise<void> {
    if (found === undefined) throw this.missing(name);
    const { path, info } = found;
    const refused = (reason: string): FileError => new FileError("delete", name, { reason });
    if (this.readOnly) throw refused("the server is read-only");
    if (!isGranted("write", path)) throw refused("no permission to write (run it with --allow-write)");
    if (!info.isFile) throw refused(notAFile(info));
    try {
      if (info.size > SMALL_BYTES) await Deno.remove(path);
      else this.#listing.remove(path);
    } catch (cause) {
      if (!isSystemError(cause)) throw cause;
      // Another client may have been faster.
      throw new FileError(cause instanceof Deno.errors.NotFound ? "missing" : "delete", name, { cause });
    }
  }

  // The path of a name whose folder lies in this one, free of links up to the name itself: that may be a link, or not
  // exist. Or why there is none.
  #entry(name: string): { path: string; reason?: never } | { path?: never; reason: string } {
    if (!isFileName(name)) return { reason: "no file can have this name" };
    const path = resolve(this.path, name);
    // Deno must not be asked about a path that is outside by its text alone: it would prompt for the permission.
    if (!this.#contains(path)) return { reason: "it lies outside of the served folder" };
    if (isDraft(path)) return { reason: "its name is that of a temporary file" };
    const folder = dirname(path);
    const real = this.#real(folder);
    if (real) return { path: join(real, basename(path)) };
    return { reason: found(folder) ? "it leads outside of the served folder" : "its folder does not exist" };
  }

  // Only a link leads elsewhere; but on Windows a file may have a second, short name, which can't be told from a draft's by
  // its text.
  #follow(path: string, info: Deno.FileInfo): Found | undefined {
    if (!info.isSymlink && Deno.build.os !== "windows") return { path, target: path, info };
    const target = this.#real(path);
    const targetInfo = target && found(target);
    return target && targetInfo ? { path, target, info: targetInfo } : undefined;
  }

  #real(path: string): string | undefined {
    try {
      const real = Deno.realPathSync(path);
      return this.#contains(real) && !isDraft(real) ? real : undefined;
    } catch {
      // It does not exist, or may not be looked at: for a client these are the same.
      return undefined;
    }
  }

  #contains(path: string): boolean {
    const start = this.path.endsWith(SEPARATOR) ? this.path : this.path + SEPARATOR;
    return path === this.path || path.startsWith(start);
  }
}
