/** Compiles a Java program once: `java FILE.java` does that at each start, which takes ten times as long as the rest. */

import { runs } from "./system.ts";

// A compiler that takes longer is left, and so is what it compiles.
const COMPILE_MS = 60_000;

/**
 * Compiles a source file, and those that it uses, into a folder. Returns the class that `java FILE.java` would run, the
 * first one of the file; or `undefined` if that does not work, as with an error, which `java` then says at each start.
 */
export async function compile(path: string, folder: string): Promise<string | undefined> {
  const source = (await Deno.readTextFile(path)).replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, " ");
  const [, packageName] = source.match(/^\s*package\s+([\w.]+)\s*;/) ?? [];
  // The files of a package lie in a folder of its name, or all beside each other, as a learning platform has them.
  const beside = path.slice(0, path.lastIndexOf("/"));
  const root = (packageName?.split(".") ?? []).map(() => "..").join("/");
  if (!await javac(["-sourcepath", `${beside}/${root}`, "-d", folder, path])) {
    const all = await Array.fromAsync(Deno.readDir(beside), ({ name }) => `${beside}/${name}`);
    if (!await javac(["-d", folder, ...all.filter((name) => name.endsWith(".java"))])) return undefined;
  }
  const [, name] = source.match(/\b(?:class|record|enum|interface)\s+([\p{L}\w$]+)/u) ?? [];
  const main = packageName ? `${packageName}.${name}` : name;
  const isThere = await Deno.stat(`${folder}/${main?.replaceAll(".", "/")}.class`).then(() => true, () => false);
  return isThere ? main : undefined;
}

async function javac(args: string[]): Promise<boolean> {
  return await runs(["javac", "-proc:none", ...args], AbortSignal.timeout(COMPILE_MS));
}
