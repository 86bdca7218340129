/** What the server prints, letter for letter, and the status that it ends with. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { Folder } from "../../scripts/support/folder.ts";
import { freePort } from "../support/net.ts";
import { command, Process, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Raw, SIZE_5, spoken } from "../../scripts/support/raw.ts";

Deno.test("the server sends each of the lab's errors, and prints the refused request", async () => {
  await using folder = new Folder();
  await folder.folder("sub");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const refusals = [
    ["GET no file", "ERROR: no file does not exist", []],
    ["GET sub", "ERROR: sub does not exist", []],
    ["DEL no file", "ERROR: no file does not exist", []],
    ["DEL sub", "ERROR: unable to delete sub", ["server deleting file sub"]],
    ["PUT sub", "ERROR: unable to create file sub", []],
    ["PUT sub/sub/f", "ERROR: unable to create file sub/sub/f", []],
  ] as const;
  const served: [string, ...string[]][] = [];
  for (const [request, error, more] of refusals) {
    const address = await playClient(server.port, "READY", request, error);
    served.push([address, `server receiving request: ${request}`, ...more]);
  }
  await assertPrints(server, served, [
    "server: sub does not exist: that is a folder",
    "server: unable to delete sub: that is a folder",
    "server: unable to create file sub: that is a folder",
    "server: unable to create file sub/sub/f: its folder does not exist",
  ]);
  assertEquals(await folder.names(), ["sub"]);
});

Deno.test("a client that breaks the protocol is one line on stderr", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const help = "ERROR: expected GET, PUT or DEL, a space and a file name of up to 4096 bytes in UTF-8";
  const [unknown, silent, wrong, short] = [
    await playClient(server.port, "READY", "LIST *", help),
    await playClient(server.port, "READY"),
    await playClient(server.port, "READY", "PUT f", "OK", "\0\0\0"),
    await playClient(server.port, "READY", "PUT f", "OK", SIZE_5, "OK", "hell"),
  ];
  await assertPrints(server, [
    [unknown, "server receiving request: LIST *"],
    [silent],
    [wrong, "server receiving request: PUT f"],
    [short, "server receiving request: PUT f", "server receiving 5 bytes"],
  ], [
    // Nothing of the client that went without a word: so does a balancer's health check.
    'server: expected 5 more bytes of a size, but the connection was closed (at step "d. client: <# bytes>")',
    'server: expected file data, but the connection was closed (at step "f. client: sends bytes")',
  ]);
  assertEquals(await folder.names(), []);
});

Deno.test("what a client sends can't drive the server's terminal", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("\u202ef"), "");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const [missing, deleted] = [
    await playClient(server.port, "READY", "GET \x1b[2J", "ERROR: \x1b[2J does not exist"),
    await playClient(server.port, "READY", "DEL \u202ef", "DONE"),
  ];
  await assertPrints(server, [
    [missing, "server receiving request: GET \\x1b[2J"],
    [deleted, "server receiving request: DEL \\u202ef", "server deleting file \\u202ef"],
  ]);
});

Deno.test("without -v the server prints nothing at all, whatever happens", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const port = freePort();
  await using server = new Process([...command("server"), `${port}`], { cwd: folder.path });
  await listening(port, server);
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
  await using folder = new Folder();
  const wrong: ["client" | "server", string[], string][] = [
    ["server", ["--port", "1"], "there is no option --port: the port comes first"],
    ["client", ["localhost", "1", "GTE", "f"], "unknown command GTE; did you mean GET?"],
  ];
  for (const [program, args, message] of wrong) {
    assertEquals(await run([...command(program), ...args], { cwd: folder.path }), {
      status: 2,
      stdout: "",
      stderr: `${program}: ${message} (--help shows the usage)\n`,
    });
  }
});

/**
 * Plays a client, which hears first; ends its side after the last text, and hears the server close. Its own address,
 * as the server prints it.
 */
async function playClient(port: number, ...texts: string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const { hostname, port: own } = conn.localAddr;
  using raw = new Raw(conn);
  await raw.play(spoken(...texts), "client");
  await raw.finish();
  assertEquals(await raw.rest(), "");
  return `${hostname}:${own}`;
}

/** Ends the server, and compares all that it printed: of each client its address, and what followed. */
async function assertPrints(
  server: ServerProcess,
  clients: [address: string, ...lines: string[]][],
  errors: string[] = [],
): Promise<void> {
  const waiting = `server waiting on port ${server.port}`;
  const served = clients.flatMap((
    [address, ...lines],
  ) => [`server connected to client at ${address}`, ...lines, waiting]);
  await server.line(/^server waiting/, served.length);
  await server.end();
  assertEquals([server.lines, server.errors], [[waiting, ...served], errors]);
}

/** Awaits a server that does not say when it listens. */
async function listening(port: number, server: Process): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (true) {
    try {
      await playClient(port, "READY");
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      assert(performance.now() < deadline, `no server on port ${port}: ${server.errors}`);
      await delay(20);
    }
  }
}
