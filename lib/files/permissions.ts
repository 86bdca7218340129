/** What Deno may do with files. Asking for more would make it prompt on the terminal. */

import { FileError } from "../errors.ts";

// Asked once, since a look costs as much as opening a file; nothing here changes what is granted.
const everywhere: { read?: boolean; write?: boolean } = {};

/** Whether a permission is granted, without `path` for all paths. A call without it would make Deno prompt. */
export function isGranted(name: "read" | "write", path?: string): boolean {
  const { state, partial } = everywhere[name] === undefined ? Deno.permissions.querySync({ name }) : {};
  const isAll = everywhere[name] ??= state === "granted" && !partial;
  return isAll || (path !== undefined && Deno.permissions.querySync({ name, path }).state === "granted");
}

/**
 * Throws a {@linkcode FileError} unless a file may be read, and written if it is to be created. Of a link, what it leads
 * to must be granted too. `what` is the path's name in the error.
 */
export function checkGranted(problem: "missing" | "create", path: string, name: string, what = "it"): void {
  for (const permission of problem === "create" ? ["read", "write"] as const : ["read"] as const) {
    if (isGranted(permission)) continue;
    const missing = isGranted(permission, path) ? [realPath(path)].find((real) => !isGranted(permission, real)) : what;
    if (missing === undefined) continue;
    const reason = `no permission to ${permission} ${missing} (run it with --allow-${permission})`;
    throw new FileError(problem, name, { reason });
  }
}

/** A path free of links; the same path if it leads nowhere. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
