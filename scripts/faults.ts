/**
 * Kills servers and clients, changes files while they are sent, breaks connections, and looks each time whether
 * anything but whole files is left: `deno task faults [ROUNDS]`. Prints a Markdown table; exits with 1 if anything was
 * lost. Every run has the same moments and the same breaks, as far as the machine allows.
 */

import { Buffer } from "node:buffer";
// @ts-types="../tests/types/assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { readCommandLine, readInteger } from "../lib/arguments.ts";
import type { Verb } from "../lib/command.ts";
import { type ClientOptions, get, put, TransferError } from "../lib/mod.ts";
import { isDraft } from "../lib/draft.ts";
import { FlakyProxy, type Plan } from "../tests/flaky_proxy.ts";
import { command, Folder, Process, randomBytes, ServerProcess } from "../tests/programs.ts";
import { Conversation, letters } from "../tests/peers/raw.ts";

/** One experiment; it throws if anything was lost. */
export interface Trial {
  name: string;
  run: () => Promise<void>;
}

/** A kind of accident. */
export interface Fault {
  name: string;
  /** The experiments of this kind; those that are left to chance are `rounds` many. */
  trials: (rounds: number) => Trial[];
}

type Transfer = "GET" | "PUT";
type Bytes = Uint8Array<ArrayBuffer>;

const VERBS: readonly Verb[] = ["GET", "PUT", "DEL"];
const TRANSFERS: readonly Transfer[] = ["GET", "PUT"];
const HOSTNAME = "127.0.0.1";
// Two versions of one file. The large one takes long enough to be killed in the middle.
const OLD = randomBytes(200_001);
const NEW = randomBytes(300_002);
const LARGE_OLD = randomBytes(8_000_001);
const LARGE_NEW = randomBytes(8_000_002);

/** The file `f` is whole and one of `versions` (`undefined`: there is none); nothing but drafts is beside it. */
async function assertWhole(folder: Folder, versions: readonly (Bytes | undefined)[]): Promise<void> {
  const names = (await folder.names()).filter((name) => !isDraft(name));
  if (names.length === 0 && versions.includes(undefined)) return;
  assertEquals(names, ["f"]);
  const bytes = await Deno.readFile(folder.at("f"));
  assert(
    versions.some((version) => version && Buffer.compare(version, bytes) === 0),
    `the ${bytes.length} bytes of the file are not of a version that may stand here`,
  );
}

async function drafts(folder: Folder): Promise<string[]> {
  return (await folder.names()).filter(isDraft);
}

async function assertNoDrafts(folder: Folder): Promise<void> {
  assertEquals(await drafts(folder), []);
}

/** A folder with the file `f`. */
async function folderWith(bytes: Bytes): Promise<Folder> {
  const folder = new Folder();
  await Deno.writeFile(folder.at("f"), bytes);
  return folder;
}

async function kill(process: Process): Promise<void> {
  try {
    process.child.kill("SIGKILL");
  } catch {
    // It was done before its moment came.
  }
  await process.ended();
}

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `count` trials of GET and PUT in turn, each with chances of its own. */
function byChance(count: number, run: (verb: Transfer, random: () => number) => Promise<void>): Trial[] {
  return Array.from({ length: count }, (_, index) => {
    const verb = TRANSFERS[index % 2]!;
    return { name: `${verb}, chance ${index}`, run: () => run(verb, seeded(index)) };
  });
}

/** Moves the file `f` of a client in this process: whether it was done, or failed as a transfer may. */
async function moved(verb: Transfer, path: string, options: Omit<ClientOptions, "hostname">): Promise<boolean> {
  try {
    if (verb === "PUT") await put("f", { ...options, hostname: HOSTNAME, from: path });
    else await get("f", { ...options, hostname: HOSTNAME, to: path });
    return true;
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    return false;
  }
}

/** What may stand on the server when the last step that happened is `step`. */
function standing(verb: Verb, step: string): (Bytes | undefined)[] {
  if (verb === "PUT") return step === "g" ? [NEW] : step === "f" ? [OLD, NEW] : [OLD];
  if (verb === "DEL") return step === "c" ? [undefined] : step === "b" ? [OLD, undefined] : [OLD];
  return [OLD];
}

async function killServerAt(verb: Verb, step: string): Promise<void> {
  await using folder = await folderWith(OLD);
  {
    await using server = await ServerProcess.start([], { cwd: folder.path });
    using client = await Conversation.start(server.port, verb, "f", verb === "GET" ? OLD : NEW);
    await client.until(step);
    await kill(server);
  }
  await assertWhole(folder, standing(verb, step));
  await using next = await ServerProcess.start([], { cwd: folder.path });
  await assertNoDrafts(folder);
  await assertWhole(folder, standing(verb, step));
  using again = await Conversation.start(next.port, "PUT", "f", NEW);
  await again.until("g");
  await assertWhole(folder, [NEW]);
}

