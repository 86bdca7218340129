/** What the server prints, letter for letter, and the status that it ends with. */

import { assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { freePort, waitFor } from "../support/net.ts";
import { command, Process, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Raw, SIZE_5, spoken } from "../../scripts/support/raw.ts";

/** Plays a client, which hears first; ends its side after the last text, and hears the server close. Its own address. */
async function playClient(port: number, ...texts: string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const { hostname, port: own } = conn.localAddr;
  using raw = new Raw(conn);
  await raw.play(spoken(...texts), "client");
  await raw.finish();
  assertEquals(await raw.rest(), "");
  return `${hostname}:${own}`;
}

Deno.test("the server prints each request, the lab's lines, and in a line what was wrong", async () => {
  await using folder = new Folder();
  await folder.folder("sub");
  await Deno.writeTextFile(folder.at("\u202ef"), "");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const expected = "expected GET, PUT or DEL, a space and a file name of up to 4096 bytes in UTF-8";
  const closed = "but the connection was closed";
  // What is said, what the server prints of it after the request, and the reason on standard error.
  const visits: [texts: string[], lines?: string[], reason?: string][] = [
    [["GET no file", "ERROR: no file does not exist"]],
    [["GET sub", "ERROR: sub does not exist"], [], "sub does not exist: that is a folder"],
    [["DEL no file", "ERROR: no file does not exist"]],
    [["DEL sub", "ERROR: unable to delete sub"], ["deleting file sub"], "unable to delete sub: that is a folder"],
    [["PUT sub", "ERROR: unable to create file sub"], [], "unable to create file sub: that is a folder"],
    [
      ["PUT sub/sub/f", "ERROR: unable to create file sub/sub/f"],
      [],
      "unable to create file sub/sub/f: its folder does not exist",
    ],
    [["LIST *", `ERROR: ${expected}`]],
    // Nothing of the client that goes without a word: so does a balancer's health check.
    [[]],
    [["PUT f", "OK", "\0\0\0"], [], `expected 5 more bytes of a size, ${closed} (at step "d. client: <# bytes>")`],
    [
      ["PUT f", "OK", SIZE_5, "OK", "hell"],
      ["receiving 5 bytes"],
      `expected file data, ${closed} (at step "f. client: sends bytes")`,
    ],
    // What a client sends can't drive the server's terminal.
    [["GET \x1b[2J", "ERROR: \x1b[2J does not exist"]],
    [["DEL \u202ef", "DONE"], ["deleting file \\u202ef"]],
  ];
  const waiting = `server waiting on port ${server.port}`;
  const [printed, errors] = [[waiting], [] as string[]];
  for (const [texts, lines = [], reason] of visits) {
    printed.push(`server connected to client at ${await playClient(server.port, "READY", ...texts)}`);
    const request = texts[0]?.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e");
    if (request) printed.push(`server receiving request: ${request}`);
    printed.push(...lines.map((line) => `server ${line}`), waiting);
    if (reason) errors.push(`server: ${reason}`);
  }
  await server.line(/^server waiting/, printed.length - 1);
  await server.end();
  assertEquals([server.lines, server.errors], [printed, errors]);
  assertEquals(await folder.names(), ["sub"]);
});

Deno.test("without -v the server prints nothing at all, whatever happens", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const port = freePort();
  await using server = new Process([...command("server"), `${port}`], { cwd: folder.path });
  await waitFor(() => playClient(port, "READY").then(() => true, () => false), () => server.errors);
  await playClient(port, "READY", "GET f", "OK", "READY", SIZE_5, "OK", "helloDONE");
  await playClient(port, "READY", "PUT new", "OK", SIZE_5, "OK", "world", "DONE");
  await playClient(port, "READY", "DEL f", "DONE");
  await playClient(port, "READY", "DEL f", "ERROR: f does not exist");
  await playClient(port, "READY", "PUT new", "OK", SIZE_5, "OK", "wor");
  await playClient(port, "READY");
  await server.end();
  assertEquals([server.lines, server.errors], [[], []]);
});

Deno.test("a server that cannot start says why in one line, and ends with status 1", async () => {
  await using folder = new Folder();
  using taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  for (const args of [[`${taken.addr.port}`, "-v"], ["0", "-v", "--root", "missing"]]) {
    const { status, stdout, stderr } = await run([...command("server"), ...args], { cwd: folder.path });
    assertEquals({ status, stdout }, { status: 1, stdout: "" });
    assertMatch(stderr, /^server: (cannot listen on .* the port is in use|there is no folder missing .*)\n$/);
  }
});

Deno.test("a wrong command line is one line on stderr and status 2", async () => {
  const wrong: ["client" | "server", string[], string][] = [
    ["server", ["--port", "1"], "there is no option --port: the port comes first"],
    ["client", ["localhost", "1", "GTE", "f"], "unknown command GTE; did you mean GET?"],
  ];
  for (const [program, args, message] of wrong) {
    const stderr = `${program}: ${message} (--help shows the usage)\n`;
    assertEquals(await run([...command(program), ...args], { cwd: "/" }), { status: 2, stdout: "", stderr });
  }
});
