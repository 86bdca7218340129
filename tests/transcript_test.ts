/** What both programs print, letter for letter, and the status that they end with. */

// @ts-types="./types/assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { command, Folder, freePort, type Output, Process, run, runClient, ServerProcess } from "./programs.ts";

// ---- The server, with a client that the test plays ----

Deno.test("the server prints the lab's lines for a GET, a PUT and a DEL, and that it waits before each client", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("my file.txt"), "hello");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const [get, put, del] = [
    await playClient(server.port, "READY", "GET my file.txt", "OK", "READY", SIZE_5, "OK", "helloDONE"),
    await playClient(server.port, "READY", "PUT new", "OK", SIZE_5, "OK", "world", "DONE"),
    await playClient(server.port, "READY", "DEL my file.txt", "DONE"),
  ];
  assertEquals(await folder.names(), ["new"]);
  assertEquals(await Deno.readTextFile(folder.at("new")), "world");
  await assertPrints(server, [
    `server connected to client at ${get}`,
    "server receiving request: GET my file.txt",
    "server sending 5 bytes",
    `server waiting on port ${server.port}`,
    `server connected to client at ${put}`,
    "server receiving request: PUT new",
    "server receiving 5 bytes",
    `server waiting on port ${server.port}`,
    `server connected to client at ${del}`,
    "server receiving request: DEL my file.txt",
    "server deleting file my file.txt",
  ]);
});

Deno.test("the server sends each of the lab's errors, and prints the request that it refused", async () => {
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
  const lines = [];
  for (const [request, error, more] of refusals) {
    const address = await playClient(server.port, "READY", request, error);
    lines.push(`server connected to client at ${address}`, `server receiving request: ${request}`, ...more);
    lines.push(`server waiting on port ${server.port}`);
  }
  await assertPrints(server, lines.slice(0, -1));
  assertEquals(await folder.names(), ["sub"]);
});

Deno.test("a server that may not write says so in the lab's words", async () => {
  if (isCompiled("server")) return console.log("left out: a compiled server has its permissions built in");
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "f");
  await using server = await ServerProcess.start([], {
    cwd: folder.path,
    permissions: ["--allow-net", "--allow-read"],
  });
  await playClient(server.port, "READY", "PUT f", "ERROR: unable to create file f");
  await playClient(server.port, "READY", "PUT new", "ERROR: unable to create file new");
  await playClient(server.port, "READY", "DEL f", "ERROR: unable to delete f");
  assertEquals(await Deno.readTextFile(folder.at("f")), "f");
});

Deno.test("a client that leaves the protocol is one line on stderr, and the server goes on", async () => {
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
    `server connected to client at ${unknown}`,
    "server receiving request: LIST *",
    `server waiting on port ${server.port}`,
    `server connected to client at ${silent}`,
    `server waiting on port ${server.port}`,
    `server connected to client at ${wrong}`,
    "server receiving request: PUT f",
    `server waiting on port ${server.port}`,
    `server connected to client at ${short}`,
    "server receiving request: PUT f",
    "server receiving 5 bytes",
  ], [
    'server: expected a command, but the connection was closed (at step "b. client: GET, PUT or DEL <filename>")',
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
    `server connected to client at ${missing}`,
    "server receiving request: GET \\x1b[2J",
    `server waiting on port ${server.port}`,
    `server connected to client at ${deleted}`,
    "server receiving request: DEL \\u202ef",
    "server deleting file \\u202ef",
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
  await server[Symbol.asyncDispose]();
  assertEquals([server.lines, server.errors], [[], []]);
});

Deno.test("a DEL that comes twice in one piece deletes the file that it names once", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "f");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const [first, second] = [
    await playClient(server.port, "READY", "DEL fDEL f", "DONE"),
    await playClient(server.port, "READY", "DEL fDEL f", "ERROR: f does not exist"),
  ];
  await assertPrints(server, [
    `server connected to client at ${first}`,
    "server receiving request: DEL fDEL f",
    "server deleting file f",
    `server waiting on port ${server.port}`,
    `server connected to client at ${second}`,
    "server receiving request: DEL fDEL f",
  ]);
  assertEquals(await folder.names(), []);
});

