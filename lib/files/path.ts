/** This system's path functions. `@std/path` itself would choose by Node's `process`, which takes 20 ms to load. */

// Each is loaded only where it is used.
const system = Deno.build.os === "windows" ? await import("@std/path/windows") : await import("@std/path/posix");

export const { basename, dirname, join, resolve } = system;

/** Whether a path can only be a folder's: it ends with a separator or dots. */
export function isFolderPath(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path);
}
