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
  const permissions = problem === "create" ? ["read", "write"] as const : ["read"] as const;
  const check = (path: string, what: string): void => {
    const missing = permissions.find((permission) => !isGranted(permission, path));
    if (!missing) return;
    const reason = `no permission to ${missing} ${what} (run it with --allow-${missing})`;
    throw new FileError(problem, name, { reason });
  };
  if (permissions.every((permission) => isGranted(permission))) return;
  check(path, what);
  const real = realPath(path);
  if (real !== path) check(real, real);
}

/** A path free of links; the same path if it leads nowhere. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
