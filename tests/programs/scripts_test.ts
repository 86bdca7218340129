/** What the tasks of deno.json do, those of the lab check aside. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { LINKS, SOURCES, testWith, UNIX } from "../support/needs.ts";
import { PROJECT, run } from "../../scripts/support/programs.ts";

Deno.test("100 random conversations crash, hang and leak nothing, and leave no half file", async () => {
  const permissions = ["net", "read", "write", "run", "env", "sys"].map((name) => `--allow-${name}`);
  const words = [...permissions, `${PROJECT}/scripts/fuzz/main.ts`, "100", "--seed", "1024"];
  const { status, stdout, stderr } = await run([Deno.execPath(), "run", "--quiet", "--no-prompt", ...words], {
    cwd: ".",
  });
  assertEquals(status, 0, stdout + stderr);
  assert(/^crashes 0, hangs 0, escapes 0, half files 0, wrong answers 0, leaks 0$/m.test(stdout), stdout);
});

Deno.test("eight clients at once lose nothing in 80 transfers", async () => {
  const { status, stdout, stderr } = await run([Deno.execPath(), "task", "load", "8", "80"], { cwd: PROJECT });
  const [, clients, transfers, bytes, lost] = stdout.trim().split("\n").at(-1)!.split("|").map((cell) => cell.trim());
  assertEquals({ status, clients, transfers, lost }, { status: 0, clients: "8", transfers: "80", lost: "0" }, stderr);
  assert(Number(bytes) > 0);
});

testWith([UNIX, SOURCES], "a build without a network says so once for all that it can't build", async () => {
  await using folder = new Folder();
  // Deno's cache with all but the runtimes; the bundler is in it then, too.
  assertEquals((await run([Deno.execPath(), "bundle", "--quiet", "lib/bytes.ts"], { cwd: PROJECT })).status, 0);
  const { stdout } = await run([Deno.execPath(), "info", "--json"], { cwd: PROJECT });
  const { denoDir } = JSON.parse(stdout);
  await folder.folder("dl");
  for await (const { name } of Deno.readDir(denoDir)) {
    if (name !== "dl") await Deno.symlink(`${denoDir}/${name}`, folder.at(name));
  }
  for await (const { name } of Deno.readDir(`${denoDir}/dl`)) {
    if (!/^(release|canary)$/.test(name)) await Deno.symlink(`${denoDir}/dl/${name}`, folder.at(`dl/${name}`));
  }
  // Nobody listens there.
  const offline = [`DENO_DIR=${folder.path}`, "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY="];
  const words = ["env", "--unset=DENORT_BIN", ...offline, Deno.execPath(), "task", "--quiet", "compile"];
  const { status, stdout: built, stderr } = await run(words, { cwd: PROJECT });
  assertEquals([status, built], [1, ""], stderr);
  const said =
    /^not built: (blockferry-(client|server|lab)-\S+, ){2}blockferry-lab-\S+: the runtime [^\n]+ downloaded;[^\n]+\n$/;
  assertMatch(stderr, said);
});

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
