import { assert, assertEquals } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { LINKS, SOURCES, testWith } from "../support/needs.ts";
import { command, ended, PROJECT, run } from "../../scripts/support/programs.ts";
import { terminalPicture } from "../../scripts/support/terminal_picture.ts";

const README = await Deno.readTextFile(`${PROJECT}/README.md`);
const MANUAL = await Deno.readTextFile(`${PROJECT}/lib/MANUAL.md`);

/** The code block after a comment. */
function block(page: string, marker: string): string {
  return page.split(`<!-- ${marker} -->\n`)[1]!.match(/```\w*\n(.*?)```/s)![1]!;
}

for (const program of ["client", "server"] as const) {
  Deno.test(`the manual's usage text of the ${program} is what --help prints`, async () => {
    const { status, stdout, stderr } = await run([...command(program), "--help"], { cwd: PROJECT });
    assertEquals({ status, stderr }, { status: 0, stderr: "" });
    assertEquals(stdout, block(MANUAL, `${program} --help`));
    const lines = stdout.split("\n");
    assert(lines.every((line) => line.length <= 80), "a line is longer than 80 columns");
    // Usage and examples are on the first screen.
    assert(lines.indexOf("Options:") > lines.indexOf("Examples:") && lines.indexOf("Options:") < 24);
  });

  Deno.test(`the ${program}'s --version is that of deno.json`, async () => {
    const { version } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
    const { stdout } = await run([...command(program), "--version"], { cwd: PROJECT });
    assertEquals(stdout, `blockferry-${program} ${version}\n`);
  });
}

testWith([SOURCES], "the README's picture shows what the programs print", async () => {
  assertEquals(await Deno.readTextFile(`${PROJECT}/.github/terminal.svg`), await terminalPicture());
});

testWith([LINKS], "the library's examples work in a project that links this one", async () => {
  await using folder = new Folder();
  const [, config] = README.match(/`(\{ "links": .*? \})`/)!;
  await Deno.writeTextFile(
    folder.at("deno.json"),
    config!.replace("../blockferry/", `${await Deno.realPath(PROJECT)}/`),
  );
  const deno = [Deno.execPath(), "run", "--quiet", "--allow-net", "--allow-read", "--allow-write"];
  await Deno.writeTextFile(folder.at("readme.ts"), block(README, "library example"));
  await Deno.writeTextFile(folder.at("manual.ts"), block(MANUAL, "library example"));
  const checked = await run([Deno.execPath(), "check", "--quiet", "readme.ts", "manual.ts"], { cwd: folder.path });
  assertEquals(checked, ended(0, ""));
  const manual = "9 bytes\n9n some text\nother.txt does not exist | c. server: OK\n";
  for (const [name, printed] of [["readme.ts", "9n some text\n"], ["manual.ts", manual]] as const) {
    assertEquals(await run([...deno, name], { cwd: folder.path }), ended(0, printed));
  }
});
