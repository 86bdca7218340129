import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { del, get, type Message, put, type ServerEvent, type TransferError } from "../../lib/mod.ts";
import { isBroken } from "../../lib/errors.ts";
import { within } from "../../lib/within.ts";
import { assertNoDrafts } from "../../scripts/support/faults/folders.ts";
import { waitFor, withinTime } from "../support/net.ts";
import { FastTimers } from "../support/timers.ts";
import { Served, servedTest } from "../support/served.ts";
import { age, randomBytes } from "../../scripts/support/folder.ts";
import { Conversation, LIMIT_MS, wire } from "../../scripts/support/raw.ts";

Deno.test("a running server sweeps every hour, until it ends", async () => {
  using timers = new FastTimers(60 * 60 * 1000);
  {
    await using served = await Served.start();
    for (let hour = 0; hour < 2; hour++) {
      await Deno.writeTextFile(served.folder.at(`.blockferry-${crypto.randomUUID()}.part`), "");
      await age(served.folder.path);
      await assertNoDrafts(served.folder);
    }
  }
  const { length } = timers.waits;
  await delay(100);
  assertEquals(timers.waits, new Array(length).fill(60 * 60 * 1000));
});

servedTest("a server that ends closes the clients that wait for their turn", async ({ server, options }) => {
  using first = await Conversation.start(options.port, "PUT", "f", wire("text"));
  await first.until("half");
  using waits = await Deno.connect(options);
  const closed = waits.read(new Uint8Array(5)).catch(() => null);
  // Time to be accepted; one that is not would be reset.
  await delay(100);
  const ended = server.shutdown({ graceMs: Infinity });
  assertEquals(await within(closed, LIMIT_MS), null);
  await first.until("g");
  assertEquals(await ended, 0);
});

servedTest("a server knows how many bytes its running transfers have left", async ({ folder, server, options }) => {
  const data = randomBytes(3000);
  await Deno.writeFile(folder.at("f"), data);
  const left = (bytes: bigint): Promise<void> => waitFor(() => server.bytesLeft === bytes, () => server.bytesLeft);
  await left(0n);
  using put = await Conversation.start(options.port, "PUT", "g", data);
  await put.until("e");
  await left(3000n);
  await put.until("half");
  await left(1500n);
  using other = await Conversation.start(options.port, "PUT", "h", data);
  await other.until("e");
  await left(4500n);
  await put.until("g");
  await left(3000n);
  other[Symbol.dispose]();
  await left(0n);
  using get = await Conversation.start(options.port, "GET", "f", data);
  await get.until("h");
  await left(0n);
}, { clients: 2 });

Deno.test("a shutdown closes a balancer's connection whose header is on its way", async () => {
  const failures: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void (event.type === "failed" && failures.push(event));
  await using served = await Served.start({ proxyFrom: ["127.0.0.0/8"], onEvent });
  using conn = await Deno.connect(served.options);
  await conn.write(wire("PROXY TCP4 192.0.2.7"));
  // Served, so the one before it has been accepted.
  using check = await Deno.connect(served.options);
  await check.write(wire("PROXY UNKNOWN\r\n"));
  assertEquals(await check.read(new Uint8Array(5)), 5);
  assertEquals(await served.server.shutdown(), 0);
  // At once: the test would not end well with the connection, or its timer, left.
  assertEquals(await conn.read(new Uint8Array(1)).catch(() => null), null);
  assertEquals(failures, []);
});

Deno.test("a callback of the server's that throws is reported, and ends no session", async () => {
  const bug = new Error("a bug");
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    reported.push(event.error);
  };
  const fail = (): void => {
    throw bug;
  };
  globalThis.addEventListener("error", onError);
  try {
    await using served = await Served.start({ onEvent: fail, onMessage: fail });
    await put("f", { ...served.options, from: new Blob(["some text"]).stream(), size: 9n });
    await del("f", served.options);
    assert(reported.length >= 16 && reported.every((error) => error === bug));
  } finally {
    globalThis.removeEventListener("error", onError);
  }
});

Deno.test("a server ends though a callback never returns, or awaits that end", async () => {
  type Options = Served["options"];
  const transfers = {
    sending: (options: Options, to: string) => get("f", { ...options, to }),
    receiving: (options: Options) => put("f", { ...options, from: new Blob(["other"]).stream(), size: 5n }),
    deleting: (options: Options) => del("f", options),
  };
  for (const [type, transfer] of Object.entries(transfers)) {
    for (const isEnding of [true, false]) {
      const called = Promise.withResolvers<void>();
      const onEvent = async (event: ServerEvent): Promise<void> => {
        if (event.type !== type) return;
        called.resolve();
        await (isEnding ? server.shutdown({ graceMs: 0 }) : new Promise(() => {}));
      };
      await using served = await Served.start({ onEvent });
      const { folder, server, options } = served;
      await Deno.writeTextFile(folder.at("f"), "some text");
      const failed = transfer(options, folder.at("g")).then(() => false, isBroken);
      await called.promise;
      assertEquals(await within(server.shutdown({ graceMs: 0 }), LIMIT_MS), 1);
      assert(await failed);
      assertEquals(await folder.names(), ["f"]);
    }
  }
});

Deno.test("a shutdown lets a command be answered that has come, whole or not", async () => {
  await withinTime(async () => {
    let ended: Promise<number> | undefined;
    const onMessage = ({ step }: Message): void => void (step.startsWith("b.") && (ended ??= served.server.shutdown()));
    await using served = await Served.start({ onMessage });
    // Of which the name could be the beginning: the server waits for more.
    for (const name of ["f", "f2"]) await Deno.writeTextFile(served.folder.at(name), "");
    await del("f", served.options);
    assertEquals([await ended, await served.folder.names()], [0, ["f2"]]);
  });
  // But not one that says no more.
  await using other = await Served.start({ timeoutMs: 0 });
  using conn = await Deno.connect(other.options);
  await conn.read(new Uint8Array(5));
  await conn.write(wire("GE"));
  // Time to be read.
  await delay(100);
  assertEquals(await within(other.server.shutdown({ graceMs: Infinity }), LIMIT_MS), 0);
});

Deno.test("two transfers that a server cuts at once each report their own step", async () => {
  const failures: string[] = [];
  const onEvent = (event: ServerEvent): void => {
    if (event.type === "failed") failures.push((event.error as TransferError).step!);
  };
  await using served = await Served.start({ clients: 2, onEvent });
  await Deno.writeTextFile(served.folder.at("f"), "text");
  {
    using get = await Conversation.start(served.options.port, "GET", "f", wire("text"));
    using put = await Conversation.start(served.options.port, "PUT", "g", wire("text"));
    await get.until("e");
    await put.until("half");
    assertEquals(await served.server.shutdown({ graceMs: 0 }), 2);
  }
  assertEquals(failures.sort(), ["f. client: OK", "f. client: sends bytes"]);
});
