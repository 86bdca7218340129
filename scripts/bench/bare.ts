/**
 * The bare loop, a line to measure by: one side writes, the other reads, nothing is kept. Usage:
 * `bare.ts serve PORT [FOLDER]` and `bare.ts put|get PORT WRITE_BYTES BYTES [FOLDER]`; with a folder of certificates
 * inside TLS.
 */

import { writeAll } from "../../lib/bytes.ts";

const READ_BYTES = 256 * 1024;
const hostname = "127.0.0.1";

async function sink(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  while (await conn.read(buffer) !== null);
}

async function pour(conn: Deno.Conn, writeBytes: number, bytes: number): Promise<void> {
  const piece = new Uint8Array(writeBytes);
  for (let left = bytes; left > 0; left -= writeBytes) await writeAll(conn, piece);
  await conn.closeWrite();
}

const [role, port, ...rest] = Deno.args;
if (role === "serve") {
  const [folder] = rest;
  const listener = folder
    ? Deno.listenTls({
      hostname,
      port: Number(port),
      cert: Deno.readTextFileSync(`${folder}/cert.pem`),
      key: Deno.readTextFileSync(`${folder}/key.pem`),
    })
    : Deno.listen({ hostname, port: Number(port) });
  for await (const conn of listener) {
    // What to do: write so many bytes in pieces of so many, or read.
    const order = new Float64Array(2);
    await conn.read(new Uint8Array(order.buffer));
    const [writeBytes, bytes] = order as unknown as [number, number];
    await (bytes > 0 ? pour(conn, writeBytes, bytes) : sink(conn));
    if (bytes === 0) await conn.closeWrite();
    conn.close();
  }
}
const [writeBytes, bytes, folder] = rest;
using conn = folder
  ? await Deno.connectTls({ hostname, port: Number(port), caCerts: [Deno.readTextFileSync(`${folder}/ca.pem`)] })
  : await Deno.connect({ hostname, port: Number(port) });
const order = new Float64Array([Number(writeBytes), role === "get" ? Number(bytes) : 0]);
await writeAll(conn, new Uint8Array(order.buffer));
if (role === "put") await pour(conn, Number(writeBytes), Number(bytes));
// To the end of the data, or until all of it has been read on the other side.
await sink(conn);
