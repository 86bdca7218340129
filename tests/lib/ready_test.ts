/** How a client waits for READY. Its waits of seconds and minutes pass fifty times as fast here. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { get } from "../../lib/mod.ts";
import { Raw, wire } from "../../scripts/support/raw.ts";

const SPEED = 50;

/** Makes timers faster until it is disposed of. */
function fastTimers(): Disposable {
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((callback: () => void, ms = 0) => real(callback, ms / SPEED)) as typeof setTimeout;
  return { [Symbol.dispose]: () => void (globalThis.setTimeout = real) };
}

Deno.test("a client waits with three connections, and replaces one that the server's machine forgot", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.TcpConn[] = [];
  const { promise: fourth, resolve } = Promise.withResolvers<Deno.TcpConn>();
  const accepting = (async (): Promise<void> => {
    for await (const conn of listener) if (conns.push(conn) === 4) return resolve(conn);
  })();
  using _ = fastTimers();
  const download = get("f", { hostname: "127.0.0.1", port: listener.addr.port });
  while (conns.length < 3) await delay(10 * SPEED);
  // The second is asked for a file that does not exist, to see whether it still stands.
  const probe = new Uint8Array(100);
  const { length } = wire("GET .blockferry-withdrawn");
  assertEquals(await conns[1]!.read(probe), length);
  assertEquals(conns.length, 3);
  // As a machine that was started anew does.
  conns[1]!.close();
  using raw = new Raw(await fourth);
  await raw.say(wire("READY"));
  assertEquals(await raw.hear("GET f".length), wire("GET f"));
  await raw.say(wire("OK"));
  await raw.hear("READY".length);
  await raw.say(wire(4n));
  await raw.hear("OK".length);
  await raw.say(wire("textDONE"));
  const { readable } = await download;
  assertEquals(await new Response(readable).text(), "text");
  await accepting;
  assert(conns.length === 4);
  for (const conn of [conns[0]!, conns[2]!]) conn.close();
});
