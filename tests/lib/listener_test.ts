import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { serve } from "../../lib/mod.ts";
import { within } from "../../lib/within.ts";
import { assertNoDrafts } from "../../scripts/support/faults/folders.ts";
import { FastTimers } from "../support/timers.ts";
import { age, Folder } from "../../scripts/support/folder.ts";

Deno.test("a running server sweeps every hour, until it ends", async () => {
  await using folder = new Folder();
  using timers = new FastTimers(60 * 60 * 1000);
  {
    await using _server = await serve({ port: 0, hostname: "127.0.0.1", root: folder.path });
    for (let hour = 0; hour < 2; hour++) {
      await Deno.writeTextFile(folder.at(`.blockferry-${crypto.randomUUID()}.part`), "");
      await age(folder.path);
      await assertNoDrafts(folder);
    }
  }
  const { length } = timers.waits;
  await delay(100);
  assertEquals(timers.waits, new Array(length).fill(60 * 60 * 1000));
});

Deno.test("a server that ends closes the clients that wait for their turn", async () => {
  await using folder = new Folder();
  const server = await serve({ port: 0, hostname: "127.0.0.1", root: folder.path });
  using first = await Deno.connect({ hostname: "127.0.0.1", port: server.address.port });
  await first.read(new Uint8Array(5));
  using second = await Deno.connect({ hostname: "127.0.0.1", port: server.address.port });
  const closed = second.read(new Uint8Array(5)).then((count) => count === null);
  // Time to be accepted; one that is not would be reset.
  await delay(100);
  await server.shutdown();
  assertEquals(await within(closed.catch(() => true), 5000), true);
});
