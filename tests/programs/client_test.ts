// @ts-types="../support/types/assert.d.ts"
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// @ts-types="../support/types/streams.d.ts"
import { toArrayBuffer } from "@std/streams/to-array-buffer";
import { progressLine } from "../../lib/cli/progress.ts";
import {
  command,
  DENO_JSON,
  Folder,
  type Output,
  Process,
  randomBytes,
  run,
  runClient,
  ServerProcess,
} from "../support/programs.ts";

/** A server and a folder for the client; `client` runs it there. */
class Pair implements AsyncDisposable {
  readonly folder = new Folder();
  server!: ServerProcess;

  static async start(...args: string[]): Promise<Pair> {
    const pair = new Pair();
    const served = await pair.folder.folder("served");
    await pair.folder.folder("mine");
    pair.server = await ServerProcess.start(args, { cwd: served });
    return pair;
  }

  get mine(): string {
    return this.folder.at("mine");
  }

  words(...args: string[]): string[] {
    return [...command("client"), "localhost", String(this.server.port), ...args];
  }

  client(...args: string[]): Promise<Output> {
    return runClient(["localhost", String(this.server.port), ...args], { cwd: this.mine });
  }

  /** Runs a shell's script, in which `"$@"` is the client's command line. */
  shell(script: string): Promise<Output> {
    return run(["bash", "-c", script, "bash", ...this.words()], { cwd: this.mine });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

Deno.test("several names are transferred one after another, on after a failure, and the failures counted", async () => {
  await using pair = await Pair.start();
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${pair.mine}/${name}`, name);
  assertEquals(await pair.client("put", "a", "none", "b", "c"), {
    status: 1,
    stdout: [
      "client sending file a (1 bytes)\nComplete\nclient error: none does not exist\n",
      "client sending file b (1 bytes)\nComplete\nclient sending file c (1 bytes)\nComplete\n",
    ].join(""),
    stderr: "client: 3 of 4 files done\n",
  });
  assertEquals(await pair.folder.names("served"), ["a", "b", "c"]);
  assertEquals((await pair.client("DEL", "a", "none", "c")).stderr, "client: 2 of 3 files done\n");
  assertEquals(await pair.folder.names("served"), ["b"]);
  assertEquals((await pair.client("get", "b", "b")).status, 0);
});

Deno.test("--as names the file at its destination", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(`${pair.mine}/f`, "hello");
  assertEquals((await pair.client("PUT", "f", "--as", "g")).stdout, "client sending file f (5 bytes)\nComplete\n");
  assertEquals((await pair.client("--as=h", "GET", "g")).stdout, "client receiving file g (5 bytes)\nComplete\n");
  assertEquals(await Deno.readTextFile(`${pair.mine}/h`), "hello");
  await Deno.mkdir(`${pair.mine}/folder`);
  const { status, stdout } = await pair.client("GET", "g", "--as", "folder");
  assertEquals([status, stdout], [1, "client error: unable to create file folder\n"]);
});

Deno.test("GET --as - writes the data and nothing else to standard output", async () => {
  await using pair = await Pair.start();
  const data = randomBytes(1_000_000);
  await Deno.writeFile(pair.folder.at("served/f"), data);
  const [program, ...args] = pair.words("GET", "f", "--as", "-");
  const child = new Deno.Command(program!, { args, cwd: pair.mine, stdout: "piped", stderr: "piped" }).spawn();
  const [stdout, stderr] = await Promise.all([toArrayBuffer(child.stdout), toArrayBuffer(child.stderr)]);
  assertEquals((await child.status).code, 0);
  assertEquals(new Uint8Array(stdout), data);
  assertEquals(new TextDecoder().decode(stderr), "client receiving file f (1000000 bytes)\nComplete\n");
  const { stdout: none, stderr: error } = await pair.client("GET", "none", "--as", "-");
  assertEquals([none, error], ["", "server error: none does not exist\n"]);
  assertEquals(await pair.folder.names("mine"), []);
});

Deno.test("a closed pipe behind --as - ends the client quietly, and the server goes on", async () => {
  await using pair = await Pair.start();
  await Deno.writeFile(pair.folder.at("served/f"), new Uint8Array(20_000_000));
  const { status, stdout, stderr } = await pair.shell(
    '"$@" GET f --as - | head -c 1000 | wc -c; echo ${PIPESTATUS[0]}',
  );
  assertEquals([status, stdout.trim().split(/\s+/)], [0, ["1000", "1"]]);
  assertEquals(stderr, "client receiving file f (20000000 bytes)\n");
  assertEquals((await pair.client("DEL", "f")).status, 0);
});

Deno.test("--quiet prints errors only", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(`${pair.mine}/f`, "hello");
  const silent = { status: 0, stdout: "", stderr: "" };
  assertEquals(await pair.client("PUT", "f", "-q", "--verify"), silent);
  assertEquals(await pair.client("GET", "f", "--quiet"), silent);
  assertEquals(await pair.client("DEL", "f", "-q"), silent);
  assertEquals(await pair.client("DEL", "f", "-q"), {
    status: 1,
    stdout: "server error: f does not exist\n",
    stderr: "",
  });
});

Deno.test("--verify tells the sum of what the server has", async () => {
  await using pair = await Pair.start();
  const data = randomBytes(300_000);
  await Deno.writeFile(`${pair.mine}/f`, data);
  const sum = [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const args of [["PUT", "f"], ["PUT", "f", "--as", "g"], ["GET", "g"], ["GET", "g", "--as", "h"]]) {
    const { status, stderr } = await pair.client(...args, "--verify");
    assertEquals([status, stderr], [0, `verified SHA-256 ${sum}\n`], args.join(" "));
  }
});

for (const verb of ["PUT", "GET"]) {
  Deno.test(`--verify catches a server that flips one byte on disk, after a ${verb}`, async () => {
    await using folder = new Folder();
    await folder.folder("served");
    await Deno.writeFile(folder.at("f"), randomBytes(5000));
    await Deno.copyFile(folder.at("f"), folder.at("served/f"));
    const naive = await Deno.readTextFile(`${import.meta.dirname}/../peers/naive_server.py`);
    // Behind every answer the first byte of the file is another.
    const flipping = naive.replace(
      "    conn.close()\n",
      `    with open("f", "r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    conn.close()
`,
    );
    await Deno.writeTextFile(folder.at("flipping.py"), flipping);
    let server: Process;
    try {
      server = new Process(["python3", folder.at("flipping.py"), "0", "-v"], { cwd: folder.at("served") });
    } catch {
      return console.log("left out: python3 is not installed");
    }
    await using _ = server;
    const port = (await server.line(/waiting on port \d+/)).match(/\d+$/)![0];
    const args = ["localhost", port, verb, "f", "--verify"];
    const { status, stderr } = await runClient(args, { cwd: folder.path });
    assertEquals(status, 1);
    assertMatch(stderr, /^client: f differs: moved SHA-256 [0-9a-f]{64}, fetched again [0-9a-f]{64}\n$/);
  });
}

Deno.test("--limit-rate keeps to its rate, whichever way the data goes", async () => {
  await using pair = await Pair.start();
  await Deno.writeFile(`${pair.mine}/f`, randomBytes(300 * 1024));
  for (const verb of ["PUT", "GET"]) {
    const start = performance.now();
    assertEquals((await pair.client(verb, "f", "--limit-rate", "300K")).status, 0);
    // The last piece is not waited for.
    const seconds = (performance.now() - start) / 1000;
    assertEquals(seconds > 0.8, true, `${verb} took ${seconds} s`);
  }
});

Deno.test("a file's name that ends like a short option is no option", async () => {
  await using pair = await Pair.start();
  for (const name of ["sh", "aq", "xv"]) await Deno.writeTextFile(`${pair.mine}/${name}`, "hello");
  const stdout = ["sh", "aq", "xv"].map((name) => `client sending file ${name} (5 bytes)\nComplete\n`).join("");
  assertEquals(await pair.client("PUT", "sh", "aq", "xv"), { status: 0, stdout, stderr: "" });
  assertEquals(await pair.folder.names("served"), ["aq", "sh", "xv"]);
});

Deno.test("a file is called by its own name when it is missing, and by --as when that can't be created", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(pair.folder.at("served/f"), "hello");
  await Deno.mkdir(`${pair.mine}/folder`);
  assertEquals((await pair.client("PUT", "none", "--as", "g")).stdout, "client error: none does not exist\n");
  assertEquals(
    (await pair.client("GET", "f", "--as", "folder")).stdout,
    "client error: unable to create file folder\n",
  );
  for (const name of ["none/", "none/.", `.blockferry-${crypto.randomUUID()}.part`]) {
    assertEquals((await pair.client("GET", "f", "--as", name)).stdout, `client error: unable to create file ${name}\n`);
  }
  assertEquals(await pair.folder.names("mine"), ["folder"]);
});

Deno.test("a name that would arrive as another is refused before there is a connection", async () => {
  await using folder = new Folder();
  for (const name of ["f\n", "f\r\n", "x".repeat(4097)]) {
    const { status, stdout, stderr } = await runClient(["127.0.0.1", "1", "DEL", name], { cwd: folder.path });
    assertEquals([status, stdout], [1, ""]);
    assertMatch(stderr, /^client: the protocol can.t carry the file name "[^\n]+\n$/);
  }
});

Deno.test("an output that can't be written is told in one sentence", async () => {
  if (Deno.build.os !== "linux") return console.log("left out: this system has no /dev/full");
  await using pair = await Pair.start();
  await Deno.writeFile(pair.folder.at("served/f"), new Uint8Array(100_000));
  for (const args of ["GET f", "GET f --as -", "--help", "--version"]) {
    const { status, stderr } = await pair.shell(`"$@" ${args} > /dev/full`);
    const lines = stderr.replace(/^client receiving.*\n/, "");
    assertEquals([status, lines], [1, "client: cannot write to standard output: no space left on device\n"]);
  }
  assertEquals(await pair.folder.names("mine"), []);
});

Deno.test("a standard error that can't be written changes nothing", async () => {
  if (Deno.build.os !== "linux") return console.log("left out: this system has no /dev/full");
  await using pair = await Pair.start();
  for (const name of ["f", "name\n"]) await Deno.writeTextFile(`${pair.mine}/${name}`, "hello");
  const wrong = await pair.shell(`"$@" --nope 2> /dev/full`);
  assertEquals([wrong.status, wrong.stdout], [2, ""]);
  const some = await pair.shell(`"$@" PUT $'name\\n' f 2> /dev/full`);
  assertEquals([some.status, some.stdout], [1, "client sending file f (5 bytes)\nComplete\n"]);
  // While the first client is served, the second has something to say.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = pair.shell(`"\${@:1:$# - 1}" ${listener.addr.port} DEL f --timeout 1 2> /dev/full`);
  using conn = await listener.accept();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await conn.write(new TextEncoder().encode("READYDONE"));
  assertEquals(await client, { status: 0, stdout: "client deleting file f\nComplete\n", stderr: "" });
});

Deno.test("an option may stand anywhere, and -- ends them", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(`${pair.mine}/--as`, "hello");
  await Deno.writeTextFile(`${pair.mine}/true`, "hello");
  const port = String(pair.server.port);
  const mine = { cwd: pair.mine };
  assertEquals((await runClient(["-q", "localhost", "--timeout", "5", port, "PUT", "--", "--as"], mine)).status, 0);
  assertEquals((await pair.client("PUT", "--quiet", "true")).status, 0);
  assertEquals(await pair.folder.names("served"), ["--as", "true"]);
});

Deno.test("a command line that is wrong touches nothing, and the nearest right word is told", async () => {
  await using folder = new Folder();
  const cases: [string[], string][] = [
    [["localhost", "1", "GTE", "f"], "unknown command GTE; did you mean GET?"],
    [["localhost", "1", "FETCH", "f"], "unknown command FETCH"],
    [["localhost", "1", "GET", "f", "--verfy"], "unknown option --verfy; did you mean --verify?"],
    [
      ["localhost", "1", "GET", "f", "--limitrate=5"],
      "unknown option --limitrate=5; did you mean --limit-rate?",
    ],
    [["localhost", "1", "GET", "f", "g", "--as", "h"], "option --as takes one file name, not several"],
    [["localhost", "1", "DEL", "f", "--as", "h"], "option --as does not go with DEL"],
    [["localhost", "1", "PUT", "f", "--as", "-"], "option --as - goes with GET alone"],
    [["localhost", "1", "DEL", "f", "--verify"], "option --verify does not go with DEL"],
    [["localhost", "1", "GET", "f", "--as"], "option --as needs a value"],
    [["localhost", "http", "GET", "f"], 'the port takes a whole number from 1 to 65535, not "http"'],
    [
      ["localhost", "1", "GET", "f", "--timeout", "-1"],
      'option --timeout takes a whole number from 0 to 1000000, not "-1"',
    ],
    [["localhost", "1", "GET", "f", "--gather", "0"], 'option --gather takes a whole number from 1 to 65536, not "0"'],
    [
      ["localhost", "1", "GET", "f", "--limit-rate", "5X"],
      'option --limit-rate takes a number of bytes such as 64K or 5M, not "5X"',
    ],
    [["localhost", "1", "GET", "f", "--limit-rate", "0"], "option --limit-rate takes at least one byte a second"],
    [
      ["localhost", "1", "GET", "f", "--limit-rate", "9".repeat(20)],
      `option --limit-rate: ${"9".repeat(20)} is more than the largest file's size, 2^64-1 bytes`,
    ],
    [
      ["localhost", "1", "GET", "f", "--limit-rate", "9".repeat(400)],
      `option --limit-rate takes a number of bytes such as 64K or 5M, not "${"9".repeat(400)}"`,
    ],
    [["localhost", "1", "GET", "f", "--verify=no"], "option --verify takes no value"],
    [["localhost", "1", "GET", "f", "--_=x"], "unknown option --_=x"],
    [["localhost", "1", "GET", "f", "--ca", "none.pem"], "option --ca: cannot read none.pem"],
    [["localhost", "1", "GET", "f", "--ca", DENO_JSON], `option --ca: there is no certificate (PEM) in ${DENO_JSON}`],
    [["localhost", "1", "GET", ""], "expected an address, a port, a command and a file name"],
    [[], "expected an address, a port, a command and a file name"],
    [["localhost", "1", "\x1b[2J", "f"], "unknown command \\x1b[2J"],
  ];
  for (const [args, message] of cases) {
    assertEquals(await runClient(args, { cwd: folder.path }), {
      status: 2,
      stdout: "",
      stderr: `client: ${message} (--help shows the usage)\n`,
    });
  }
  assertEquals(await folder.names(), []);
});

Deno.test("a progress line tells share, bytes, rate and time left, and fits any width", () => {
  const params = { value: 512 * 1024, total: 1024 * 1024, progress: 0.5 };
  const rate = 64 * 1024;
  assertEquals(
    progressLine(params, rate, 80),
    "[#################----------------]  50%  512 kiB of 1 MiB  64 kiB/s  0:08 left",
  );
  for (let columns = 0; columns < 120; columns++) {
    const line = progressLine(params, rate, columns);
    assertEquals(line.length <= Math.max(columns - 1, 0), true, `${columns}: ${line}`);
    if (columns > 5) assertStringIncludes(line, "50%");
  }
});
