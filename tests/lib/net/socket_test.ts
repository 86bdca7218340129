import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { ConnectionError } from "../../../lib/errors.ts";
import { Socket } from "../../../lib/net/socket.ts";
import { LIMIT_MS, Raw } from "../../../scripts/support/raw.ts";

/** Both ends of a connection: a socket, and one in the test's hands. */
async function pair(options: { timeoutMs: number; sendTimeoutMs?: number }): Promise<{ socket: Socket; raw: Raw }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const raw = await Raw.connect(listener.addr.port);
  return { socket: new Socket(await listener.accept(), { ...options, peer: "client" }), raw };
}

Deno.test("silence ends a wait after the timeout", async () => {
  const { socket, raw } = await pair({ timeoutMs: 200 });
  using _socket = socket;
  using _raw = raw;
  const error = await assertRejects(() => socket.watch(new Promise(() => {})), ConnectionError);
  assertEquals(error.message, "the client was silent for 0.2 seconds");
});

Deno.test("what the system does not take has a timeout of its own", async () => {
  const { socket, raw } = await pair({ timeoutMs: 200, sendTimeoutMs: 1000 });
  using _socket = socket;
  using _raw = raw;
  const start = performance.now();
  // More than two sockets hold between them.
  const error = await assertRejects(() => socket.write(new Uint8Array(64 * 1024 * 1024), 65536), ConnectionError);
  assertEquals(error.message, "the client was silent for 1 second");
  assert(performance.now() - start >= 900);
  // A message may be what does not fit.
  const { socket: full, raw: stuck } = await pair({ timeoutMs: 200, sendTimeoutMs: 400 });
  using _full = full;
  using _stuck = stuck;
  await assertRejects(() => full.write(new Uint8Array(64 * 1024 * 1024)), ConnectionError, "silent for 0.4 seconds");
  const { socket: other, raw: reader } = await pair({ timeoutMs: 200, sendTimeoutMs: LIMIT_MS });
  using _other = other;
  using _reader = reader;
  await other.write(new Uint8Array(65536), 65536);
  await assertRejects(() => other.watch(new Promise(() => {})), ConnectionError, "silent for 0.2 seconds");
});

Deno.test("a timeout beyond what timers hold, or of Infinity, is no limit", async () => {
  for (const timeoutMs of [2 ** 40, Infinity]) {
    const { socket, raw } = await pair({ timeoutMs });
    using _socket = socket;
    using _raw = raw;
    const reader = socket.readable.getReader({ mode: "byob" });
    const heard = socket.watch(reader.read(new Uint8Array(1)));
    await delay(50);
    await raw.say(new Uint8Array([1]));
    assertEquals((await heard).value, new Uint8Array([1]));
  }
});

Deno.test("a close after the last message sends FIN, and waits a second at most for the peer's", async () => {
  const { socket, raw } = await pair({ timeoutMs: LIMIT_MS });
  using _raw = raw;
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
  const { socket, raw } = await pair({ timeoutMs: LIMIT_MS });
  using _raw = raw;
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
