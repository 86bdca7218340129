import { assert, assertEquals } from "@std/assert";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { STRACE, testWith } from "../support/needs.ts";
import { command, run, runClient, ServerProcess } from "../../scripts/support/programs.ts";
import { readTrace, traced } from "../support/trace.ts";

/** The most bytes that any one call of a trace wrote to a socket. */
function largest(calls: string[]): number {
  const write = /^(?:sendto|write|writev|sendmsg)\(\d+<(?:socket|TCP).*\) += (\d+)$/;
  const lengths = calls.flatMap((call) => write.exec(call)?.slice(1) ?? []).map(Number);
  assert(lengths.filter((length) => length === 1024).length >= 200, "the file's blocks are not in the trace");
  return Math.max(...lengths);
}

testWith([STRACE], "no system call of either program sends more than 1024 bytes of a file", async () => {
  await using folder = new Folder();
  const [served, mine] = [await folder.folder("served"), await folder.folder("mine")];
  await Deno.writeFile(`${mine}/f`, randomBytes(300_001));
  const calls = "sendto,sendmsg,write,writev";
  // Where files are written, a call may be larger: each program is watched while it sends.
  const serverWords = traced([...command("server"), "0", "-v"], calls, folder.at("server"));
  {
    await using server = await ServerProcess.start([], { cwd: served });
    const words = [...command("client"), "127.0.0.1", `${server.port}`, "PUT", "f"];
    assertEquals((await run(traced(words, calls, folder.at("client")), { cwd: mine })).status, 0);
  }
  await using server = await ServerProcess.run(serverWords, { cwd: served });
  assertEquals((await runClient(["127.0.0.1", `${server.port}`, "GET", "f"], { cwd: mine })).status, 0);
  for (const program of ["client", "server"]) {
    assertEquals(largest(await readTrace(folder.at(program))), 1024, program);
  }
});
