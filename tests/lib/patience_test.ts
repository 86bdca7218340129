/** How long the programs wait for what may never happen. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { perform } from "../../lib/cli/transfers.ts";
import { overwrite } from "../../lib/files/storage.ts";
import { streamSource } from "../../lib/files/streams.ts";
import { FileError, serve } from "../../lib/mod.ts";
import { tryLock } from "../../lib/older_deno.ts";
import { Folder } from "../../scripts/support/folder.ts";
import { FastTimers } from "../support/timers.ts";

Deno.test("a stream that does not end after its last byte is waited for a second", async () => {
  const bytes = new TextEncoder().encode("text");
  using source = streamSource(new ReadableStream({ start: (controller) => controller.enqueue(bytes) }), 4n);
  using timers = new FastTimers(100);
  assertEquals(await source.read(new Uint8Array(4)), bytes);
  assertEquals(timers.waits, [1000]);
});

Deno.test("a file that another program sends is waited for a second before it is written in place", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "old");
  using sent = await Deno.open(folder.at("f"), { read: true, write: true });
  assert(await tryLock(sent));
  using target = await overwrite(folder.at("f"), "f");
  using timers = new FastTimers(20);
  await assertRejects(() => target.write(new Uint8Array(1)), FileError, "create");
  assertEquals(timers.waits.filter((ms) => ms === 20).length, 50);
  assertEquals(await Deno.readTextFile(folder.at("f")), "old");
});

Deno.test("a folder that takes long to sweep keeps a client no longer than a fifth of a second", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.at("served"));
  await Deno.writeTextFile(folder.at("served/f"), "text");
  await using server = await serve({ port: 0, hostname: "127.0.0.1", root: folder.at("served") });
  // Not those after which a client tries another connection: on a busy machine READY takes longer than a moment.
  using timers = new FastTimers(100, 1000);
  const options = { hostname: "127.0.0.1", port: server.address.port, timeoutMs: 0 };
  const flags = { parallel: 1, isQuiet: true, isTraced: false, isVerified: false };
  assertEquals(await perform({ verb: "GET", files: ["f"], as: `${folder.path}/`, ...flags, options }), 0);
  const [wait, ...others] = timers.waits;
  assert(wait === undefined || wait <= 200, `${wait}`);
  assertEquals(others, []);
});
