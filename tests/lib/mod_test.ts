import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
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
import { HOST, Served, servedTest } from "../support/served.ts";
import { LINUX, testWith } from "../support/needs.ts";
import { waitFor } from "../support/net.ts";
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
    const aborting = (): ClientOptions => {
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
  await waitFor(() => open === 0, () => open);
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
  const refuse = async (call: (wrong: object) => Promise<unknown>, ...cases: object[]): Promise<void> => {
    for (const wrong of cases) await assertRejects(() => call(wrong), RangeError, Object.keys(wrong)[0]);
  };
  const from = (): ReadableStream<Uint8Array> => new Blob(["x"]).stream();
  const common = [{ gather: 0 }, { gather: 1.5 }, { timeoutMs: -1 }, { timeoutMs: NaN }, { port: 65536 }, {
    port: 1.5,
  }];
  const ofPut = [{ size: 2n ** 64n }, { size: -1n }, { bytesPerSecond: 0 }, { bytesPerSecond: "5" }, { waitMs: -1 }];
  await refuse((wrong) => put("f", { ...options, size: 1n, from: from(), ...wrong }), ...ofPut, ...common);
  await refuse((wrong) => del("f", { ...options, ...wrong }), { port: 0 }, { hostname: "" });
  const ofServer = [{ clients: 0 }, { clients: 1.5 }, { maxBytes: -1n }, { hostname: "" }];
  const lists = [{ allowFrom: ["10.0.0"] }, { proxyFrom: ["all"] }];
  await refuse((wrong) => serve({ ...HOST, port: 0, root: folder.path, ...wrong }), ...ofServer, ...lists, ...common);
  await refuse((wrong) => server.shutdown(wrong), { graceMs: -1 });
  assertEquals(await folder.names(), []);
});

Deno.test("no limit can be said, and holds", async () => {
  for (const limit of [Infinity, 2 ** 40]) {
    await using served = await Served.start({ timeoutMs: limit, clients: Infinity });
    await Deno.writeFile(served.folder.at("f"), new Uint8Array(3_000_000));
    const started = Promise.withResolvers<void>();
    const options = {
      ...served.options,
      timeoutMs: limit,
      bytesPerSecond: 10_000_000,
      onStart: (): void => started.resolve(),
    };
    const transfer = get("f", { ...options, to: served.folder.at("g") });
    await started.promise;
    assertEquals(await served.server.shutdown({ graceMs: limit }), 0);
    await transfer;
  }
});

servedTest("a call ends by a callback that fails, and by a signal while one waits", async ({ folder, options }) => {
  await Deno.writeTextFile(folder.at("f"), "some text");
  const calls: Record<string, (options: ClientOptions) => Promise<unknown>> = {
    "GET to a file": (options) => get("f", { ...options, to: folder.at("g") }),
    "GET": (options) => get("f", options).then(({ readable }) => new Response(readable).text()),
    "PUT": (options) => put("h", { ...options, from: new Blob(["text"]).stream(), size: 4n }),
    "DEL": (options) => del("f", options),
  };
  const reason = new Error("enough");
  const fail = (): never => {
    throw reason;
  };
  for (const name of ["onConnect", "onReady", "onStart", "onData", "onProgress", "onMessage"]) {
    for (const [what, call] of Object.entries(calls)) {
      const outcome = (more: Partial<ClientOptions>): Promise<unknown> =>
        call({ ...options, ...more }).catch((error) => error);
      // A DEL moves no data, and may be done before its callback has failed.
      if (what === "DEL" && ["onStart", "onData", "onProgress"].includes(name)) continue;
      for (const callback of what === "DEL" ? [] : [fail, () => Promise.reject(reason)]) {
        assertEquals(await outcome({ [name]: callback }), reason, `${what} ${name}`);
      }
      const [called, ending] = [Promise.withResolvers<void>(), new AbortController()];
      const wait = (): Promise<never> => {
        called.resolve();
        return new Promise(() => {});
      };
      const ended = outcome({ [name]: wait, signal: ending.signal });
      await called.promise;
      ending.abort(reason);
      assertEquals(await within(ended, 10_000), reason, `${what} ${name}`);
    }
  }
  // A PUT may have ended before its callback failed.
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
