// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { command, run } from "../support/programs.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const README = await Deno.readTextFile(`${PROJECT}/README.md`);

/** The code block behind a comment. */
function block(marker: string): string {
  return README.split(`<!-- ${marker} -->\n`)[1]!.match(/```\w*\n(.*?)```/s)![1]!;
}

for (const program of ["client", "server"] as const) {
  Deno.test(`the README's usage text of the ${program} is what --help prints`, async () => {
    const { status, stdout, stderr } = await run([...command(program), "--help"], { cwd: PROJECT });
    assertEquals({ status, stderr }, { status: 0, stderr: "" });
    assertEquals(stdout, block(`${program} --help`));
    assert(stdout.split("\n").length <= 40 && stdout.split("\n").every((line) => line.length <= 100), "one screen");
  });

  Deno.test(`the ${program}'s --version is that of deno.json`, async () => {
    const { version } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
    const { stdout } = await run([...command(program), "--version"], { cwd: PROJECT });
    assertEquals(stdout, `blockferry-${program} ${version}\n`);
  });
}

Deno.test("the README's library example prints what it says", async () => {
  await using folder = new Folder();
  const example = block("library example").replace("./lib/mod.ts", new URL("../../lib/mod.ts", import.meta.url).href);
  await Deno.writeTextFile(folder.at("example.ts"), example);
  const { status, stdout, stderr } = await run(
    [Deno.execPath(), "run", "--quiet", "--check", "-A", "--config", `${PROJECT}/deno.json`, folder.at("example.ts")],
    { cwd: folder.path },
  );
  assertEquals(status, 0, stderr);
  assertStringIncludes(stdout, "9 bytes\n9n some text\nother.txt does not exist | c. server: OK\n");
});
