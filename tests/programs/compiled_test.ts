import { assertEquals, assertMatch } from "@std/assert";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { EXECUTABLES, ROOT, testWith } from "../support/needs.ts";
import type { Output } from "../../scripts/support/programs.ts";
import { ended } from "../../scripts/support/programs.ts";

const CLIENT = Deno.env.get("BLOCKFERRY_CLIENT")!;
const SERVER = Deno.env.get("BLOCKFERRY_SERVER")!;
const LAB = Deno.env.get("BLOCKFERRY_LAB")!;

type Environment = Record<string, string>;

/** Runs a program with an empty environment, or just this one. */
async function bare(program: string, args: string[], cwd: string, env: Environment = {}): Promise<Output> {
  const command = new Deno.Command(program, { args, cwd, clearEnv: true, env, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  return { status: code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Starts the server with an empty environment, or just this one; its process and its port. */
async function start(server: string, cwd: string, env: Environment = {}): Promise<[Deno.ChildProcess, string]> {
  const command = new Deno.Command(server, {
    args: ["0", "-v"],
    cwd,
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
  });
  const child = command.spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  // Its pipe holds all that it will print here.
  reader.releaseLock();
  return [child, new TextDecoder().decode(value).match(/^server waiting on port (\d+)\n/)![1]!];
}

async function stop(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await child.stdout.cancel();
  await child.status;
}

testWith([EXECUTABLES], "the executables need no environment: no PATH, no HOME, no Deno", async () => {
  await using folder = new Folder();
  const served = await folder.folder("served");
  const mine = await folder.folder("mine");
  const [server, port] = await start(SERVER, served);
  try {
    const data = randomBytes(100_001);
    await Deno.writeFile(`${mine}/f`, data);
    const client = (verb: string): Promise<Output> => bare(CLIENT, ["localhost", port, verb, "f"], mine);
    const done = (line: string): Output => (ended(0, `${line}\nComplete\n`));
    assertEquals(await client("PUT"), done("client sending file f (100001 bytes)"));
    await Deno.remove(`${mine}/f`);
    assertEquals(await client("GET"), done("client receiving file f (100001 bytes)"));
    assertEquals(await Deno.readFile(`${mine}/f`), data);
    assertEquals(await client("DEL"), done("client deleting file f"));
    assertEquals([await folder.names("served"), await folder.names("mine")], [[], ["f"]]);
  } finally {
    await stop(server);
  }
});

testWith([EXECUTABLES], "the lab check needs no environment either, and writes its page", async () => {
  await using folder = new Folder();
  const args = [CLIENT, SERVER, "--only", "1,3", "--timeout", "20", "--html", "page.html"];
  const { status, stdout, stderr } = await bare(LAB, args, folder.path);
  assertEquals([status, stderr], [0, ""], stdout);
  assertMatch(await Deno.readTextFile(folder.at("page.html")), /^<!doctype html>/i);
});

testWith([EXECUTABLES], "the lab check names what it needs to start a program", async () => {
  await using folder = new Folder();
  for (const [name, starter] of [["client.ts", "deno"], ["client.py", "python3"]] as const) {
    await Deno.writeTextFile(folder.at(name), "");
    const stderr = `lab: "${name}" can't be started: there is no ${starter} here\n`;
    assertEquals(await bare(LAB, [name], folder.path), { status: 2, stdout: "", stderr });
  }
  const { status, stderr } = await bare(LAB, [], folder.path);
  assertEquals([status, stderr], [2, "lab: expected a client, a server or both (--help shows the usage)\n"]);
});

testWith([EXECUTABLES], "the executables leave nothing in the temporary folder", async () => {
  await using folder = new Folder();
  const [served, mine, TMPDIR] = [
    await folder.folder("served"),
    await folder.folder("mine"),
    await folder.folder("tmp"),
  ];
  await Deno.writeTextFile(`${mine}/f`, "hello");
  const [server, port] = await start(SERVER, served, { TMPDIR });
  try {
    // What Deno caches it writes at the second run.
    for (const _ of [1, 2]) {
      assertEquals((await bare(CLIENT, ["localhost", port, "PUT", "f"], mine, { TMPDIR })).status, 0);
    }
    assertEquals(await folder.names("tmp"), []);
  } finally {
    await stop(server);
  }
});

testWith([EXECUTABLES, ROOT], "a user who may not write can PUT, and gets the lab's error for a GET", async () => {
  await using folder = new Folder();
  // The other user has to get at the executable.
  await Deno.chmod(folder.path, 0o755);
  await Deno.copyFile(CLIENT, folder.at("client"));
  const served = await folder.folder("served");
  const mine = await folder.folder("mine");
  await Deno.writeTextFile(`${mine}/f`, "hello");
  const [server, port] = await start(SERVER, served);
  try {
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups", folder.at("client"), "localhost", port];
    const put = await bare("/usr/bin/setpriv", [...user, "PUT", "f"], mine);
    assertEquals(put, ended(0, "client sending file f (5 bytes)\nComplete\n"));
    const get = await bare("/usr/bin/setpriv", [...user, "GET", "f", "--as", "g"], mine);
    assertEquals(get, ended(1, "client error: unable to create file g\n", "client: g: permission denied\n"));
    assertEquals([await folder.names("served"), await folder.names("mine")], [["f"], ["f"]]);
  } finally {
    await stop(server);
  }
});
