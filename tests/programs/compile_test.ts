import { assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { SOURCES, testWith, UNIX } from "../support/needs.ts";
import { PROJECT, run } from "../../scripts/support/programs.ts";

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
  assertMatch(
    stderr,
    /^not built: (blockferry-(client|server|lab)-\S+, ){2}blockferry-lab-\S+: the runtime [^\n]+ downloaded;[^\n]+\n$/,
  );
});
