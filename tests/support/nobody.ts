/** Programs that run as a user who owns nothing here. */

import type { Folder } from "../../scripts/support/folder.ts";
import { NOBODY } from "./needs.ts";
import { run } from "../../scripts/support/programs.ts";

/** The words that run a program so. Deno's cache is copied to the folder: the real one may be closed to others. */
export async function asNobody(folder: Folder): Promise<string[]> {
  await Deno.chmod(folder.path, 0o755);
  const cache = await folder.folder("cache");
  const { stdout } = await run([Deno.execPath(), "info", "--json"], { cwd: folder.path });
  await run(["cp", "-R", `${JSON.parse(stdout).denoDir}/npm`, cache], { cwd: "/" });
  await run(["chmod", "-R", "a+rwX", cache], { cwd: "/" });
  return ["env", `DENO_DIR=${cache}`, ...NOBODY];
}
