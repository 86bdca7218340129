import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { LINKS, SOURCES, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { command, Process, run } from "../../scripts/support/programs.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const README = await Deno.readTextFile(`${PROJECT}/README.md`);

/** The code block after a comment. */
function block(marker: string): string {
  return README.split(`<!-- ${marker} -->\n`)[1]!.match(/```\w*\n(.*?)```/s)![1]!;
}

for (const program of ["client", "server"] as const) {
  Deno.test(`the README's usage text of the ${program} is what --help prints`, async () => {
    const { status, stdout, stderr } = await run([...command(program), "--help"], { cwd: PROJECT });
    assertEquals({ status, stderr }, { status: 0, stderr: "" });
    assertEquals(stdout, block(`${program} --help`));
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

testWith([SOURCES], "the README's transcript is what the programs print", async () => {
  await using folder = new Folder();
  await Deno.copyFile(`${PROJECT}/LICENSE`, folder.at("LICENSE"));
  const [, start] = README.match(/^mkdir -p served && (deno run .*)$/m)!;
  const port = String(freePort());
  /** A command line of the README's, with this port. */
  const words = (line: string): string[] => {
    const [, verb, ...args] = line.replace("12345", port).split(" ");
    const ours = args.map((word) => /^\w+\.ts$/.test(word) ? `${PROJECT}/${word}` : word);
    return [Deno.execPath(), verb!, "--quiet", "--no-prompt", ...ours];
  };
  await folder.folder("served");
  await using server = new Process(words(start!), { cwd: folder.path });
  await server.line(/waiting/);
  const printed = [];
  for (const [line] of block("client transcript").matchAll(/^\$ .*$/gm)) {
    const { stdout, stderr } = await run(words(line.slice("$ ".length)), { cwd: folder.path });
    assertEquals(stderr, "");
    printed.push(`${line}\n${stdout}`);
  }
  assertEquals(printed.join(""), block("client transcript"));
  // It waits again after each client.
  await server.line(/waiting/, 12);
  const ports = (text: string): string => text.replaceAll(port, "12345").replace(/(?<=127\.0\.0\.1:)\d+/g, "54321");
  assertEquals(ports(`${server.lines.join("\n")}\n`), ports(block("server transcript")));
});

testWith([LINKS], "the README's library example works in a project that links this one", async () => {
  await using folder = new Folder();
  const [, config] = README.match(/`(\{ "links": .*? \})`/)!;
  await Deno.writeTextFile(
    folder.at("deno.json"),
    config!.replace("../blockferry/", `${await Deno.realPath(PROJECT)}/`),
  );
  await Deno.writeTextFile(folder.at("example.ts"), block("library example"));
  const words = [Deno.execPath(), "run", "--quiet", "--check", "--allow-net", "--allow-read", "--allow-write"];
  const { status, stdout, stderr } = await run([...words, "example.ts"], { cwd: folder.path });
  assertEquals(status, 0, stderr);
  assertStringIncludes(stdout, "9 bytes\n9n some text\nother.txt does not exist | c. server: OK\n");
});