async function killClientAt(verb: Verb, step: string): Promise<void> {
  await using folder = await folderWith(OLD);
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const { port } = listener.addr;
  const data = verb === "GET" ? NEW : OLD;
  {
    await using client = new Process([...command("client"), HOSTNAME, String(port), verb, "f"], { cwd: folder.path });
    using server = await Conversation.accept(listener, verb, "f", data);
    if (step !== "connected") await server.until(step);
    await kill(client);
  }
  await assertWhole(folder, verb === "GET" && step === "h" ? [OLD, NEW] : [OLD]);
  const next = get("f", { hostname: HOSTNAME, port, to: folder.at("f") });
  using server = await Conversation.accept(listener, "GET", "f", NEW);
  await Promise.all([server.until("h"), next]);
  await assertNoDrafts(folder);
  await assertWhole(folder, [NEW]);
}

// How many milliseconds a large transfer takes that is left alone, measured once.
const durations = new Map<string, Promise<number>>();

function duration(key: string, measure: () => Promise<number>): Promise<number> {
  if (!durations.has(key)) durations.set(key, measure());
  return durations.get(key)!;
}

/** A large file in two folders: the new version where it comes from, the old one where it goes to. */
async function largeFolders(verb: Transfer): Promise<{ served: Folder; mine: Folder }> {
  const [served, mine] = verb === "GET" ? [LARGE_NEW, LARGE_OLD] : [LARGE_OLD, LARGE_NEW];
  return { served: await folderWith(served), mine: await folderWith(mine) };
}

async function assertLarge(verb: Transfer, served: Folder, mine: Folder, isDone: boolean): Promise<void> {
  const [source, target] = verb === "GET" ? [served, mine] : [mine, served];
  await assertWhole(source, [LARGE_NEW]);
  // A side that breaks off behind the last byte has the new file, though the other does not know of it.
  await assertWhole(target, isDone ? [LARGE_NEW] : [LARGE_OLD, LARGE_NEW]);
}

/** The client says truly whether it has the file. */
async function assertTold(verb: Transfer, mine: Folder, isDone: boolean): Promise<void> {
  if (verb === "GET") await assertWhole(mine, [isDone ? LARGE_NEW : LARGE_OLD]);
}

async function killServerByChance(verb: Transfer, random: () => number): Promise<void> {
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
        await pause(killAfterMs);
        await kill(server);
      }
      const isDone = await transfer;
      ms = performance.now() - start;
      if (killAfterMs === undefined) assert(isDone, "a transfer that was left alone failed");
      await assertLarge(verb, served, mine, isDone);
      await assertTold(verb, mine, isDone);
      await assertNoDrafts(mine);
    }
    await using _next = await ServerProcess.start([], { cwd: served.path });
    await assertNoDrafts(served);
    await assertLarge(verb, served, mine, false);
    return ms;
  };
  await attempt(random() * await duration(`server ${verb}`, attempt));
}

async function killClientByChance(verb: Transfer, random: () => number): Promise<void> {
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
      await pause(killAfterMs);
      await kill(client);
    }
    const status = await client.ended();
    const ms = performance.now() - start;
    if (killAfterMs === undefined) assertEquals(status, 0, "a transfer that was left alone failed");
    await assertLarge(verb, served, mine, status === 0);
    // The server takes one client at a time: this one's READY says that it is done with the other.
    assert(await moved("GET", mine.at("f"), { port: server.port }), "the GET after it failed");
    await assertNoDrafts(served);
    await assertNoDrafts(mine);
    assertEquals(
      await Deno.readFile(served.at("f")).then((bytes) => bytes.length),
      (await Deno.stat(mine.at("f"))).size,
    );
    return ms;
  };
  await attempt(random() * await duration(`client ${verb}`, attempt));
}

async function killBesideServer(): Promise<void> {
  await using folder = await folderWith(OLD);
  await using living = await ServerProcess.start([], { cwd: folder.path });
  using upload = await Conversation.start(living.port, "PUT", "other", LARGE_NEW);
  await upload.until("half");
  const [draft] = await drafts(folder);
  for (let round = 0; round < 3; round++) {
    await using killed = await ServerProcess.start([], { cwd: folder.path });
    assertEquals(await drafts(folder), [draft!], "a server at its start touches what a living one works on");
    using client = await Conversation.start(killed.port, "PUT", "f", NEW);
    await client.until("half");
    assertEquals((await drafts(folder)).length, 2);
    await kill(killed);
  }
  await using _next = await ServerProcess.start([], { cwd: folder.path });
  assertEquals(await drafts(folder), [draft!]);
  await upload.until("g");
  assert(Buffer.compare(await Deno.readFile(folder.at("other")), LARGE_NEW) === 0);
  await Deno.remove(folder.at("other"));
  await assertWhole(folder, [OLD]);
  await assertNoDrafts(folder);
}

