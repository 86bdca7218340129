/** Where a client puts a file that it fetches: a draft, or the file itself where there can be none. */

import { FileError, systemReason } from "../errors.ts";
import { Draft, isDraft } from "./draft.ts";
import { isFolderPath } from "./path.ts";
import { checkGranted } from "./permissions.ts";
import { createError, existing, found, Overwrite, type Target, type Written } from "./storage.ts";

/** How a client's file is created. */
export interface TargetOptions {
  /** Whether a file that exists stands. */
  createNew: boolean;
  /** The files that must not be replaced under another name. */
  written?: Written | undefined;
}

/**
 * Opens a draft of the file at `path` or, where no draft is possible, the file itself, which `createNew` forbids. Throws a
 * {@linkcode FileError}.
 */
export async function openTarget(
  path: string,
  options: TargetOptions,
): Promise<Target & (Disposable | AsyncDisposable)> {
  try {
    return openDraft(path, options);
  } catch (error) {
    // A file that does not exist can't be written in place either.
    const old = isBarred(error) && !options.createNew ? found(path) : undefined;
    if (!old) throw error;
    options.written?.check(path, old, path);
    return await Overwrite.open(path, path);
  }
}

function openDraft(path: string, { createNew, written }: TargetOptions): Draft {
  // The next sweep would remove a file with a draft's name.
  if (isDraft(path)) throw new FileError("create", path, { reason: "its name is that of a temporary file" });
  if (isFolderPath(path)) throw new FileError("create", path, { reason: "that is a folder" });
  checkGranted("create", path, path);
  try {
    const there = existing(path, Deno.lstatSync);
    if (!there?.isSymlink) return create(path, there);
    // A link is written through; one that leads nowhere is replaced.
    const old = existing(path);
    return create(old ? Deno.realPathSync(path) : path, old);
  } catch (cause) {
    throw createError(path, cause);
  }

  function create(target: string, old: Deno.FileInfo | undefined): Draft {
    if (createNew && old) throw new FileError("create", path, { reason: "it exists" });
    written?.check(target, old, path);
    return Draft.create(target, path, { old, isCopied: true, written });
  }
}

// Whether only the draft is impossible, as for a device, or for a file in a folder that may not be written.
function isBarred(error: unknown): boolean {
  if (!(error instanceof FileError)) return false;
  const { cause } = error;
  return cause === undefined || cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.NotCapable || /read-only file system/i.test(systemReason(cause));
}