Deno.test("a DEL that comes again in a second piece is answered once, before or behind the answer", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start([], { cwd: folder.path });
  // An empty text is nothing to hear: two pieces are said in a row, or nothing is answered.
  for (const ending of [["", "DEL f", "DONE"], ["DONE", "DEL f", ""]]) {
    await Deno.writeTextFile(folder.at("f"), "f");
    await playClient(server.port, "READY", "DEL f", ...ending);
    assertEquals(await folder.names(), []);
  }
  await playClient(server.port, "READY", "DEL f", "", "DEL f", "ERROR: f does not exist");
  await server[Symbol.asyncDispose]();
  assertEquals(server.errors, []);
});

Deno.test("a DEL of a file that really is called so deletes that one", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "f");
  await Deno.writeTextFile(folder.at("fDEL f"), "fDEL f");
  await using server = await ServerProcess.start([], { cwd: folder.path });
  await playClient(server.port, "READY", "DEL fDEL f", "DONE");
  assertEquals(await folder.names(), ["f"]);
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

Deno.test("a command line that is wrong is one line on stderr and status 2", async () => {
  await using folder = new Folder();
  const wrong: ["client" | "server", string[], string][] = [
    ["server", [], "expected a port"],
    ["server", ["http"], 'the port takes a whole number from 0 to 65535, not "http"'],
    ["server", ["0", "folder"], 'unexpected argument "folder"'],
    ["server", ["0", "-x"], "unknown option -x"],
    ["client", ["localhost", "1", "GET"], "expected an address, a port, a command and a file name"],
    ["client", ["localhost", "0", "GET", "f"], 'the port takes a whole number from 1 to 65535, not "0"'],
    ["client", ["localhost", "1", "LIST", "f"], "unknown command LIST"],
    ["client", ["localhost", "1", "GET", "f", "--fast"], "unknown option --fast"],
  ];
  for (const [program, args, message] of wrong) {
    assertEquals(await run([...command(program), ...args], { cwd: folder.path }), {
      status: 2,
      stdout: "",
      stderr: `${program}: ${message} (--help shows the usage)\n`,
    });
  }
});

// ---- The client, with a server that the test plays ----

Deno.test("the client prints the lab's lines for a GET, a PUT and a DEL", async () => {
  await using folder = new Folder();
  const get = ["READY", "GET my file.txt", "OK", "READY", SIZE_5, "OK", "helloDONE"];
  assertEquals(await playServer(["GET", "my file.txt"], folder, ...get), {
    status: 0,
    stdout: "client receiving file my file.txt (5 bytes)\nComplete\n",
    stderr: "",
  });
  const put = ["READY", "PUT my file.txt", "OK", SIZE_5, "OK", "hello", "DONE"];
  assertEquals(await playServer(["PUT", "my file.txt"], folder, ...put), {
    status: 0,
    stdout: "client sending file my file.txt (5 bytes)\nComplete\n",
    stderr: "",
  });
  assertEquals(await playServer(["DEL", "my file.txt"], folder, "READY", "DEL my file.txt", "DONE"), {
    status: 0,
    stdout: "client deleting file my file.txt\nComplete\n",
    stderr: "",
  });
});

Deno.test("a path is shown as typed: a PUT sends its last part, a GET asks for all of it and saves the last part", async () => {
  await using folder = new Folder();
  await folder.folder("dir");
  await Deno.writeTextFile(folder.at("dir/f"), "world");
  assertEquals(await playServer(["PUT", "dir/f"], folder, "READY", "PUT f", "OK", SIZE_5, "OK", "world", "DONE"), {
    status: 0,
    stdout: "client sending file dir/f (5 bytes)\nComplete\n",
    stderr: "",
  });
  const get = ["READY", "GET dir/f", "OK", "READY", SIZE_5, "OK", "helloDONE"];
  assertEquals(await playServer(["GET", "dir/f"], folder, ...get), {
    status: 0,
    stdout: "client receiving file dir/f (5 bytes)\nComplete\n",
    stderr: "",
  });
  assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
  assertEquals(await Deno.readTextFile(folder.at("dir/f")), "world");
  assertEquals(await playServer(["DEL", "dir/f"], folder, "READY", "DEL dir/f", "DONE"), {
    status: 0,
    stdout: "client deleting file dir/f\nComplete\n",
    stderr: "",
  });
});

