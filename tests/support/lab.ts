/** Runs the lab check. */

import { type Output, run } from "./programs.ts";
import { PYTHON_PATH } from "./python.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const PEERS = `${PROJECT}/tests/peers`;

/** Runs `deno task lab`. */
export function lab(...args: string[]): Promise<Output> {
  return run([Deno.execPath(), "task", "--quiet", "lab", ...args], { cwd: PROJECT });
}

/** The option that names a Python program of the peers' folder. */
export function program(name: string): string[] {
  const path = `${PYTHON_PATH} ${PEERS}/${name}.py`;
  return name.includes("server")
    ? ["--server", `${path} {port}`]
    : ["--client", `${path} {host} {port} {command} {file}`];
}

/** The numbers of the checks that failed. */
export function failed({ stdout }: Output): string[] {
  return [...stdout.matchAll(/^FAIL (\S+)/gm)].map(([, id]) => id!);
}
