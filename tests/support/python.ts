/** The Python that the tests start their peers with. */

import type { Role } from "../../lib/protocol.ts";
import { PROJECT } from "../../scripts/support/programs.ts";

/**
 * The words that start it. The interpreter itself, since `python3` may be a script that looks for one first, as pyenv's
 * is; and without the packages of the machine (-S), which the peers do not use. Both take longer than the rest of a start.
 */
export const PYTHON_WORDS = [interpreter(), "-S"];

function interpreter(): string {
  try {
    const args = ["-c", "import sys; print(sys.executable)"];
    return new TextDecoder().decode(new Deno.Command("python3", { args, stderr: "null" }).outputSync().stdout).trim() ||
      "python3";
  } catch {
    return "python3"; // There is none: the tests that need it are left out.
  }
}

/** The words that start a program which is written from the lab's document alone. */
export function naive(role: Role): string[] {
  return [...PYTHON_WORDS, `${PROJECT}/scripts/support/peers/naive_${role}.py`];
}
