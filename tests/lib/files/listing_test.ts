// @ts-types="../../support/types/assert.d.ts"
import { assertEquals } from "@std/assert";
import { Listing } from "../../../lib/files/listing.ts";
import { Folder } from "../../support/folder.ts";

Deno.test("a longer name is found as soon as the folder's time of change tells of it", async () => {
  await using folder = new Folder();
  const listing = new Listing();
  const make = async (name: string, time: number): Promise<void> => {
    await Deno.writeTextFile(folder.at(name), "");
    await Deno.utime(folder.path, time, time);
  };
  await make("a", 1000);
  await make("b", 1000);
  assertEquals(await listing.hasLonger(folder.at("a")), false);
  await make("ab", 2000);
  // So soon after the last reading, what has changed is not read again, but taken to be there.
  assertEquals(await listing.hasLonger(folder.at("b")), true);
  const later = new Listing();
  assertEquals(await later.hasLonger(folder.at("a")), true);
  assertEquals(await later.hasLonger(folder.at("ab")), false);
  assertEquals(await later.hasLonger(folder.at("b")), false);
  await Deno.remove(folder.at("ab"));
  await later.removed(folder.at("ab"));
  assertEquals(await later.hasLonger(folder.at("a")), false);
  assertEquals(await later.hasLonger(folder.at("missing/a")), true);
});
