/** Runs the lab check. */

import { type Output, run } from "./programs.ts";
import { PYTHON_WORDS } from "./python.ts";

const PROJECT = `${import.meta.dirname}/../..`;
/** The folder of programs that others could have written. */
export const PEERS = `${PROJECT}/tests/peers`;

/** Runs `deno task lab`. */
export function lab(...args: string[]): Promise<Output> {
  return run([Deno.execPath(), "task", "--quiet", "lab", ...args], { cwd: PROJECT });
}

/** The option that names a Python program, of the peers' folder or another one. */
export function program(name: string, folder = PEERS): string[] {
  const path = `${PYTHON_WORDS.join(" ")} ${folder}/${name}.py`;
  return name.includes("server")
    ? ["--server", `${path} {port}`]
    : ["--client", `${path} {host} {port} {command} {file}`];
}

/** The numbers of the checks that failed. */
export function failed({ stdout }: Output): string[] {
  return [...stdout.matchAll(/^FAIL (\S+)/gm)].map(([, id]) => id!);
}
