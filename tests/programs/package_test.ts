/** The package that `deno task pack` makes for npm. */

import { assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { run } from "../../scripts/support/programs.ts";
import { LINKS, SOURCES, testWith, UNIX } from "../support/needs.ts";

const PROJECT = `${import.meta.dirname}/../..`;

testWith([UNIX, LINKS, SOURCES], "the package for npm has the library and both programs", async () => {
  await using folder = new Folder();
  const deno = Deno.execPath();
  const { stdout: packed, status } = await run([deno, "task", "--quiet", "pack", folder.path], { cwd: PROJECT });
  assertEquals(status, 0);
  assertEquals((await run(["tar", "xzf", packed.trim().split(" ")[1]!], { cwd: folder.path })).status, 0);
  const { dependencies, version } = JSON.parse(await Deno.readTextFile(folder.at("package/package.json")));
  const imports = Object.entries(dependencies).flatMap(([name, range]) => [
    [name, `npm:${name}@${range}`],
    [`${name}/`, `npm:/${name}@${range}/`],
  ]);
  await Deno.writeTextFile(folder.at("deno.json"), JSON.stringify({ imports: Object.fromEntries(imports) }));
  // A package has its own manifest, which would hide this one.
  await Deno.remove(folder.at("package/package.json"));
  const readme = await Deno.readTextFile(folder.at("package/README.md"));
  const [, example] = readme.match(/<!-- library example -->\n\n```ts\n(.*?)```/s)!;
  await Deno.writeTextFile(folder.at("example.ts"), example!.replace("@blockferry/blockferry", "./package/lib/mod.js"));
  const { stdout, stderr } = await run([deno, "run", "--quiet", "-A", "example.ts"], { cwd: folder.path });
  assertEquals(stdout, "9n some text\n", stderr);
  for (const program of ["client", "server"]) {
    const words = [deno, "run", "--quiet", "-A", `package/${program}.js`, "--version"];
    assertMatch((await run(words, { cwd: folder.path })).stdout, new RegExp(`^blockferry-${program} ${version}\n`));
  }
});
