import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileError, TransferError } from "../../../lib/errors.ts";
import { createDraft, isDraft } from "../../../lib/files/draft.ts";
import { sweep } from "../../../lib/files/sweep.ts";
import { openTarget } from "../../../lib/files/target.ts";
import { openSource, overwrite, type Target, Written } from "../../../lib/files/storage.ts";
import { age, Folder, randomBytes } from "../../../scripts/support/folder.ts";
import { CHATTR, SHARED_LOCKS, testWith, UNIX } from "../../support/needs.ts";
import { run } from "../../../scripts/support/programs.ts";

/** A name as drafts have them. */
function draftName(): string {
  return `.blockferry-${crypto.randomUUID()}.part`;
}

/** Writes all of a file. */
async function put(target: Target, text: string): Promise<void> {
  await target.write(new TextEncoder().encode(text));
  await target.commit();
}

Deno.test("a draft is not the file until it is committed; one that is dropped leaves nothing", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  for (const [name, isCommitted] of [["f", false], ["new", false], ["f", true]] as const) {
    await using draft = createDraft(folder.at(name), name);
    await draft.write(randomBytes(5000));
    await draft.write(new Uint8Array(3));
    assertEquals((await folder.names()).filter(isDraft).length, 1);
    assertEquals(await Deno.readTextFile(folder.at("f")), "old");
    if (isCommitted) await draft.commit();
  }
  assertEquals(await folder.names(), ["f"]);
  assertEquals((await Deno.stat(folder.at("f"))).size, 5003);
});

testWith([SHARED_LOCKS], "a file that another program is writing in place is not sent", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "half");
  {
    using writer = await Deno.open(folder.at("f"), { write: true });
    await writer.lock(true);
    const { reason } = assertThrows(() => openSource(folder.at("f"), "f"), FileError);
    assertEquals(reason, "another program is writing it");
  }
  using source = openSource(folder.at("f"), "f");
  assertEquals(source.size, 4n);
});

Deno.test("the program's end removes drafts that are open, and no others", async () => {
  await using folder = new Folder();
  const dropped = createDraft(folder.at("f"), "f");
  const [name] = await folder.names();
  await dropped[Symbol.asyncDispose]();
  await Deno.writeTextFile(folder.at(name!), "another program's");
  await using _open = createDraft(folder.at("f"), "f");
  globalThis.dispatchEvent(new Event("unload"));
  assertEquals(await folder.names(), [name!]);
});

testWith([UNIX], "a replaced file keeps its permission bits, less those that a new file would not have", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  const umask = Deno.umask(0o022);
  try {
    const modes = [[0o600, 0o600], [0o640, 0o640], [0o666, 0o644], [0o755, 0o755], [0o775, 0o755]] as const;
    for (const [mode, kept] of modes) {
      await Deno.chmod(folder.at("f"), mode);
      await using draft = createDraft(folder.at("f"), "f", { old: await Deno.stat(folder.at("f")) });
      await draft.commit();
      assertEquals((await Deno.stat(folder.at("f"))).mode! & 0o777, kept);
    }
  } finally {
    Deno.umask(umask);
  }
});

Deno.test("no draft is made of a folder, of a device, or where there is no folder", async () => {
  await using folder = new Folder();
  await folder.folder("folder");
  for (const path of [folder.at("folder"), folder.at("missing/f"), ...(UNIX.isMet() ? ["/dev/null"] : [])]) {
    const old = await Deno.stat(path).catch(() => undefined);
    assertThrows(() => createDraft(path, "shown", { old }), FileError, "unable to create file shown");
  }
  assertEquals(await folder.names(), ["folder"]);
  await Deno.writeTextFile(folder.at(draftName()), "another's");
  const [other] = await folder.names();
  // Opening a FIFO would wait for a reader.
  if (UNIX.isMet()) await run(["mkfifo", folder.at("fifo")], { cwd: folder.path });
  for (const name of UNIX.isMet() ? [other, "fifo"] : [other]) {
    await assertRejects(() => openTarget(folder.at(name!)), FileError, "unable to create");
  }
});

testWith([UNIX], "a device, or a file in a read-only folder, is written in place", async () => {
  await using folder = new Folder();
  using device = await overwrite("/dev/null", "null");
  await put(device, "anything");
  await Deno.writeTextFile(folder.at("f"), "something old");
  using file = await overwrite(folder.at("f"), "f");
  assertEquals(await Deno.readTextFile(folder.at("f")), "something old");
  await put(file, "new");
  assertEquals(await Deno.readTextFile(folder.at("f")), "new");
  await assertRejects(() => overwrite(folder.at("missing"), "missing"), FileError);
});

Deno.test("only a regular file is a source, and a FIFO is never opened", async () => {
  await using folder = new Folder();
  const paths = [folder.path, folder.at("missing")];
  if (UNIX.isMet()) {
    await run(["mkfifo", folder.at("fifo")], { cwd: folder.path });
    paths.push(folder.at("fifo"), "/dev/zero");
  }
  for (const path of paths) {
    assertThrows(() => openSource(path, "shown"), FileError, "shown does not exist");
  }
});

