/** This system's path functions. `@std/path` itself would choose by Node's `process`, which takes 20 ms to load. */

// Each is loaded only where it is used.
const system = Deno.build.os === "windows" ? await import("@std/path/windows") : await import("@std/path/posix");

/** The last part of a path. */
export const basename: (path: string) => string = system.basename;
/** A path without its last part. */
export const dirname: (path: string) => string = system.dirname;
/** The path of something in a folder. */
export const join: (...parts: string[]) => string = system.join;
/** The absolute path of `path`, seen from the folder `from`. */
export const resolve: (from: string, path: string) => string = system.resolve;

/** Whether a path can only be a folder's: it ends with a separator or dots. */
export function isFolderPath(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path);
}
