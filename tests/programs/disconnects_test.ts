import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { type Role, type Verb, VERBS } from "../../lib/protocol.ts";
import { get, TransferError } from "../../lib/mod.ts";
import { assertBytes, bytewise, conversation, LIMIT_MS, type Message, Raw, wire } from "../../scripts/support/raw.ts";
import { withinTime } from "../support/net.ts";
import { withServer } from "../support/played.ts";
import { HOST, transfer } from "../support/served.ts";
import { connect, listen, WAYS } from "../support/ways.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { ServerProcess } from "../../scripts/support/programs.ts";

const OLD = wire("old");
// More than one piece that the programs read or write at once, and no whole number of blocks.
const DATA = randomBytes(300_001);

/** The beginnings of a conversation: before each message, and within each that this side says. */
function beginnings(messages: Message[], role: Role): Message[][] {
  return messages.flatMap(({ from, bytes }, index) => {
    const before = messages.slice(0, index);
    return from === role ? [before, [...before, { from, bytes: bytes.slice(0, bytes.length >> 1) }]] : [before];
  });
}

/** Those at which the other side waits for this one's message, or for the rest of it. */
function stalls(messages: Message[], role: Role): Message[][] {
  return messages.flatMap(({ from, bytes }, index) => {
    const before = messages.slice(0, index);
    return from === role ? [before, [...before, { from, bytes: bytes.slice(0, 1) }]] : [];
  });
}

/** Where in a conversation a test is, for when it fails. */
function at(messages: Message[]): string {
  return messages.map(({ from, bytes }) => `${from}: ${new TextDecoder().decode(bytes.slice(0, 20))}`).join(", ");
}

