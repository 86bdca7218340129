/** The naive programs with a few words changed, and what the lab check then says. */

import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../lib/protocol.ts";
import { judge } from "../../scripts/lab/causes.ts";
import { fromFile } from "../../scripts/lab/launch.ts";
import { report } from "../../scripts/lab/report.ts";
import { run } from "../../scripts/lab/run.ts";
import { Folder } from "../../scripts/support/folder.ts";
import { PEERS } from "./lab.ts";
import { PYTHON, STRACE, testWith, UNIX } from "./needs.ts";

/** One change of a naive program. */
export interface Mistake {
  /** What the program then does. */
  name: string;
  /** What stands in the naive program, and what stands there instead. */
  changes: [right: string, wrong: string][];
  /** All sentences that must fail, of those that the naive program holds to; the strict ones too. */
  fails: string[];
  /** Words that a student gets. */
  says?: string;
  /** The sentences that are looked at besides. */
  only?: string[];
  /** The plays that are enough to show them, where others would show them too. */
  plays?: string[];
}

// Where the naive programs are naive.
const NAIVE = ["7.4", "7.8", "8.4"];
const AT_ONCE = 8;
/** LAB_MISTAKES=whole judges each program by all sentences, which takes minutes. */
const IS_WHOLE = Deno.env.get("LAB_MISTAKES") === "whole";

/** Makes a test of all mistakes of a program. They wait more than they work, so several are checked at a time. */
export function testMistakes(role: Role, mistakes: Mistake[]): void {
  const name = `the lab check finds what is wrong with ${mistakes.length} ${role}s, and no more`;
  testWith([UNIX, PYTHON, STRACE], name, async () => {
    await using folder = new Folder();
    const queue = [...mistakes.entries()];
    const found: unknown[] = [];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let next; (next = queue.shift());) {
        found.push(...await check(role, next[1], folder.at(`${next[0]}_${role}.py`)));
      }
    }));
    assertEquals(found, []);
  });
}

/** What the check says that it should not, or does not say. */
async function check(role: Role, mistake: Mistake, path: string): Promise<unknown[]> {
  const { name, changes, fails, says, only = [], plays } = mistake;
  let source = await Deno.readTextFile(`${PEERS}/naive_${role}.py`);
  for (const [right, wrong] of changes) {
    assert(source.includes(right), `${name}: ${right}`);
    source = source.replaceAll(right, wrong);
  }
  await Deno.writeTextFile(path, source);
  const launch = await fromFile(role, path, ".");
  const scope = IS_WHOLE ? { isStrict: true } : { isStrict: true, only: [...fails, ...only], plays };
  const result = judge(await run({ [role]: launch }, { ...scope, timeoutMs: 3000 }), scope);
  const failed = result.sentences.filter(({ outcome, id }) => outcome === "fails" && !NAIVE.includes(id))
    .map(({ id }) => id);
  const text = report(result, false, (_, line) => line).join("\n");
  const isSaid = text.replace(/\s+/g, " ").includes(says ?? "");
  return String(failed) === String(fails) && isSaid ? [] : [{ name, fails, failed, says, text }];
}
