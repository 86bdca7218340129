/** Programs that run as a user who owns nothing here. */

import type { Folder } from "../../scripts/support/folder.ts";
import { NOBODY } from "./needs.ts";
import { command, PERMISSIONS, run } from "../../scripts/support/programs.ts";

/** The words that run a program so. Its packages are copied to the folder: the real one may be closed to others. */
export async function asNobody(folder: Folder, program: "client" | "server"): Promise<string[]> {
  await Deno.chmod(folder.path, 0o755);
  const { stdout } = await run([Deno.execPath(), "info", "--json"], { cwd: folder.path });
  const [cache, { npmCache }] = [folder.at("cache"), JSON.parse(stdout)];
  await Deno.mkdir(`${cache}/npm`, { recursive: true });
  // In the cache's folder is one for each place that packages come from.
  const names = ["deno-std", "ipaddr.js"].map((name) => `./*/${name}`).join(" ");
  await run(["sh", "-c", `cd "$1" && cp -R --parents ${names} "$2"`, "sh", npmCache, `${cache}/npm`], { cwd: "/" });
  await run(["chmod", "-R", "a+rwX", cache], { cwd: "/" });
  // With the lock file, Deno would fetch all packages of the project.
  const flags = [...PERMISSIONS, "--no-lock", "--cached-only"];
  return ["env", `DENO_DIR=${cache}`, ...NOBODY, ...command(program, flags)];
}
