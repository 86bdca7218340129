import { assert, assertEquals } from "@std/assert";
import { run } from "../../scripts/support/programs.ts";

const SCRIPT = `${import.meta.dirname}/../../scripts/fuzz/main.ts`;
const PERMISSIONS = ["net", "read", "write", "run", "env", "sys"].map((name) => `--allow-${name}`);

Deno.test("100 random conversations crash, hang and leak nothing, and leave no half file", async () => {
  const words = [Deno.execPath(), "run", "--quiet", "--no-prompt", ...PERMISSIONS, SCRIPT, "100", "--seed", "1024"];
  const { status, stdout, stderr } = await run(words, { cwd: "." });
  assertEquals(status, 0, stdout + stderr);
  assert(/^crashes 0, hangs 0, escapes 0, half files 0, wrong answers 0, leaks 0$/m.test(stdout), stdout);
});
