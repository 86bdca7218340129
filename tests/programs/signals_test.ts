import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { isDraft } from "../../lib/files/draft.ts";
import { within } from "../../lib/within.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { TERMINAL, testWith, UNIX } from "../support/needs.ts";
import { withinTime } from "../support/net.ts";
import { command, Process, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation } from "../../scripts/support/raw.ts";

// How long the server lets transfers finish, as --help says.
const GRACE_MS = 5000;
const DATA = randomBytes(100_001);
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Waits until nobody listens on a port any more; what connects until then gets no READY. */
async function closed(port: number): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  while (performance.now() < deadline) {
    const connected = await Deno.connect({ hostname: "127.0.0.1", port }).catch((error: Error) => error);
    if (connected instanceof Deno.errors.ConnectionRefused) return;
    // The end of the listener may meet a connection that is being made.
    if (connected instanceof Error) continue;
    using conn = connected;
    // The system may take it for connected when nobody has its other end: then nothing comes at all.
    const heard = await within(conn.read(new Uint8Array(5)).catch(() => null), 500);
    assert(!heard, "a new client was served");
  }
  throw new Error("the server still listens");
}

testWith([UNIX], "an idle server ends at once on a signal, with status 0", async () => {
  await using folder = new Folder();
  for (const signal of SIGNALS) {
    await using server = await ServerProcess.start([], { cwd: folder.path });
    const start = performance.now();
    server.child.kill(signal);
    assertEquals(await server.ended(), 0);
    assert(performance.now() - start < GRACE_MS);
    assertEquals([server.lines, server.errors], [[`server waiting on port ${server.port}`], []]);
  }
});

testWith([UNIX], "on a signal a server lets running transfers finish, and takes no new client", async () => {
  await using folder = new Folder();
  await Deno.writeFile(folder.at("g"), DATA);
  for (const signal of SIGNALS) {
    await using server = await ServerProcess.start(["--clients", "2"], { cwd: folder.path });
    using put = await Conversation.start(server.port, "PUT", "f", DATA);
    using get = await Conversation.start(server.port, "GET", "g", DATA);
    // Not at half of the GET: the server may have handed all of it to the system by then.
    await Promise.all([put.until("half"), get.until("e")]);
    server.child.kill(signal);
    await closed(server.port);
    await Promise.all([put.until("g"), get.until("h")]);
    assertEquals(await server.ended(), 0);
    assertEquals(await Deno.readFile(folder.at("f")), DATA);
    assertEquals(await folder.names(), ["f", "g"]);
    assertEquals(server.errors.length, 1);
    assertMatch(
      server.errors[0]!,
      /^server: waits up to 5 seconds for 2 clients, [\d.]+ kiB left; Ctrl-C cuts it$/,
    );
  }
});

testWith([UNIX], "a client that waits for READY gets none after the server's signal", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start([], { cwd: folder.path });
  using first = await Conversation.start(server.port, "PUT", "f", DATA);
  await first.until("half");
  using waits = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  server.child.kill("SIGTERM");
  assertEquals(await waits.read(new Uint8Array(5)).catch(() => null), null);
  await first.until("g");
  assertEquals(await server.ended(), 0);
});

testWith([UNIX], "a transfer that does not finish in five seconds is cut and leaves nothing", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  using client = await Conversation.start(server.port, "PUT", "f", DATA);
  await client.until("half");
  const start = performance.now();
  assertEquals(await server.end(), 1);
  // A timer may be a moment early by the other process's clock.
  assert(performance.now() - start > GRACE_MS - 500);
  assertEquals(await folder.names(), ["f"]);
  assertEquals(await Deno.readTextFile(folder.at("f")), "old");
});

testWith([UNIX], "a second signal cuts the transfers at once, with status 1", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  for (const signal of SIGNALS) {
    await using server = await ServerProcess.start([], { cwd: folder.path });
    using client = await Conversation.start(server.port, "PUT", "f", DATA);
    await client.until("half");
    const start = performance.now();
    server.child.kill(signal);
    await closed(server.port);
    server.child.kill(signal);
    const status = await server.ended();
    assert(performance.now() - start < GRACE_MS);
    assertEquals(await folder.names(), ["f"]);
    assertEquals(await Deno.readTextFile(folder.at("f")), "old");
    assertEquals(status, 1, "a transfer was cut");
  }
});

/** A server on a terminal of its own, in the middle of an upload of `DATA`, and a way to press Ctrl-C there. */
async function uploading(folder: Folder, ...args: string[]): Promise<
  AsyncDisposable & {
    server: ServerProcess;
    client: Conversation;
    interrupt: () => void;
  }
