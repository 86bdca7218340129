/** Servers and clients that are killed: at a step, at any moment, and while another is at work. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { Verb } from "../../../lib/protocol.ts";
import type { Bytes } from "../../../lib/bytes.ts";
import { get } from "../../../lib/mod.ts";
import { Conversation } from "../raw.ts";
import { age, isSame } from "../folder.ts";
import { command, Process, ServerProcess } from "../programs.ts";
import {
  assertDrafts,
  assertLarge,
  assertNoDrafts,
  assertSwept,
  assertTold,
  assertWhole,
  drafts,
  folderWith,
  HOSTNAME,
  LARGE_NEW,
  largeFolders,
  moved,
  NEW,
  OLD,
  type Transfer,
} from "./folders.ts";

/** What may stand on the server when the last step that happened is `step`. */
function standing(verb: Verb, step: string): (Bytes | undefined)[] {
  if (verb === "PUT") return step === "g" ? [NEW] : step === "f" ? [OLD, NEW] : [OLD];
  if (verb === "DEL") return step === "c" ? [undefined] : step === "b" ? [OLD, undefined] : [OLD];
  return [OLD];
}

export async function killServerAt(verb: Verb, step: string): Promise<void> {
  await using folder = await folderWith(OLD);
  {
    await using server = await ServerProcess.start([], { cwd: folder.path });
    using client = await Conversation.start(server.port, verb, "f", verb === "GET" ? OLD : NEW);
    await client.until(step);
    await server[Symbol.asyncDispose]();
  }
  await assertWhole(folder, standing(verb, step));
  await age(folder.path);
  await using next = await ServerProcess.start([], { cwd: folder.path });
  await assertNoDrafts(folder);
  await assertWhole(folder, standing(verb, step));
  using again = await Conversation.start(next.port, "PUT", "f", NEW);
  await again.until("g");
  await assertWhole(folder, [NEW]);
}

export async function killClientAt(verb: Verb, step: string): Promise<void> {
  await using folder = await folderWith(OLD);
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const { port } = listener.addr;
  const data = verb === "GET" ? NEW : OLD;
  {
    await using client = new Process([...command("client"), HOSTNAME, String(port), verb, "f"], { cwd: folder.path });
    using server = await Conversation.accept(listener, verb, "f", data);
    if (step !== "connected") await server.until(step);
    await client[Symbol.asyncDispose]();
  }
  await assertWhole(folder, verb === "GET" && step === "h" ? [OLD, NEW] : [OLD]);
  const next = get("f", { hostname: HOSTNAME, port, to: folder.at("f") });
  using server = await Conversation.accept(listener, "GET", "f", NEW);
  await Promise.all([server.until("h"), next]);
  await assertSwept(folder);
  await assertWhole(folder, [NEW]);
}

// How many milliseconds a large transfer takes that is left alone, measured once.
const durations = new Map<string, Promise<number>>();

function duration(key: string, measure: () => Promise<number>): Promise<number> {
  if (!durations.has(key)) durations.set(key, measure());
  return durations.get(key)!;
}

export async function killServerByChance(verb: Transfer, random: () => number): Promise<void> {
  // Returns how many milliseconds the file's bytes took.
  const attempt = async (killAfterMs?: number): Promise<number> => {
    const folders = await largeFolders(verb);
    await using served = folders.served;
    await using mine = folders.mine;
    let ms: number;
    {
      await using server = await ServerProcess.start([], { cwd: served.path });
      const begun = Promise.withResolvers<void>();
      const transfer = moved(verb, mine.at("f"), { port: server.port, onStart: () => begun.resolve() });
      await Promise.race([begun.promise, transfer]);
      const start = performance.now();
      if (killAfterMs !== undefined) {
        await delay(killAfterMs);
        await server[Symbol.asyncDispose]();
      }
      const isDone = await transfer;
      ms = performance.now() - start;
      if (killAfterMs === undefined) assert(isDone, "a transfer that was left alone failed");
      await assertLarge(verb, served, mine, isDone);
      await assertTold(verb, mine, isDone);
      await assertNoDrafts(mine);
    }
    await age(served.path);
    await using _next = await ServerProcess.start([], { cwd: served.path });
    await assertNoDrafts(served);
    await assertLarge(verb, served, mine, false);
    return ms;
  };
  await attempt(random() * await duration(`server ${verb}`, attempt));
}

