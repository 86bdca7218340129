import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import {
  ConnectionError,
  del,
  get,
  type Message,
  put,
  serve,
  type ServerEvent,
  type TransferError,
} from "../../lib/mod.ts";
import { isBroken } from "../../lib/errors.ts";
import { within } from "../../lib/within.ts";
import { assertNoDrafts } from "../../scripts/support/faults/folders.ts";
import { FastTimers } from "../support/timers.ts";
import { HOST, servedTest } from "../support/served.ts";
import { age, Folder, randomBytes } from "../../scripts/support/folder.ts";
import { Conversation, LIMIT_MS, wire } from "../../scripts/support/raw.ts";

Deno.test("a running server sweeps every hour, until it ends", async () => {
  await using folder = new Folder();
  using timers = new FastTimers(60 * 60 * 1000);
  {
    await using _server = await serve({ port: 0, hostname: "127.0.0.1", root: folder.path });
    for (let hour = 0; hour < 2; hour++) {
      await Deno.writeTextFile(folder.at(`.blockferry-${crypto.randomUUID()}.part`), "");
      await age(folder.path);
      await assertNoDrafts(folder);
    }
  }
  const { length } = timers.waits;
  await delay(100);
  assertEquals(timers.waits, new Array(length).fill(60 * 60 * 1000));
});

servedTest("a server that ends closes the clients that wait for their turn", async ({ server, options: { port } }) => {
  using first = await Conversation.start(port, "PUT", "f", wire("text"));
  await first.until("half");
  using waits = await Deno.connect({ ...HOST, port });
  const closed = waits.read(new Uint8Array(5)).catch(() => null);
  // Time to be accepted; one that is not would be reset.
  await delay(100);
  const ended = server.shutdown({ graceMs: Infinity });
  assertEquals(await within(closed, LIMIT_MS), null);
  await first.until("g");
  assertEquals(await ended, 0);
});

Deno.test("a shutdown lets a transfer finish, takes no new one, and counts those it cut", async () => {
  await using folder = new Folder();
  // More than two sockets hold between them: the server can't be done before the client is.
  await Deno.writeFile(folder.at("f"), new Uint8Array(20_000_000));
  for (const [graceMs, cut] of [[60_000, 0], [0, 1]] as const) {
    await using server = await serve({ ...HOST, port: 0, root: folder.path });
    const options = { ...HOST, port: server.address.port };
    const started = Promise.withResolvers<void>();
    const transfer = get("f", {
      ...options,
      bytesPerSecond: 40_000_000,
      to: folder.at("g"),
      onStart: () => started.resolve(),
    });
    transfer.catch(() => {});
    await started.promise;
    const ended = server.shutdown({ graceMs });
    await assertRejects(() => del("f", options), ConnectionError);
    assertEquals(await ended, cut);
    assertEquals(await transfer.then(() => 0, () => 1), cut);
  }
  assertEquals(await folder.names(), ["f", "g"]);
});

servedTest(
  "a server knows how many bytes its running transfers have left",
  async ({ folder, server, options: { port } }) => {
    const data = randomBytes(3000);
    await Deno.writeFile(folder.at("f"), data);
    const left = async (bytes: bigint): Promise<void> => {
      for (let tries = 0; server.bytesLeft !== bytes; tries++) {
        assert(tries < 1000, `${server.bytesLeft} bytes left, not ${bytes}`);
        await delay(10);
      }
    };
    await left(0n);
    using put = await Conversation.start(port, "PUT", "g", data);
    await put.until("e");
    await left(3000n);
    await put.until("half");
    await left(1500n);
    using other = await Conversation.start(port, "PUT", "h", data);
    await other.until("e");
    await left(4500n);
    await put.until("g");
    await left(3000n);
    other[Symbol.dispose]();
    await left(0n);
    using get = await Conversation.start(port, "GET", "f", data);
    await get.until("h");
    await left(0n);
  },
  { clients: 2 },
);

