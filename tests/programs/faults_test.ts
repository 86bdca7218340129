import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Disk, DISK_BYTES, withMounts } from "../support/disk.ts";
import { FAULTS } from "../../scripts/support/faults/faults.ts";
import { Folder, isSame, randomBytes } from "../../scripts/support/folder.ts";
import { LINUX, MOUNTS, OTHER_USER, SHARED_LOCKS, SOURCES, testWith } from "../support/needs.ts";
import { asNobody } from "../support/nobody.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { command, ended, type Output, run, runClient, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation, wire } from "../../scripts/support/raw.ts";

// The steps at which a file is written, and each change once a side or once; `deno task faults` has all, and random ones.
const SOME: Record<string, string[]> = {
  "the server is killed at a step": ["PUT e", "PUT half", "PUT f", "DEL b"],
  "the client is killed at a step": ["GET half", "GET g"],
  "the file changes while it is sent": ["GET shrinks", "PUT shrinks", "GET grows", "PUT vanishes"],
};
for (const { name, trials } of FAULTS) {
  const all = trials(0);
  const some = SOME[name] ?? all.map((trial) => trial.name);
  if (all.length === 0) continue;
  Deno.test(`only whole files are left when ${name}`, async () => {
    for (const each of some) await all.find((trial) => trial.name === each)!.run();
  });
}

const TOO_LARGE = randomBytes(2 * DISK_BYTES);
const FITTING = randomBytes(DISK_BYTES * 3 / 4);

for (const [verb, side, from] of [["PUT", "served", "mine"], ["GET", "mine", "served"]] as const) {
  testWith([MOUNTS], `a ${verb} that fills the disk leaves the old file and the free space as they were`, async () => {
    await using folder = await folders();
    await using _disk = await Disk.mount(folder.at(side));
    await Deno.writeTextFile(folder.at(`${side}/f`), "old");
    await Deno.writeFile(folder.at(`${from}/f`), TOO_LARGE);
    await Deno.writeFile(folder.at(`${from}/g`), FITTING);
    await using server = await ServerProcess.start([], { cwd: folder.at("served") });
    const lines = verb === "PUT"
      ? [`client sending file f (${TOO_LARGE.length} bytes)`, "server error: unable to create file f"]
      : [`client receiving file f (${TOO_LARGE.length} bytes)`, "client error: unable to create file f"];
    const reason = verb === "PUT" ? "" : "client: f: no space left on device\n";
    assertEquals(await client(folder, server.port, verb, "f"), ended(1, `${lines.join("\n")}\n`, reason));
    assertEquals([await folder.names(side), await Deno.readTextFile(folder.at(`${side}/f`))], [["f"], "old"]);
    assertEquals((await client(folder, server.port, verb, "g")).status, 0);
    assert(isSame(await Deno.readFile(folder.at(`${side}/g`)), FITTING));
  });
}

/** A PUT that announces a size and sends no data: what the server answers to the size. */
async function answerToSize(server: ServerProcess, size: bigint): Promise<string> {
  using conversation = await Conversation.start(server.port, "PUT", "f");
  await conversation.until("c");
  await conversation.say(wire(size));
  await conversation.finish();
  return await conversation.rest();
}

