/**
 * Many clients at once on one server, each in a folder of its own: `deno task load [CLIENTS] [TRANSFERS]`. Every byte
 * is compared. Prints a Markdown table; exits with 1 if anything was lost.
 */

import { assert, assertEquals } from "@std/assert";
import { readCommandLine, readInteger } from "../lib/cli/arguments.ts";
import { del, get, put, ServerError } from "../lib/mod.ts";
import { Folder, isSame, randomBytes } from "./support/folder.ts";
import { ServerProcess } from "./support/programs.ts";

const USAGE = `Usage: deno task load [CLIENTS [TRANSFERS]]

CLIENTS clients (200) at once make TRANSFERS transfers (20000) with one server; every byte is compared.
`;
const task = await readCommandLine(
  { name: "load", usage: USAGE },
  ({ positional: [clients = "200", transfers = "20000"] }) => ({
    clients: readInteger(clients, 1, 10_000, "CLIENTS"),
    transfers: readInteger(transfers, 1, 1_000_000_000, "TRANSFERS"),
  }),
);
if (typeof task === "number") Deno.exit(task);
const { clients, transfers } = task;

// Versions of every file's content. No two are as long: so a file says by its length what its bytes must be.
const VERSIONS = [0, 1, 1023, 1024, 1025, 5000, 65_536, 200_001].map(randomBytes);
// Names that all clients use at the same time.
const SHARED = ["shared-0", "shared-1", "shared-2"];
const LINE =
  /^server (waiting on port \d+|connected to client at 127\.0\.0\.1:\d+|receiving request: (GET|PUT|DEL) (own|shared)-\d+|(receiving|sending) \d+ bytes|deleting file (own|shared)-\d+)$/;

let begun = 0;
let bytes = 0;
let lost = 0;

function lose(error: unknown): void {
  lost++;
  console.error("lost:", error);
}

async function assertVersion(path: string, expected?: Uint8Array): Promise<void> {
  const content = await Deno.readFile(path);
  const version = expected ?? VERSIONS.find(({ length }) => length === content.length);
  assert(version, `${path} has ${content.length} bytes, as no version has`);
  assert(isSame(content, version), `${path} has other bytes than its version of ${version.length}`);
  bytes += content.length;
}

/** Whether the server has the file; it may say that it does not exist, and nothing else. */
async function exists(answer: Promise<void>, name: string): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (error) {
    if (error instanceof ServerError && error.said === `${name} does not exist`) return false;
    throw error;
  }
}

function choice<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}

await using served = new Folder();
await using mine = new Folder();
await using server = await ServerProcess.start(["--clients", String(clients)], { cwd: served.path });
const options = { hostname: "127.0.0.1", port: server.port };
for (const version of VERSIONS) await Deno.writeFile(mine.at(`version-${version.length}`), version);
for (const name of SHARED) await Deno.writeFile(served.at(name), VERSIONS[0]!);

/** One client: its own file has the content that it sent last, a shared one any whole version. */
async function client(number: number): Promise<void> {
  const folder = await mine.folder(`client-${number}`);
  const own = `own-${number}`;
  let current: Uint8Array | undefined;
  const send = async (name: string, version: Uint8Array): Promise<void> => {
    await put(name, { ...options, from: mine.at(`version-${version.length}`) });
    bytes += version.length;
  };
  const kinds: (() => Promise<void>)[] = [
    async () => {
      const version = choice(VERSIONS);
      await send(own, version);
      current = version;
    },
    async () => {
      const isThere = await exists(get(own, { ...options, to: `${folder}/own` }), own);
      assertEquals(isThere, current !== undefined, own);
      if (isThere) await assertVersion(`${folder}/own`, current);
    },
    async () => {
      assertEquals(await exists(del(own, options), own), current !== undefined, own);
      current = undefined;
    },
    () => send(choice(SHARED), choice(VERSIONS)),
    async () => {
      const name = choice(SHARED);
      if (await exists(get(name, { ...options, to: `${folder}/shared` }), name)) {
        await assertVersion(`${folder}/shared`);
      }
    },
    async () => {
      const name = choice(SHARED);
      await exists(del(name, options), name);
    },
  ];
  const [sendOwn, fetchOwn, removeOwn, sendShared, fetchShared, removeShared] = kinds;
  const round = [
    sendOwn,
    fetchOwn,
    sendShared,
    fetchShared,
    fetchOwn,
    sendOwn,
    fetchShared,
    fetchOwn,
    removeOwn,
    fetchOwn,
  ];
  // A delete is rare, so that there is mostly something to fetch.
  for (let turn = number; begun < transfers; turn++) {
    begun++;
    try {
      await (turn % 50 === 49 ? removeShared : round[turn % round.length])!();
    } catch (error) {
      lose(error);
    }
  }
  if (current) await assertVersion(served.at(own), current).catch(lose);
}

const start = performance.now();
await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
const seconds = (performance.now() - start) / 1000;

if (await server.end() !== 0) lose(new Error("the server did not end well"));
for (const name of await served.names()) {
  if (/^(own|shared)-\d+$/.test(name)) await assertVersion(served.at(name)).catch(lose);
  else lose(new Error(`${name} is left in the served folder`));
}
for (const line of server.lines) if (!LINE.test(line)) lose(new Error(`two lines are mixed in one: ${line}`));
for (const line of server.errors) lose(new Error(line));

console.log("| clients | transfers | bytes | lost | seconds |");
console.log("| ---: | ---: | ---: | ---: | ---: |");
console.log(`| ${clients} | ${begun} | ${bytes} | ${lost} | ${seconds.toFixed(1)} |`);
if (lost > 0) Deno.exitCode = 1;
