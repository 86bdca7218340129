import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import {
  type ClientOptions,
  ConnectionError,
  del,
  FileError,
  get,
  type Message,
  put,
  serve,
  ServerError,
  TransferError,
} from "../../lib/mod.ts";
import { fileSum } from "../../lib/sha256.ts";
import { within } from "../../lib/within.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { Conversation } from "../../scripts/support/raw.ts";
import { HOST, servedTest } from "../support/served.ts";
import { LINUX, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { DENO_JSON, Process } from "../../scripts/support/programs.ts";

Deno.test("a file that can't be read has no sum, but a reason", async () => {
  await assertRejects(() => fileSum("missing/f"), TransferError, "cannot read missing/f to verify it: no such file");
});

servedTest("an aborted signal ends a transfer at any step with its reason", async ({ folder, options }) => {
  await using mine = new Folder();
  const [from, to] = [folder.at("f"), mine.at("f")];
  await Deno.writeFile(from, new Uint8Array(50_000_000));
  const reason = new Error("enough");
  await assertRejects(() => get("f", { ...options, to, signal: AbortSignal.abort(reason) }), Error, "enough");
  for (const moment of ["onReady", "onStart", "onProgress"] as const) {
    const aborting = (): typeof options & { signal: AbortSignal } => {
      const ending = new AbortController();
      return { ...options, signal: ending.signal, [moment]: () => ending.abort(reason) };
    };
    assertEquals(await get("f", { ...aborting(), to }).catch((error) => error), reason, moment);
    assertEquals(await put("g", { ...aborting(), from }).catch((error) => error), reason, moment);
  }
  // The server has seen the last of them when it answers the next.
  await del("f", options);
  assertEquals([await mine.names(), await folder.names()], [[], []]);
});

Deno.test("a connection that is aborted while it is made does not stay open", async () => {
  using listener = Deno.listen({ ...HOST, port: 0 });
  let open = 0;
  const serving = (async () => {
    for await (const conn of listener) {
      open++;
      // Nothing comes before the end.
      void conn.read(new Uint8Array(1)).catch(() => null).then(() => {
        open--;
        conn.close();
      });
    }
  })();
  for (let round = 0; round < 300; round++) {
    const options = { ...HOST, port: listener.addr.port, signal: AbortSignal.timeout(round % 4) };
    await assertRejects(() => del("f", options), DOMException);
  }
  for (let tries = 0; open > 0 && tries < 100; tries++) await delay(20);
  assertEquals(open, 0);
  listener.close();
  await serving;
});

servedTest("an error tells the step, the file and what the peer said", async ({ folder, options }) => {
  const refused = await get("none", options).catch((error) => error);
  assertInstanceOf(refused, ServerError);
  assertEquals([refused.said, refused.step], ["none does not exist", "c. server: OK"]);
  const missing = await put("f", { ...options, from: folder.at("none") }).catch((error) => error);
  assertInstanceOf(missing, FileError);
  assertEquals([missing.problem, missing.file], ["missing", folder.at("none")]);
  const closed = await del("f", { ...HOST, port: freePort() }).catch((error) => error);
  assertInstanceOf(closed, ConnectionError);
  assert(closed.message.endsWith("connection refused"), closed.message);
});

testWith([LINUX], "a server that takes no connection is given up after the timeout, or the wait", async () => {
  using listener = Deno.listen({ ...HOST, port: 0, tcpBacklog: 0 });
  const { port } = listener.addr;
  // The queue has room for one.
  using _first = await Deno.connect({ ...HOST, port });
  for (const limit of ["timeoutMs", "waitMs"]) {
    const start = performance.now();
    const error = await assertRejects(() => del("f", { ...HOST, port, [limit]: 500 }), ConnectionError);
    assertEquals(error.message, `cannot connect to 127.0.0.1 port ${port}: no answer within 0.5 seconds`);
    assert(performance.now() - start >= 490);
  }
});

servedTest("a rate below one block a second does not exceed the server's timeout", async ({ folder, options }) => {
  const from = new Blob([randomBytes(1500)]).stream();
  const start = performance.now();
  await put("f", { ...options, from, size: 1500n, bytesPerSecond: 300 });
  // The last piece is not waited for.
  assert(performance.now() - start > 4000);
  assertEquals((await Deno.stat(folder.at("f"))).size, 1500);
}, { timeoutMs: 3000 });

servedTest("impossible options, and sizes beyond 8 bytes, are refused by name", async ({ folder, options, server }) => {
  const from = (): ReadableStream<Uint8Array> => new Blob(["x"]).stream();
  const ports = [{ port: 65536 }, { port: 1.5 }];
  const common = [{ gather: 0 }, { gather: 1.5 }, { timeoutMs: -1 }, { timeoutMs: NaN }, ...ports];
  for (
    const wrong of [{ size: 2n ** 64n }, { size: -1n }, { bytesPerSecond: 0 }, { bytesPerSecond: "5" as never }, {
      waitMs: -1,
    }, ...common]
  ) {
    const name = Object.keys(wrong)[0]!;
    await assertRejects(() => put("f", { ...options, size: 1n, from: from(), ...wrong }), RangeError, name);
  }
  for (const wrong of [{ port: 0 }, { hostname: "" }]) {
    await assertRejects(() => del("f", { ...options, ...wrong }), RangeError, Object.keys(wrong)[0]);
  }
  const lists = [{ allowFrom: ["10.0.0"] }, { proxyFrom: ["all"] }];
  for (const wrong of [{ clients: 0 }, { clients: 1.5 }, { maxBytes: -1n }, { hostname: "" }, ...lists, ...common]) {
    const name = Object.keys(wrong)[0]!;
    await assertRejects(() => serve({ ...HOST, port: 0, root: folder.path, ...wrong }), RangeError, name);
  }
  await assertRejects(() => server.shutdown({ graceMs: -1 }), RangeError, "graceMs");
  assertEquals(await folder.names(), []);
});

Deno.test("no limit can be said, and holds", async () => {
  await using folder = new Folder();
  await Deno.writeFile(folder.at("f"), new Uint8Array(3_000_000));
  for (const limit of [Infinity, 2 ** 40]) {
    await using server = await serve({ ...HOST, port: 0, root: folder.path, timeoutMs: limit, clients: Infinity });
    const options = { ...HOST, port: server.address.port, timeoutMs: limit, bytesPerSecond: 10_000_000 };
    const started = Promise.withResolvers<void>();
    const transfer = get("f", { ...options, to: folder.at("g"), onStart: () => started.resolve() });
    await started.promise;
    assertEquals(await server.shutdown({ graceMs: limit }), 0);
    await transfer;
  }
});

servedTest("a callback whose promise is rejected fails the transfer with its reason", async ({ folder, options }) => {
  await Deno.writeTextFile(folder.at("f"), "some text");
  const reason = new Error("a callback failed");
  const reject = (): Promise<never> => Promise.reject(reason);
  const fail = (): never => {
    throw reason;
  };
  for (const name of ["onConnect", "onReady", "onStart", "onData", "onProgress", "onMessage"]) {
    for (const callback of [reject, fail]) {
      const failing = { ...options, [name]: callback };
      assertEquals(await get("f", { ...failing, to: folder.at("g") }).catch((error) => error), reason, name);
      const from = new Blob(["text"]).stream();
      assertEquals(await put("h", { ...failing, from, size: 4n }).catch((error) => error), reason, name);
    }
  }
  // A PUT may have ended before its callback failed.
  assertEquals((await folder.names()).filter((name) => name !== "h"), ["f"]);
});

servedTest("a signal ends a call whose callback waits", async ({ folder, options }) => {
  await Deno.writeTextFile(folder.at("f"), "some text");
  const waiting: string[] = [];
  for (const name of ["onConnect", "onReady", "onStart", "onData", "onProgress", "onMessage"]) {
    const calls = [
      (call: ClientOptions): Promise<unknown> => get("f", { ...call, to: folder.at("g") }),
      (call: ClientOptions): Promise<unknown> => get("f", call).then(({ readable }) => new Response(readable).text()),
      (call: ClientOptions): Promise<unknown> => put("h", { ...call, from: new Blob(["text"]).stream(), size: 4n }),
      (call: ClientOptions): Promise<unknown> => del("f", call),
    ];
    for (const [index, call] of calls.entries()) {
      // A DEL moves no data.
      if (index === 3 && ["onStart", "onData", "onProgress"].includes(name)) continue;
      const [called, ending] = [Promise.withResolvers<void>(), new AbortController()];
      const wait = (): Promise<never> => {
        called.resolve();
        return new Promise(() => {});
      };
      const ended = call({ ...options, [name]: wait, signal: ending.signal }).catch((error) => error);
      await called.promise;
      ending.abort("enough");
      if (await within(ended, 10_000) !== "enough") waiting.push(`${name} ${index}`);
    }
  }
  assertEquals(waiting, []);
  assertEquals((await folder.names()).filter((name) => name !== "h"), ["f"]);
});

Deno.test("a callback that fails after the transfer has failed closes the connection too", async () => {
  await using folder = new Folder();
  using listener = Deno.listen({ ...HOST, port: 0 });
  const options = { ...HOST, port: listener.addr.port, to: folder.at("f") };
  const onProgress = (): never => {
    throw new Error("enough");
  };
  const failLater = (message: Message): Promise<void> => Promise.resolve(message).then(failOnData);
  for (const onMessage of [failOnData, failLater]) {
    const failed = assertRejects(() => get("f", { ...options, onProgress, onMessage }), Error, "enough");
    using server = await Conversation.accept(listener, "GET", "f", randomBytes(100_000));
    await server.until("half");
    assertEquals(await within(server.rest().catch(() => ""), 10_000), "");
    await failed;
  }
});

function failOnData({ count }: Message): void {
  if (count !== undefined) throw new Error("late");
}

servedTest("an aborted stream that nobody reads lets the program end at once", async ({ folder, server }) => {
  await Deno.writeFile(folder.at("f"), randomBytes(1000));
  const script = `
    import { get } from ${JSON.stringify(import.meta.resolve("../../lib/mod.ts"))};
    const ending = new AbortController();
    await get("f", { hostname: "127.0.0.1", port: ${server.address.port}, signal: ending.signal });
    setTimeout(() => ending.abort(), 100);
  `;
  await Deno.writeTextFile(folder.at("script.ts"), script);
  const words = [Deno.execPath(), "run", "--no-check", "--config", DENO_JSON, "--allow-net", folder.at("script.ts")];
  await using process = new Process(words, { cwd: folder.path });
  assertEquals(await within(process.ended(), 30_000), 0, process.errors.join("\n"));
});
