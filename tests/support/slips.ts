/** The naive programs with a few words changed, and what the lab check then says. */

// @ts-types="./types/assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "./folder.ts";
import { failed, lab, PEERS, program } from "./lab.ts";
import { IPV6, PYTHON, STRACE, testWith, UNIX } from "./needs.ts";
import type { Output } from "./programs.ts";

/** One change of a naive program. */
export interface Slip {
  /** The program, and what it then does. */
  name: string;
  /** What stands in the naive program, */
  right: string;
  /** and what stands there instead. */
  wrong: string;
  /** The checks that are run, */
  only: string;
  /** those of them that must fail, */
  fails: string[];
  /** and words that a student gets. */
  says?: string;
}

/** Makes a test of each slip. */
export function testSlips(slips: Slip[]): void {
  for (const slip of slips) {
    testWith([UNIX, PYTHON, STRACE, IPV6], `the lab check of a ${slip.name}`, async () => {
      const output = await check(slip);
      assertEquals([output.status, failed(output)], [slip.fails.length > 0 ? 1 : 0, slip.fails], output.stdout);
      assertStringIncludes(output.stdout, slip.says ?? "");
    });
  }
}

async function check({ name, right, wrong, only }: Slip): Promise<Output> {
  await using folder = new Folder();
  const naive = `naive_${name.split(" ")[0]}`;
  const source = await Deno.readTextFile(`${PEERS}/${naive}.py`);
  assert(source.includes(right));
  await Deno.writeTextFile(folder.at(`${naive}.py`), source.replaceAll(right, wrong));
  return await lab(...program(naive, folder.path), "--strict", "--only", only, "--timeout", "10");
}
