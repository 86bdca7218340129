import { assertEquals, assertMatch } from "@std/assert";
import { StrangeDisk } from "../support/disk.ts";
import { randomBytes } from "../../scripts/support/folder.ts";
import { ACL, FUSE, SOURCES, testWith } from "../support/needs.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { PERMISSIONS, run, runClient, ServerProcess } from "../../scripts/support/programs.ts";

testWith([FUSE], "a disk that cuts a file when it is closed fails GET and PUT", async () => {
  await using folder = await folders();
  const kept = await folder.folder("kept");
  await Deno.writeTextFile(folder.at("kept/f"), "old");
  await Deno.writeFile(folder.at("served/f"), randomBytes(1_010_000));
  {
    await using _disk = await StrangeDisk.mount(folder.at("mine"), kept, "quota");
    await using server = await ServerProcess.start([], { cwd: folder.at("served") });
    const { status, stdout, stderr } = await client(folder, server.port, "GET", "f");
    assertEquals([status, stdout.split("\n").at(-2)], [1, "client error: unable to create file f"], stderr);
    assertMatch(stderr, /^client: f: the disk has 1000000 of its \d+ bytes\n$/);
  }
  assertEquals([await folder.names("kept"), await Deno.readTextFile(folder.at("kept/f"))], [["f"], "old"]);
  await Deno.rename(folder.at("served/f"), folder.at("mine/f"));
  await using _disk = await StrangeDisk.mount(folder.at("served"), kept, "quota");
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const { status, stdout, stderr } = await client(folder, server.port, "PUT", "f");
  assertEquals([status, stdout.split("\n").at(-2)], [1, "server error: unable to create file f"], stderr);
  await server.errorLine(/^server: unable to create file f: the disk has 1000000 of its \d+ bytes$/);
  assertEquals([await folder.names("kept"), await Deno.readTextFile(folder.at("kept/f"))], [["f"], "old"]);
});

testWith([FUSE, SOURCES], "a disk that fails to store a part fails GET and PUT, with --fsync or statfs", async () => {
  const statfs = ["--allow-net", "--allow-read", "--allow-write", "--allow-sys=statfs"];
  // What commits a file is the same in both programs, so each has one of the two.
  const cases = [
    { verb: "GET", from: "served", to: "mine", options: ["--fsync"], permissions: PERMISSIONS },
    { verb: "PUT", from: "mine", to: "served", options: [], permissions: statfs },
  ];
  for (const { verb, from, to, options, permissions } of cases) {
    await using folder = await folders();
    const kept = await folder.folder("kept");
    await Deno.writeFile(folder.at(`${from}/f`), randomBytes(100_000));
    await using _disk = await StrangeDisk.mount(folder.at(to), kept, "hole");
    await using server = await ServerProcess.start([], { cwd: folder.at("served"), permissions });
    const words = ["127.0.0.1", `${server.port}`, verb, "f", ...options];
    const { status, stderr } = await runClient(words, { cwd: folder.at("mine") });
    const error = verb === "GET" ? stderr : await server.errorLine(/./);
    assertEquals([status, /disk quota exceeded|input\/output error/.test(error)], [1, true], error);
    assertEquals(await folder.names("kept"), []);
  }
});

testWith([FUSE], "GET --verify compares what is on the disk, not what arrived", async () => {
  await using folder = await folders();
  const kept = await folder.folder("kept");
  await Deno.writeFile(folder.at("served/f"), randomBytes(100_000));
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const good = await client(folder, server.port, "GET", "f", "--verify");
  assertEquals([good.status, good.stderr.startsWith("verified SHA-256 ")], [0, true]);
  await using _disk = await StrangeDisk.mount(folder.at("mine"), kept, "zeros");
  const { status, stderr } = await client(folder, server.port, "GET", "f", "--verify");
  assertEquals(status, 1);
  assertMatch(stderr, /^client: the file differs: on disk SHA-256 \w{64}, fetched again \w{64}\n$/);
});

testWith([ACL], "a replaced file with an ACL is open to nobody for more than a new file is", async () => {
  await using folder = await folders({ "served/f": "old", "mine/f": "mine", "mine/new": "mine" });
  // The group is denied all, but its bits are the mask's.
  const acl = ["setfacl", "-m", "u:12345:rw,g::---,m::rw,o::---", folder.at("served/f")];
  assertEquals((await run(acl, { cwd: "/" })).status, 0);
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  for (const name of ["f", "new"]) assertEquals((await client(folder, server.port, "PUT", name)).status, 0);
  const mode = async (name: string): Promise<number> => (await Deno.stat(folder.at(`served/${name}`))).mode! & 0o777;
  assertEquals(await mode("f") & ~await mode("new"), 0);
  assertEquals(await mode("f") & 0o007, 0);
});

testWith([FUSE], "of two names that are one file on a disk that ignores case, the second fails", async () => {
  await using folder = await folders({ "served/readme": "lower", "served/README": "upper", "served/other": "other" });
  const kept = await folder.folder("kept");
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  await using _disk = await StrangeDisk.mount(folder.at("mine"), kept, "caseless");
  // The second time the file is there before the run.
  for (let round = 0; round < 2; round++) {
    const { status, stdout, stderr } = await client(folder, server.port, "GET", "readme", "README", "other", "readme");
    const reason = "client: README: here it is the same file as readme, which has just arrived\n";
    assertEquals([status, stderr], [1, `${reason}client: 3 of 4 files done\n`]);
    const error = "client error: unable to create file README";
    assertEquals(stdout.match(/^(Complete|client error: .*)$/gm), ["Complete", error, "Complete", "Complete"]);
    assertEquals(await folder.names("kept"), ["other", "readme"]);
    assertEquals(await Deno.readTextFile(folder.at("kept/readme")), "lower");
  }
});
