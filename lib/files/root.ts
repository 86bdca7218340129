/** The one folder that a server serves. Nothing outside it is read, made or deleted, whatever a name says. */

import { FileError, TransferError } from "../errors.ts";
import { Draft, isDraft } from "./draft.ts";
import { isGranted, Source } from "./storage.ts";
import { basename, dirname, isFolderPath, join, resolve } from "./path.ts";

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";
// Names that Windows gives to devices, and characters that it gives a meaning of their own (streams among them).
const WINDOWS_RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const WINDOWS_UNSAFE = /[<>:"|?*\p{Cc}]|[. ]$/u;

/**
 * Whether a name can be one of a file on this system. A separator or dots at its end ask for a folder, NUL ends a name
 * for the system, and on Windows some names are devices and some characters have a meaning of their own.
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

/** A file, or a link to one in the same folder, that can be deleted. */
export interface FoundFile {
  /** Its name, as the client has it. */
  name: string;
  /** Deletes it. Throws a {@linkcode FileError} if it can't be. */
  remove(): Promise<void>;
}

/** A folder that is served. */
export class Root {
  /** The folder's path, free of symbolic links. */
  readonly path: string;
  readonly #isReadOnly: boolean;

  private constructor(path: string, isReadOnly: boolean) {
    this.path = path;
    this.#isReadOnly = isReadOnly;
  }

  /**
   * Opens a folder, in which nothing is made or deleted if it is read-only. Throws a {@linkcode TransferError} if there
   * is none that can be read.
   */
  static async open(path: string, { isReadOnly = false }: { isReadOnly?: boolean } = {}): Promise<Root> {
    const forbidden = (path: string): TransferError =>
      new TransferError(`no permission to read ${path} (run it with --allow-read)`);
    if (!isGranted("read", path)) throw forbidden(path);
    try {
      const real = await Deno.realPath(path);
      if (!isGranted("read", real)) throw forbidden(real);
      if ((await Deno.stat(real)).isDirectory) return new Root(real, isReadOnly);
    } catch (cause) {
      if (cause instanceof TransferError) throw cause;
      throw new TransferError(`there is no folder ${path} that can be read`, { cause });
    }
    throw new TransferError(`${path} is not a folder`);
  }

  /** Opens the file `name` to be sent. Throws a {@linkcode FileError} if it does not exist in this folder. */
  read(name: string): Source {
    const path = this.#real(name);
    if (path === undefined) throw new FileError("missing", name);
    return Source.open(path, name);
  }

  /** Makes a draft of the file `name`. Throws a {@linkcode FileError} if it can't be created in this folder. */
  async create(name: string): Promise<Draft> {
    const path = this.#entry(name);
    if (path === undefined || this.#isReadOnly) throw new FileError("create", name);
    // A link is written through, as long as it stays in this folder.
    const target = kind(path)?.isSymlink ? this.#real(name) : path;
    if (target === undefined) throw new FileError("create", name);
    return await Draft.create(target, name);
  }

  /** Finds the file `name`, to delete it. Throws a {@linkcode FileError} if it does not exist in this folder. */
  find(name: string): FoundFile {
    const [path, real] = [this.#entry(name), this.#real(name)];
    if (path === undefined || real === undefined) throw new FileError("missing", name);
    const remove = async (): Promise<void> => {
      try {
        if (this.#isReadOnly || !isGranted("write", path) || !(await Deno.stat(real)).isFile) {
          throw new FileError("delete", name);
        }
        await Deno.remove(path);
      } catch (cause) {
        if (cause instanceof FileError) throw cause;
        // Another client may have been faster.
        throw new FileError(cause instanceof Deno.errors.NotFound ? "missing" : "delete", name, { cause });
      }
    };
    return { name, remove };
  }

  // Where a name leads to, if that exists and lies in this folder.
  #real(name: string): string | undefined {
    const path = this.#lexical(name);
    if (path === undefined) return undefined;
    // Most names are those of files in the folder itself: one look tells that no link leads elsewhere. On Windows a file
    // may have a second, short name, which says too little.
    if (SEPARATOR === "/" && dirname(path) === this.path && !isDraft(path) && kind(path)?.isFile) return path;
    return this.#resolved(path);
  }

  // Where a name stands, itself perhaps a link or not there yet, if its folder lies in this one.
  #entry(name: string): string | undefined {
    const path = this.#lexical(name);
    if (path === undefined || path === this.path || isDraft(path)) return undefined;
    const folder = dirname(path);
    const real = folder === this.path ? folder : this.#resolved(folder);
    return real && join(real, basename(path));
  }

  #resolved(path: string): string | undefined {
    try {
      const real = Deno.realPathSync(path);
      return this.#contains(real) && !isDraft(real) ? real : undefined;
    } catch {
      // Not there, or not to be looked at: for a client these are the same.
      return undefined;
    }
  }

  // Deno is never asked of a path that is outside by its text alone: it would prompt for the permission.
  #lexical(name: string): string | undefined {
    if (!isFileName(name)) return undefined;
    const path = resolve(this.path, name);
    return this.#contains(path) ? path : undefined;
  }

  #contains(path: string): boolean {
    const start = this.path.endsWith(SEPARATOR) ? this.path : this.path + SEPARATOR;
    return path === this.path || path.startsWith(start);
  }
}

/** What stands at a path, which may be a link; `undefined` if there is nothing. */
function kind(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}