export async function killClientByChance(verb: Transfer, random: () => number): Promise<void> {
  const attempt = async (killAfterMs?: number): Promise<number> => {
    const folders = await largeFolders(verb);
    await using served = folders.served;
    await using mine = folders.mine;
    await using server = await ServerProcess.start([], { cwd: served.path });
    const port = String(server.port);
    await using client = new Process([...command("client"), HOSTNAME, port, verb, "f"], { cwd: mine.path });
    await client.line(/^client (sending|receiving) file f \(\d+ bytes\)$/);
    const start = performance.now();
    if (killAfterMs !== undefined) {
      await delay(killAfterMs);
      await client[Symbol.asyncDispose]();
    }
    const status = await client.ended();
    const ms = performance.now() - start;
    if (killAfterMs === undefined) assertEquals(status, 0, "a transfer that was left alone failed");
    await assertLarge(verb, served, mine, status === 0);
    // The server takes one client at a time: this one's READY says that it is done with the other.
    assert(await moved("GET", mine.at("f"), { port: server.port }), "the GET after it failed");
    await assertNoDrafts(served);
    await assertSwept(mine);
    assertEquals(
      await Deno.readFile(served.at("f")).then((bytes) => bytes.length),
      (await Deno.stat(mine.at("f"))).size,
    );
    return ms;
  };
  await attempt(random() * await duration(`client ${verb}`, attempt));
}

export async function killBesideServer(): Promise<void> {
  await using folder = await folderWith(OLD);
  await using living = await ServerProcess.start([], { cwd: folder.path });
  using upload = await Conversation.start(living.port, "PUT", "other", LARGE_NEW);
  await upload.until("half");
  const [draft] = await drafts(folder);
  for (let round = 0; round < 2; round++) {
    await age(folder.path);
    await using killed = await ServerProcess.start([], { cwd: folder.path });
    await assertDrafts(folder, (names) => assertEquals(names, [draft!], "a living server's draft is not alone"));
    using client = await Conversation.start(killed.port, "PUT", "f", NEW);
    await client.until("half");
    await assertDrafts(folder, (names) => assertEquals(names.length, 2));
    await killed[Symbol.asyncDispose]();
  }
  await age(folder.path);
  await using _next = await ServerProcess.start([], { cwd: folder.path });
  await assertDrafts(folder, (names) => assertEquals(names, [draft!]));
  await upload.until("g");
  assert(isSame(await Deno.readFile(folder.at("other")), LARGE_NEW));
  await Deno.remove(folder.at("other"));
  await assertWhole(folder, [OLD]);
  await assertNoDrafts(folder);
}

export async function killBesideClient(): Promise<void> {
  await using folder = await folderWith(OLD);
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const { port } = listener.addr;
  const fetch = (name: string): Process =>
    new Process([...command("client"), HOSTNAME, String(port), "GET", name], { cwd: folder.path });
  await using living = fetch("other");
  using download = await Conversation.accept(listener, "GET", "other", LARGE_NEW);
  await download.until("half");
  const [draft] = await drafts(folder);
  for (let round = 0; round < 2; round++) {
    await using killed = fetch("f");
    using server = await Conversation.accept(listener, "GET", "f", NEW);
    await server.until("half");
    assertEquals((await drafts(folder)).length, 2);
    await killed[Symbol.asyncDispose]();
    await assertSwept(folder, [draft!]);
  }
  await using next = fetch("f");
  using server = await Conversation.accept(listener, "GET", "f", NEW);
  await server.until("h");
  assertEquals(await next.ended(), 0);
  await assertSwept(folder, [draft!]);
  await download.until("h");
  assertEquals(await living.ended(), 0);
  assert(isSame(await Deno.readFile(folder.at("other")), LARGE_NEW));
  await Deno.remove(folder.at("other"));
  await assertWhole(folder, [NEW]);
  await assertNoDrafts(folder);
}
