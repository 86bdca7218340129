/** What the client prints, letter for letter, and the status that it ends with. */

import { assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { SOURCES, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { withServer } from "../support/played.ts";
import { SIZE_5, spoken } from "../../scripts/support/raw.ts";
import { ended, type Output, runClient } from "../../scripts/support/programs.ts";

Deno.test("a path is shown as typed; PUT sends its last part, GET asks for all of it", async () => {
  await using folder = new Folder();
  await folder.folder("dir");
  await Deno.writeTextFile(folder.at("dir/f"), "world");
  const cases: [verb: string, turns: string[], doing: string][] = [
    ["PUT", ["READY", "PUT f", "OK", SIZE_5, "OK", "world", "DONE"], "sending file dir/f (5 bytes)"],
    // File data that looks like an error is data.
    ["GET", ["READY", "GET dir/f", "OK", "READY", SIZE_5, "OK", "ERRORDONE"], "receiving file dir/f (5 bytes)"],
    ["DEL", ["READY", "DEL dir/f", "DONE"], "deleting file dir/f"],
  ];
  for (const [verb, turns, doing] of cases) {
    const shown = await withServer([verb, "dir/f"], folder, (raw) => raw.play(spoken(...turns), "server"));
    assertEquals(shown, ended(0, `client ${doing}\nComplete\n`));
  }
  assertEquals(await Deno.readTextFile(folder.at("f")), "ERROR");
  assertEquals(await Deno.readTextFile(folder.at("dir/f")), "world");
});

// What is said in turn until the data has been sent, without a GET's last turn, which has the data too.
const GET = ["READY", "GET f", "OK", "READY", SIZE_5, "OK"];
const PUT = ["READY", "PUT f", "OK", SIZE_5, "OK", "hello"];
const RECEIVING = "client receiving file f (5 bytes)\n";
const SENDING = "client sending file f (5 bytes)\n";
const DELETING = "client deleting file f\n";

/** A conversation that fails: what is said in turn, the lines that the client has printed by then, and the reason. */
type Failure = [verb: string, turns: string[], lines: string, reason: string];

/** Asserts that each of them ends the client with its reason, or with the server's, and leaves the file. */
async function assertFail(failures: Failure[], { closes = false } = {}): Promise<void> {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  for (const [verb, turns, lines, reason] of failures) {
    const shown = await withServer([verb, "f"], folder, async (raw) => {
      await raw.play(spoken(...turns), "server");
      if (closes) await raw.finish();
    });
    const isServers = reason.startsWith("server error");
    assertEquals(shown, isServers ? ended(1, `${lines}${reason}\n`) : ended(1, lines, `client: ${reason}\n`));
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
    assertEquals(await folder.names(), ["f"]);
  }
}

Deno.test("a server's error is shown without its prefix, in place of any message, and can't drive a terminal", async () => {
  const error = "ERROR: file f does not exist";
  const shown = "server error: file f does not exist";
  await assertFail([
    ["GET", [error], "", shown],
    ["GET", ["READY", "GET f", error], "", shown],
    ["GET", [...GET, `hello${error}`], RECEIVING, shown],
    ["PUT", [...PUT.slice(0, 4), error], "", shown],
    ["PUT", [...PUT, error], SENDING, shown],
    ["DEL", ["READY", "DEL f", error], DELETING, shown],
    ["GET", ["READY", "GET f", "ERROR: \x1b[2J\x07\u202e\nü"], "", "server error: \\x1b[2J\\x07\\u202e\\x0aü"],
  ]);
});

Deno.test("a message that the protocol does not have is one sentence on stderr", async () => {
  await assertFail([
    ["GET", ["HELLO"], "", 'expected READY, but received "HELLO" (at step "a. server: READY")'],
    ["GET", ["HI\x1b[2J"], "", 'expected READY, but received "HI\\x1b[2J" (at step "a. server: READY")'],
    ["GET", [...GET, "helloGONE"], RECEIVING, 'expected DONE, but received "GONE" (at step "h. server: DONE")'],
    ["PUT", [...PUT.slice(0, 4), "KO"], "", 'expected OK, but received "KO" (at step "e. server: OK")'],
    ["PUT", [...PUT, "OKAY"], SENDING, 'expected DONE, but received "OKAY" (at step "g. server: DONE")'],
    ["DEL", ["READY", "DEL f", "OKNO"], DELETING, 'expected DONE, but received "NO" (at step "c. server: DONE")'],
  ]);
});

Deno.test("a server that goes away is one sentence on stderr", async () => {
  const closed = "but the connection was closed";
  const perhaps = "has the server stopped, is it busy, does it use TLS (--tls), or does it refuse your address?";
  const size = `expected 1 more bytes of a size, ${closed} (at step "e. server: <# bytes>")`;
  await assertFail([
    ["GET", [], "", `expected READY, ${closed} (at step "a. server: READY"); ${perhaps}`],
    ["GET", [...GET.slice(0, 4), SIZE_5.slice(0, 7)], "", size],
    [
      "GET",
      [...GET, "hell"],
      RECEIVING,
      `the server closed the connection after 4 of 5 bytes (at step "g. server: sends bytes")`,
    ],
    ["GET", [...GET, "helloDON"], RECEIVING, 'expected DONE, but received "DON" (at step "h. server: DONE")'],
    ["PUT", PUT, SENDING, `expected DONE, ${closed} (at step "g. server: DONE")`],
  ], { closes: true });
});

const FULL = "ERROR: the disk is full";
for (const [said, then] of [[FULL, "closes"], [FULL, "stays"], ["", "closes"]] as const) {
  Deno.test(`in the middle of an upload the server says "${said}" and ${then}: the client tells of it`, async () => {
    await using folder = new Folder();
    // More than the buffers of both sides hold: the client can't have sent it all.
    const size = 256 * 1024 * 1024;
    await Deno.writeFile(folder.at("f"), new Uint8Array(0));
    await Deno.truncate(folder.at("f"), size);
    const output = await withServer(["PUT", "f"], folder, async (raw) => {
      const data = "\0".repeat(5000);
      await raw.play(spoken("READY", "PUT f", "OK", "\0\0\0\0\x10\0\0\0", "OK", data, said), "server");
      if (then === "closes") raw[Symbol.dispose]();
    });
    const sending = `client sending file f (${size} bytes)\n`;
    if (said) return assertEquals(output, ended(1, `${sending}server error: the disk is full\n`));
    assertEquals([output.status, output.stdout], [1, sending]);
    assertMatch(output.stderr, /^client: .* after \d+ of 268435456 bytes \(at step "f\. client: sends bytes"\)\n$/);
  });
}

/** Runs the client and sees that it makes no connection; one that it made would end. */
async function unconnected(folder: Folder, args: string[]): Promise<Output> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const output = await runClient(["127.0.0.1", `${port}`, ...args, "--wait", "10"], { cwd: folder.path });
  // The first connection that comes is the test's own.
  using own = await Deno.connect({ hostname: "127.0.0.1", port });
  using first = await listener.accept();
  assertEquals(first.remoteAddr, own.localAddr);
  return output;
}

Deno.test("errors that need no server are reported without a connection", async () => {
  await using folder = new Folder();
  for (const name of ["dir", "\u202e"]) await folder.folder(name);
  await Deno.writeTextFile(folder.at("f"), "mine");
  const draft = `.blockferry-${crypto.randomUUID()}.part`;
  const isFolder = "that is a folder";
  const tar = "tar c dir | client ... PUT - --as dir.tar sends what is in it";
  const known: [args: string[], error: string, reason?: string][] = [
    [["PUT", "no file"], "no file does not exist"],
    [["PUT", "none", "--as", "g"], "none does not exist"],
    [["PUT", "dir/no file"], "dir/no file does not exist"],
    [["PUT", "\ufffd"], "\ufffd does not exist", "\ufffd: if its name is not UTF-8, PUT - --as NAME can send it"],
    [["PUT", "dir"], "dir does not exist", `dir: ${isFolder}; ${tar}`],
    [
      ["PUT", "/"],
      "/ does not exist",
      `/: ${isFolder}; tar c / | client ... PUT - --as folder.tar sends what is in it`,
    ],
    [["GET", "dir"], "unable to create file dir", `dir: ${isFolder}`],
    [["GET", "there/dir"], "unable to create file there/dir", `dir: ${isFolder}`],
    [["GET", "f", "--as", "dir"], "unable to create file dir", `dir: ${isFolder}`],
    [["GET", "f", "--as", "none/f"], "unable to create file none/f", "none/f: its folder does not exist"],
    [["GET", "f", "--as", "none/."], "unable to create file none/.", `none/.: ${isFolder}`],
    [["GET", "f", "--as", draft], `unable to create file ${draft}`, `${draft}: its name is that of a temporary file`],
    [["GET", "f", "--no-clobber"], "unable to create file f", "f: it exists"],
    [["GET", "\u202e"], "unable to create file \\u202e", `\\u202e: ${isFolder}`],
  ];
  for (const [args, error, reason] of known) {
    const shown = ended(1, `client error: ${error}\n`, reason ? `client: ${reason}\n` : "");
    assertEquals(await unconnected(folder, args), shown, args.join(" "));
  }
  assertEquals([await folder.names(), await Deno.readTextFile(folder.at("f"))], [["dir", "f", "\u202e"], "mine"]);
});

testWith([SOURCES], "a missing permission for the network is one sentence", async () => {
  await using folder = new Folder();
  const permissions = ["--allow-read", "--allow-write"];
  const reason = "cannot connect to 127.0.0.1 port 1: no permission (run it with --allow-net=127.0.0.1:1)";
  const shown = await runClient(["127.0.0.1", "1", "GET", "new"], { cwd: folder.path, permissions });
  assertEquals(shown, ended(1, "", `client: ${reason}\n`));
  assertEquals(await folder.names(), []);
});

Deno.test("a server that isn't there is one sentence on stderr and status 1", async () => {
  await using folder = new Folder();
  const port = freePort();
  for (const address of ["127.0.0.1", "localhost"]) {
    const shown = await runClient([address, `${port}`, "GET", "f"], { cwd: folder.path });
    assertEquals(shown, ended(1, "", `client: cannot connect to ${address} port ${port}: connection refused\n`));
  }
  const several = await runClient(["127.0.0.1", `${port}`, "DEL", "a", "b"], { cwd: folder.path });
  const reason = `cannot connect to 127.0.0.1 port ${port}: connection refused`;
  assertEquals(several.stderr, `client: a: ${reason}\nclient: b: ${reason}\nclient: 0 of 2 files done\n`);
  assertEquals(await folder.names(), []);
});
