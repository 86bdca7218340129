/** A copy over a file that can't be replaced. */

import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../lib/errors.ts";
import { copyOver } from "../../../lib/files/copy.ts";
import { Folder } from "../../../scripts/support/folder.ts";

const DRAFT = ".blockferry-x.part";

Deno.test("a copy is as long as the draft, which goes, whether the old file was longer or shorter", async () => {
  for (const old of ["", "old", "longer than the draft"]) {
    await using folder = new Folder();
    await Deno.writeTextFile(folder.at(DRAFT), "the draft");
    await Deno.writeTextFile(folder.at("f"), old);
    await copyOver(folder.at(DRAFT), folder.at("f"), "f");
    assertEquals([await folder.names("."), await Deno.readTextFile(folder.at("f"))], [["f"], "the draft"]);
  }
});

Deno.test("a copy that is ended while it adds to the old file leaves that as it was", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at(DRAFT), "the draft");
  await Deno.writeTextFile(folder.at("f"), "old");
  const ending = new AbortController();
  const { sync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.sync = async function (): Promise<void> {
    await sync.call(this);
    ending.abort(new Error("ended"));
  };
  try {
    await assertRejects(() => copyOver(folder.at(DRAFT), folder.at("f"), "f", ending.signal), Error, "ended");
    assertEquals([await folder.names("."), await Deno.readTextFile(folder.at("f"))], [["f"], "old"]);
  } finally {
    Deno.FsFile.prototype.sync = sync;
  }
});

Deno.test("a copy that breaks off in the old file's part keeps all of the draft, and says where", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at(DRAFT), "the draft");
  await Deno.writeTextFile(folder.at("f"), "old");
  const { sync } = Deno.FsFile.prototype;
  let count = 0;
  // The first time is after the end, the second after the rest.
  Deno.FsFile.prototype.sync = () =>
    ++count === 2 ? Promise.reject(new Error("input/output error")) : Promise.resolve();
  try {
    const { reason } = await assertRejects(() => copyOver(folder.at(DRAFT), folder.at("f"), "f"), FileError);
    const kept = folder.at(".blockferry-x.whole");
    assertEquals(reason, `input/output error; its old content may be lost, and its new content is in ${kept}`);
    assertEquals(await Deno.readTextFile(kept), "the draft");
  } finally {
    Deno.FsFile.prototype.sync = sync;
  }
});
