/** README and manual: their commands, run as they stand there but for the port and some folders, and what they show. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { judge } from "../../scripts/lab/causes.ts";
import { report } from "../../scripts/lab/report.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { session } from "../support/lab.ts";
import { EXECUTABLES, LINKS, OPENSSL, PYTHON, SANDBOX, SOURCES, testWith, UNIX } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { word } from "../support/recordings.ts";
import { pairWithMistake } from "../../scripts/support/peers.ts";
import { command, ended, type Output, Process, PROJECT, run, writeScript } from "../../scripts/support/programs.ts";
import { terminalPicture } from "../../scripts/support/terminal_picture.ts";

const README = await Deno.readTextFile(`${PROJECT}/README.md`);
const MANUAL = await Deno.readTextFile(`${PROJECT}/lib/MANUAL.md`);

/** The blocks for a shell; a command that is new there needs a test here. */
function shellBlocks(page: string): string[] {
  return [...page.matchAll(/^ *```sh\n(.*?)^ *```/gms)].map(([, block]) => block!.replace(/^ +/gm, ""));
}

const [TRY = "", LAB = "", GRADE = "", START = "", MOVE = "", CERTIFICATE = ""] = shellBlocks(README);
const [SMALLEST = "", TRACED = ""] = shellBlocks(MANUAL);

/** What the programs are run from. */
const OURS = ["client.ts", "server.ts", "deno.json", "deno.lock", "LICENSE", "lib"];

/** A folder in whose shell `deno`, `npx`, `client` and `server` are ours, and `/srv/files` is the folder `files`. */
class Shell extends Folder {
  readonly port = String(freePort());

  /** Opens it with parts of the project in it. */
  static async open(...parts: string[]): Promise<Shell> {
    const shell = new Shell();
    for (const name of parts) await Deno.symlink(`${PROJECT}/${name}`, shell.at(name));
    for (const name of ["bin", "files", "tmp"]) await shell.folder(name);
    const quoted = (words: string[]): string => words.map((word) => `'${word}'`).join(" ");
    const deno = quoted([Deno.execPath()]);
    const scripts = {
      deno: `exec ${deno} "$@"`,
      npx: `shift 2; exec ${deno} "$@"`,
      client: `exec ${quoted(command("client"))} "$@"`,
      server: `exec ${quoted(command("server"))} "$@"`,
    };
    for (const [name, script] of Object.entries(scripts)) {
      await writeScript(shell.at(`bin/${name}`), script);
    }
    return shell;
  }

  words(line: string): string[] {
    const ours = line.replaceAll("12345", this.port).replaceAll("/srv/files", this.at("files"))
      .replaceAll("/tmp/copy", this.at("tmp/copy"));
    return ["env", `PATH=${this.at("bin")}:${Deno.env.get("PATH")}`, "bash", "-O", "expand_aliases", "-c", ours];
  }

  run(line: string, { cwd = this.path } = {}): Promise<Output> {
    return run(this.words(line), { cwd });
  }

  /** Starts a server, with -v, so that one knows when it listens. */
  async serve(line: string, { cwd = this.path } = {}): Promise<Process> {
    const server = new Process(this.words(`exec ${line.trim().replace(/ -v\b/, "")} -v`), { cwd });
    await server.line(/^server waiting on port/);
    return server;
  }
}

/** The lines of a program's examples. */
function examples(program: string): string[] {
  const [, usage] = MANUAL.match(new RegExp(`<!-- ${program} --help -->.*?\nExamples:\n(.*?)\n\n`, "s"))!;
  return usage!.split("\n").map((line) => line.trim());
}

