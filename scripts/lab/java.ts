/** Compiles a Java program once: `java FILE.java` does that at each start, which takes ten times as long as the rest. */

// A compiler that takes longer is left, and so is what it compiles.
const COMPILE_MS = 60_000;

/**
 * Compiles a source file into a folder. Returns the class that `java FILE.java` would run, the first one of the file; or
 * `undefined` if that does not work, as with an error, which `java` then says at each start.
 */
export async function compile(path: string, folder: string): Promise<string | undefined> {
  const args = ["-proc:none", "-d", folder, path];
  const signal = AbortSignal.timeout(COMPILE_MS);
  const command = new Deno.Command("javac", { args, stdin: "null", stdout: "null", stderr: "null", signal });
  // Deno 2.6 throws at once when there is no such program.
  const { success } = await Promise.try(() => command.output()).catch(() => ({ success: false }));
  if (!success) return undefined;
  const comments = /\/\*.*?\*\/|\/\/[^\n]*/gs;
  const source = (await Deno.readTextFile(path)).replace(comments, " ");
  const [, packageName] = source.match(/^\s*package\s+([\w.]+)\s*;/) ?? [];
  const [, name] = source.match(/\b(?:class|record|enum|interface)\s+([\p{L}\w$]+)/u) ?? [];
  const main = packageName ? `${packageName}.${name}` : name;
  const isThere = await Deno.stat(`${folder}/${main?.replaceAll(".", "/")}.class`).then(() => true, () => false);
  return isThere ? main : undefined;
}
