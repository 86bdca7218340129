/** This system's path functions. `@std/path` itself would choose by Node's `process`, which takes 20 ms to load. */

// @ts-types="../types/path.d.ts"
import { basename as posixBasename } from "@std/path/posix/basename";
// @ts-types="../types/path.d.ts"
import { dirname as posixDirname } from "@std/path/posix/dirname";
// @ts-types="../types/path.d.ts"
import { join as posixJoin } from "@std/path/posix/join";
// @ts-types="../types/path.d.ts"
import { resolve as posixResolve } from "@std/path/posix/resolve";
// @ts-types="../types/path.d.ts"
import { basename as windowsBasename } from "@std/path/windows/basename";
// @ts-types="../types/path.d.ts"
import { dirname as windowsDirname } from "@std/path/windows/dirname";
// @ts-types="../types/path.d.ts"
import { join as windowsJoin } from "@std/path/windows/join";
// @ts-types="../types/path.d.ts"
import { resolve as windowsResolve } from "@std/path/windows/resolve";

const isWindows = Deno.build.os === "windows";

/** The last part of a path. */
export const basename: (path: string) => string = isWindows ? windowsBasename : posixBasename;
/** A path without its last part. */
export const dirname: (path: string) => string = isWindows ? windowsDirname : posixDirname;
/** The path of something in a folder. */
export const join: (...parts: string[]) => string = isWindows ? windowsJoin : posixJoin;
/** The absolute path of `path`, seen from the folder `from`. */
export const resolve: (from: string, path: string) => string = isWindows ? windowsResolve : posixResolve;

/** Whether a path can only be a folder's: it ends with a separator or dots. */
export function isFolderPath(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path);
}
