/** Many files in one command. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { randomBytes } from "../../scripts/support/folder.ts";
import { STRACE, testWith, UNIX } from "../support/needs.ts";
import { client, folders, Pair } from "../../scripts/support/pair.ts";
import { run } from "../../scripts/support/programs.ts";
import { Conversation, wire } from "../../scripts/support/raw.ts";
import { within } from "../../lib/within.ts";
import { readTrace, traced } from "../support/trace.ts";

/** Files of all sizes, small ones and some that take several pieces. */
async function makeFiles(pair: Pair, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `f${index}`);
  for (const [index, name] of names.entries()) {
    await Deno.writeFile(`${pair.mine}/${name}`, randomBytes(index % 5 === 0 ? 400_000 : index * 100));
  }
  return names;
}

Deno.test("with --parallel the lines of each file stay together, and errors count", async () => {
  await using pair = await Pair.start("--clients", "4");
  const names = await makeFiles(pair, 20);
  for (const verb of ["PUT", "GET"] as const) {
    const { status, stdout, stderr } = await pair.client(verb, ...names, "missing", "--parallel", "4");
    assertEquals([status, stderr], [1, "client: 20 of 21 files done\n"]);
    const missing = verb === "PUT" ? "client error: missing does not exist" : "server error: missing does not exist";
    const shown = stdout.trimEnd().split("\n");
    assertEquals(shown.filter((line) => line === missing).length, 1);
    const rest = shown.filter((line) => line !== missing);
    const done = rest.flatMap((line, index) => line === "Complete" ? [rest[index - 1]!.split(" ")[3]!] : []);
    assertEquals(rest.length, 40);
    assertEquals(done.sort(), names.toSorted());
  }
  for (const name of names) {
    assertEquals(await Deno.readFile(pair.folder.at(`served/${name}`)), await Deno.readFile(`${pair.mine}/${name}`));
  }
  const { status, stdout } = await pair.client("DEL", ...names, "--parallel", "4");
  assertEquals([status, stdout.match(/^client deleting file f\d+\nComplete$/gm)?.length], [0, 20]);
  assertEquals(await pair.folder.names("served"), []);
});

Deno.test("with --parallel each line of a trace says whose it is", async () => {
  await using pair = await Pair.start("--clients", "2");
  const names = await makeFiles(pair, 2);
  const { stderr } = await pair.client("PUT", ...names, "--parallel", "2", "--trace");
  assertEquals(stderr.trimEnd().split("\n").length, 14);
  for (const name of names) assertEquals(stderr.match(new RegExp(`^${name} {2}[a-g]\\. `, "gm"))?.length, 7);
});

Deno.test("--limit-rate holds for all transfers of a command together", async () => {
  await using pair = await Pair.start("--clients", "4");
  const names = ["a", "b", "c", "d"];
  for (const name of names) await Deno.writeFile(`${pair.mine}/${name}`, randomBytes(100_000));
  for (const [verb, parallel] of [["PUT", "4"], ["GET", "1"]] as const) {
    const start = performance.now();
    const { status } = await pair.client(verb, ...names, "--limit-rate", "200000", "--parallel", parallel);
    assertEquals(status, 0);
    // 400,000 bytes last 2 seconds, of which the last piece and what a stall saves need not pass.
    assert(performance.now() - start > 1500, `${performance.now() - start} ms`);
  }
});

testWith([STRACE], "a server's name is looked up once for all files", async () => {
  await using pair = await Pair.start();
  const names = await makeFiles(pair, 4);
  const trace = pair.folder.at("trace");
  assertEquals((await run(traced(pair.words("PUT", ...names), "openat", trace), { cwd: pair.mine })).status, 0);
  const lookups = (await readTrace(trace)).filter((call) => call.includes('"/etc/hosts"'));
  // For IPv4 and for IPv6.
  assert(lookups.length <= 2, lookups.join("\n"));
});

Deno.test("a run keeps no place in the queue while a file moves: others may need it", async () => {
  await using folder = await folders({ "mine/a": "1", "mine/b": "2" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const [verb, last] of [["PUT", "g"], ["GET", "h"], ["DEL", "c"]] as const) {
    const running = client(folder, listener.addr.port, verb, "a", "b");
    using first = await Conversation.accept(listener, verb, "a", wire("1"));
    const next = listener.accept();
    await first.until(verb === "DEL" ? "b" : "f");
    assertEquals(await within(next, 100), undefined);
    await first.until(last);
    using second = new Conversation(await next, "server", verb, "b", wire("2"));
    await second.until(last);
    const { status, stdout, stderr } = await running;
    assertEquals([status, stderr, stdout.match(/Complete/g)?.length], [0, "", 2]);
  }
});

Deno.test("there is no connection for a file that can't be created", async () => {
  await using pair = await Pair.start();
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), name);
  await pair.folder.folder("mine/b");
  const { status, stdout } = await pair.client("GET", "a", "b", "c");
  assertEquals([status, stdout.match(/Complete/g)?.length], [1, 2]);
  assertMatch(stdout, /^client error: unable to create file b$/m);
  assertEquals((await pair.client("GET", "a", "b")).status, 1);
  await pair.server.end();
  assertEquals(pair.server.lines.filter((line) => /connected/.test(line)).length, 3);
});

testWith([UNIX], "of names that are one file, one is fetched and the others fail, whatever --parallel", async () => {
  await using pair = await Pair.start("--clients", "4");
  const names = Array.from({ length: 60 }, (_, index) => [`a${index}`, `b${index}`]);
  for (const name of names.flat()) await Deno.writeTextFile(pair.folder.at(`served/${name}`), name);
  for (const [file, link] of names) {
    await Deno.writeTextFile(`${pair.mine}/${file}`, "old");
    await Deno.symlink(file!, `${pair.mine}/${link}`);
  }
  const { status, stdout } = await pair.client("GET", ...names.flat(), "--parallel", "4");
  assertEquals([status, stdout.match(/^Complete$/gm)?.length], [1, names.length]);
  assertEquals(stdout.match(/^client error: unable to create file [ab]\d+$/gm)?.length, names.length);
});