Deno.test("a file that shrank is an error; of one that grew, the first part is read", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "12345");
  using source = openSource(folder.at("f"), "f");
  await Deno.writeTextFile(folder.at("f"), "1234567890");
  assertEquals(source.size, 5n);
  assertEquals(await source.read(new Uint8Array(4)), new TextEncoder().encode("1234"));
  await Deno.truncate(folder.at("f"), 4);
  await assertRejects(() => source.read(new Uint8Array(1)), TransferError, "f became shorter while it was sent");
});

Deno.test("a sweep removes old drafts at any depth that nobody locks, and nothing else", async () => {
  await using folder = new Folder();
  await folder.folder("sub");
  const [abandoned, young, own] = [draftName(), draftName(), ".blockferry-other.part"];
  for (const name of [abandoned, own]) await Deno.writeTextFile(folder.at(`sub/${name}`), "");
  await using living = createDraft(folder.at("sub/f"), "f");
  await living.write(new Uint8Array(10));
  await age(folder.at("sub"));
  await Deno.writeTextFile(folder.at(`sub/${young}`), "");
  const before = await folder.names("sub");
  await sweep(folder.path, { recursive: false });
  assertEquals(await folder.names("sub"), before);
  await sweep(folder.path, { recursive: true });
  assertEquals(await folder.names("sub"), before.filter((name) => name !== abandoned));
  await living.commit();
  assertEquals((await Deno.stat(folder.at("sub/f"))).size, 10);
});

testWith([CHATTR], "in an append-only folder no draft is made, since it would stay", async () => {
  await using folder = new Folder();
  await run(["chattr", "+a", folder.path], { cwd: "/" });
  try {
    const error = await assertRejects(() => openTarget(folder.at("f")), FileError);
    assertEquals(error.reason, "its folder is append-only");
    assertEquals(await folder.names(), []);
  } finally {
    await run(["chattr", "-a", folder.path], { cwd: "/" });
  }
});

testWith([CHATTR], "a folder that becomes append-only keeps one draft, not one for each try", async () => {
  await using folder = new Folder();
  const fails = async (): Promise<void> => {
    await using _ = await openTarget(folder.at("f"));
  };
  await fails();
  await run(["chattr", "+a", folder.path], { cwd: "/" });
  try {
    await fails();
    for (let tries = 0; tries < 2; tries++) await assertRejects(fails, FileError);
    assertEquals((await folder.names()).length, 1);
  } finally {
    await run(["chattr", "-a", folder.path], { cwd: "/" });
  }
  await fails();
  assertEquals(await folder.names(), []);
});

testWith([UNIX], "a run replaces no file that it has written under another name", async () => {
  await using folder = new Folder();
  const written = new Written();
  await Deno.writeTextFile(folder.at("f"), "old");
  for (const link of ["a", "b"]) await Deno.symlink("f", folder.at(link));
  const write = async (name: string): Promise<void> => {
    await using target = await openTarget(folder.at(name), { written });
    await put(target, name);
  };
  await write("a");
  for (const name of ["b", "f"]) {
    assertEquals((await assertRejects(() => write(name), FileError)).file, folder.at(name));
  }
  await write("a");
  assertEquals(await Deno.readTextFile(folder.at("f")), "a");
  await using other = await openTarget(folder.at("b"), { written: new Written() });
  await other.commit();
  assertEquals(await folder.names(), ["a", "b", "f"]);
});

testWith([UNIX], "a run may replace a file whose number was that of one that it has replaced", async () => {
  await using folder = new Folder();
  const written = new Written();
  const [f, g] = [folder.at("f"), folder.at("g")];
  for (const path of [f, g]) await Deno.writeTextFile(path, path);
  written.add(f, "f");
  written.check(f, "f", await Deno.stat(f));
  // The number of what f was is g's now.
  await Deno.rename(f, g);
  written.check(g, "g", await Deno.stat(g));
});

Deno.test("a sweep leaves a draft that is written and closed while it looks", async () => {
  await using folder = new Folder();
  const draft = folder.at(draftName());
  await Deno.writeTextFile(draft, "half");
  await age(folder.path);
  const { open } = Deno;
  Deno.open = async (...args): Promise<Deno.FsFile> => {
    await Deno.writeTextFile(draft, "whole");
    return await open(...args);
  };
  try {
    await sweep(folder.path, { recursive: false });
  } finally {
    Object.assign(Deno, { open });
  }
  assertEquals(await Deno.readTextFile(draft), "whole");
});

testWith([UNIX], "of two names that are one file, which is written in place, the second fails", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a"), "old");
  await Deno.symlink("a", folder.at("b"));
  const written = new Written();
  for (const name of ["a", "a", "b"]) {
    using file = await overwrite(folder.at(name), name, written);
    if (name === "a") await put(file, name);
    else await assertRejects(() => put(file, name), FileError, "unable to create file b");
  }
  assertEquals(await Deno.readTextFile(folder.at("a")), "a");
});
