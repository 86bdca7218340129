/**
 * The PROXY protocol, versions 1 and 2, by which a load balancer says who its client is before the client's own first
 * byte (HAProxy's "The PROXY protocol", proxy-protocol.txt).
 */

import { startsWith } from "@std/bytes";
import type { Bytes } from "../bytes.ts";
import { excerpt, TransferError } from "../errors.ts";

const V1_START = new TextEncoder().encode("PROXY ");
const V2_START = new Uint8Array([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const LF = 0x0a;
// The longest line of version 1, with CR LF (2.1).
const MAX_V1_BYTES = 107;
// Addresses and what balancers add to them, such as a name and a TLS session's data, take far less (2.2).
const MAX_V2_BYTES = 2048;
// Version and command (2.2): whether the balancer speaks for itself or for a client.
const [LOCAL, PROXY] = [0x20, 0x21];
/** The length of an IPv4 or IPv6 address in bytes, by version 2's number of its family and of TCP. */
const ADDRESS_BYTES: Record<number, number> = { 0x11: 4, 0x21: 16 };

/** What a balancer says of a connection. */
export interface ProxyHeader {
  /** The client's address; without it the balancer speaks for itself, as in a health check, or names no client. */
  client?: Deno.NetAddr;
}

/**
 * Reads the header, and nothing that follows it: what comes next may be TLS. `"gone"` if the connection ends without a
 * word, as in a plain health check. Throws a {@linkcode TransferError} for what is no header.
 */
export async function readProxyHeader(conn: Pick<Deno.Conn, "read">): Promise<ProxyHeader | "gone"> {
  // No header of either version is shorter than the beginning of version 2.
  const start = await readUpTo(conn, V2_START.length);
  if (start.length === 0) return "gone";
  if (startsWith(start, V2_START)) return await readV2(conn);
  if (startsWith(start, V1_START)) return await readV1(conn, start);
  throw noHeader(start);
}

async function readV1(conn: Pick<Deno.Conn, "read">, start: Bytes): Promise<ProxyHeader> {
  const line = [...start];
  while (line.at(-1) !== LF) {
    if (line.length === MAX_V1_BYTES) throw noHeader(new Uint8Array(line));
    line.push(...await readExactly(conn, 1));
  }
  const text = new TextDecoder().decode(new Uint8Array(line));
  if (/^PROXY UNKNOWN( .*)?\r\n$/.test(text)) return {};
  const { address, port } = /^PROXY TCP[46] (?<address>[\da-fA-F.:]+) \S+ (?<port>\d{1,5}) \d{1,5}\r\n$/
    .exec(text)?.groups ?? {};
  const { default: ipaddr } = await import("ipaddr.js");
  // Not the short and octal forms of IPv4 addresses: "1" would be 0.0.0.1.
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address ?? "") || ipaddr.IPv6.isValid(address ?? "");
  if (!isAddress || Number(port) > 65535) throw noHeader(new Uint8Array(line));
  return { client: { transport: "tcp", hostname: ipaddr.process(address!).toString(), port: Number(port) } };
}

async function readV2(conn: Pick<Deno.Conn, "read">): Promise<ProxyHeader> {
  const [command, family, high, low] = await readExactly(conn, 4) as unknown as [number, number, number, number];
  const length = high << 8 | low;
  if (length > MAX_V2_BYTES) throw new TransferError(`a PROXY protocol header of ${length} bytes is too long`);
  const body = await readExactly(conn, length);
  if (command === LOCAL) return {};
  if (command !== PROXY) throw noHeader(new Uint8Array([...V2_START, command, family]));
  const addressBytes = ADDRESS_BYTES[family];
  // Another kind of address, such as a Unix socket's, is not the client's in the network.
  if (addressBytes === undefined) return {};
  // The client's address, the server's, and their ports.
  if (length < 2 * addressBytes + 4) throw new TransferError("a PROXY protocol header is too short for its addresses");
  const { default: ipaddr } = await import("ipaddr.js");
  const port = new DataView(body.buffer, body.byteOffset).getUint16(2 * addressBytes);
  const hostname = ipaddr.process(ipaddr.fromByteArray([...body.subarray(0, addressBytes)]).toString()).toString();
  return { client: { transport: "tcp", hostname, port } };
}

function noHeader(bytes: Bytes): TransferError {
  const text = excerpt(new TextDecoder().decode(bytes));
  return new TransferError(`expected a PROXY protocol header, but received "${text}"`);
}

async function readExactly(conn: Pick<Deno.Conn, "read">, count: number): Promise<Bytes> {
  const bytes = await readUpTo(conn, count);
  if (bytes.length === count) return bytes;
  throw new TransferError("the connection was closed in the middle of a PROXY protocol header");
}

// Fewer when the connection ends, however it does.
async function readUpTo(conn: Pick<Deno.Conn, "read">, count: number): Promise<Bytes> {
  const bytes = new Uint8Array(count);
  for (let length = 0; length < count;) {
    const read = await conn.read(bytes.subarray(length)).catch(() => null);
    if (read === null) return bytes.subarray(0, length);
    length += read;
  }
  return bytes;
}
