/** What becomes of the file that a PUT, or a GET, replaces: its owner, its mode, and where it can't be replaced. */

import { assert, assertEquals } from "@std/assert";
import type { Folder } from "../../scripts/support/folder.ts";
import { withMounts } from "../support/disk.ts";
import { LINUX, MOUNTS, OTHER_USER, ROOT, testWith } from "../support/needs.ts";
import { asNobody } from "../support/nobody.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { command, ended, Process, run, ServerProcess } from "../../scripts/support/programs.ts";

/** PUTs a file that can't be replaced: the old one stays, and the server says why. */
async function assertStays(folder: Folder, serverWords: string[], reason: string): Promise<void> {
  const before = await folder.names("served");
  await using server = await ServerProcess.run([...serverWords, "0", "-v"], { cwd: folder.at("served") });
  const lines = "client sending file f (4 bytes)\nserver error: unable to create file f\n";
  assertEquals(await client(folder, server.port, "PUT", "f"), ended(1, lines));
  await server.end();
  assertEquals(server.errors, [`server: unable to create file f: ${reason}`]);
  assertEquals([await folder.names("served"), await Deno.readTextFile(folder.at("served/f"))], [before, "old"]);
}

testWith([MOUNTS], "a file that is a mount point stays, and the server says why", async () => {
  await using folder = await folders({ "served/f": "old", "served/other": "mounted", "mine/f": "mine" });
  await assertStays(folder, withMounts("mount --bind other f", command("server")), "device or resource busy");
  assertEquals(await Deno.readTextFile(folder.at("served/other")), "mounted");
});

testWith([OTHER_USER], "another user's file in a sticky folder stays, and the server says why", async () => {
  await using folder = await folders({ "served/f": "old", "mine/f": "mine" });
  await Deno.chmod(folder.at("served"), 0o1777);
  await Deno.chmod(folder.at("served/f"), 0o666);
  await assertStays(folder, await asNobody(folder, "server"), "operation not permitted");
});

testWith([OTHER_USER], "an old file stands though no temporary folder can be written", async () => {
  await using folder = await folders({ "served/f": "new", "mine/f": "old" });
  await Deno.chmod(folder.at("mine"), 0o777);
  await Deno.chmod(folder.at("mine/f"), 0o666);
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const { ino } = await Deno.stat(folder.at("mine/f"));
  const words = ["env", `TMPDIR=${folder.at("missing")}`, ...await asNobody(folder, "client")];
  const { status } = await run([...words, "127.0.0.1", `${server.port}`, "GET", "f"], { cwd: folder.at("mine") });
  // Not written in place.
  assertEquals([status, (await Deno.stat(folder.at("mine/f"))).ino === ino], [0, false]);
});

testWith([OTHER_USER], "a file is replaced only where its mode lets the server's user write it", async () => {
  const cases = [
    { uid: 65534, gid: 65534, mode: 0o444, isReplaced: false },
    { uid: 65534, gid: 0, mode: 0o200, isReplaced: true },
    { uid: 0, gid: 0, mode: 0o664, isReplaced: false },
    { uid: 0, gid: 65534, mode: 0o664, isReplaced: true },
    { uid: 0, gid: 65534, mode: 0o644, isReplaced: false },
    // Its owner may not write it, its group may.
    { uid: 0, gid: 65534, mode: 0o464, isReplaced: true },
    { uid: 0, gid: 0, mode: 0o646, isReplaced: true, kept: 0o644 },
    // The file can't stay in its group, and the group of the server's user had no right to it.
    { uid: 0, gid: 0, mode: 0o662, isReplaced: true, kept: 0o600 },
  ];
  await using folder = await folders({ "mine/f": "mine" });
  await Deno.chmod(folder.at("served"), 0o777);
  const umask = ["sh", "-c", 'umask 022 && exec "$@"', "sh"];
  const words = [...umask, ...await asNobody(folder, "server"), "0", "-v"];
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  for (const [index, { uid, gid, mode, isReplaced, kept = mode & ~0o022 }] of cases.entries()) {
    const path = folder.at(`served/${index}`);
    await Deno.writeTextFile(path, "old");
    await Deno.chmod(path, mode);
    await Deno.chown(path, uid, gid);
    const { status } = await client(folder, server.port, "PUT", "f", "--as", `${index}`);
    assertEquals([status, await Deno.readTextFile(path)], isReplaced ? [0, "mine"] : [1, "old"], `case ${index}`);
    assertEquals((await Deno.stat(path)).mode! & 0o777, isReplaced ? kept : mode);
  }
  assertEquals((await folder.names("served")).length, cases.length);
});

testWith([LINUX], "a program that is running can be replaced", async () => {
  await using folder = await folders({ "mine/f": "mine" });
  for (const side of ["served", "mine"]) await Deno.copyFile("/bin/sleep", folder.at(`${side}/sleep`));
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  for (const [verb, side] of [["PUT", "served"], ["GET", "mine"]] as const) {
    await using _running = new Process([folder.at(`${side}/sleep`), "60"], { cwd: folder.path });
    const { ino } = await Deno.stat(folder.at(`${side}/sleep`));
    const { status, stdout, stderr } = await client(folder, server.port, verb, "sleep");
    assertEquals(status, 0, stdout + stderr);
    assert((await Deno.stat(folder.at(`${side}/sleep`))).ino !== ino);
  }
});

testWith([ROOT], "a replaced file keeps its owner, group and mode", async () => {
  await using folder = await folders({ "served/f": "old", "mine/f": "mine" });
  await Deno.chmod(folder.at("served/f"), 0o640);
  await Deno.chown(folder.at("served/f"), 1000, 1001);
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  assertEquals((await client(folder, server.port, "PUT", "f")).status, 0);
  const { uid, gid, mode } = await Deno.stat(folder.at("served/f"));
  assertEquals([uid, gid, mode! & 0o777], [1000, 1001, 0o640]);
  assertEquals(await Deno.readTextFile(folder.at("served/f")), "mine");
});