Deno.test("file data that reads like an error is data", async () => {
  await using folder = new Folder();
  const get = ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "ERRORDONE"];
  assertEquals(await playServer(["GET", "f"], folder, ...get), {
    status: 0,
    stdout: "client receiving file f (5 bytes)\nComplete\n",
    stderr: "",
  });
  assertEquals(await Deno.readTextFile(folder.at("f")), "ERROR");
});

Deno.test("a disk that is full is the client's error, in the lab's words", async () => {
  if (Deno.build.os !== "linux") return console.log("left out: this system has no /dev/full");
  if (isCompiled("client")) return console.log("left out: a compiled client has its permissions built in");
  await using folder = new Folder();
  await Deno.symlink("/dev/full", folder.at("f"));
  const get = ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "helloDONE"];
  // Deno opens most devices with all permissions only.
  assertEquals(await withServer(["GET", "f"], folder, (conn) => play(conn, get, [say, hear]), ["--allow-all"]), {
    status: 1,
    stdout: "client receiving file f (5 bytes)\nclient error: unable to create file f\n",
    stderr: "",
  });
});

Deno.test("a server's error is shown without its prefix, at each place of the protocol, also if the server never closes", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const places: [string, string[], string][] = [
    ["GET", [], ""],
    ["GET", ["READY", "GET f"], ""],
    ["GET", ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "hello"], "client receiving file f (5 bytes)\n"],
    ["PUT", ["READY", "PUT f"], ""],
    ["PUT", ["READY", "PUT f", "OK", SIZE_5], ""],
    ["PUT", ["READY", "PUT f", "OK", SIZE_5, "OK", "hello"], "client sending file f (5 bytes)\n"],
    ["DEL", ["READY", "DEL f"], "client deleting file f\n"],
  ];
  for (const [verb, turns, stdout] of places) {
    // Where the server speaks twice in a row, its two texts are one turn.
    const last = turns.length % 2 === 1 ? turns.pop()! : "";
    assertEquals(await playServer([verb, "f"], folder, ...turns, `${last}ERROR: file f does not exist`), {
      status: 1,
      stdout: `${stdout}server error: file f does not exist\n`,
      stderr: "",
    });
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
    assertEquals(await folder.names(), ["f"]);
  }
});

Deno.test("what a server says can't drive the client's terminal", async () => {
  await using folder = new Folder();
  assertEquals(await playServer(["GET", "f"], folder, "READY", "GET f", "ERROR: \x1b[2J\x07 \u202egone\nüber"), {
    status: 1,
    stdout: "server error: \\x1b[2J\\x07 \\u202egone\\x0aüber\n",
    stderr: "",
  });
  assertEquals(await playServer(["GET", "f"], folder, "HI\x1b[2J"), {
    status: 1,
    stdout: "",
    stderr: 'client: expected READY, but received "HI\\x1b[2J" (at step "a. server: READY")\n',
  });
});

Deno.test("anything else than the protocol has is one sentence on stderr: what was expected, what came, and where", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const surprises: [string, string[], string, string][] = [
    ["GET", ["HELLO"], "", 'expected READY, but received "HELLO" (at step "a. server: READY")'],
    ["GET", ["READY", "GET f", "NO"], "", 'expected OK, but received "NO" (at step "c. server: OK")'],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "helloGONE"],
      "client receiving file f (5 bytes)\n",
      'expected DONE, but received "GONE" (at step "h. server: DONE")',
    ],
    ["PUT", ["READY", "PUT f", "READY"], "", 'expected OK, but received "READY" (at step "c. server: OK")'],
    ["PUT", ["READY", "PUT f", "OK", SIZE_5, "KO"], "", 'expected OK, but received "KO" (at step "e. server: OK")'],
    [
      "PUT",
      ["READY", "PUT f", "OK", SIZE_5, "OK", "hello", "OKAY"],
      "client sending file f (5 bytes)\n",
      'expected DONE, but received "OKAY" (at step "g. server: DONE")',
    ],
    [
      "DEL",
      ["READY", "DEL f", "OK"],
      "client deleting file f\n",
      'expected DONE, but received "OK" (at step "c. server: DONE")',
    ],
  ];
  for (const [verb, turns, stdout, message] of surprises) {
    assertEquals(await playServer([verb, "f"], folder, ...turns), {
      status: 1,
      stdout,
      stderr: `client: ${message}\n`,
    });
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
  }
  assertEquals(await folder.names(), ["f"]);
});

