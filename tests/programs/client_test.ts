import { assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { encodeHex } from "@std/encoding";
import { toArrayBuffer } from "@std/streams";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { LINUX, PYTHON, testWith, UNIX } from "../support/needs.ts";
import { Pair } from "../../scripts/support/pair.ts";
import { ended, type Output, PROJECT, run, runClient, ServerProcess } from "../../scripts/support/programs.ts";
import { withServer } from "../support/played.ts";
import { PYTHON_WORDS } from "../support/python.ts";
import { conversation, wire } from "../../scripts/support/raw.ts";

Deno.test("several files are transferred in turn, past a failure, and failures counted", async () => {
  await using pair = await Pair.start();
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${pair.mine}/${name}`, name);
  const done = (name: string): string => `client sending file ${name} (1 bytes)\nComplete\n`;
  const lines = `${done("a")}client error: none does not exist\n${done("b")}${done("c")}`;
  const put = await pair.client("put", "a", "none", "b", "c");
  assertEquals(put, ended(1, lines, "client: 3 of 4 files done\n"));
  assertEquals(await pair.folder.names("served"), ["a", "b", "c"]);
  assertEquals((await pair.client("DEL", "a", "none", "c")).stderr, "client: 2 of 3 files done\n");
  assertEquals(await pair.folder.names("served"), ["b"]);
  assertEquals((await pair.client("get", "b", "b")).status, 0);
});

Deno.test("--as or -o names the file at its destination, or with / at its end a folder", async () => {
  await using pair = await Pair.start();
  for (const name of ["a", "b"]) await Deno.writeTextFile(`${pair.mine}/${name}`, name);
  for (const folder of ["served/sub", "mine/copies"]) await pair.folder.folder(folder);
  assertEquals((await pair.client("PUT", "a", "--as", "c")).stdout, "client sending file a (1 bytes)\nComplete\n");
  assertEquals((await pair.client("--as=d", "GET", "c")).stdout, "client receiving file c (1 bytes)\nComplete\n");
  assertEquals(await Deno.readTextFile(`${pair.mine}/d`), "a");
  assertEquals((await pair.client("PUT", "a", "b", "--as", "sub/")).status, 0);
  assertEquals((await pair.client("GET", "sub/a", "sub/b", "-o", "copies/")).status, 0);
  assertEquals(await pair.folder.names("served/sub"), ["a", "b"]);
  assertEquals(await pair.folder.names("mine/copies"), ["a", "b"]);
});

Deno.test("GET --as - writes the data and nothing else to standard output, however late its reader is", async () => {
  await using pair = await Pair.start();
  const data = randomBytes(1_000_000);
  await Deno.writeFile(pair.folder.at("served/f"), data);
  const [program, ...args] = pair.words("GET", "f", "--as", "-", "--timeout", "1");
  const child = new Deno.Command(program!, { args, cwd: pair.mine, stdout: "piped", stderr: "piped" }).spawn();
  // A timeout, and the time to start.
  await delay(2500);
  const [stdout, stderr] = await Promise.all([toArrayBuffer(child.stdout), toArrayBuffer(child.stderr)]);
  assertEquals((await child.status).code, 0);
  assertEquals(new Uint8Array(stdout), data);
  assertEquals(new TextDecoder().decode(stderr), "client receiving file f (1000000 bytes)\nComplete\n");
  const { stdout: none, stderr: error } = await pair.client("GET", "none", "--as", "-");
  assertEquals([none, error], ["", "server error: none does not exist\n"]);
  assertEquals(await pair.folder.names("mine"), []);
});

Deno.test("a closed pipe after --as - ends the client quietly, and the server goes on", async () => {
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
  for (const args of ["PUT f -q --verify", "GET f --quiet", "DEL f -q"]) {
    assertEquals(await pair.client(...args.split(" ")), ended(0, ""));
  }
  assertEquals(await pair.client("DEL", "f", "-q"), ended(1, "server error: f does not exist\n"));
});

Deno.test("--verify prints the sum of the server's file", async () => {
  await using pair = await Pair.start();
  const data = randomBytes(300_000);
  await Deno.writeFile(`${pair.mine}/f`, data);
  const sum = encodeHex(await crypto.subtle.digest("SHA-256", data));
  for (const args of ["PUT f --as g", "GET g --as h", "GET g --as /dev/null"]) {
    const { status, stderr } = await pair.client(...args.split(" "), "--verify");
    assertEquals([status, stderr], [0, `verified SHA-256 ${sum}\n`], args);
  }
});

for (const verb of ["PUT", "GET"]) {
  testWith([PYTHON], `--verify catches a server that flips one byte on disk, after a ${verb}`, async () => {
    await using folder = new Folder();
    await folder.folder("served");
    await Deno.writeFile(folder.at("f"), randomBytes(5000));
    await Deno.copyFile(folder.at("f"), folder.at("served/f"));
    const naive = await Deno.readTextFile(`${PROJECT}/scripts/support/peers/naive_server.py`);
    // After every answer the first byte of the file is another.
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
    const words = [...PYTHON_WORDS, folder.at("flipping.py"), "0", "-v"];
    await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
    const args = ["localhost", `${server.port}`, verb, "f", "--verify"];
    const { status, stdout, stderr } = await runClient(args, { cwd: folder.path });
    // The old file of a GET stands.
    assertEquals([status, /^Complete$/m.test(stdout)], [1, verb === "PUT"]);
    assertMatch(
      stderr,
      /^client: the file differs: (moved|on disk) SHA-256 [0-9a-f]{64}, fetched again [0-9a-f]{64}\n$/,
    );
  });
}

Deno.test("a name that would arrive as another is refused before there is a connection", async () => {
  await using folder = new Folder();
  const names = ["f\n", "f\r\n", "x".repeat(4097)];
  const { status, stdout, stderr } = await runClient(["127.0.0.1", "1", "DEL", ...names], { cwd: folder.path });
  assertEquals([status, stdout], [1, ""]);
  const said = /^(client: \S+: the protocol can't carry the file name "[^\n]+\n){3}client: 0 of 3 files done\n$/;
  assertMatch(stderr, said);
});

testWith([LINUX], "an output that can't be written is one sentence", async () => {
  await using pair = await Pair.start();
  await Deno.writeFile(pair.folder.at("served/f"), new Uint8Array(100_000));
  for (const args of ["GET f", "GET f --as -", "--help", "--version"]) {
    const { status, stderr } = await pair.shell(`"$@" ${args} > /dev/full`);
    const lines = stderr.replace(/^client receiving.*\n/, "");
    assertEquals([status, lines], [1, "client: cannot write to standard output: no space left on device\n"]);
  }
  assertEquals(await pair.folder.names("mine"), []);
});

testWith([LINUX], "a standard error that can't be written changes nothing", async () => {
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
  await delay(1500);
  await conn.write(new TextEncoder().encode("READYDONE"));
  assertEquals(await client, ended(0, "client deleting file f\nComplete\n"));
});

Deno.test("--no-clobber leaves a file that appears before all has arrived, and makes others", async () => {
  await using folder = new Folder();
  const get = conversation("GET", "f", wire("hello"));
  const { status, stderr } = await withServer(["GET", "f", "--no-clobber"], folder, async (raw) => {
    await raw.play(get.slice(0, -1), "server");
    await Deno.writeTextFile(folder.at("f"), "mine");
    await raw.play(get.slice(-1), "server");
  });
  assertEquals([status, stderr], [1, "client: f: file exists\n"]);
  assertEquals(await Deno.readTextFile(folder.at("f")), "mine");
  assertEquals(await folder.names(), ["f"]);
  const other = await withServer(["GET", "f", "--no-clobber", "--as", "g"], folder, (raw) => raw.play(get, "server"));
  assertEquals([other.status, await Deno.readTextFile(folder.at("g"))], [0, "hello"]);
});

// Runs a client whose standard output is a pipe that does not block, and reads it when it is full, or the client has ended.
// It stops at five megabytes: a client that writes again what was taken may never end.
const LAZY_READER = `
import os, select, subprocess, sys, time
reader, writer = os.pipe()
os.set_blocking(writer, False)
client = subprocess.Popen(sys.argv[2:], stdout=writer)
while client.poll() is None and (sys.argv[1] == "ended" or select.select([], [writer], [], 0)[1]):
    time.sleep(0.05)
time.sleep(0.3)
os.close(writer)
size = 0
# Slowly, so that the pipe has room for a part.
for data in iter(lambda: os.read(reader, 5000), b""):
    if (size := size + len(data)) > 5_000_000:
        client.kill()
    sys.stdout.buffer.write(data)
    time.sleep(0.005)
sys.exit(client.wait())
`;

testWith(
  [PYTHON, UNIX],
  "a full pipe that does not block gets each line once, and of a file no byte twice",
  async () => {
    await using pair = await Pair.start();
    const lazily = (until: "full" | "ended", ...args: string[]): Promise<Output> =>
      run([...PYTHON_WORDS, "-c", LAZY_READER, until, ...pair.words(...args)], { cwd: pair.mine });
    const names = Array.from({ length: 600 }, (_, index) => `${index} ${"long ".repeat(40)}`);
    const { status, stdout } = await lazily("full", "DEL", ...names);
    const lines = names.map((name) => `client deleting file ${name}\nserver error: ${name} does not exist\n`).join("");
    assertEquals([status, stdout === lines], [1, true]);
    const data = "text\n".repeat(100_000);
    await Deno.writeTextFile(pair.folder.at("served/f"), data);
    const cut = await lazily("ended", "GET", "f", "--as", "-");
    assertEquals([cut.status, data.startsWith(cut.stdout)], [1, true]);
    assertMatch(cut.stderr, /standard output is full, and another program has made it non-blocking/);
  },
);
