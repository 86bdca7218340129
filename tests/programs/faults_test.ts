import { assert, assertEquals, assertMatch } from "@std/assert";
import { FAULTS } from "../../scripts/support/faults/faults.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { LINUX, MOUNTS, OTHER_USER, SHARED_LOCKS, SOURCES, testWith } from "../support/needs.ts";
import { asNobody } from "../support/nobody.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { isSame } from "../../scripts/support/folder.ts";
import { command, ended, type Output, run, runClient, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation, wire } from "../../scripts/support/raw.ts";

// Some of the steps; `deno task faults` has them all, and the random ones.
const STEPS = ["GET half", "GET g", "PUT e", "PUT half", "PUT f", "DEL b"];
for (const { name, trials } of FAULTS) {
  const all = trials(0);
  const some = all.filter((trial) => STEPS.includes(trial.name));
  if (all.length === 0) continue;
  Deno.test(`only whole files are left when ${name}`, async () => {
    for (const trial of some.length > 0 ? some : all) await trial.run();
  });
}

const DISK_BYTES = 2 * 1024 * 1024;
const TOO_LARGE = randomBytes(2 * DISK_BYTES);
const FITTING = randomBytes(DISK_BYTES * 3 / 4);

/** A small disk of its own. */
class Disk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts it in a folder. */
  static async mount(path: string): Promise<Disk> {
    const words = ["mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", path];
    assertEquals((await run(words, { cwd: "/" })).status, 0);
    return new Disk(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: so it goes even where something still has a file of it open.
    await run(["umount", "--lazy", this.path], { cwd: "/" });
  }
}

testWith([MOUNTS], "a PUT that fills the disk leaves the old file and the free space as they were", async () => {
  await using folder = await folders();
  await using _disk = await Disk.mount(folder.at("served"));
  await Deno.writeTextFile(folder.at("served/f"), "old");
  await Deno.writeFile(folder.at("mine/f"), TOO_LARGE);
  await Deno.writeFile(folder.at("mine/g"), FITTING);
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const { status, stdout } = await client(folder, server.port, "PUT", "f");
  const shown = `client sending file f (${TOO_LARGE.length} bytes)\nserver error: unable to create file f\n`;
  assertEquals([status, stdout], [1, shown]);
  assertEquals(await folder.names("served"), ["f"]);
  assertEquals(await Deno.readTextFile(folder.at("served/f")), "old");
  assertEquals((await client(folder, server.port, "PUT", "g")).status, 0);
  assert(isSame(await Deno.readFile(folder.at("served/g")), FITTING));
});

testWith([MOUNTS], "a GET that fills the disk leaves the old file and the free space as they were", async () => {
  await using folder = await folders();
  await using _disk = await Disk.mount(folder.at("mine"));
  await Deno.writeTextFile(folder.at("mine/f"), "old");
  await Deno.writeFile(folder.at("served/f"), TOO_LARGE);
  await Deno.writeFile(folder.at("served/g"), FITTING);
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const { status, stdout, stderr } = await client(folder, server.port, "GET", "f");
  const shown = `client receiving file f (${TOO_LARGE.length} bytes)\nclient error: unable to create file f\n`;
  assertEquals([status, stdout, stderr], [1, shown, "client: f: no space left on device\n"]);
  assertEquals(await folder.names("mine"), ["f"]);
  assertEquals(await Deno.readTextFile(folder.at("mine/f")), "old");
  assertEquals((await client(folder, server.port, "GET", "g")).status, 0);
  assert(isSame(await Deno.readFile(folder.at("mine/g")), FITTING));
});

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

testWith([MOUNTS], "on a read-only disk PUT and DEL get the lab's errors, and GET works", async () => {
  await using folder = await folders();
  await using disk = await Disk.mount(folder.at("served"));
  await Deno.writeTextFile(folder.at("served/f"), "served");
  await Deno.writeTextFile(folder.at("mine/f"), "mine");
  await Deno.writeTextFile(folder.at("mine/new"), "mine");
  await run(["mount", "-o", "remount,ro", disk.path], { cwd: "/" });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  for (const name of ["f", "new"]) {
    const { status, stdout } = await client(folder, server.port, "PUT", name);
    assertEquals([status, stdout], [1, `server error: unable to create file ${name}\n`]);
  }
  const del = await client(folder, server.port, "DEL", "f");
  assertEquals([del.status, del.stdout], [1, "client deleting file f\nserver error: unable to delete f\n"]);
  assertEquals((await client(folder, server.port, "GET", "f")).status, 0);
  assertEquals(await Deno.readTextFile(folder.at("mine/f")), "served");
  await server.end();
  assertEquals(server.errors, [
    "server: unable to create file f: read-only file system",
    "server: unable to create file new: read-only file system",
    "server: unable to delete f: read-only file system",
  ]);
});