/** Asserts that an error is a sentence, and no stack trace. */
function assertSentence(error: string, context?: string): void {
  assertMatch(error, /^[a-z].*[a-z")?]$/, context);
}

for (const way of WAYS) {
  Deno.test(`a client that leaves by ${way} at any step leaves the old file and no draft`, async () => {
    await using folder = new Folder();
    await using server = await ServerProcess.start([], { cwd: folder.path });
    for (const verb of VERBS) {
      const whole = conversation(verb, "old.bin", DATA);
      // Who leaves before READY may still be in the queue: that is another test's.
      for (const messages of beginnings(whole, "client").slice(1)) {
        await Deno.writeFile(folder.at("old.bin"), verb === "GET" ? DATA : OLD);
        await Deno.writeFile(folder.at("next"), OLD);
        {
          using raw = await connect(server.port, way);
          await raw.play(messages, "client");
        }
        await assertServesNext(server, at(messages));
        // With all said, the work may be done as well as not: but nothing is half done.
        const isAllSaid = whole.filter(({ from }) => from === "client").every((message) => messages.includes(message));
        const names = await folder.names();
        if (verb === "DEL" && isAllSaid) {
          assert(names.join() === "next" || way === "reset" && names.join() === "next,old.bin", at(messages));
          continue;
        }
        assertEquals(names, ["next", "old.bin"], at(messages));
        const file = await Deno.readFile(folder.at("old.bin"));
        const isNew = file.length > OLD.length;
        if (verb === "PUT") assert(way === "reset" && isAllSaid || isNew === isAllSaid, at(messages));
        assertBytes(file, isNew ? DATA : OLD, at(messages));
      }
    }
    await server.end();
    assert(server.errors.length > 0);
    for (const line of server.errors) assertSentence(line.replace(/^server: /, ""));
  });

  Deno.test(`a server that leaves by ${way} at any step leaves the client's old file`, async () => {
    for (const verb of VERBS) {
      for (const messages of beginnings(conversation(verb, "old.bin", DATA), "server")) {
        await using folder = new Folder();
        await Deno.writeFile(folder.at("old.bin"), verb === "PUT" ? DATA : OLD);
        using listener = await listen(way);
        const client = transfer(verb, "old.bin", folder.at("old.bin"), { ...HOST, port: listener.port });
        const failed = assertRejects(() => client, TransferError);
        {
          using raw = await listener.accept();
          await raw.play(messages, "server");
        }
        assertSentence((await failed).message, at(messages));
        assertBytes(await Deno.readFile(folder.at("old.bin")), verb === "PUT" ? DATA : OLD, at(messages));
        assertEquals(await folder.names(), ["old.bin"], at(messages));
      }
    }
  });
}

/** Is the server's next client, which gets the file `next`; gives up before the connection does that is in its way. */
async function assertServesNext(server: ServerProcess, context: string): Promise<void> {
  await using folder = new Folder();
  const signal = AbortSignal.timeout(LIMIT_MS / 2);
  await get("next", { hostname: "127.0.0.1", port: server.port, to: folder.at("next"), signal });
  assertBytes(await Deno.readFile(folder.at("next")), OLD, context);
}

for (const way of WAYS) {
  Deno.test(`a client that leaves by ${way} without a word delays nobody, and is no error`, async () => {
    await using folder = new Folder();
    await using server = await ServerProcess.start([], { cwd: folder.path });
    await Deno.writeFile(folder.at("f"), DATA);
    using first = await Raw.connect(server.port);
    const messages = conversation("GET", "f", DATA);
    await first.play(messages.slice(0, 3), "client");
    {
      using _queued = await connect(server.port, way);
    }
    await first.play(messages.slice(3), "client");
    {
      using served = await connect(server.port, way);
      await served.play(messages.slice(0, 1), "client");
    }
    using last = await Raw.connect(server.port);
    await last.play(messages, "client");
    await server.end();
    assertEquals(server.errors, []);
  });
}

// More than any two sockets hold between them.
const HUGE_BYTES = 2 ** 30;

/** Makes a file that takes no room on the disk. */
async function hugeFile(path: string): Promise<void> {
  await Deno.writeFile(path, wire());
  await Deno.truncate(path, HUGE_BYTES);
}

Deno.test("the server gives up a client that stalls at any step for --timeout seconds", async () => {
  const points = VERBS.flatMap((verb) => stalls(conversation(verb, "old.bin", DATA), "client"));
  // It asks for a file and reads none of it.
  const unread = conversation("GET", "huge").slice(0, 4);
  unread.push({ from: "server", bytes: wire(BigInt(HUGE_BYTES)) }, { from: "client", bytes: wire("OK") });
  const all = [...points, unread];
  // All have to stall before the first is given up.
  await withinTime(async () => {
    await using folder = new Folder();
    await Deno.writeFile(folder.at("next"), OLD);
    await Deno.writeFile(folder.at("old.bin"), DATA);
    await hugeFile(folder.at("huge"));
    const options = ["--timeout", "2", "--clients", `${all.length}`];
    await using server = await ServerProcess.start(options, { cwd: folder.path });
    const start = performance.now();
    using connections = new DisposableStack();
    await Promise.all(all.map(async (messages) => {
      const stalled = connections.use(await Raw.connect(server.port));
      await stalled.play(messages, "client");
    }));
    // They have all turns, so the next is served when one of them is given up.
    await assertServesNext(server, "");
    assert(performance.now() - start >= 1990);
    await server.errorLine(/silent/, all.length - 1);
    const said = /^server: [\d.]+:\d+: the client was silent for 2 seconds( after \d+ of \d+ bytes)? \(at step ".+"\)$/;
    for (const line of server.errors) assertMatch(line, said);
    assertEquals(server.errors.length, all.length);
    assertBytes(await Deno.readFile(folder.at("old.bin")), DATA);
    assertEquals(await folder.names(), ["huge", "next", "old.bin"]);
  });
});

Deno.test("the client gives up a server that stalls after READY for the timeout", async () => {
  const unread = conversation("PUT", "huge").slice(0, 3);
  unread.push({ from: "client", bytes: wire(BigInt(HUGE_BYTES)) }, { from: "server", bytes: wire("OK") });
  const giveUp = (verb: Verb, name: string, messages: Message[]): Promise<void> =>
    withinTime(async () => {
      await using folder = new Folder();
      await Deno.writeFile(folder.at("old.bin"), DATA);
      await hugeFile(folder.at("huge"));
      using listener = await listen("FIN");
      const start = performance.now();
      const client = transfer(verb, name, folder.at(name), { ...HOST, port: listener.port, timeoutMs: 2000 });
      const failed = assertRejects(() => client, TransferError);
      failed.catch(() => {});
      using stalled = await listener.accept();
      await stalled.play(messages, "server");
      const { message } = await failed;
      assert(performance.now() - start >= 1990, at(messages));
      assertMatch(message, /^the server was silent for 2 seconds( after \d+ of \d+ bytes)?$/, at(messages));
      assertBytes(await Deno.readFile(folder.at("old.bin")), DATA);
      assertEquals(await folder.names(), ["huge", "old.bin"]);
    });
  await Promise.all([
    giveUp("PUT", "huge", unread),
    ...VERBS.flatMap((verb) =>
      stalls(conversation(verb, "old.bin", DATA), "server").slice(2)
        .map((messages) => giveUp(verb, "old.bin", messages))
    ),
  ]);
});

Deno.test("a slow server is not given up before READY, nor while bytes arrive", async () => {
  const data = randomBytes(8);
  const messages = conversation("GET", "f", data);
  await using folder = new Folder();
  const { status } = await withServer(["GET", "f", "--timeout", "3"], folder, async (raw) => {
    await delay(4000);
    // Together the pauses are longer than the timeout, each of them is much shorter.
    await raw.play(messages.toSpliced(6, 1, ...bytewise(messages[6]!)), "server", 500);
  });
  assertEquals(status, 0);
  assertBytes(await Deno.readFile(folder.at("f")), data);
});