> {
  const words = [...command("server"), "0", "-v", "--root", folder.path, ...args].map((word) => `'${word}'`).join(" ");
  const script = ["script", "-qefc", `echo "process $$"; exec ${words}`, "/dev/null"];
  const server = await ServerProcess.run(script, { cwd: folder.path });
  const pid = Number((await server.line(/^process \d+$/)).match(/\d+/)![0]);
  const client = await Conversation.start(server.port, "PUT", "f", DATA);
  await client.until("half");
  const dispose = async (): Promise<void> => {
    client[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  };
  return { server, client, interrupt: () => Deno.kill(pid, "SIGINT"), [Symbol.asyncDispose]: dispose };
}

testWith([TERMINAL], "Ctrl-C at a terminal waits until a transfer is done, however long it takes", async () => {
  await using folder = new Folder();
  await using upload = await uploading(folder);
  const { server, client, interrupt } = upload;
  interrupt();
  await server.line(/^server: waits for a client, [\d.]+ kiB left; Ctrl-C cuts it$/);
  await delay(GRACE_MS + 500);
  await client.until("g");
  assertEquals(await server.ended(), 0);
  assertEquals(await Deno.readFile(folder.at("f")), DATA);
});

testWith([TERMINAL], "a second Ctrl-C at a terminal cuts a transfer, and leaves nothing", async () => {
  await using folder = new Folder();
  await using upload = await uploading(folder);
  const { server, interrupt } = upload;
  interrupt();
  await server.line(/^server: waits for a client/);
  interrupt();
  assertEquals(await within(server.ended(), 60_000), 1);
  assertEquals(await folder.names(), []);
});

testWith([TERMINAL], "--grace holds at a terminal too", async () => {
  await using folder = new Folder();
  await using upload = await uploading(folder, "--grace", "1");
  const { server, interrupt } = upload;
  interrupt();
  await server.line(/^server: waits up to 1 second for a client, /);
  assertEquals(await within(server.ended(), 60_000), 1);
  assertEquals(await folder.names(), []);
});

/** Interrupts a client at a step, in a folder with an old file `f`. */
async function interrupt(
  verb: "GET" | "PUT" | "DEL",
  step: string,
  signal: "SIGINT" | "SIGTERM" | "SIGHUP",
): Promise<void> {
  await using folder = new Folder();
  const old = verb === "PUT" ? DATA : randomBytes(10);
  await Deno.writeFile(folder.at("f"), old);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const words = [...command("client"), "127.0.0.1", String(listener.addr.port), verb, "f"];
  await using client = new Process(words, { cwd: folder.path });
  using server = await Conversation.accept(listener, verb, "f", DATA);
  if (step !== "connected") await server.until(step);
  const hasDraft = (await folder.names()).some(isDraft);
  assertEquals(hasDraft, verb === "GET");
  client.child.kill(signal);
  assertEquals(await within(client.ended(), 60_000), { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal]);
  assertEquals(await folder.names(), ["f"]);
  assertEquals(await Deno.readFile(folder.at("f")), old);
  assertEquals(client.errors, []);
  assert(!client.lines.includes("Complete"));
}

testWith([UNIX], "a client interrupted while it waits for READY leaves nothing, with status 130", async () => {
  for (const verb of ["GET", "PUT", "DEL"] as const) await interrupt(verb, "connected", "SIGINT");
});

testWith([UNIX], "an interrupted GET leaves the old file and no draft, with status 130", async () => {
  for (const step of ["b", "half", "g"]) await interrupt("GET", step, "SIGINT");
});

testWith([UNIX], "an interrupted PUT ends with status 130", async () => {
  for (const step of ["b", "half", "f"]) await interrupt("PUT", step, "SIGINT");
});

testWith([UNIX], "a client's exit status tells SIGTERM from SIGHUP", async () => {
  await interrupt("GET", "half", "SIGTERM");
  await interrupt("PUT", "half", "SIGHUP");
});

testWith([UNIX], "an upload whose client is interrupted leaves the server's old file and no draft", async () => {
  await using served = new Folder();
  await using mine = new Folder();
  await Deno.writeTextFile(served.at("f"), "old");
  // Large enough not to be over before the signal comes; it is full of holes.
  await Deno.create(mine.at("f")).then(async (file) => {
    await file.truncate(2 ** 30);
    file.close();
  });
  await using server = await ServerProcess.start([], { cwd: served.path });
  await using client = new Process([...command("client"), "127.0.0.1", String(server.port), "PUT", "f"], {
    cwd: mine.path,
  });
  await server.line(/^server receiving \d+ bytes$/);
  client.child.kill("SIGINT");
  assertEquals(await client.ended(), 130);
  // Its READY says that the server is done with the other.
  using next = await Conversation.start(server.port, "GET", "f", new TextEncoder().encode("old"));
  await next.until("h");
  assertEquals(await served.names(), ["f"]);
});

testWith([UNIX], "a client that has not asked for anything does not delay the server's end", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start(["--clients", "3"], { cwd: folder.path });
  using idle = await Conversation.start(server.port, "GET", "f");
  await idle.until("a");
  const start = performance.now();
  server.child.kill("SIGINT");
  assertEquals(await server.ended(), 0);
  assert(performance.now() - start < GRACE_MS);
});