Deno.test("each shell command of README and manual has a test", () => {
  assertEquals([shellBlocks(README).length, shellBlocks(MANUAL).length], [6, 2]);
  for (const [block, lines] of [[TRY, 2], [LAB, 1], [GRADE, 1], [START, 1], [SMALLEST, 1], [TRACED, 2]] as const) {
    assertEquals(block.trim().split("\n").length, lines, block);
  }
  const [demo, test] = TRY.split("\n").map((line) => line.replace(/ +#.*/, ""));
  assertEquals(test, demo!.replace("demo", "test")); // It runs this test.
});

testWith([UNIX, SOURCES], "the README's demo moves a file there and back", async () => {
  await using shell = await Shell.open();
  const { status, stdout, stderr } = await shell.run(TRY.split("\n")[0]!, { cwd: PROJECT });
  assertEquals(status, 0, stderr);
  assertMatch(stdout, /\nThe 1079 bytes came back as they went\.\n$/);
});

testWith([UNIX, SOURCES], "the README's server and client move files, and leave nothing in the project", async () => {
  await using shell = await Shell.open(...OURS);
  const before = await shell.names();
  const [, make, start] = START.match(/^(mkdir .*) && (.*)/)!;
  assertEquals((await shell.run(make!)).status, 0);
  await using server = await shell.serve(start!);
  // The first command that fails ends the script.
  const { status, stdout, stderr } = await shell.run(`set -eo pipefail\n${MOVE}`);
  assertEquals(status, 0, stderr);
  assertEquals(stdout.match(/^Complete$/gm)?.length, 7, stdout);
  assertEquals(server.lines.filter((line) => line.startsWith("server receiving request: ")).length, 9);
  assertEquals(await Deno.readTextFile(shell.at("tmp/copy")), await Deno.readTextFile(`${PROJECT}/LICENSE`));
  assertEquals([await shell.names(), await shell.names("served")], [[...before, "served"].sort(), []]);
});

testWith([UNIX], "the examples of --help do what they say", async () => {
  for (const line of examples("server")) {
    await using shell = await Shell.open();
    await Deno.writeTextFile(shell.at("files/f"), "text");
    await using _server = await shell.serve(line, { cwd: shell.at("files") });
    assertEquals((await shell.run("client localhost 12345 GET f")).stderr, "");
  }
  await using shell = await Shell.open();
  await using _server = await shell.serve("server 12345", { cwd: shell.at("files") });
  const photo = randomBytes(3000);
  await Deno.mkdir(shell.at("photos"));
  for (const name of ["photo.jpg", "photos/one.jpg"]) await Deno.writeFile(shell.at(name), photo);
  const [put, get, untar, tar] = examples("client") as [string, string, string, string];
  for (const line of [put, get, tar, "rm -r photos; mv files/photos.tar files/site.tar", untar]) {
    assertEquals((await shell.run(line)).status, 0, line);
  }
  for (const name of ["copy.jpg", "photos/one.jpg"]) assertEquals(await Deno.readFile(shell.at(name)), photo, name);
  assertEquals(examples("client").length, 4);
});

testWith([UNIX, SOURCES], "the manual's smallest permissions are enough", async () => {
  await using shell = await Shell.open();
  await Deno.writeTextFile(shell.at("f"), "text");
  const [, net, forPut] = MANUAL.match(/`(--allow-net=HOST:PORT) (--allow-read=FILE)`/)!;
  const [, forGet] = MANUAL.match(/`(--allow-read=\. --allow-write=\.)`/)!;
  const client = `deno run --no-prompt ${net!.replace("HOST:PORT", "127.0.0.1:12345")}`;
  await using server = await shell.serve(SMALLEST.replace("server.ts", `"${PROJECT}/server.ts"`));
  const permissions = { "PUT f": forPut!.replace("FILE", "f"), "GET f --as g": forGet, "DEL f": "--allow-read=." };
  for (const [words, allowed] of Object.entries(permissions)) {
    const output = await shell.run(`${client} ${allowed} "${PROJECT}/client.ts" 127.0.0.1 12345 ${words}`);
    assertEquals([output.status, output.stderr], [0, ""], words);
  }
  assertEquals(await Deno.readTextFile(shell.at("g")), "text");
  await server.end();
  assertEquals(server.errors, []);
});

testWith([UNIX, OPENSSL], "the README's certificate is one that its server and client take", async () => {
  await using shell = await Shell.open();
  await Deno.writeTextFile(shell.at("f"), "text");
  assertEquals((await shell.run(CERTIFICATE)).status, 0);
  await using _server = await shell.serve("server 12345 --cert cert.pem --key key.pem");
  for (const host of ["localhost", "127.0.0.1"]) {
    const { status, stderr } = await shell.run(`client ${host} 12345 GET f --as g-${host} --ca cert.pem`);
    assertEquals([status, stderr], [0, ""]);
  }
});

testWith([UNIX, PYTHON], "the README shows what its lab command prints for a pair with one mistake", async () => {
  await using shell = await Shell.open();
  for (const [path, text] of Object.entries(await pairWithMistake())) await Deno.writeTextFile(shell.at(path), text);
  const [, screen = ""] = README.match(/<!-- lab screen -->\n\n```\n(.*?)```/s)!;
  // What it says of all plays, by recordings of such a pair.
  const [client, server] = [session("client"), session("server", word("OK", "OK\n"))];
  const programs = { ...client.programs, ...server.programs };
  const result = judge({ ...client, programs, recordings: [...client.recordings, ...server.recordings] });
  const [before] = screen.split("\nRun again");
  assertEquals(`${report(result, false, (_, line) => line).join("\n")}\n`, before);
  // What the real pair shows in a few of them. The tests beside this one take the machine's time.
  const line = LAB.trim().replaceAll("path/to", shell.path);
  const { status, stdout } = await shell.run(`${line} --timeout 20 --only 1.1,1.5,2.1,3.1`, { cwd: PROJECT });
  const summary = "ok   client.py: 1 of 1 sentences hold\nFAIL server.py: 1 of 3 sentences hold, 2 do not\n";
  const shown = stdout.replaceAll(`${shell.path}/`, "");
  assertEquals([status, shown], [1, screen.replace(/^(.*\n){2}/, summary)]);
});

testWith([SANDBOX, PYTHON, SOURCES], "the README's command marks a class", async () => {
  await using shell = await Shell.open();
  for (const name of ["handins", "handins/Ada"]) await shell.folder(name);
  // To check programs that work takes four times as long: other tests have that.
  for (const name of ["client.py", "server.py"]) {
    await Deno.writeTextFile(shell.at(`handins/Ada/${name}`), "print(1)\n");
  }
  const line = GRADE.trim().replaceAll(/(?=handins|marks)/g, `${shell.path}/`);
  const { status, stdout, stderr } = await shell.run(line, { cwd: PROJECT });
  assertEquals([status, stderr], [1, ""], stdout);
  assertMatch(await Deno.readTextFile(shell.at("marks/grades.csv")), /^Ada,Ada,0,63,no program,/m);
});

testWith([UNIX, PYTHON, SOURCES], "the manual's server and client show the conversations of others", async () => {
  const peers = `${PROJECT}/scripts/support/peers`;
  const [ourServer, ourClient] = TRACED.split("\n") as [string, string];
  {
    await using shell = await Shell.open(...OURS);
    await shell.folder("served");
    await using server = await shell.serve(ourServer);
    await shell.run(`python3 '${peers}/naive_client.py' localhost 12345 PUT LICENSE`);
    await server.errorLine(/g\. server: DONE/);
  }
  await using shell = await Shell.open(...OURS);
  await using _server = await shell.serve(`python3 '${peers}/naive_server.py' 12345`);
  const { status, stdout, stderr } = await shell.run(ourClient);
  assertEquals([status, stdout.length], [0, 1079], stderr);
  assertMatch(stderr, /h\. server: DONE/);
});

testWith([UNIX, SOURCES], "the README's deno install gives programs that run", async () => {
  await using shell = await Shell.open();
  const [, client] = README.match(/`(deno install .*?)`/)!;
  const server = client!.replaceAll("client", "server");
  const root = `DENO_INSTALL_ROOT=${shell.path}`;
  for (const [program, line] of Object.entries({ client, server })) {
    const { status, stderr } = await shell.run(`${root} ${line}`, { cwd: PROJECT });
    assertEquals(status, 0, stderr);
    const { stdout } = await shell.run(`blockferry-${program} --version`);
    assertMatch(stdout, new RegExp(`^blockferry-${program} \\d`));
  }
});

testWith([UNIX, EXECUTABLES], "the sums beside the executables are theirs", async () => {
  await using shell = await Shell.open();
  const [, line] = README.match(/`(sha256sum .*?)`/)!;
  const dist = Deno.env.get("BLOCKFERRY_CLIENT")!.replace(/[^/]*$/, "");
  const { status, stdout } = await shell.run(line!, { cwd: dist });
  assertEquals(status, 0);
  assertStringIncludes(stdout, "blockferry-client-");
});

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
  const linked = config!.replace("../blockferry/", `${await Deno.realPath(PROJECT)}/`);
  await Deno.writeTextFile(folder.at("deno.json"), linked);
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
