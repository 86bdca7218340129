import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../../lib/within.ts";
import { randomBytes } from "../../scripts/support/folder.ts";
import { MOUNTS, PYTHON, SOURCES, TERMINAL, testWith, UNIX } from "../support/needs.ts";
import { client, folders, Pair } from "../../scripts/support/pair.ts";
import { command, ended, type Output, Process, run, runClient, ServerProcess } from "../../scripts/support/programs.ts";
import { naive } from "../support/python.ts";
import { LIMIT_MS, Raw, spoken } from "../../scripts/support/raw.ts";

testWith([UNIX], "PUT - sends a pipe or a file of any size", async () => {
  await using pair = await Pair.start();
  const scripts = [
    'cat f | "$@" PUT - --as g --verify',
    '"$@" PUT - --as g --verify < f',
    '"$@" PUT <(cat f) --as g --verify',
  ];
  for (const [length, tried] of [[0, scripts.slice(0, 1)], [300_001, scripts]] as const) {
    const data = randomBytes(length);
    await Deno.writeFile(`${pair.mine}/f`, data);
    for (const script of tried) {
      const { status, stdout, stderr } = await pair.shell(script);
      assertEquals(status, 0, stderr);
      assertStringIncludes(stdout, `(${length} bytes)\nComplete\n`);
      assertEquals(await Deno.readFile(pair.folder.at("served/g")), data, script);
      await Deno.remove(pair.folder.at("served/g"));
    }
  }
  assertEquals((await pair.shell('cat f | "$@" PUT -')).status, 2);
});

testWith([MOUNTS], "PUT - leaves no temporary file, and a full disk for it is one sentence", async () => {
  await using pair = await Pair.start();
  await Deno.mkdir(`${pair.mine}/small`);
  const script = 'mount -t tmpfs -o size=1M tmpfs small && export TMPDIR="$PWD/small" && ' +
    'head -c 3000000 /dev/zero | "$@" PUT - --as g; ls -A small >&2';
  const words = ["unshare", "--mount", "bash", "-c", script, "bash", ...pair.words()];
  const { stdout, stderr } = await run(words, { cwd: pair.mine });
  assertEquals(stdout, "");
  // Nothing that ls would show follows.
  assertEquals(stderr, `client: cannot keep standard input in a file in ${pair.mine}/small: no space left on device\n`);
});

testWith([UNIX, SOURCES], "PUT - needs to read and write the temporary folder, and no other", async () => {
  await using pair = await Pair.start();
  const put = (...permissions: string[]): Promise<Output> => {
    const words = [...command("client", ["--allow-net", ...permissions]), "127.0.0.1", `${pair.server.port}`];
    return run(["bash", "-c", 'printf text | "$@"', "bash", ...words, "PUT", "-", "--as", "g"], { cwd: pair.mine });
  };
  for (const [access, missing] of [["read", "write"], ["write", "read"]] as const) {
    for (const folder of ["", "=/tmp"]) {
      const reason = `no permission to ${missing} /tmp (run it with --allow-${missing})`;
      const stderr = `client: cannot keep standard input in a file in the temporary folder (TMPDIR): ${reason}\n`;
      assertEquals(await put(`--allow-${access}${folder}`), { status: 1, stdout: "", stderr });
    }
  }
  const { status, stderr } = await put("--allow-read=/tmp", "--allow-write=/tmp");
  assertEquals([status, stderr], [0, ""]);
  assertEquals(await Deno.readTextFile(pair.folder.at("served/g")), "text");
});

testWith([UNIX], "a client whose output nobody reads still transfers, and ends by a signal", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(`${pair.mine}/f`, "hello");
  // The pipe is full before the client begins.
  const script = 'head -c 65536 /dev/zero; exec "$@"';
  const args = ["-c", script, "bash", ...pair.words("PUT", "f")];
  await using client = new Deno.Command("bash", { args, cwd: pair.mine, stdout: "piped" }).spawn();
  await pair.server.line(/receiving 5 bytes/);
  await pair.server.line(/waiting/, 3);
  assertEquals(await Deno.readTextFile(pair.folder.at("served/f")), "hello");
  client.kill("SIGTERM");
  assertEquals((await within(client.status, LIMIT_MS))?.code, 143);
  await client.stdout.cancel();
});

testWith([TERMINAL, SOURCES], "on a terminal with TERM=dumb there is no bar", async () => {
  await using pair = await Pair.start();
  await Deno.writeFile(`${pair.mine}/f`, randomBytes(1_000_000));
  const args = ["localhost", `${pair.server.port}`, "PUT", "f", "--limit-rate", "1M"];
  const words = [...command("client", ["--allow-net", "--allow-read", "--allow-env=TERM"]), ...args];
  const line = `TERM=dumb ${words.map((word) => `'${word}'`).join(" ")}`;
  await using client = new Process(["script", "-qefc", line, "/dev/null"], { cwd: pair.mine });
  assertEquals(await client.ended(), 0);
  assert(!client.lines.join("").includes("\x1b"), client.lines.join("\n"));
});

testWith([PYTHON], "clients that start at the same moment are all served by a server with no backlog", async () => {
  await using folder = await folders({ "served/a": "text" });
  await using server = await ServerProcess.run([...naive("server"), "0", "-v"], { cwd: folder.at("served") });
  const get = (_: unknown, index: number): Promise<Output> =>
    client(folder, server.port, "GET", "a", "--as", `a${index}`);
  const outputs = await Promise.all(Array.from({ length: 10 }, get));
  assertEquals(outputs.map(({ status }) => status), Array(10).fill(0), JSON.stringify(outputs));
});

Deno.test("a client whose first connection gets no READY is served on a second one", async () => {
  await using folder = await folders({ "served/f": "hello" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = runClient(["127.0.0.1", `${listener.addr.port}`, "GET", "f", "--trace"], { cwd: folder.at("mine") });
  using lost = new Raw(await listener.accept());
  using served = new Raw(await listener.accept());
  const texts = ["READY", "GET f", "OK", "READY", "\0\0\0\0\0\0\0\x05", "OK", "helloDONE"];
  await served.play(spoken(...texts), "server");
  await served.finish();
  // The server may have others to serve first. If the client left now, its connection would be one without a command.
  assertEquals(await within(client, 2500), undefined);
  const [name, missing] = [".blockferry-withdrawn", "ERROR: .blockferry-withdrawn does not exist"];
  await lost.play(spoken("READY", `GET ${name}`, missing), "server");
  await lost.finish();
  assert(await within(client, LIMIT_MS), "the client waits for the connection that was withdrawn");
  const { status, stderr } = await client;
  // The trace shows the conversation that was held.
  assertEquals([status, stderr.match(/^\w(?=\. )/gm)?.join("")], [0, "abcdefgh"]);
});

Deno.test("a client that reads its standard input does not call the server silent", async () => {
  await using pair = await Pair.start();
  const script = '(sleep 1.5; printf late) | "$@" PUT - --as f --timeout 1';
  assertEquals(await pair.shell(script), ended(0, "client sending file f (4 bytes)\nComplete\n"));
});

Deno.test("--wait limits the wait for READY", async () => {
  await using folder = await folders();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reason =
    'client: the server did not send READY within 1 second (at step "a. server: READY"); has the server stopped, ' +
    "is it busy, does it use TLS (--tls), or does it refuse your address?\n";
  assertEquals(await client(folder, listener.addr.port, "GET", "f", "--wait", "1"), ended(1, "", reason));
});
