import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { ConnectionError } from "../../../lib/errors.ts";
import { Socket } from "../../../lib/net/socket.ts";
import { LIMIT_MS, Raw } from "../../../scripts/support/raw.ts";

/** Both ends of a connection: a socket, and one in the test's hands. */
class Pair implements Disposable {
  private constructor(readonly socket: Socket, readonly raw: Raw) {}

  static async open(options: { timeoutMs: number; sendTimeoutMs?: number }): Promise<Pair> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const raw = await Raw.connect(listener.addr.port);
    return new Pair(new Socket(await listener.accept(), { ...options, peer: "client" }), raw);
  }

  [Symbol.dispose](): void {
    this.raw[Symbol.dispose]();
    this.socket[Symbol.dispose]();
  }
}

Deno.test("what the system does not take has a timeout of its own", async () => {
  // In blocks, or as a message.
  for (const [sendTimeoutMs, blockBytes] of [[1000, 65536], [400, undefined]] as const) {
    using pair = await Pair.open({ timeoutMs: 200, sendTimeoutMs });
    const start = performance.now();
    // More than two sockets hold between them.
    const writing = pair.socket.write(new Uint8Array(64 * 1024 * 1024), blockBytes);
    const { message } = await assertRejects(() => writing, ConnectionError);
    assertEquals(message, `the client was silent for ${sendTimeoutMs === 1000 ? "1 second" : "0.4 seconds"}`);
    assert(performance.now() - start >= 0.9 * sendTimeoutMs);
  }
  using pair = await Pair.open({ timeoutMs: 200, sendTimeoutMs: LIMIT_MS });
  await pair.socket.write(new Uint8Array(65536), 65536);
  await assertRejects(() => pair.socket.watch(new Promise(() => {})), ConnectionError, "silent for 0.2 seconds");
});

Deno.test("a timeout beyond what timers hold, or of Infinity, is no limit", async () => {
  for (const timeoutMs of [2 ** 40, Infinity]) {
    using pair = await Pair.open({ timeoutMs });
    const reader = pair.socket.readable.getReader({ mode: "byob" });
    const heard = pair.socket.watch(reader.read(new Uint8Array(1)));
    await delay(50);
    await pair.raw.say(new Uint8Array([1]));
    assertEquals((await heard).value, new Uint8Array([1]));
  }
});

Deno.test("a close after the last message sends FIN, and waits a second at most for the peer's", async () => {
  using pair = await Pair.open({ timeoutMs: LIMIT_MS });
  const { socket, raw } = pair;
  const start = performance.now();
  const order: string[] = [];
  const finished = socket.finish().then(() => void order.push("closed"));
  assertEquals(await raw.rest(), "");
  order.push("FIN");
  // The peer does not close.
  await finished;
  assertEquals(order, ["FIN", "closed"]);
  assert(performance.now() - start >= 900);
});

Deno.test("what the peer still sends does not turn the close into a reset", async () => {
  using pair = await Pair.open({ timeoutMs: LIMIT_MS });
  const { socket, raw } = pair;
  await raw.say(new Uint8Array(100_000));
  await socket.write(new TextEncoder().encode("DONE"));
  const finished = socket.finish();
  await raw.say(new Uint8Array(100_000));
  assertEquals(await raw.rest(), "DONE");
  await raw.finish();
  await finished;
});

Deno.test("TCP_NODELAY is off for blocks of file data, and on for messages and after a flush", async () => {
  const switched: boolean[] = [];
  const conn = {
    read: () => new Promise<null>(() => {}),
    write: (data: Uint8Array) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
    setNoDelay: (isOn: boolean) => void switched.push(isOn),
  };
  using socket = new Socket(conn, { timeoutMs: 0, peer: "client" });
  await socket.write(new Uint8Array(8));
  await socket.write(new Uint8Array(8 * 1024), 1024);
  assertEquals(switched, [true]);
  await socket.write(new Uint8Array(9 * 1024), 1024);
  socket.flush();
  await socket.write(new Uint8Array(50_000), 1024);
  await socket.write(new Uint8Array(4));
  assertEquals(switched, [true, false, true, false, true]);
});
