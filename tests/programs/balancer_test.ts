import { assertEquals, assertMatch } from "@std/assert";
import { type Bytes, writeAll } from "../../lib/bytes.ts";
import { within } from "../../lib/within.ts";
import { certificates } from "../../scripts/support/certificates.ts";
import { OPENSSL, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { folders, Pair } from "../../scripts/support/pair.ts";
import { runClient, ServerProcess } from "../../scripts/support/programs.ts";
import { Raw, wire } from "../../scripts/support/raw.ts";
import { CAN_RESET, connect } from "../support/ways.ts";

const LOOPBACK = "127.0.0.0/8";
const HEADER = wire("PROXY TCP4 192.0.2.7 198.51.100.1 49153 12345\r\n");
const V2 = new Uint8Array([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
/** A balancer that speaks for itself. */
const LOCAL = wire(V2, new Uint8Array([0x20, 0, 0, 0]));
/** Headers without a client's address: in version 2 the family is none, a Unix socket or UDP. */
const NAMELESS = [
  LOCAL,
  wire("PROXY UNKNOWN\r\n"),
  // A balancer's own address is no client's.
  wire("PROXY TCP4 127.0.0.1 127.0.0.1 49153 12345\r\n"),
  ...[0x00, 0x31, 0x12].map((family) => wire(V2, new Uint8Array([0x21, family, 0, 0]))),
];
const GONE = "ERROR: none does not exist";

/** A connection to a server that has answered its header with READY. */
async function ready(port: number, header: Bytes): Promise<Raw> {
  const raw = await Raw.connect(port);
  await raw.say(header);
  assertEquals(await raw.hearSome(), "READY");
  return raw;
}

/** Asks a server for a file that it does not have; what it says. */
async function ask(port: number, header = wire()): Promise<string> {
  using raw = await Raw.connect(port);
  await raw.say(header);
  const ready = await raw.hearSome().catch(() => "");
  if (ready !== "READY") return ready;
  await raw.say(wire("GET none"));
  return await raw.rest();
}

Deno.test("behind a balancer the server shows and judges its clients' own addresses", async () => {
  await using pair = await Pair.start("--proxy-from", LOOPBACK, "--allow-from", "192.0.2.0/25");
  const { server } = pair;
  assertEquals(await ask(server.port, HEADER), GONE);
  await server.line(/^server connected to client at 192\.0\.2\.7:49153$/);
  assertEquals(await ask(server.port, wire("PROXY TCP4 192.0.2.200 198.51.100.1 7 12345\r\n")), "");
  assertEquals(await server.errorLine(/./), "server: refused a client at 192.0.2.200:7, which --allow-from leaves out");
});

Deno.test("the PROXY protocol is believed of balancers alone", async () => {
  for (const args of [[], ["--proxy-from", "192.0.2.1"]]) {
    await using pair = await Pair.start(...args);
    using raw = await Raw.connect(pair.server.port);
    assertEquals(await raw.hearSome(), "READY");
    await raw.say(HEADER);
    assertMatch(await raw.rest(), /^ERROR: expected GET, PUT or DEL/);
    await pair.server.line(/^server connected to client at 127\.0\.0\.1:\d+$/);
  }
});

Deno.test("health checks are no lines, and the next client is served", async () => {
  await using pair = await Pair.start("--proxy-from", LOOPBACK, "--allow-from", "192.0.2.0/25");
  const { server } = pair;
  for (let count = 0; count < 3; count++) {
    {
      using silent = await Raw.connect(server.port);
      await silent.finish();
    }
    if (!CAN_RESET) continue;
    for (const header of [wire(), ...NAMELESS, HEADER]) {
      using reset = await connect(server.port, "reset");
      await reset.say(header);
      if (header.length > 0) assertEquals(await reset.hearSome(), "READY");
    }
  }
  // One that stays takes nobody's turn.
  using _local = await ready(server.port, LOCAL);
  assertEquals(await ask(server.port, HEADER), GONE);
  await server.end();
  assertEquals(server.errors, []);
  // Those that a client makes are the lab's own.
  const own = server.lines.filter((line) => !line.includes("192.0.2.7"));
  assertEquals([...new Set(own)], [`server waiting on port ${server.port}`, "server receiving request: GET none"]);
});

Deno.test("a balancer's own IPv4 address is known by a server for IPv6 too", async () => {
  await using pair = await Pair.start("--host", "::", "--proxy-from", LOOPBACK);
  const { server } = pair;
  using _check = await ready(server.port, wire("PROXY TCP4 127.0.0.1 127.0.0.1 49153 12345\r\n"));
  assertEquals(await ask(server.port, HEADER), GONE);
  await server.end();
  assertEquals(server.lines.filter((line) => /connected/.test(line)), [
    "server connected to client at 192.0.2.7:49153",
  ]);
});

Deno.test("a balancer that names no client needs to be allowed when it asks for something", async () => {
  await using pair = await Pair.start("--proxy-from", LOOPBACK, "--allow-from", "192.0.2.0/25");
  const { server } = pair;
  await Deno.writeTextFile(pair.folder.at("served/f"), "text");
  for (const header of NAMELESS) {
    using raw = await ready(server.port, header);
    await raw.say(wire("GET f"));
    assertEquals(await raw.rest(), "");
  }
  await server.end();
  assertEquals(server.errors.length, NAMELESS.length);
  for (const line of server.errors) {
    assertMatch(line, /^server: refused a client at 127\.0\.0\.1:\d+, which --allow-from/);
  }
  assertEquals(server.lines, [`server waiting on port ${server.port}`]);
});

Deno.test("a balancer that names no client waits for its turn when it asks for something", async () => {
  await using pair = await Pair.start("--proxy-from", LOOPBACK);
  const { server } = pair;
  await Deno.writeTextFile(pair.folder.at("served/f"), "text");
  for (const header of NAMELESS) {
    const start = server.lines.length;
    using first = await ready(server.port, HEADER);
    using second = await ready(server.port, header);
    await second.say(wire("GET f"));
    // When a later connection has been refused, the GET has arrived.
    assertEquals(await ask(server.port, wire("GET photo.jpg")), "");
    assertEquals(server.lines.slice(start).filter((line) => line.includes("GET")), []);
    await first.say(wire("GET none"));
    assertEquals(await first.rest(), GONE);
    assertEquals(await second.hearSome(), "OK");
    await server.line(/^server receiving request: GET f$/, start);
    const connected = server.lines.slice(start).filter((line) => line.includes("connected"));
    assertEquals(connected.length, 2);
    assertMatch(connected[1]!, /^server connected to client at 127\.0\.0\.1:\d+$/);
  }
});

Deno.test("a server ends while a balancer that names no client waits for its turn", async () => {
  await using pair = await Pair.start("--proxy-from", LOOPBACK);
  using _first = await ready(pair.server.port, HEADER);
  using second = await ready(pair.server.port, LOCAL);
  await second.say(wire("DEL f"));
  assertEquals(await ask(pair.server.port, wire("GET photo.jpg")), "");
  assertEquals(await within(pair.server.end(), 60_000), 0);
  assertEquals(pair.server.lines.filter((line) => line.includes("DEL")), []);
});

Deno.test("a balancer without a header is reported, and keeps nobody waiting", async () => {
  await using pair = await Pair.start("--proxy-from", LOOPBACK);
  const { server } = pair;
  using silent = await Raw.connect(server.port);
  const closed = silent.rest();
  assertEquals(await Promise.race([ask(server.port, HEADER), closed]), GONE);
  assertEquals(await ask(server.port, wire("GET photo.jpg")), "");
  assertEquals(await closed, "");
  const refused = "server: a connection from the balancer at 127.0.0.1 was refused: ";
  await server.errorLine(/seconds/);
  assertEquals(server.errors, [
    `${refused}expected a PROXY protocol header, but received "GET photo.jp"`,
    `${refused}it sent no PROXY protocol header for 5 seconds`,
  ]);
  assertEquals(await server.end(), 0);
});

testWith([OPENSSL], "the header comes before TLS", async () => {
  await using folder = await folders({ "served/f": "served" });
  await certificates(folder.path);
  const tls = ["--cert", folder.at("cert.pem"), "--key", folder.at("key.pem")];
  await using server = await ServerProcess.start(["--proxy-from", LOOPBACK, ...tls], { cwd: folder.at("served") });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  const balancer = listener.accept().then(async (client) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await writeAll(conn, HEADER);
    await Promise.all([client.readable.pipeTo(conn.writable), conn.readable.pipeTo(client.writable)]).catch(() => {});
  });
  const args = ["127.0.0.1", `${listener.addr.port}`, "GET", "f", "--ca", folder.at("ca.pem")];
  const { status, stderr } = await runClient(args, { cwd: folder.at("mine") });
  assertEquals([status, stderr], [0, ""]);
  assertEquals(await Deno.readTextFile(folder.at("mine/f")), "served");
  await server.line(/^server connected to client at 192\.0\.2\.7:49153$/);
  await balancer;
});
