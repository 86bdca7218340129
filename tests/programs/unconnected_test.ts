/** What the client prints where it finds the mistake, or no server, before it is connected. */

import { assertEquals } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { SOURCES, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { ended, runClient } from "../../scripts/support/programs.ts";

Deno.test("errors that need no server are reported without a connection", async () => {
  await using folder = new Folder();
  await folder.folder("dir");
  await folder.folder("\u202e");
  const isFolder = "that is a folder";
  const known: [string, string, string, string?][] = [
    ["PUT", "no file", "no file does not exist"],
    ["PUT", "dir/no file", "dir/no file does not exist"],
    [
      "PUT",
      "caf\ufffd",
      "caf\ufffd does not exist",
      "caf\ufffd: if its name is not UTF-8, PUT - --as NAME can send it",
    ],
    [
      "PUT",
      "dir",
      "dir does not exist",
      `dir: ${isFolder}; tar c dir | client ... PUT - --as dir.tar sends what is in it`,
    ],
    ["GET", "dir", "unable to create file dir", `dir: ${isFolder}`],
    ["GET", "there/dir", "unable to create file there/dir", `dir: ${isFolder}`],
    ["GET", "\u202e", "unable to create file \\u202e", `\\u202e: ${isFolder}`],
  ];
  for (const [verb, file, error, reason] of known) await assertUnconnected(folder, [verb, file], error, reason);
  assertEquals(await folder.names(), ["dir", "\u202e"]);
});

testWith([SOURCES], "a missing permission for the network is one sentence", async () => {
  await using folder = new Folder();
  const permissions = ["--allow-read", "--allow-write"];
  assertEquals(
    await runClient(["127.0.0.1", "1", "GET", "new"], { cwd: folder.path, permissions }),
    ended(1, "", "client: cannot connect to 127.0.0.1 port 1: no permission (run it with --allow-net=127.0.0.1:1)\n"),
  );
  assertEquals(await folder.names(), []);
});

Deno.test("a server that isn't there is one sentence on stderr and status 1", async () => {
  await using folder = new Folder();
  const port = freePort();
  for (const address of ["127.0.0.1", "localhost"]) {
    assertEquals(
      await runClient([address, `${port}`, "GET", "f"], { cwd: folder.path }),
      ended(1, "", `client: cannot connect to ${address} port ${port}: connection refused\n`),
    );
  }
  const several = await runClient(["127.0.0.1", `${port}`, "DEL", "a", "b"], { cwd: folder.path });
  const reason = `cannot connect to 127.0.0.1 port ${port}: connection refused`;
  assertEquals(several.stderr, `client: a: ${reason}\nclient: b: ${reason}\nclient: 0 of 2 files done\n`);
  assertEquals(await folder.names(), []);
});

/** Runs the client, and asserts that it ends with this error on its side and has made no connection. */
async function assertUnconnected(folder: Folder, args: string[], error: string, reason?: string): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(
    await runClient(["127.0.0.1", `${port}`, ...args], { cwd: folder.path }),
    ended(1, `client error: ${error}\n`, reason ? `client: ${reason}\n` : ""),
  );
  // The first connection that comes is the test's own.
  using own = await Deno.connect({ hostname: "127.0.0.1", port });
  using first = await listener.accept();
  assertEquals(first.remoteAddr, own.localAddr);
}
