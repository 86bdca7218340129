import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { Verb } from "../../lib/protocol.ts";
import { isDraft } from "../../lib/files/draft.ts";
import { within } from "../../lib/within.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { TERMINAL, testWith, UNIX } from "../support/needs.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { command, Process, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation } from "../../scripts/support/raw.ts";

const DATA = randomBytes(100_001);
const SIGNALS = ["SIGINT", "SIGTERM"] as const;
// What ends at once ends long before that, on any machine.
const GRACE = ["--grace", "120"];
const SOON_MS = 60_000;

/** Waits until nobody listens on a port any more; what connects until then gets no READY. */
async function closed(port: number): Promise<void> {
  for (const start = performance.now(); performance.now() - start < SOON_MS;) {
    const connected = await Deno.connect({ hostname: "127.0.0.1", port }).catch((error: Error) => error);
    if (connected instanceof Deno.errors.ConnectionRefused) return;
    // The end of the listener may meet a connection that is being made.
    if (connected instanceof Error) continue;
    using conn = connected;
    // The system may take it for connected when nobody has its other end: then nothing comes at all.
    assert(!await within(conn.read(new Uint8Array(5)).catch(() => null), 500), "a new client was served");
  }
  throw new Error("the server still listens");
}

testWith([UNIX], "a server that nobody has asked for anything ends at once on a signal", async () => {
  await using folder = new Folder();
  for (const signal of SIGNALS) {
    await using server = await ServerProcess.start(["--clients", "2", ...GRACE], { cwd: folder.path });
    using idle = await Conversation.start(server.port, "GET", "f");
    if (signal === "SIGINT") await idle.until("a");
    server.child.kill(signal);
    assertEquals(await within(server.ended(), SOON_MS), 0);
    assertEquals(server.errors, []);
  }
});

testWith([UNIX], "on a signal a server lets running transfers finish, and takes no new client", async () => {
  await using folder = new Folder();
  await Deno.writeFile(folder.at("g"), DATA);
  for (const [signal, options, seconds] of [["SIGINT", [], 5], ["SIGTERM", GRACE, 120]] as const) {
    await using server = await ServerProcess.start(["--clients", "2", ...options], { cwd: folder.path });
    using put = await Conversation.start(server.port, "PUT", "f", DATA);
    using get = await Conversation.start(server.port, "GET", "g", DATA);
    // Not at half of the GET: the server may have handed all of it to the system by then.
    await Promise.all([put.until("half"), get.until("e")]);
    server.child.kill(signal);
    const said = `^server: waits up to ${seconds} seconds for 2 clients, [\\d.]+ kiB left; a second signal cuts it$`;
    await server.errorLine(new RegExp(said));
    await closed(server.port);
    await Promise.all([put.until("g"), get.until("h")]);
    assertEquals(await server.ended(), 0);
    assertEquals(await Deno.readFile(folder.at("f")), DATA);
    assertEquals([await folder.names(), server.errors.length], [["f", "g"], 1]);
  }
});

testWith([UNIX], "a transfer is cut, and leaves nothing, after the grace or by a second signal", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  for (const [signal, options] of [["SIGTERM", ["--grace", "1"]], ["SIGINT", GRACE]] as const) {
    await using server = await ServerProcess.start([...options], { cwd: folder.path });
    using client = await Conversation.start(server.port, "PUT", "f", DATA);
    await client.until("half");
    const start = performance.now();
    server.child.kill(signal);
    await server.errorLine(/^server: waits up to/);
    if (options === GRACE) server.child.kill(signal);
    assertEquals(await within(server.ended(), SOON_MS), 1);
    // A timer may be a moment early by the other process's clock.
    assert(options === GRACE || performance.now() - start > 900);
    assertEquals([await folder.names(), await Deno.readTextFile(folder.at("f"))], [["f"], "old"]);
  }
});

/** A server on a terminal of its own, in the middle of an upload of `DATA`, and a way to press Ctrl-C there. */
class Upload implements AsyncDisposable {
  private constructor(readonly server: ServerProcess, readonly client: Conversation, readonly interrupt: () => void) {}

