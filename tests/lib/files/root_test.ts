import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { createDraft, isDraft } from "../../../lib/files/draft.ts";
import { FileError } from "../../../lib/errors.ts";
import { isFileName, Root } from "../../../lib/files/root.ts";
import { Folder } from "../../../scripts/support/folder.ts";
import { RootFolder } from "../../support/root_folder.ts";
import { testWith, UNIX } from "../../support/needs.ts";
import { run } from "../../../scripts/support/programs.ts";

/** A test of a root with what leads in and out of it. */
function rootTest(name: string, work: (folder: RootFolder, root: Root) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = new RootFolder();
    await work(folder, await folder.open());
  });
}

rootTest("nothing outside the root is read, made or deleted, whatever the name", async (folder, root) => {
  const before = folder.outside();
  const byPath = ["../secret", "sub/../../secret", "sub/../sub/../../secret", "../rootless/secret", "..", "../new"];
  const absolute = [folder.at("secret"), folder.at("rootless/secret"), "/etc/passwd", "/"];
  const links = ["out", "absolute", "chain", "loop", "dangling"];
  const throughLinks = ["sub/away/secret", "up/secret", "up/rootless/secret", "up/new"];
  const noNames = ["f\0", "\0", "f/", "", "x".repeat(300)];
  for (const name of [...byPath, ...absolute, ...links, ...throughLinks, ...noNames]) {
    assertEquals(assertThrows(() => root.read(name), FileError, "", name).problem, "missing");
    assertEquals(assertThrows(() => root.create(name), FileError, "", name).problem, "create");
    assertEquals(root.find(name), undefined, name);
    assertEquals((await assertRejects(() => root.remove(name), FileError, "", name)).problem, "missing");
  }
  const reasonOf = (name: string): unknown => assertThrows(() => root.create(name), FileError).reason;
  const nowhere = "it is a link that leads nowhere, or outside of the served folder";
  const outside = "it leads outside of the served folder";
  assertEquals(["out", "dangling", "up/new"].map(reasonOf), [nowhere, nowhere, outside]);
  assertEquals(folder.outside(), before);
});

rootTest("a file inside can be named in every way that stays inside", async (folder, root) => {
  for (const name of ["f", "./f", "link", "sub/../f", "up/root/f", folder.at("root/f")]) {
    using source = root.read(name);
    assertEquals(source.size, 6n, name);
    await using _draft = root.create(name);
  }
  using source = root.read("down/deep/f");
  assertEquals(source.size, 6n);
  {
    await using draft = root.create("down/deep/new");
    await draft.commit();
  }
  assertEquals(await folder.names("root/sub/deep"), ["f", "new"]);
});

rootTest("what is no regular file can be neither fetched, replaced nor deleted", async (folder, root) => {
  if (UNIX.isMet()) await run(["mkfifo", folder.at("root/fifo")], { cwd: folder.path });
  const special = UNIX.isMet() ? ["sub", "fifo"] : ["sub"];
  for (const name of [".", "./", "sub/", "down", ...special]) {
    assertThrows(() => root.read(name), FileError, "does not exist");
    assertThrows(() => root.create(name), FileError, "unable to create");
  }
  for (const name of special) await assertRejects(() => root.remove(name), FileError, `unable to delete ${name}`);
  assert((await Deno.stat(folder.at("root/sub"))).isDirectory);
});

rootTest("deleting a link deletes the link, and deleting a file the file", async (folder, root) => {
  await root.remove("link");
  assertEquals(await Deno.readTextFile(folder.at("root/f")), "inside");
  await assertRejects(() => root.remove("link"), FileError, "link does not exist");
  await root.remove("f");
  await assertRejects(() => root.remove("f"), FileError, "f does not exist");
});

rootTest("a draft is not a file for clients, however its name is written", async (folder, root) => {
  await using draft = createDraft(folder.at("root/sub/new"), "new");
  await draft.write(new Uint8Array(1));
  await using _other = root.create("new");
  const name = (await folder.names("root/sub")).find(isDraft)!;
  const other = (await folder.names("root")).find(isDraft)!;
  await Deno.symlink(name, folder.at("root/sub/alias"));
  for (const path of [other, `sub/${name}`, `down/${name}`, "sub/alias"]) {
    assertThrows(() => root.read(path), FileError, "does not exist");
    assertThrows(() => root.create(path), FileError, "unable to create");
    await assertRejects(() => root.remove(path), FileError, "does not exist");
  }
  assertThrows(() => root.create(name.toUpperCase()), FileError, "unable to create");
});

testWith([UNIX], "a root of / serves the whole disk", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "f");
  using source = (await Root.open("/")).read(folder.at("f").slice(1));
  assertEquals(source.size, 1n);
});

Deno.test("on Windows, devices, streams and other special names are no file names", () => {
  const devices = ["con", "NUL.txt", "sub\\aux", "COM1", "lpt9.log", "Nul/f", "sub/prn.a.b", "CONIN$"];
  const misread = ["a:b", "C:\\x", "a.", "a ", "a?", "sub\\", "a\x1b"];
  for (const name of [...devices, ...misread]) assertEquals(isFileName(name, "windows"), false, name);
  for (const name of ["console", "sub\\f", "sub/f", "..\\f", ".hidden", "naïve name.txt", "com", "com10"]) {
    assert(isFileName(name, "windows"), name);
  }
  for (const name of ["con", "a:b", "a\\b", "a.", "a "]) assert(isFileName(name, "linux"), name);
});

rootTest("of two DELs of one name the later one finds no file", async (folder, root) => {
  // Large enough that both are under way at once.
  await Deno.writeFile(folder.at("root/f"), new Uint8Array(100_000));
  const results = await Promise.allSettled([root.remove("f"), root.remove("f")]);
  const errors = results.flatMap((result) => "reason" in result ? [result.reason] : []);
  assertEquals(errors.map(({ message }) => message), ["f does not exist"]);
  assertInstanceOf(errors[0], FileError);
});

rootTest("a PUT that meets a DEL of the same name is not refused for it", async (folder, root) => {
  // The two meet by chance: hardly ever in one try, but in some of many.
  for (let round = 0; round < 100; round++) {
    await Deno.writeFile(folder.at("root/f"), new Uint8Array(1));
    const create = async (): Promise<void> => {
      await using draft = root.create("f");
      await draft.commit();
    };
    await Promise.all([create(), root.remove("f").catch(() => {})]);
  }
});

Deno.test("when the folder is exchanged for a link, nothing of the link's target is read, made or deleted", async () => {
  for (const name of ["f", "sub/f"]) {
    await using folder = new RootFolder();
    const root = await folder.open();
    const other = await folder.folder("other");
    await Deno.mkdir(`${other}/sub`);
    await Deno.writeTextFile(`${other}/${name}`, "other");
    await Deno.rename(folder.at("root"), folder.at("moved"));
    await Deno.symlink("other", folder.at("root"));
    assertEquals(root.find(name), undefined);
    assertThrows(() => root.read(name), FileError, "does not exist");
    assertThrows(() => root.create(name), FileError, "unable to create");
    assertThrows(() => root.create("new"), FileError, "unable to create");
    await assertRejects(() => root.remove(name), FileError, "does not exist");
    assertEquals(await Deno.readTextFile(`${other}/${name}`), "other");
    // A folder in its place is served, as a disk that is mounted again.
    await Deno.remove(folder.at("root"));
    await Deno.rename(other, folder.at("root"));
    using source = root.read(name);
    assertEquals(source.size, 5n);
  }
});
