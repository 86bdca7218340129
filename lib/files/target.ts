/** Where a client puts a file that it fetches: a draft, or the file itself where there can be none. */

import { FileError, systemReason } from "../errors.ts";
import { createDraft, type Draft, isDraft } from "./draft.ts";
import { isFolderPath } from "./path.ts";
import { checkGranted } from "./permissions.ts";
import { createError, existing, found, overwrite, type Target, type Written } from "./storage.ts";

/**
 * Opens a draft of the file at `path` or, where no draft is possible, the file itself. With `createNew` a file that exists
 * stands. Throws a {@linkcode FileError}.
 */
export async function openTarget(
  path: string,
  { createNew = false, written }: { createNew?: boolean | undefined; written?: Written | undefined } = {},
): Promise<Target & (Disposable | AsyncDisposable)> {
  // The next sweep would remove a file with a draft's name.
  if (isDraft(path)) throw new FileError("create", path, { reason: "its name is that of a temporary file" });
  try {
    return openDraft(path, createNew, written);
  } catch (error) {
    // A file that does not exist can't be written in place either.
    if (createNew || !isBarred(error) || !found(path)) throw error;
    return await overwrite(path, path, written);
  }
}

function openDraft(path: string, createNew: boolean, written: Written | undefined): Draft {
  const barred = (reason: string): FileError => new FileError("create", path, { reason });
  if (isFolderPath(path)) throw barred("that is a folder");
  checkGranted("create", path, path);
  try {
    const there = existing(path, Deno.lstatSync);
    // A link is written through; one that leads nowhere is replaced.
    const old = there?.isSymlink ? existing(path) : there;
    if (createNew && old) throw barred("it exists");
    const target = there?.isSymlink && old ? Deno.realPathSync(path) : path;
    return createDraft(target, path, { old, isCopied: true, written });
  } catch (cause) {
    throw createError(path, cause);
  }
}

// Whether only the draft is impossible, as for a device, or for a file in a folder that may not be written.
function isBarred(error: unknown): boolean {
  if (!(error instanceof FileError)) return false;
  const { cause } = error;
  return cause === undefined || cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.NotCapable || /read-only file system/i.test(systemReason(cause));
}