Deno.test("a server that goes away is one sentence on stderr: what was expected, and where", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const ends: [string, string[], string, string][] = [
    [
      "GET",
      [],
      "",
      'expected READY, but the connection was closed (at step "a. server: READY"); does the server speak TLS (--tls), or not admit this address?',
    ],
    ["GET", ["READY", "GET f"], "", 'expected OK, but the connection was closed (at step "c. server: OK")'],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5.slice(0, 7)],
      "",
      'expected 1 more bytes of a size, but the connection was closed (at step "e. server: <# bytes>")',
    ],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "hell"],
      "client receiving file f (5 bytes)\n",
      'expected file data, but the connection was closed (at step "g. server: sends bytes")',
    ],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "helloDON"],
      "client receiving file f (5 bytes)\n",
      'expected DONE, but received "DON" (at step "h. server: DONE")',
    ],
    [
      "PUT",
      ["READY", "PUT f", "OK", SIZE_5, "OK", "hello"],
      "client sending file f (5 bytes)\n",
      'expected DONE, but the connection was closed (at step "g. server: DONE")',
    ],
  ];
  for (const [verb, turns, stdout, message] of ends) {
    const output = await withServer([verb, "f"], folder, async (conn) => {
      await play(conn, turns, [say, hear]);
      await conn.closeWrite();
    });
    assertEquals(output, { status: 1, stdout, stderr: `client: ${message}\n` });
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
  }
  assertEquals(await folder.names(), ["f"]);
});

for (const ending of ["closes", "stays"]) {
  Deno.test(`an error in the middle of an upload is shown, if the server then ${ending}`, async () => {
    await using folder = new Folder();
    // More than the buffers of both sides hold: the client can't have sent it all.
    const size = 256 * 1024 * 1024;
    await Deno.writeFile(folder.at("large"), new Uint8Array(0));
    await Deno.truncate(folder.at("large"), size);
    const output = await withServer(["PUT", "large"], folder, async (conn) => {
      await play(conn, ["READY", "PUT large", "OK", "\0\0\0\0\x10\0\0\0", "OK", "\0".repeat(5000)], [say, hear]);
      await say(conn, "ERROR: the disk is full");
      if (ending === "closes") conn.close();
    });
    assertEquals(output, {
      status: 1,
      stdout: `client sending file large (${size} bytes)\nserver error: the disk is full\n`,
      stderr: "",
    });
  });
}

Deno.test("what the client can tell without the server, it tells without a connection", async () => {
  await using folder = new Folder();
  await folder.folder("dir");
  await folder.folder("\u202e");
  const known: [string, string, string][] = [
    ["PUT", "no file", "no file does not exist"],
    ["PUT", "dir/no file", "dir/no file does not exist"],
    ["PUT", "dir", "dir does not exist"],
    ["GET", "dir", "unable to create file dir"],
    ["GET", "there/dir", "unable to create file there/dir"],
    ["GET", "\u202e", "unable to create file \\u202e"],
  ];
  for (const [verb, file, error] of known) await assertUnconnected(folder, [verb, file], error);
  assertEquals(await folder.names(), ["dir", "\u202e"]);
});

Deno.test("a permission that the client lacks is a file's error, or a sentence about the network", async () => {
  if (isCompiled("client")) return console.log("left out: a compiled client has its permissions built in");
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  await assertUnconnected(folder, ["GET", "new"], "unable to create file new", ["--allow-net", "--allow-read"]);
  await assertUnconnected(folder, ["GET", "f"], "unable to create file f", ["--allow-net", "--allow-read"]);
  await assertUnconnected(folder, ["PUT", "f"], "f does not exist", ["--allow-net", "--allow-write"]);
  const permissions = ["--allow-read", "--allow-write"];
  assertEquals(await runClient(["127.0.0.1", "1", "GET", "new"], { cwd: folder.path, permissions }), {
    status: 1,
    stdout: "",
    stderr: "client: cannot connect to 127.0.0.1 port 1: no permission (run it with --allow-net)\n",
  });
  assertEquals(await folder.names(), ["f"]);
});

