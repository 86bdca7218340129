/** Many files in one command. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { randomBytes } from "../../scripts/support/folder.ts";
import { STRACE, testWith } from "../support/needs.ts";
import { client, folders, Pair } from "../../scripts/support/pair.ts";
import { command, Process, run } from "../../scripts/support/programs.ts";
import { Conversation, Raw, wire } from "../../scripts/support/raw.ts";
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
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 14);
  assertEquals(lines.filter((line) => /^f0 {2}[a-g]\. /.test(line)).length, 7);
  assertEquals(lines.filter((line) => /^f1 {2}[a-g]\. /.test(line)).length, 7);
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

Deno.test("the next connection is made while a small file ends, and has its turn after it", async () => {
  await using folder = await folders({ "mine/a": "1", "mine/b": "2" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const [verb, last] of [["PUT", "b"], ["GET", "f"], ["DEL", "b"]] as const) {
    const running = client(folder, listener.addr.port, verb, "a", "b");
    using first = await Conversation.accept(listener, verb, "a", wire("1"));
    await first.until(last);
    // The first has no DONE yet.
    using second = await Conversation.accept(listener, verb, "b", wire("2"));
    await second.until("a");
    // A second turn asks for nothing until the first file is done.
    const asked = second.until("b").then(() => "asked");
    assertEquals(await within(asked, 100), undefined);
    await first.until(verb === "PUT" ? "g" : verb === "GET" ? "h" : "c");
    assertEquals(await asked, "asked");
    await second.until(verb === "PUT" ? "g" : verb === "GET" ? "h" : "c");
    const { status, stdout, stderr } = await running;
    assertEquals([status, stderr, stdout.match(/Complete/g)?.length], [0, "", 2]);
  }
});

Deno.test("a server that refuses whoever connects while it serves another loses no file", async () => {
  await using folder = await folders({ "mine/a": "1", "mine/b": "2" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const refusal of ["", "ERROR: busy"]) {
    const running = client(folder, listener.addr.port, "PUT", "a", "b");
    using first = await Conversation.accept(listener, "PUT", "a", wire("1"));
    await first.until("b");
    using refused = new Raw(await listener.accept());
    await refused.say(wire(refusal));
    await refused.finish();
    await first.until("g");
    using second = await Conversation.accept(listener, "PUT", "b", wire("2"));
    await second.until("g");
    const { status, stderr } = await running;
    assertEquals([status, stderr], [0, ""]);
  }
});

Deno.test("with a limit, or several transfers, no connection waits for its turn", async () => {
  await using folder = await folders({ "mine/a": "1", "mine/b": "2" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const [option, value] of [["--limit-rate", "1K"], ["--parallel", "1"], ["--parallel", "2"]] as const) {
    const running = client(folder, listener.addr.port, "PUT", "a", "b", option, value);
    using first = await Conversation.accept(listener, "PUT", "a", wire("1"));
    const next = listener.accept();
    await first.until("f");
    const isEarly = await within(next.then(() => true), 100) ?? false;
    assertEquals(isEarly, option === "--parallel", option);
    await first.until("g");
    using second = new Conversation(await next, "server", "PUT", "b", wire("2"));
    await second.until("g");
    assertEquals((await running).status, 0);
  }
});

Deno.test("a file that waits for the one before it is not said to wait for the server", async () => {
  await using folder = await folders({ "mine/a": "1", "mine/b": "2" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = client(folder, listener.addr.port, "PUT", "a", "b", "--timeout", "2");
  using first = await Conversation.accept(listener, "PUT", "a", wire("1"));
  // Each pause is shorter than the timeout, both together are longer.
  for (const letter of ["b", "f"]) {
    await first.until(letter);
    await delay(1200);
  }
  await first.until("g");
  using second = await Conversation.accept(listener, "PUT", "b", wire("2"));
  await second.until("g");
  const { status, stderr } = await running;
  assertEquals([status, stderr], [0, ""]);
});

Deno.test("there is no connection for a file that can't be created", async () => {
  await using pair = await Pair.start();
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), name);
  await pair.folder.folder("mine/b");
  const { status, stdout } = await pair.client("GET", "a", "b", "c");
  assertEquals([status, stdout.match(/Complete/g)?.length], [1, 2]);
  assertMatch(stdout, /^client error: unable to create file b$/m);
  assertEquals((await pair.client("GET", "a", "b")).status, 1);
  // The server is free for others at once.
  using raw = await Raw.connect(pair.server.port);
  assertEquals(await raw.hear("READY".length), wire("READY"));
  // Its line comes after those of all others.
  await raw.say(wire("DEL none"));
  await pair.server.line(/^server receiving request: DEL none$/);
  assertEquals(pair.server.lines.filter((line) => /connected/.test(line)).length, 4);
});

Deno.test("a client that is interrupted between two files leaves no connection open", async () => {
  await using folder = await folders({ "mine/a": "1", "mine/b": "2" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using running = new Process([...command("client"), "127.0.0.1", `${listener.addr.port}`, "PUT", "a", "b"], {
    cwd: folder.at("mine"),
  });
  using first = await Conversation.accept(listener, "PUT", "a", wire("1"));
  await first.until("f");
  using second = await Conversation.accept(listener, "PUT", "b", wire("2"));
  running.child.kill("SIGINT");
  assertEquals(await running.ended(), 130);
  assertEquals(await first.rest(), "");
  assertEquals(await second.rest(), "");
});