testWith([MOUNTS, SOURCES], "with statfs, a size larger than the free disk is refused before any data", async () => {
  await using folder = await folders();
  await using _disk = await Disk.mount(folder.at("served"));
  await using server = await ServerProcess.start([], {
    cwd: folder.at("served"),
    permissions: ["--allow-net", "--allow-read", "--allow-write", "--allow-sys=statfs"],
  });
  for (const size of [BigInt(DISK_BYTES) + 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    assertEquals(await answerToSize(server, size), "ERROR: unable to create file f", `${size}`);
  }
  assertEquals(await folder.names("served"), []);
  assert(!server.lines.some((line) => line.startsWith("server receiving ") && line.endsWith(" bytes")));
  assertEquals(await answerToSize(server, BigInt(FITTING.length)), "OK");
  await Deno.writeFile(folder.at("mine/f"), FITTING);
  assertEquals((await client(folder, server.port, "PUT", "f")).status, 0);
});

testWith([SOURCES], "without statfs or a limit, every size of 8 bytes is accepted", async () => {
  await using folder = await folders();
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  for (const size of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) assertEquals(await answerToSize(server, size), "OK");
  assertEquals(await folder.names("served"), []);
});

Deno.test("--max-size refuses larger files before any data, and nothing else", async () => {
  await using folder = await folders();
  await using server = await ServerProcess.start(["--max-size", "64K"], { cwd: folder.at("served") });
  await Deno.writeFile(folder.at("mine/large"), new Uint8Array(65_537));
  await Deno.writeFile(folder.at("mine/fits"), new Uint8Array(65_536));
  const { status, stdout } = await client(folder, server.port, "PUT", "large");
  assertEquals([status, stdout], [1, "server error: unable to create file large\n"]);
  assertEquals(await answerToSize(server, 2n ** 64n - 1n), "ERROR: unable to create file f");
  assertEquals((await client(folder, server.port, "PUT", "fits")).status, 0);
  assertEquals(await folder.names("served"), ["fits"]);
});

testWith([OTHER_USER], "a temporary file that can't be opened does not stay", async () => {
  await using folder = await folders();
  const temporary = await folder.folder("temporary");
  await Deno.chmod(temporary, 0o1777);
  const client = [
    `TMPDIR=${temporary}`,
    ...await asNobody(folder, "client"),
    "127.0.0.1",
    "9",
    "PUT",
    "-",
    "--as",
    "f",
  ];
  const script = 'umask 0277 && echo text | exec env "$@"';
  const { status, stderr } = await run(["sh", "-c", script, "sh", ...client], { cwd: folder.at("mine") });
  assertEquals([status, await folder.names("temporary")], [1, []]);
  assertStringIncludes(stderr, "permission denied");
});

testWith([OTHER_USER], "in a closed or a sticky folder, a GET writes another's writable file in place", async () => {
  await using folder = await folders();
  const asUser = await asNobody(folder, "client");
  for (const name of ["open", "closed", "new"]) await Deno.writeTextFile(folder.at(`served/${name}`), "served");
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  for (const [side, mode] of [["shut", 0o755], ["sticky", 0o1777]] as const) {
    const mine = await folder.folder(side);
    await Deno.writeTextFile(`${mine}/open`, "longer than served");
    await Deno.writeTextFile(`${mine}/closed`, "mine");
    await Deno.chmod(mine, mode);
    await Deno.chmod(`${mine}/open`, 0o666);
    const { ino } = await Deno.stat(`${mine}/open`);
    const fetch = (name: string): Promise<Output> =>
      run([...asUser, "127.0.0.1", `${server.port}`, "GET", name], { cwd: mine });
    const open = await fetch("open");
    assertEquals([open.status, open.stdout], [0, "client receiving file open (6 bytes)\nComplete\n"], open.stderr);
    assertEquals(await Deno.readTextFile(`${mine}/open`), "served");
    assertEquals((await Deno.stat(`${mine}/open`)).ino, ino);
    for (const name of side === "shut" ? ["closed", "new"] : ["closed"]) {
      const { status, stdout } = await fetch(name);
      assertEquals([status, stdout], [1, `client error: unable to create file ${name}\n`]);
    }
    assertEquals(await Deno.readTextFile(`${mine}/closed`), "mine");
    assertEquals(await folder.names(side), ["closed", "open"]);
  }
});

/** Runs a client in the folder `mine` where a script has mounted something. */
function clientWith(mounts: string, folder: Folder, port: number, ...args: string[]): Promise<Output> {
  return run(withMounts(mounts, [...command("client"), "127.0.0.1", `${port}`, ...args]), { cwd: folder.at("mine") });
}

testWith([MOUNTS], "a GET into a file that is a mount point is written into it, on a read-only disk too", async () => {
  await using folder = await folders({ "served/f": "served", "mine/f": "", "mine/mounted": "" });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const { ino } = await Deno.stat(folder.at("mine/mounted"));
  for (const readOnly of ["", " && mount -o remount,bind,ro ."]) {
    await Deno.writeTextFile(folder.at("mine/mounted"), "longer than served");
    const mounts = `mount --bind . . && cd "$PWD" && mount --bind mounted f${readOnly}`;
    for (const name of ["f", "missing"]) {
      const { status, stderr } = await clientWith(mounts, folder, server.port, "GET", name, "--as", "f");
      assertEquals(status, name === "f" ? 0 : 1, stderr);
      assertEquals(await Deno.readTextFile(folder.at("mine/mounted")), "served");
    }
  }
  assertEquals((await Deno.stat(folder.at("mine/mounted"))).ino, ino);
  assertEquals(await folder.names("mine"), ["f", "mounted"]);
});

testWith([MOUNTS], "a mount point whose disk has no room for the new file keeps the old one", async () => {
  await using folder = await folders({ "mine/f": "" });
  await folder.folder("small");
  await Deno.writeFile(folder.at("served/f"), randomBytes(2_000_000));
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const get = [...command("client"), "127.0.0.1", `${server.port}`, "GET", "f"];
  const old = "seq 100000 | head -c 300000";
  const mounts = `mount -t tmpfs -o size=1M tmpfs ../small && ${old} > ../small/t && mount --bind ../small/t f`;
  const words = withMounts(mounts, ["sh", "-c", `"$@"; status=$?; ${old} | cmp - f; exit $status`, "sh", ...get]);
  // What cmp says of another content would follow.
  const lines = "client receiving file f (2000000 bytes)\nclient error: unable to create file f\n";
  assertEquals(await run(words, { cwd: folder.at("mine") }), ended(1, lines, "client: f: no space left on device\n"));
  assertEquals(await folder.names("mine"), ["f"]);
});

testWith([MOUNTS], "a file whose exact size can't be known, above 2^53 bytes, is refused", async () => {
  await using folder = await folders();
  await using _disk = await Disk.mount(folder.at("served"));
  await using server = await ServerProcess.start(["--max-size", "1K"], { cwd: folder.at("served") });
  const sparse = async (size: bigint): Promise<void> =>
    assertEquals((await run(["truncate", "-s", `${size}`, "f"], { cwd: folder.at("served") })).status, 0);
  for (const size of [2n ** 53n + 1n, 2n ** 53n]) {
    await sparse(size);
    using conversation = await Conversation.start(server.port, "GET", "f");
    await conversation.until("b");
    assertEquals(await conversation.rest(), "ERROR: f does not exist");
    await server.errorLine(/^server: f does not exist: it is larger than 2\^53 bytes, so its exact size is unknown$/);
    const put = await runClient(["127.0.0.1", `${server.port}`, "PUT", "f"], { cwd: folder.at("served") });
    assertEquals([put.status, put.stdout], [1, "client error: f does not exist\n"]);
  }
  await sparse(2n ** 53n - 1n);
  using conversation = await Conversation.start(server.port, "GET", "f");
  await conversation.until("c");
  await conversation.until("d");
  assertEquals(await conversation.hear(8), wire(2n ** 53n - 1n));
});

testWith([MOUNTS, SHARED_LOCKS], "a GET of a file onto itself, in place, leaves it whole", async () => {
  await using folder = await folders({ "mine/f": "" });
  // More than the system buffers between the two.
  const bytes = randomBytes(20_000_000);
  await Deno.writeFile(folder.at("served/f"), bytes);
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const mounts = 'mount --bind . . && cd "$PWD" && mount --bind ../served/f f';
  const reason = "client: f: another program sends or writes it\n";
  for (const [readOnly, stderr] of [[" && mount -o remount,bind,ro .", reason], ["", ""]]) {
    const output = await clientWith(mounts + readOnly, folder, server.port, "GET", "f");
    assertEquals([output.status, output.stderr], [stderr ? 1 : 0, stderr]);
    assert(isSame(await Deno.readFile(folder.at("served/f")), bytes));
  }
});

// An executable ends in Deno's own runtime when an argument is not UTF-8.
testWith([LINUX, SOURCES], "a server says that the path of its folder is not UTF-8", async () => {
  await using folder = new Folder();
  const script = `mkdir $'\\xff' && ln -s $'\\xff' link && for root in $'\\xff' link .; do
    [ $root = . ] && cd $'\\xff'; "$@" --root $root; done`;
  const { stderr } = await run(["bash", "-c", script, "bash", ...command("server"), "0"], { cwd: folder.path });
  const says = (path: string): string => `server: cannot serve the folder ${path}: its path is not UTF-8\n`;
  assertEquals(stderr, says("\ufffd") + says("link") + says("."));
});
