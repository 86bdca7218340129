/** Files that change while they are sent, and networks that are slow or break. */

import { assert, assertEquals } from "@std/assert";
import { seeded } from "../seeded.ts";
import { FlakyProxy, type Plan } from "../flaky_proxy.ts";
import { Conversation } from "../raw.ts";
import { ServerProcess } from "../programs.ts";
import {
  assertLarge,
  assertNoDrafts,
  assertTold,
  assertWhole,
  LARGE_NEW,
  LARGE_OLD,
  largeFolders,
  moved,
  type Transfer,
} from "./folders.ts";

export const CHANGES = {
  "shrinks": (path: string) => Deno.truncateSync(path, LARGE_NEW.length / 2),
  "becomes empty": (path: string) => Deno.truncateSync(path, 0),
  "grows": (path: string) => Deno.writeFileSync(path, new Uint8Array(100_000), { append: true }),
  "vanishes": (path: string) => Deno.removeSync(path),
};

export async function changeSource(verb: Transfer, change: keyof typeof CHANGES): Promise<void> {
  const folders = await largeFolders(verb);
  await using served = folders.served;
  await using mine = folders.mine;
  const [source, target] = verb === "GET" ? [served, mine] : [mine, served];
  await using server = await ServerProcess.start([], { cwd: served.path });
  // The size is announced by now, and no byte is sent.
  const onStart = (): void => CHANGES[change](source.at("f"));
  const isDone = await moved(verb, mine.at("f"), { port: server.port, onStart });
  const isLost = change === "shrinks" || change === "becomes empty";
  assertEquals(isDone, !isLost);
  await assertWhole(target, [isLost ? LARGE_OLD : LARGE_NEW]);
  // The server's READY for the next client says that it is done with this one.
  using next = await Conversation.start(server.port, "GET", "f");
  await next.until("a");
  await assertNoDrafts(served);
  await assertNoDrafts(mine);
}

/** A direction of one transfer and a number of its bytes. */
type Place = Pick<Plan, "direction" | "at">;

const LAST_PLACE: Record<Transfer, Place> = {
  // All but DONE.
  GET: { direction: "down", at: "READY".length + "OK".length + 8 + LARGE_NEW.length },
  // All but the last byte.
  PUT: { direction: "up", at: "PUT f".length + 8 + LARGE_NEW.length - 1 },
};

function anyPlace(verb: Transfer, random: () => number): Place {
  const direction = random() < 0.8 === (verb === "PUT") ? "up" : "down";
  // Where the file does not go there are only a few words.
  const most = (verb === "PUT") === (direction === "up") ? LARGE_NEW.length : "READYOKOK".length;
  return { direction, at: Math.floor(random() * most) };
}

/** One transfer over a bad network: whether it was done. */
async function badNetwork(fault: Plan["fault"], verb: Transfer, place: Place, random: () => number): Promise<boolean> {
  const folders = await largeFolders(verb);
  await using served = folders.served;
  await using mine = folders.mine;
  await using server = await ServerProcess.start([], { cwd: served.path });
  let isDone: boolean;
  {
    await using proxy = new FlakyProxy(server.port, { fault, ...place, random });
    isDone = await moved(verb, mine.at("f"), { port: proxy.port });
  }
  await assertTold(verb, mine, isDone);
  using next = await Conversation.start(server.port, "GET", "f");
  await next.until("a");
  await assertLarge(verb, served, mine, isDone);
  await assertNoDrafts(served);
  await assertNoDrafts(mine);
  return isDone;
}

export async function slowNetwork(verb: Transfer, random: () => number): Promise<void> {
  assert(await badNetwork("late", verb, anyPlace(verb, random), random), "a connection that was only slow failed");
}

export async function breakAtLastPlace(fault: "cut" | "reset", verb: Transfer): Promise<void> {
  assert(!await badNetwork(fault, verb, LAST_PLACE[verb], seeded(0)), "it was done without its end");
}

export async function breakByChance(fault: "cut" | "reset", verb: Transfer, random: () => number): Promise<void> {
  await badNetwork(fault, verb, anyPlace(verb, random), random);
}