async function killBesideClient(): Promise<void> {
  await using folder = await folderWith(OLD);
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const { port } = listener.addr;
  const fetch = (name: string): Process =>
    new Process([...command("client"), HOSTNAME, String(port), "GET", name], { cwd: folder.path });
  await using living = fetch("other");
  using download = await Conversation.accept(listener, "GET", "other", LARGE_NEW);
  await download.until("half");
  const [draft] = await drafts(folder);
  for (let round = 0; round < 3; round++) {
    await using killed = fetch("f");
    using server = await Conversation.accept(listener, "GET", "f", NEW);
    await server.until("half");
    const both = await drafts(folder);
    assert(both.length === 2 && both.includes(draft!), "a client at its start touches what a living one works on");
    await kill(killed);
  }
  await using next = fetch("f");
  using server = await Conversation.accept(listener, "GET", "f", NEW);
  await server.until("h");
  assertEquals(await next.ended(), 0);
  assertEquals(await drafts(folder), [draft!]);
  await download.until("h");
  assertEquals(await living.ended(), 0);
  assert(Buffer.compare(await Deno.readFile(folder.at("other")), LARGE_NEW) === 0);
  await Deno.remove(folder.at("other"));
  await assertWhole(folder, [NEW]);
  await assertNoDrafts(folder);
}

const CHANGES = {
  "shrinks": (path: string) => Deno.truncateSync(path, LARGE_NEW.length / 2),
  "becomes empty": (path: string) => Deno.truncateSync(path, 0),
  "grows": (path: string) => Deno.writeFileSync(path, new Uint8Array(100_000), { append: true }),
  "vanishes": (path: string) => Deno.removeSync(path),
};

async function changeSource(verb: Transfer, change: keyof typeof CHANGES): Promise<void> {
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

async function slowNetwork(verb: Transfer, random: () => number): Promise<void> {
  assert(await badNetwork("late", verb, anyPlace(verb, random), random), "a connection that was only slow failed");
}

async function breakAtLastPlace(fault: "cut" | "reset", verb: Transfer): Promise<void> {
  assert(!await badNetwork(fault, verb, LAST_PLACE[verb], seeded(0)), "it was done without its end");
}

async function breakByChance(fault: "cut" | "reset", verb: Transfer, random: () => number): Promise<void> {
  await badNetwork(fault, verb, anyPlace(verb, random), random);
}

/** All kinds of accidents. */
export const FAULTS: readonly Fault[] = [
  {
    name: "the server is killed at a step",
    trials: () =>
      VERBS.flatMap((verb) =>
        letters(verb).map((step) => ({ name: `${verb} ${step}`, run: () => killServerAt(verb, step) }))
      ),
  },
  {
    name: "the client is killed at a step",
    trials: () =>
      VERBS.flatMap((verb) =>
        ["connected", ...letters(verb)].map((step) => ({
          name: `${verb} ${step}`,
          run: () => killClientAt(verb, step),
        }))
      ),
  },
  { name: "the server is killed at any moment", trials: (rounds) => byChance(rounds, killServerByChance) },
  { name: "the client is killed at any moment", trials: (rounds) => byChance(rounds, killClientByChance) },
  {
    name: "one is killed beside another at work",
    trials: () => [
      { name: "server", run: killBesideServer },
      { name: "client", run: killBesideClient },
    ],
  },
  {
    name: "the file changes while it is sent",
    trials: () =>
      TRANSFERS.flatMap((verb) =>
        (Object.keys(CHANGES) as (keyof typeof CHANGES)[]).map((change) => ({
          name: `${verb} ${change}`,
          run: () => changeSource(verb, change),
        }))
      ),
  },
  { name: "the network is slow", trials: (rounds) => byChance(rounds, slowNetwork) },
  ...(["cut", "reset"] as const).map((fault): Fault => ({
    name: `the connection is ${fault}`,
    trials: (rounds) => [
      ...TRANSFERS.map((verb) => ({ name: `${verb}, before its end`, run: () => breakAtLastPlace(fault, verb) })),
      ...byChance(rounds, (verb, random) => breakByChance(fault, verb, random)),
    ],
  })),
];

const USAGE = `Usage: deno task faults [ROUNDS]

Kills, cuts and changes things in the middle of transfers: at every step, and ROUNDS times (200) at any moment.
`;

async function main(): Promise<number> {
  const rounds = await readCommandLine(
    { name: "faults", usage: USAGE, options: { flags: [], values: [] } },
    ({ positional: [rounds = "200"] }) => ({ rounds: readInteger(rounds, 1, 1_000_000, "ROUNDS") }),
  );
  return typeof rounds === "number" ? rounds : await playAll(rounds.rounds);
}

async function playAll(rounds: number): Promise<number> {
  const rows = ["| fault | times | lost | seconds |", "| --- | ---: | ---: | ---: |"];
  let lost = 0;
  for (const { name, trials } of FAULTS) {
    console.error(`${name} …`);
    const start = performance.now();
    const all = trials(rounds);
    let lostHere = 0;
    for (const trial of all) {
      try {
        await trial.run();
      } catch (error) {
        lostHere++;
        console.error(`${name}: ${trial.name}:`, error);
      }
    }
    lost += lostHere;
    rows.push(`| ${name} | ${all.length} | ${lostHere} | ${((performance.now() - start) / 1000).toFixed(1)} |`);
  }
  console.log(rows.join("\n"));
  return lost === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
