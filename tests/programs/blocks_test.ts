import { assert, assertEquals } from "@std/assert";
import { randomBytes } from "../../scripts/support/folder.ts";
import { STRACE, testWith } from "../support/needs.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { command, run, ServerProcess } from "../../scripts/support/programs.ts";
import { readTrace, traced } from "../support/trace.ts";

for (const blocks of [1, 3]) {
  testWith([STRACE], `a system call of either program sends ${1024 * blocks} bytes of a file and no more`, async () => {
    await using folder = await folders();
    await Deno.writeFile(folder.at("mine/f"), randomBytes(300_001));
    const gather = blocks === 1 ? [] : ["--gather", `${blocks}`];
    // Where files are written, a call may be larger: each program is watched while it sends.
    const watched = (program: "client" | "server", ...args: string[]): string[] =>
      traced([...command(program), ...args, ...gather], "sendto,sendmsg,write,writev", folder.at(program));
    {
      await using server = await ServerProcess.start([], { cwd: folder.at("served") });
      const put = watched("client", "127.0.0.1", `${server.port}`, "PUT", "f");
      assertEquals((await run(put, { cwd: folder.at("mine") })).status, 0);
    }
    await using server = await ServerProcess.run(watched("server", "0", "-v"), { cwd: folder.at("served") });
    assertEquals((await client(folder, server.port, "GET", "f")).status, 0);
    for (const program of ["client", "server"]) {
      const write = /^(?:sendto|write|writev|sendmsg)\(\d+<(?:socket|TCP).*\) += (\d+)$/;
      const calls = await readTrace(folder.at(program));
      const lengths = calls.flatMap((call) => write.exec(call)?.slice(1) ?? []).map(Number);
      assertEquals(Math.max(...lengths), 1024 * blocks, program);
      const full = lengths.filter((length) => length === 1024 * blocks);
      assert(full.length >= 200 / blocks, "the file's blocks are not in the trace");
    }
  });
}