testWith([OTHER_USER], "in a folder that its user can't write, a server sends the lab's errors", async () => {
  await using folder = await folders();
  const asUser = await asNobody(folder);
  await Deno.writeTextFile(folder.at("served/f"), "served");
  await Deno.writeTextFile(folder.at("served/open"), "served");
  await Deno.writeTextFile(folder.at("served/secret"), "secret");
  await Deno.chmod(folder.at("served/open"), 0o666);
  await Deno.chmod(folder.at("served/secret"), 0o600);
  for (const name of ["f", "open", "new"]) await Deno.writeTextFile(folder.at(`mine/${name}`), "mine");
  const words = [...asUser, ...command("server"), "0", "-v"];
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  for (const name of ["f", "open", "new"]) {
    const { status, stdout } = await client(folder, server.port, "PUT", name);
    assertEquals([status, stdout], [1, `server error: unable to create file ${name}\n`]);
  }
  const del = await client(folder, server.port, "DEL", "open");
  assertEquals([del.status, del.stdout], [1, "client deleting file open\nserver error: unable to delete open\n"]);
  const secret = await client(folder, server.port, "GET", "secret");
  assertEquals([secret.status, secret.stdout], [1, "server error: secret does not exist\n"]);
  assertEquals((await client(folder, server.port, "GET", "f")).status, 0);
  assertEquals(await Deno.readTextFile(folder.at("mine/f")), "served");
  assertEquals(await folder.names("served"), ["f", "open", "secret"]);
  await server.end();
  assert(server.errors.every((line) => line.endsWith(": permission denied")), server.errors.join("\n"));
  // A folder that the user may not enter is not served at all.
  await Deno.chmod(await folder.folder("closed"), 0o700);
  assertEquals(
    await run([...words, "--root", "../closed"], { cwd: folder.at("served") }),
    ended(1, "", "server: there is no folder ../closed that can be read\n"),
  );
});

testWith([OTHER_USER], "in a folder that its user can't write, a GET writes a writable file in place", async () => {
  await using folder = await folders();
  const asUser = await asNobody(folder);
  const shorter = "served";
  for (const name of ["open", "closed", "new"]) await Deno.writeTextFile(folder.at(`served/${name}`), shorter);
  await Deno.writeTextFile(folder.at("mine/open"), "longer than served");
  await Deno.writeTextFile(folder.at("mine/closed"), "mine");
  await Deno.chmod(folder.at("mine/open"), 0o666);
  const { ino } = await Deno.stat(folder.at("mine/open"));
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const fetch = (name: string): Promise<Output> =>
    run([...asUser, ...command("client"), "127.0.0.1", String(server.port), "GET", name], { cwd: folder.at("mine") });
  const open = await fetch("open");
  assertEquals([open.status, open.stdout], [0, "client receiving file open (6 bytes)\nComplete\n"], open.stderr);
  assertEquals(await Deno.readTextFile(folder.at("mine/open")), shorter);
  assertEquals((await Deno.stat(folder.at("mine/open"))).ino, ino);
  for (const name of ["closed", "new"]) {
    const { status, stdout } = await fetch(name);
    assertEquals([status, stdout], [1, `client error: unable to create file ${name}\n`]);
  }
  assertEquals(await Deno.readTextFile(folder.at("mine/closed")), "mine");
  assertEquals(await folder.names("mine"), ["closed", "open"]);
});

