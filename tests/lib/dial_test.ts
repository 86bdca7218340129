import { assert, assertEquals, assertRejects } from "@std/assert";
import { dial, type Dialed, type DialOptions } from "../../lib/dial.ts";
import { LINUX, testWith } from "../support/needs.ts";
import { waitFor } from "../support/net.ts";
import { FastTimers } from "../support/timers.ts";

function listen(): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port: 0 });
}

function start(listener: Deno.TcpListener, options: Partial<DialOptions>): Promise<Dialed> {
  const peer = dial({ hostname: "127.0.0.1", port: listener.addr.port, timeoutMs: 0, ...options });
  peer.catch(() => {});
  return peer;
}

/** Awaits one more attempt; fails if there is none because the wait has ended. */
function accept(listener: Deno.TcpListener, dialed: Promise<Dialed>): Promise<Deno.TcpConn> {
  const ended = dialed.then(() => {
    throw new Error("READY has come");
  });
  return Promise.race([listener.accept(), ended]);
}

Deno.test("without READY a client tries three connections, and replaces one that was forgotten", async () => {
  using timers = new FastTimers();
  using listener = listen();
  const dialed = start(listener, {});
  using first = await accept(listener, dialed);
  using second = await accept(listener, dialed);
  using third = await accept(listener, dialed);
  const buffer = new Uint8Array(25);
  const heard = [first, second, third].map((conn) => conn.read(buffer).then(() => conn));
  for (const read of heard) read.catch(() => {});
  // The probe, to which a server's machine that was started anew would answer with a reset.
  assert(await Promise.race(heard) === second);
  assertEquals(new TextDecoder().decode(buffer), "GET .blockferry-withdrawn");
  second.close();
  using _fourth = await accept(listener, dialed);
  assertEquals(timers.waits.slice(0, 4), [3000, 6000, 12_000, 60_000]);
  // Not on the fourth: by now it may have been probed in its turn, and is not taken then.
  await third.write(new TextEncoder().encode("READY"));
  using _peer = await dialed;
});

Deno.test("a second attempt that is refused does not end the wait on the first", async () => {
  using _timers = new FastTimers();
  using listener = listen();
  const dialed = start(listener, {});
  using first = await accept(listener, dialed);
  (await accept(listener, dialed)).close();
  // It has been noticed when there are two more attempts, the last in the place of the second.
  using _third = await accept(listener, dialed);
  using _fourth = await accept(listener, dialed);
  await first.write(new TextEncoder().encode("READY"));
  using _peer = await dialed;
});

Deno.test("where an address that was found before fails, its name is tried", async () => {
  using listener = listen();
  const dialed = start(listener, { address: "127.0.0.2" });
  using conn = await accept(listener, dialed);
  await conn.write(new TextEncoder().encode("READY"));
  using _peer = await dialed;
});

/** Whether a connection from a port of this machine has a keepalive timer: kind 2 in Linux's table of sockets. */
async function isKeptAlive({ port }: Deno.NetAddr): Promise<boolean> {
  // Not by Deno, which reads /proc with all permissions only.
  const { stdout } = await new Deno.Command("cat", { args: ["/proc/net/tcp"] }).output();
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`^ *\\d+: \\w+:${hex} \\S+ 01 \\S+ 02:`, "m").test(new TextDecoder().decode(stdout));
}

for (const tls of [false, true]) {
  testWith([LINUX], `a client that waits for READY ${tls ? "inside TLS " : ""}has keepalive on`, async () => {
    using _timers = new FastTimers();
    using listener = listen();
    const ending = new AbortController();
    const dialed = start(listener, { tls, signal: ending.signal });
    using first = await accept(listener, dialed);
    await waitFor(() => isKeptAlive(first.remoteAddr as Deno.NetAddr));
    ending.abort(new Error("enough"));
    await assertRejects(() => dialed, Error, "enough");
  });
}
