import { assertEquals } from "@std/assert";
import { Socket } from "../../lib/net/socket.ts";
import { Peer } from "../../lib/peer.ts";
import { Raw } from "../../scripts/support/raw.ts";
import { randomBytes } from "../../scripts/support/folder.ts";

/** A connection that notes the length of each write. */
function noting(conn: Deno.TcpConn, lengths: number[]): Deno.TcpConn {
  return new Proxy(conn, {
    get(target, key): unknown {
      if (key === "write") {
        return (data: Uint8Array): Promise<number> => (lengths.push(data.length), target.write(data));
      }
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

for (const gather of [1, 3]) {
  Deno.test(`file data is written ${1024 * gather} bytes at a time, with --gather ${gather}`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using raw = await Raw.connect(listener.addr.port);
    const lengths: number[] = [];
    const conn = noting(await listener.accept(), lengths);
    using peer = new Peer(new Socket(conn, { timeoutMs: 10_000, peer: "client" }));
    const data = randomBytes(10_000);
    const [heard] = await Promise.all([raw.hear(data.length), peer.send("g. server: sends bytes", data, gather)]);
    assertEquals(heard, data);
    const blocks = Math.floor(data.length / (1024 * gather));
    assertEquals(lengths, [...Array(blocks).fill(1024 * gather), data.length - blocks * 1024 * gather]);
  });
}