testWith([MOUNTS], "on a read-only disk, a GET writes a mounted writable file in place", async () => {
  await using folder = await folders();
  await Deno.writeTextFile(folder.at("served/f"), "served");
  await Deno.writeTextFile(folder.at("mine/f"), "longer than served");
  await folder.folder("disk");
  await Deno.writeTextFile(folder.at("disk/f"), "");
  const script =
    'mount --bind disk disk && mount --bind mine/f disk/f && mount -o remount,bind,ro disk && cd disk && "$@"';
  const mounted = ["unshare", "--mount", "bash", "-c", script, "bash"];
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const words = [...mounted, ...command("client"), "127.0.0.1", String(server.port), "GET", "f"];
  const { status, stdout, stderr } = await run(words, { cwd: folder.path });
  assertEquals([status, stdout], [0, "client receiving file f (6 bytes)\nComplete\n"], stderr);
  assertEquals(await Deno.readTextFile(folder.at("mine/f")), "served");
});

testWith([MOUNTS], "a GET into a file that is a mount point is copied into it when all has arrived", async () => {
  await using folder = await folders({ "served/f": "served", "mine/f": "", "mine/mounted": "longer than served" });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const script = 'mount --bind mounted f && exec "$@"';
  const words = ["unshare", "--mount", "bash", "-c", script, "bash", ...command("client"), "127.0.0.1"];
  const { ino } = await Deno.stat(folder.at("mine/mounted"));
  for (const name of ["f", "missing"]) {
    const { status, stderr } = await run([...words, `${server.port}`, "GET", name, "--as", "f"], {
      cwd: folder.at("mine"),
    });
    assertEquals(status, name === "f" ? 0 : 1, stderr);
    assertEquals(await Deno.readTextFile(folder.at("mine/mounted")), "served");
  }
  assertEquals((await Deno.stat(folder.at("mine/mounted"))).ino, ino);
  assertEquals(await folder.names("mine"), ["f", "mounted"]);
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
  await using folder = await folders();
  // More than the system buffers between the two.
  const bytes = randomBytes(30_000_000);
  await Deno.writeFile(folder.at("served/f"), bytes);
  await folder.folder("disk");
  await Deno.writeTextFile(folder.at("disk/f"), "");
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const mount = "mount --bind disk disk && mount --bind served/f disk/f";
  for (
    const [remount, reason] of [[" && mount -o remount,bind,ro disk", "another program sends or writes it"], [""]]
  ) {
    const script = `${mount}${remount} && cd disk && "$@"`;
    const words = ["unshare", "--mount", "bash", "-c", script, "bash", ...command("client"), "127.0.0.1"];
    const { status, stderr } = await run([...words, `${server.port}`, "GET", "f"], { cwd: folder.path });
    assertEquals([status, stderr], reason ? [1, `client: f: ${reason}\n`] : [0, ""]);
    assert(isSame(await Deno.readFile(folder.at("served/f")), bytes));
  }
});

testWith([MOUNTS], "a file that another program has locked is not written in place", async () => {
  await using folder = await folders({ "served/f": "served", "mine/f": "", "mine/mounted": "mine" });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const script = 'mount --bind mounted f && exec "$@"';
  const words = ["unshare", "--mount", "bash", "-c", script, "bash", ...command("client"), "127.0.0.1"];
  const get = (): Promise<Output> => run([...words, `${server.port}`, "GET", "f"], { cwd: folder.at("mine") });
  {
    using file = await Deno.open(folder.at("mine/mounted"), { write: true });
    await file.lock(true);
    const { status, stderr } = await get();
    assertEquals([status, stderr], [1, "client: f: another program sends or writes it\n"]);
    assertEquals(await Deno.readTextFile(folder.at("mine/mounted")), "mine");
  }
  assertEquals((await get()).status, 0);
  assertEquals(await Deno.readTextFile(folder.at("mine/mounted")), "served");
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

testWith([LINUX], "a file is not called missing when the server has no descriptor left", async () => {
  await using folder = await folders();
  await Deno.writeTextFile(folder.at("served/f"), "hello");
  const limited = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash", ...command("server"), "0", "-v", "--clients", "2"];
  await using server = await ServerProcess.run(limited, { cwd: folder.at("served") });
  using first = await Conversation.start(server.port, "GET", "f");
  await first.until("a");
  using others = new DisposableStack();
  while (server.errors.length === 0) {
    others.use(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  }
  assertMatch(server.errors[0]!, /^server: connections are not accepted: too many open files/);
  await first.until("b");
  assertEquals(await first.rest(), "");
  await server.errorLine(/^server: cannot open f: too many open files/);
});
