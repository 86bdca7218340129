import { assertEquals, assertMatch } from "@std/assert";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { EXECUTABLES, NOBODY, ROOT, testWith } from "../support/needs.ts";
import { folders } from "../../scripts/support/pair.ts";
import { ended, type Output, run, ServerProcess } from "../../scripts/support/programs.ts";

const CLIENT = Deno.env.get("BLOCKFERRY_CLIENT")!;
const SERVER = Deno.env.get("BLOCKFERRY_SERVER")!;
const LAB = Deno.env.get("BLOCKFERRY_LAB")!;

/** Runs a program with an empty environment, or just this one. */
function bare(words: string[], cwd: string, env: Record<string, string> = {}): Promise<Output> {
  return run(words, { cwd, clearEnv: true, env });
}

/** Starts the server so. */
function start(folder: Folder, env: Record<string, string> = {}): Promise<ServerProcess> {
  return ServerProcess.run([SERVER, "0", "-v"], { cwd: folder.at("served"), clearEnv: true, env });
}

testWith([EXECUTABLES], "the executables need no environment: no PATH, no HOME, no Deno", async () => {
  await using folder = await folders();
  const mine = folder.at("mine");
  await using server = await start(folder);
  const data = randomBytes(100_001);
  await Deno.writeFile(`${mine}/f`, data);
  const client = (verb: string): Promise<Output> => bare([CLIENT, "localhost", `${server.port}`, verb, "f"], mine);
  const done = (line: string): Output => ended(0, `${line}\nComplete\n`);
  assertEquals(await client("PUT"), done("client sending file f (100001 bytes)"));
  await Deno.remove(`${mine}/f`);
  assertEquals(await client("GET"), done("client receiving file f (100001 bytes)"));
  assertEquals(await Deno.readFile(`${mine}/f`), data);
  assertEquals(await client("DEL"), done("client deleting file f"));
  assertEquals([await folder.names("served"), await folder.names("mine")], [[], ["f"]]);
});

testWith([EXECUTABLES], "the lab check needs no environment either, and writes its page", async () => {
  await using folder = new Folder();
  const words = [LAB, CLIENT, SERVER, "--only", "1,3", "--timeout", "20", "--html", "page.html"];
  const { status, stdout, stderr } = await bare(words, folder.path);
  assertEquals([status, stderr], [0, ""], stdout);
  assertMatch(await Deno.readTextFile(folder.at("page.html")), /^<!doctype html>/i);
});

testWith([EXECUTABLES], "the lab check names what it needs to start a program", async () => {
  await using folder = new Folder();
  for (const [name, starter] of [["client.ts", "deno"], ["client.py", "python3"]] as const) {
    await Deno.writeTextFile(folder.at(name), "");
    const stderr = `lab: "${name}" can't be started: there is no ${starter} here\n`;
    assertEquals(await bare([LAB, name], folder.path), ended(2, "", stderr));
  }
  const { status, stderr } = await bare([LAB], folder.path);
  assertEquals([status, stderr], [2, "lab: expected a client, a server or both (--help shows the usage)\n"]);
});

testWith([EXECUTABLES], "the executables leave nothing in the temporary folder", async () => {
  await using folder = await folders({ "mine/f": "hello" });
  const TMPDIR = await folder.folder("tmp");
  await using server = await start(folder, { TMPDIR });
  const put = [CLIENT, "localhost", `${server.port}`, "PUT", "f"];
  // What Deno caches it writes at the second run.
  for (const _ of [1, 2]) assertEquals((await bare(put, folder.at("mine"), { TMPDIR })).status, 0);
  assertEquals(await folder.names("tmp"), []);
});

testWith([EXECUTABLES, ROOT], "a user who may not write can PUT, and gets the lab's error for a GET", async () => {
  await using folder = await folders({ "mine/f": "hello" });
  const mine = folder.at("mine");
  // The other user has to get at the executable.
  await Deno.chmod(folder.path, 0o755);
  await Deno.copyFile(CLIENT, folder.at("client"));
  await using server = await start(folder);
  const words = ["/usr/bin/setpriv", ...NOBODY.slice(1), folder.at("client"), "localhost", `${server.port}`];
  assertEquals(await bare([...words, "PUT", "f"], mine), ended(0, "client sending file f (5 bytes)\nComplete\n"));
  const get = await bare([...words, "GET", "f", "--as", "g"], mine);
  assertEquals(get, ended(1, "client error: unable to create file g\n", "client: g: permission denied\n"));
  assertEquals([await folder.names("served"), await folder.names("mine")], [["f"], ["f"]]);
});
