import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { randomBytes } from "../../scripts/support/folder.ts";
import { LINUX, STRACE, testWith } from "../support/needs.ts";
import { waitFor, withinTime } from "../support/net.ts";
import { folders, Pair } from "../../scripts/support/pair.ts";
import { command, descriptors, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation, Raw, wire } from "../../scripts/support/raw.ts";
import { readTrace, traced } from "../support/trace.ts";

/** Connects to a server so many times. */
async function connections(port: number, count: number): Promise<DisposableStack> {
  const open = new DisposableStack();
  while (count-- > 0) open.use(await Deno.connect({ hostname: "127.0.0.1", port }));
  return open;
}

/** The command line of a server that may open few descriptors. */
function limited(...args: string[]): string[] {
  return ["bash", "-c", 'ulimit -n 60; exec "$@"', "bash", ...command("server"), "0", "-v", ...args];
}

testWith([STRACE], "after the last data of an upload the client lets nothing wait for more", async () => {
  await using pair = await Pair.start();
  await Deno.writeFile(`${pair.mine}/f`, randomBytes(20 * 1024 + 952));
  const trace = pair.folder.at("trace");
  const words = traced(pair.words("PUT", "f"), "setsockopt,sendto,write", trace);
  assertEquals((await run(words, { cwd: pair.mine })).status, 0);
  const calls = await readTrace(trace);
  // Of so many blocks TCP holds back the last one, which is shorter.
  const last = calls.findLastIndex((call) => /^(sendto|write)\(.* = 952$/.test(call));
  assert(last >= 0, calls.join("\n"));
  assert(calls.slice(last).some((call) => /TCP_NODELAY, \[1\]/.test(call)), calls.slice(last).join("\n"));
});

Deno.test("the OK before an empty file's DONE arrives alone", async () => {
  await using pair = await Pair.start();
  await withinTime(async () => {
    using raw = await Conversation.start(pair.server.port, "PUT", "f");
    await raw.until("c");
    await raw.say(wire(0n));
    // As long as a client of the lab's may be busy before its recv().
    await delay(25);
    assertEquals(await raw.hearSome(), "OK");
    assertEquals(await raw.hearSome(), "DONE");
  });
});

testWith([LINUX], "sessions whose clients do not close keep at most 100 connections open", async () => {
  await using pair = await Pair.start("--clients", "160");
  const before = await descriptors(pair.server.child.pid);
  using stack = new DisposableStack();
  const open: Raw[] = [];
  for (let count = 0; count < 160; count++) {
    open.push(stack.use(await Raw.connect(pair.server.port)));
    await open.at(-1)!.hear("READY".length);
  }
  // All at once, since each is kept for a second at most.
  for (const raw of open) await raw.say(wire("JUNK"));
  for (const raw of open) await raw.rest();
  // A descriptor goes some turns of the event loop after its connection is closed.
  let after = await descriptors(pair.server.child.pid);
  for (let last = 0; last !== after;) {
    last = after;
    await delay(50);
    after = await descriptors(pair.server.child.pid);
  }
  assert(after - before <= 100, `${after - before} descriptors more`);
});

testWith([LINUX], "at most 511 clients wait with a connection of the server's", async () => {
  await using pair = await Pair.start();
  const before = await descriptors(pair.server.child.pid);
  using _open = await connections(pair.server.port, 560);
  const more = async (): Promise<number> => await descriptors(pair.server.child.pid) - before;
  await waitFor(async () => await more() > 300, more);
  // Clients are accepted at once: give the server time to take too many.
  await delay(500);
  assert(await more() <= 515, `${await more()} descriptors more`);
});

testWith([LINUX], "a server without descriptors says so once, and once when it has recovered", async () => {
  await using folder = await folders({ "served/f": "text" });
  await using server = await ServerProcess.run(limited(), { cwd: folder.at("served") });
  for (let round = 0; round < 2; round++) {
    {
      const single = [];
      for (let count = 0; count < 10; count++) single.push(await connections(server.port, 1));
      using _others = await connections(server.port, 70);
      await server.errorLine(/not accepted/, 2 * round);
      // Each time, one descriptor gets free and is taken.
      for (const conn of single) {
        conn.dispose();
        await delay(100);
      }
    }
    // The first client after a second without a failure brings the line.
    await waitFor(async () => {
      using conversation = await Conversation.start(server.port, "GET", "f", wire("text"));
      await conversation.until("h");
      return server.errors.length >= 2 * round + 2;
    });
  }
  const lines = ["server: connections are not accepted: too many open files", "server: connections are accepted again"];
  assertEquals(server.errors, [...lines, ...lines]);
});

testWith([LINUX, STRACE], "a server without descriptors does not try to accept all the time", async () => {
  await using folder = await folders({ "served/f": "text" });
  const trace = folder.at("trace");
  await using server = await ServerProcess.run(traced(limited(), "accept4", trace), { cwd: folder.at("served") });
  using _open = await connections(server.port, 80);
  const start = performance.now();
  await server.errorLine(/not accepted/);
  await delay(1000);
  // One in 100 ms; a loop without a pause makes thousands.
  const failed = (await readTrace(trace)).filter((call) => call.includes("EMFILE"));
  const most = 10 + (performance.now() - start) / 100;
  assert(failed.length > 0 && failed.length <= most, `${failed.length} attempts`);
});

testWith([LINUX], "a file is not called missing when the server has no descriptor left", async () => {
  await using folder = await folders({ "served/f": "hello" });
  // One may be free for a moment, until the server accepts again.
  await withinTime(async () => {
    await using server = await ServerProcess.run(limited("--clients", "2", "-v"), { cwd: folder.at("served") });
    using first = await Conversation.start(server.port, "GET", "f");
    await first.until("a");
    using _others = await connections(server.port, 80);
    await server.errorLine(/^server: connections are not accepted: too many open files/);
    await first.until("b");
    assertEquals(await first.hearSome(), "");
    await server.errorLine(/^server: [\d.]+:\d+: cannot open f: too many open files/);
    await server.line(/^server receiving request: GET f$/);
  });
});