Deno.test("a shutdown closes a balancer's connection whose header is on its way", async () => {
  await using folder = new Folder();
  const errors: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void (event.type === "failed" && errors.push(event));
  const server = await serve({ ...HOST, port: 0, root: folder.path, proxyFrom: ["127.0.0.0/8"], onEvent });
  using conn = await Deno.connect({ ...HOST, port: server.address.port });
  await conn.write(wire("PROXY TCP4 192.0.2.7"));
  // Served, so the one before it has been accepted.
  using check = await Deno.connect({ ...HOST, port: server.address.port });
  await check.write(wire("PROXY UNKNOWN\r\n"));
  assertEquals(await check.read(new Uint8Array(5)), 5);
  assertEquals(await server.shutdown(), 0);
  // At once: the test would not end well with the connection, or its timer, left.
  assertEquals(await conn.read(new Uint8Array(1)).catch(() => null), null);
  assertEquals(errors, []);
});

Deno.test("a callback of the server's that throws is reported, and ends no session", async () => {
  await using folder = new Folder();
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  try {
    const bug = new Error("a bug");
    const fail = (): void => {
      throw bug;
    };
    await using server = await serve({ ...HOST, port: 0, root: folder.path, onEvent: fail, onMessage: fail });
    const options = { ...HOST, port: server.address.port };
    await put("f", { ...options, from: new Blob(["some text"]).stream(), size: 9n });
    await del("f", options);
    assert(reported.length >= 16 && reported.every((error) => error === bug));
  } finally {
    globalThis.removeEventListener("error", onError);
  }
});

Deno.test("a server ends though a callback never returns, or awaits that end", async () => {
  await using folder = new Folder();
  for (const type of ["sending", "receiving", "deleting"]) {
    for (const isEnding of [true, false]) {
      await Deno.writeTextFile(folder.at("f"), "some text");
      const called = Promise.withResolvers<void>();
      const onEvent = async (event: ServerEvent): Promise<void> => {
        if (event.type !== type) return;
        called.resolve();
        await (isEnding ? server.shutdown({ graceMs: 0 }) : new Promise(() => {}));
      };
      const server = await serve({ ...HOST, port: 0, root: folder.path, onEvent });
      const options = { ...HOST, port: server.address.port };
      const transfer = type === "deleting"
        ? del("f", options)
        : type === "sending"
        ? get("f", { ...options, to: folder.at("g") })
        : put("f", { ...options, from: new Blob(["other"]).stream(), size: 5n });
      const failed = transfer.then(() => false, isBroken);
      await called.promise;
      assertEquals(await within(server.shutdown({ graceMs: 0 }), LIMIT_MS), 1);
      assert(await failed);
      assertEquals(await folder.names(), ["f"]);
    }
  }
});

Deno.test("a shutdown lets a command be answered that has come, whole or not", async () => {
  await using folder = new Folder();
  // Of which the name could be the beginning: the server waits for more.
  for (const name of ["f", "f2"]) await Deno.writeTextFile(folder.at(name), "");
  let ended: Promise<number> | undefined;
  const onMessage = ({ step }: Message): void => void (step.startsWith("b.") && (ended ??= server.shutdown()));
  const server = await serve({ ...HOST, port: 0, root: folder.path, onMessage });
  await del("f", { ...HOST, port: server.address.port });
  assertEquals([await ended, await folder.names()], [0, ["f2"]]);
  // But not one that says no more.
  const other = await serve({ ...HOST, port: 0, root: folder.path });
  using conn = await Deno.connect({ ...HOST, port: other.address.port });
  await conn.read(new Uint8Array(5));
  await conn.write(wire("GE"));
  assertEquals(await within(other.shutdown({ graceMs: Infinity }), LIMIT_MS), 0);
});

Deno.test("two transfers that a server cuts at once each report their own step", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "text");
  const failures: string[] = [];
  const onEvent = (event: ServerEvent): void => {
    if (event.type === "failed") failures.push((event.error as TransferError).step!);
  };
  const server = await serve({ ...HOST, port: 0, root: folder.path, clients: 2, onEvent });
  {
    using get = await Conversation.start(server.address.port, "GET", "f", wire("text"));
    using put = await Conversation.start(server.address.port, "PUT", "g", wire("text"));
    await get.until("e");
    await put.until("half");
    assertEquals(await server.shutdown({ graceMs: 0 }), 2);
  }
  assertEquals(failures.sort(), ["f. client: OK", "f. client: sends bytes"]);
});
