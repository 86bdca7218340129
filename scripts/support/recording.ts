/** Records what the real programs send each other, for the dumps in PROTOCOL.md. */

import { concat } from "@std/bytes";
import type { Bytes } from "../../lib/bytes.ts";
import { type Role, STEPS, type Verb } from "../../lib/protocol.ts";
import { folders } from "./pair.ts";
import { runClient, ServerProcess } from "./programs.ts";
import { conversation } from "./raw.ts";

const NAME = "hello.txt";
const TEXT = "Hello, lab!\n";

/** Passes one connection on to a server, and keeps what each side sent, in the order in which it arrived. */
async function relay(listener: Deno.TcpListener, port: number): Promise<{ from: Role; bytes: Bytes }[]> {
  using client = await listener.accept();
  using server = await Deno.connect({ hostname: "127.0.0.1", port });
  const pieces: { from: Role; bytes: Bytes }[] = [];
  const pass = async (from: Role, source: Deno.Conn, target: Deno.Conn): Promise<void> => {
    for await (const bytes of source.readable.values({ preventCancel: true })) {
      pieces.push({ from, bytes: new Uint8Array(bytes) });
      await target.write(bytes);
    }
    await target.closeWrite().catch(() => {});
  };
  await Promise.all([pass("client", client, server), pass("server", server, client)]);
  return pieces;
}

/** A session of the real client and server as a hex dump, a message a step. */
export async function recordedDump(verb: Verb): Promise<string> {
  await using folder = await folders({ [verb === "PUT" ? `mine/${NAME}` : `served/${NAME}`]: TEXT });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const recorded = relay(listener, server.port);
  await runClient(["127.0.0.1", String(listener.addr.port), verb, NAME], { cwd: folder.at("mine") });
  const pieces = await recorded;
  const said = (role: Role): Bytes => concat(pieces.filter(({ from }) => from === role).map(({ bytes }) => bytes));
  const sent = { client: said("client"), server: said("server") };
  // TCP keeps no borders between messages; their lengths are known.
  const lines = conversation(verb, NAME, new TextEncoder().encode(TEXT)).flatMap(
    ({ from, bytes: { length } }, index) => {
      const message = sent[from].subarray(0, length);
      sent[from] = sent[from].subarray(length);
      return hexDump(STEPS[verb][index]!, message);
    },
  );
  const surplus = sent.client.length + sent.server.length;
  if (surplus > 0) throw new Error(`${surplus} bytes were sent beyond the protocol`);
  return lines.join("\n");
}

function hexDump(step: string, bytes: Bytes): string[] {
  const rows = [];
  for (let start = 0; start < bytes.length; start += 16) {
    const row = [...bytes.subarray(start, start + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    rows.push(`${(start === 0 ? step : "").padEnd(26)} ${hex.padEnd(47)}  |${text}|`);
  }
  return rows;
}