  static async start(folder: Folder, ...args: string[]): Promise<Upload> {
    const words = [...command("server"), "0", "-v", "--root", folder.path, ...args].map((word) => `'${word}'`);
    const script = ["script", "-qefc", `echo "process $$"; exec ${words.join(" ")}`, "/dev/null"];
    const server = await ServerProcess.run(script, { cwd: folder.path });
    const pid = Number((await server.line(/^process \d+$/)).match(/\d+/)![0]);
    const client = await Conversation.start(server.port, "PUT", "f", DATA);
    await client.until("half");
    return new Upload(server, client, () => Deno.kill(pid, "SIGINT"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

testWith([TERMINAL], "Ctrl-C at a terminal waits until a transfer is done, without a limit", async () => {
  await using folder = new Folder();
  await using upload = await Upload.start(folder);
  upload.interrupt();
  await upload.server.line(/^server: waits for a client, [\d.]+ kiB left; Ctrl-C cuts it$/);
  await upload.client.until("g");
  assertEquals(await upload.server.ended(), 0);
  assertEquals(await Deno.readFile(folder.at("f")), DATA);
});

testWith([TERMINAL], "at a terminal too a second Ctrl-C cuts a transfer, and so does --grace", async () => {
  await using folder = new Folder();
  for (const grace of [[], ["--grace", "1"]]) {
    await using upload = await Upload.start(folder, ...grace);
    upload.interrupt();
    await upload.server.line(/^server: waits (up to 1 second )?for a client, /);
    if (grace.length === 0) upload.interrupt();
    assertEquals(await within(upload.server.ended(), SOON_MS), 1);
    assertEquals(await folder.names(), []);
  }
});

testWith([UNIX], "an interrupted client leaves the old file, no draft and the signal's exit status", async () => {
  // The last end it at once.
  const three = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  const cases: [Verb, step: string, signals: readonly Deno.Signal[], statuses: number[]][] = [
    ["GET", "connected", ["SIGINT"], [130]],
    ["GET", "half", ["SIGTERM"], [143]],
    ["GET", "g", ["SIGINT"], [130]],
    ["PUT", "connected", ["SIGTERM"], [143]],
    ["PUT", "half", ["SIGHUP"], [129]],
    ["PUT", "f", ["SIGINT"], [130]],
    ["DEL", "connected", ["SIGINT"], [130]],
    ...Array(3).fill(["GET", "half", three, [129, 130, 143]]),
  ];
  for (const [verb, step, signals, statuses] of cases) {
    await using folder = new Folder();
    const old = verb === "PUT" ? DATA : randomBytes(10);
    await Deno.writeFile(folder.at("f"), old);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const words = [...command("client"), "127.0.0.1", String(listener.addr.port), verb, "f"];
    await using client = new Process(words, { cwd: folder.path });
    using server = await Conversation.accept(listener, verb, "f", DATA);
    if (step !== "connected") await server.until(step);
    assertEquals((await folder.names()).some(isDraft), verb === "GET");
    for (const signal of signals) client.child.kill(signal);
    const status = await within(client.ended(), SOON_MS);
    assert(statuses.includes(status!), `${verb} ${step}: ${status}`);
    assertEquals([await folder.names(), await Deno.readFile(folder.at("f"))], [["f"], old]);
    assertEquals([client.errors, client.lines.includes("Complete")], [[], false]);
  }
});

testWith([UNIX], "a client whose output nobody reads ends by a signal", async () => {
  await using served = new Folder();
  await Deno.writeFile(served.at("f"), new Uint8Array(5_000_000));
  await using server = await ServerProcess.start([], { cwd: served.path });
  const [program, ...args] = [...command("client"), "127.0.0.1", String(server.port), "GET", "f", "--as", "-"];
  const endedBy = async (pauseMs: number, signal: Deno.Signal): Promise<number | undefined> => {
    const child = new Deno.Command(program!, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    // What it says comes before the data, for which the pipe has no room.
    const stderr = child.stderr.getReader();
    await stderr.read();
    await delay(pauseMs);
    child.kill(signal);
    const status = await within(child.status, SOON_MS);
    await Promise.all([stderr.cancel(), child.stdout.cancel()]);
    return status?.code;
  };
  assertEquals(await endedBy(0, "SIGINT"), 130);
  assertEquals(await endedBy(500, "SIGTERM"), 143);
});

testWith([UNIX], "a file beyond the user's size limit is the lab's error, and not the server's end", async () => {
  await using folder = await folders();
  for (const [name, bytes] of [["mine/large", 30_000_000], ["served/large", 30_000_001]] as const) {
    await Deno.writeFile(folder.at(name), new Uint8Array(bytes));
  }
  // In blocks of 1,024 bytes; the runtime itself writes files of some megabytes.
  const limited = (words: string[]): string[] => ["bash", "-c", 'ulimit -f 20000; exec "$@"', "bash", ...words];
  const words = limited([...command("server"), "0", "-v"]);
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  const said = "unable to create file large";
  const put = await client(folder, server.port, "PUT", "large");
  assertEquals([put.status, put.stdout.split("\n")[1]], [1, `server error: ${said}`]);
  const fetch = limited([...command("client"), "127.0.0.1", `${server.port}`, "GET", "large"]);
  const get = await run(fetch, { cwd: folder.at("mine") });
  assertEquals([get.status, get.stdout.split("\n")[1]], [1, `client error: ${said}`]);
  assertEquals([await folder.names("served"), await folder.names("mine")], [["large"], ["large"]]);
  assertEquals((await Deno.stat(folder.at("served/large"))).size, 30_000_001);
});
