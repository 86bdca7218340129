import { assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { TransferError } from "../../../lib/errors.ts";
import { readProxyHeader } from "../../../lib/net/proxy.ts";
import { wire } from "../../../scripts/support/raw.ts";

const V2 = new Uint8Array([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const IPV4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xc0, 0x01, 0x30, 0x39];
const IPV6 = [0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 7, ...new Array(16).fill(1), 0, 80, 0x30, 0x39];

function v2(command: number, family: number, body: number[]): Bytes {
  return wire(V2, new Uint8Array([command, family, body.length >> 8, body.length & 0xff, ...body]));
}

/** A connection that brings these bytes, `pieceBytes` in each read, and then ends; `left` is what nobody has read. */
function connection(bytes: Bytes, pieceBytes = 1024): { read: Deno.Conn["read"]; left: () => number } {
  let start = 0;
  const read = (buffer: Uint8Array): Promise<number | null> => {
    const piece = bytes.subarray(start, start + Math.min(pieceBytes, buffer.length));
    start += piece.length;
    buffer.set(piece);
    return Promise.resolve(piece.length === 0 ? null : piece.length);
  };
  return { read, left: () => bytes.length - start };
}

const HEADERS: [Bytes, hostname?: string, port?: number][] = [
  [wire("PROXY TCP4 192.0.2.7 198.51.100.1 49153 12345\r\n"), "192.0.2.7", 49153],
  [wire("PROXY TCP6 2001:db8::7 2001:db8::1 80 12345\r\n"), "2001:db8::7", 80],
  [wire("PROXY UNKNOWN\r\n")],
  [wire("PROXY UNKNOWN ffff::ffff ffff::ffff 65535 65535\r\n")],
  [v2(0x21, 0x11, IPV4), "192.0.2.7", 49153],
  [v2(0x21, 0x21, IPV6), "2001:db8::7", 80],
  // With more than the addresses, as a balancer may add.
  [v2(0x21, 0x11, [...IPV4, 0x04, 0, 2, 1, 2]), "192.0.2.7", 49153],
  [v2(0x20, 0x00, [])],
  [v2(0x20, 0x11, IPV4)],
  [v2(0x21, 0x31, new Array(216).fill(65))],
];

Deno.test("a PROXY protocol header tells the client's address, and nothing after it is read", async () => {
  for (const [header, hostname, port] of HEADERS) {
    for (const pieceBytes of [1, 1024]) {
      const conn = connection(wire(header, "GET f"), pieceBytes);
      const read = await readProxyHeader(conn);
      assertEquals(read, hostname ? { client: { transport: "tcp", hostname, port: port! } } : {});
      assertEquals(conn.left(), 5);
    }
  }
});

Deno.test("what is no PROXY protocol header is an error, and what is too long is not read", async () => {
  const wrong: Bytes[] = [
    wire("GET photo.jpg"),
    wire("PROXY TCP4 192.0.2.7 198.51.100.1 49153\r\n"),
    wire("PROXY TCP4 1 2 3 4\r\n"),
    wire("PROXY TCP4 192.0.2.777 198.51.100.1 1 2\r\n"),
    wire("PROXY TCP4 192.0.2.7 198.51.100.1 99999 2\r\n"),
    wire(`PROXY UNKNOWN ${"x".repeat(100)}\r\n`),
    v2(0x31, 0x11, IPV4),
    v2(0x22, 0x11, IPV4),
    v2(0x21, 0x11, IPV4.slice(1)),
    v2(0x21, 0x21, IPV4),
    v2(0x21, 0x11, new Array(2049).fill(0)),
  ];
  for (const bytes of wrong) await assertRejects(() => readProxyHeader(connection(bytes)), TransferError);
  for (const [header] of HEADERS) {
    for (let length = 1; length < header.length; length++) {
      await assertRejects(() => readProxyHeader(connection(header.slice(0, length))), TransferError);
    }
  }
  const endless = connection(wire(`PROXY UNKNOWN ${"x".repeat(10_000)}`));
  await assertRejects(() => readProxyHeader(endless), TransferError);
  assertEquals(endless.left(), 10_014 - 107);
});

Deno.test("a connection that ends without a word has no header, and that is no error", async () => {
  assertEquals(await readProxyHeader(connection(wire())), "gone");
  assertEquals(await readProxyHeader({ read: () => Promise.reject(new Deno.errors.ConnectionReset()) }), "gone");
});