Deno.test("a server that isn't there is one sentence on stderr and status 1", async () => {
  await using folder = new Folder();
  const port = freePort();
  for (const address of ["127.0.0.1", "localhost"]) {
    assertEquals(await runClient([address, `${port}`, "GET", "f"], { cwd: folder.path }), {
      status: 1,
      stdout: "",
      stderr: `client: cannot connect to ${address} port ${port}: connection refused\n`,
    });
  }
  assertEquals(await folder.names(), []);
});

// ---- Both sides of a conversation ----

const SIZE_5 = "\0\0\0\0\0\0\0\x05";

type Turn = (conn: Deno.TcpConn, text: string) => Promise<void>;

async function say(conn: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let start = 0; start < bytes.length;) start += await conn.write(bytes.subarray(start));
}

/** Reads exactly as many bytes as `text` has, or what there is, and compares. */
async function hear(conn: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new Uint8Array(new TextEncoder().encode(text).length);
  let length = 0;
  while (length < bytes.length) {
    const count = await conn.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  assertEquals(new TextDecoder().decode(bytes.subarray(0, length)), text);
}

/** Says and hears the texts in turn. */
async function play(conn: Deno.TcpConn, texts: string[], turns: [Turn, Turn]): Promise<void> {
  for (const [index, text] of texts.entries()) await turns[index % 2]!(conn, text);
}

/**
 * Plays a client, which hears first; ends its side after the last text, and hears the server close. Its own address,
 * as the server prints it.
 */
async function playClient(port: number, ...texts: string[]): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await play(conn, texts, [hear, say]);
  await conn.closeWrite();
  assertEquals(await conn.read(new Uint8Array(1)), null);
  const { hostname, port: own } = conn.localAddr as Deno.NetAddr;
  return `${hostname}:${own}`;
}

/** Plays a server, which speaks first, for one run of the client; it stays connected until the client has ended. */
function playServer(args: string[], folder: Folder, ...texts: string[]): Promise<Output> {
  return withServer(args, folder, (conn) => play(conn, texts, [say, hear]));
}

async function withServer(
  args: string[],
  folder: Folder,
  serve: (conn: Deno.TcpConn) => Promise<void>,
  permissions?: string[],
): Promise<Output> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = runClient(["127.0.0.1", `${listener.addr.port}`, ...args], {
    cwd: folder.path,
    ...(permissions && { permissions }),
  });
  const unconnected = client.then((output) => {
    throw new Error(`the client made no connection: ${JSON.stringify(output)}`);
  });
  using conn = await Promise.race([listener.accept(), unconnected]);
  await serve(conn);
  return await client;
}

/** Runs the client, and asserts that it ends with this error on its side and has made no connection. */
async function assertUnconnected(folder: Folder, args: string[], error: string, permissions?: string[]): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const options = { cwd: folder.path, ...(permissions && { permissions }) };
  assertEquals(await runClient(["127.0.0.1", `${port}`, ...args], options), {
    status: 1,
    stdout: `client error: ${error}\n`,
    stderr: "",
  });
  // The first connection that comes is the test's own.
  using own = await Deno.connect({ hostname: "127.0.0.1", port });
  using first = await listener.accept();
  assertEquals(first.remoteAddr, own.localAddr);
}

/** Ends the server, and compares all that it printed; it waited before the first client and behind the last. */
async function assertPrints(server: ServerProcess, lines: string[], errors: string[] = []): Promise<void> {
  const waiting = `server waiting on port ${server.port}`;
  await server.line(/^server waiting/, lines.length + 1);
  await server[Symbol.asyncDispose]();
  assertEquals(server.lines, [waiting, ...lines, waiting]);
  assertEquals(server.errors, errors);
}

/** Awaits a server that does not say when it listens. */
async function listening(port: number, server: Process): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (true) {
    try {
      await playClient(port, "READY");
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      assert(performance.now() < deadline, `no server on port ${port}: ${server.errors}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function isCompiled(program: "client" | "server"): boolean {
  return Deno.env.has(`BLOCKFERRY_${program.toUpperCase()}`);
}
