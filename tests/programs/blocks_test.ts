// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { Peer } from "../../lib/peer.ts";
import { Socket } from "../../lib/net/socket.ts";
import { Raw } from "../support/raw.ts";
import { command, Folder, randomBytes, run, runClient, ServerProcess, traced } from "../support/programs.ts";

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

/** The most bytes that any one call of a trace wrote to a socket. */
function largest(trace: string): number {
  const write = /\b(?:sendto|write|writev|sendmsg)\(\d+<(?:socket|TCP).*\) += (\d+)$/gm;
  const lengths = [...trace.matchAll(write)].map(([, length]) => Number(length));
  assert(lengths.filter((length) => length === 1024).length >= 200, "the file's blocks are not in the trace");
  return Math.max(...lengths);
}

Deno.test("no call to the kernel sends more than 1024 bytes of a file, from the server or from the client", async () => {
  await using folder = new Folder();
  const [served, mine] = [await folder.folder("served"), await folder.folder("mine")];
  await Deno.writeFile(`${mine}/f`, randomBytes(300_001));
  const calls = "sendto,sendmsg,write,writev";
  // Where files are written, a call may be larger: each program is watched while it sends.
  const serverWords = await traced([...command("server"), "0", "-v"], calls, folder.at("server"));
  if (!serverWords) return;
  {
    await using server = await ServerProcess.start([], { cwd: served });
    const words = [...command("client"), "127.0.0.1", `${server.port}`, "PUT", "f"];
    assertEquals((await run((await traced(words, calls, folder.at("client")))!, { cwd: mine })).status, 0);
  }
  await using server = await ServerProcess.run(serverWords, { cwd: served });
  assertEquals((await runClient(["127.0.0.1", `${server.port}`, "GET", "f"], { cwd: mine })).status, 0);
  for (const program of ["client", "server"]) {
    assertEquals(largest(await Deno.readTextFile(folder.at(program))), 1024, program);
  }
});
