/** Runs the lab check. */

import { type Output, run } from "./programs.ts";

const PROJECT = `${import.meta.dirname}/../..`;
/** The folder of programs that others could have written. */
export const PEERS = `${PROJECT}/tests/peers`;

/** Runs `deno task lab`, as from the folder of the peers. */
export function lab(...args: string[]): Promise<Output> {
  return run(["env", `INIT_CWD=${PEERS}`, Deno.execPath(), "task", "--quiet", "lab", ...args], { cwd: PROJECT });
}

/** The numbers of the sentences that failed, by the line that runs them again. */
export function failed({ stdout }: Output): string[] {
  return stdout.match(/^Run again what failed: .* --only (\S+)$/m)?.[1]?.split(",") ?? [];
}