testWith([UNIX], "two signals at once end a GET at once, and leave the old file and no draft", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const words = [...command("client"), "127.0.0.1", String(listener.addr.port), "GET", "f"];
  for (let round = 0; round < 5; round++) {
    await using client = new Process(words, { cwd: folder.path });
    using server = await Conversation.accept(listener, "GET", "f", DATA);
    await server.until("half");
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) client.child.kill(signal);
    assert([129, 130, 143].includes(await client.ended()));
    assertEquals(await folder.names(), ["f"]);
    assertEquals(await Deno.readTextFile(folder.at("f")), "old");
  }
});

testWith([UNIX], "a client whose output nobody reads ends within seconds of a signal", async () => {
  await using served = new Folder();
  await Deno.writeFile(served.at("f"), new Uint8Array(5_000_000));
  await using server = await ServerProcess.start([], { cwd: served.path });
  for (const [pauseMs, signal] of [[0, "SIGINT"], [500, "SIGTERM"]] as const) {
    const [program, ...args] = [...command("client"), "127.0.0.1", String(server.port), "GET", "f", "--as", "-"];
    const child = new Deno.Command(program!, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    // What it says comes before the data, for which the pipe has no room.
    const stderr = child.stderr.getReader();
    await stderr.read();
    // By then the pipe is full, and a signal can't end the write: it has two seconds.
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    child.kill(signal);
    const status = await within(child.status, 5500);
    assertEquals(status?.code, signal === "SIGINT" ? 130 : 143);
    await Promise.all([stderr.cancel(), child.stdout.cancel()]);
  }
});

testWith([UNIX], "a second signal ends a client whose output nobody reads at once", async () => {
  await using served = new Folder();
  await Deno.writeFile(served.at("f"), new Uint8Array(5_000_000));
  await using server = await ServerProcess.start([], { cwd: served.path });
  const [program, ...args] = [...command("client"), "127.0.0.1", String(server.port), "GET", "f", "--as", "-"];
  await withinTime(async () => {
    const child = new Deno.Command(program!, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    try {
      const stderr = child.stderr.getReader();
      await stderr.read();
      await stderr.cancel();
      // By then the pipe is full, and the first signal can't end the write.
      await delay(500);
      child.kill("SIGINT");
      await delay(200);
      child.kill("SIGTERM");
      assertEquals((await child.status).code, 143);
    } finally {
      await child.stdout.cancel();
      await child.status;
    }
  });
});

testWith([UNIX], "a file beyond the user's size limit is the lab's error, and not the server's end", async () => {
  await using folder = new Folder();
  await folder.folder("served");
  await folder.folder("mine");
  await Deno.writeFile(folder.at("mine/large"), new Uint8Array(30_000_000));
  await Deno.writeFile(folder.at("served/large"), new Uint8Array(30_000_001));
  // In blocks of 1,024 bytes; the runtime itself writes files of some megabytes.
  const limited = (words: string[]): string[] => ["bash", "-c", 'ulimit -f 20000; exec "$@"', "bash", ...words];
  const words = limited([...command("server"), "0", "-v"]);
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  const client = (...args: string[]): string[] => [...command("client"), "127.0.0.1", String(server.port), ...args];
  const put = await run(client("PUT", "large"), { cwd: folder.at("mine") });
  const said = "unable to create file large";
  assertEquals([put.status, put.stdout.split("\n")[1]], [1, `server error: ${said}`]);
  const get = await run(limited(client("GET", "large")), { cwd: folder.at("mine") });
  assertEquals([get.status, get.stdout.split("\n")[1]], [1, `client error: ${said}`]);
  assertEquals([await folder.names("served"), await folder.names("mine")], [["large"], ["large"]]);
  assertEquals((await Deno.stat(folder.at("served/large"))).size, 30_000_001);
});
