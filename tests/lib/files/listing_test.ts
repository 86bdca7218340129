import { assert, assertEquals } from "@std/assert";
import { Listing, type Longer } from "../../../lib/files/listing.ts";
import { Folder } from "../../../scripts/support/folder.ts";
import { withinTime } from "../../support/net.ts";

Deno.test("a longer name is found as soon as the folder's time of change tells of it", async () => {
  await using folder = new Folder();
  const make = async (name: string, time: number): Promise<void> => {
    await Deno.writeTextFile(folder.at(name), "");
    await Deno.utime(folder.path, time, time);
  };
  await withinTime(async () => {
    const listing = new Listing();
    await make("a", 1000);
    await make("b", 1000);
    assertEquals(await listing.hasLonger(folder.at("a")), false);
    await make("ab", 2000);
    const again = await listing.hasLonger(folder.at("b"));
    await Deno.remove(folder.at("ab"));
    // So soon after the last reading, what has changed is not read again.
    assertEquals(again, "unread");
  });
  await make("ab", 2000);
  const later = new Listing();
  assertEquals(await later.hasLonger(folder.at("a")), true);
  assertEquals(await later.hasLonger(folder.at("ab")), false);
  assertEquals(await later.hasLonger(folder.at("b")), false);
  later.remove(folder.at("ab"));
  assertEquals(await later.hasLonger(folder.at("a"), { isQuick: true }), false);
  assertEquals(await later.hasLonger(folder.at("missing/a")), "unread");
});

Deno.test("what is made in the moment of a removal is seen by who has the time to look", async () => {
  await using folder = new Folder();
  for (const name of ["a", "b"]) await Deno.writeTextFile(folder.at(name), "");
  await Deno.utime(folder.path, 1000, 1000);
  const listing = new Listing();
  const look = (isQuick: boolean): Promise<Longer> => listing.hasLonger(folder.at("a"), { isQuick });
  assertEquals(await look(false), false);
  listing.remove(folder.at("b"));
  const { mtime } = await Deno.stat(folder.path);
  await Deno.writeTextFile(folder.at("ab"), "");
  await Deno.utime(folder.path, mtime!, mtime!);
  assertEquals(await look(true), false);
  // Or not read again so soon.
  assert(await look(false) !== false);
  listing.forget();
  assert(await look(true) !== false);
});

Deno.test("what somebody else makes before a removal is seen after it", async () => {
  await using folder = new Folder();
  for (const name of ["a", "b"]) await Deno.writeTextFile(folder.at(name), "");
  await Deno.utime(folder.path, 1000, 1000);
  const listing = new Listing();
  assertEquals(await listing.hasLonger(folder.at("a")), false);
  await Deno.writeTextFile(folder.at("ab"), "");
  listing.remove(folder.at("b"));
  // Or not read again so soon.
  assert(await listing.hasLonger(folder.at("a")) !== false);
});

const FILE = { isFile: true, isDirectory: false, isSymlink: false };

/** Lists folders in another way for a while. */
function listingWith(readDir: typeof Deno.readDir): Disposable {
  const { readDir: original } = Deno;
  Deno.readDir = readDir;
  return { [Symbol.dispose]: () => void (Deno.readDir = original) };
}

Deno.test("while a folder is read, no look at it begins another reading", async () => {
  await using folder = new Folder();
  const begun = Promise.withResolvers<void>();
  const room = Promise.withResolvers<void>();
  let readings = 0;
  using _listing = listingWith(async function* (): AsyncGenerator<Deno.DirEntry> {
    begun.resolve();
    if (readings++ === 0) await room.promise;
    yield { name: "a", ...FILE };
  });
  const listing = new Listing();
  const first = listing.hasLonger(folder.at("a"));
  await begun.promise;
  await Deno.utime(folder.path, 1000, 1000);
  assertEquals(await listing.hasLonger(folder.at("a")), "unread");
  room.resolve();
  assertEquals([await first, readings], [false, 1]);
});

Deno.test("of a folder with more than 30,000 names no more are read", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("1"), "");
  let count = 0;
  using _listing = listingWith(async function* (): AsyncGenerator<Deno.DirEntry> {
    while (count < 1_000_000) yield await Promise.resolve({ name: `${count++}`, ...FILE });
  });
  const listing = new Listing();
  assertEquals(await listing.hasLonger(folder.at("a")), "too many");
  assertEquals(count, 30_001);
  listing.remove(folder.at("1"));
  assertEquals(await listing.hasLonger(folder.at("a"), { isQuick: true }), "too many");
});
