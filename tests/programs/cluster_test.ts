import { assertEquals, assertMatch } from "@std/assert";
import { CLUSTER, SOURCES, testWith } from "../support/needs.ts";
import { run } from "../../scripts/support/programs.ts";

const PROJECT = `${import.meta.dirname}/../..`;

testWith([CLUSTER, SOURCES], "nothing is lost while parts of a cluster die", async () => {
  const words = [Deno.execPath(), "task", "--quiet", "cluster", "--transfers", "150", "--clients", "10"];
  const { status, stdout, stderr } = await run(words, { cwd: PROJECT });
  assertEquals(status, 0, stdout + stderr);
  assertMatch(stdout, /^\| lost or wrong \| 0 \|$/m);
});
