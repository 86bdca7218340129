/**
 * Plays random and nearly right conversations against a real server process and against real clients, as many as the
 * first argument says, and looks for crashes, hangs, ways out of the root, half files and leaks. `--seed N` repeats the
 * choices of a run. Exits with 1 if anything is wrong.
 */

import { delay } from "@std/async";
import { readCommandLine, readInteger } from "../../lib/cli/arguments.ts";
import { within } from "../../lib/within.ts";
import { run as runCommand, ServerProcess } from "../support/programs.ts";
import { playRound, STACK_TRACE, TIMEOUT_SECONDS } from "./rounds.ts";
import { MAX_BYTES, World } from "./world.ts";

const CLIENTS = 8;
const MAX_FAILURES = 20;
// A conversation ends within the timeout and the second that a close may take; the rest is for machines that are busy.
const HANG_MS = (TIMEOUT_SECONDS + 1 + 57) * 1000;
// V8 takes and returns memory as it sees fit, some tens of megabytes up and down. A leak grows with the rounds instead:
// in 100,000 of them, 1 KiB for each would be more than this.
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

/** A run of the fuzzer: a world, the server in it, and how far it has come. */
interface Run {
  seed: number;
  world: World;
  server: ServerProcess;
  next: number;
  isRunning: boolean;
}

/** Looks through what the server has printed since the last time. */
function checkOutput({ world, server }: Run): void {
  const [lines, errors] = [server.lines.splice(0), server.errors.splice(0)];
  const bug = errors.findIndex((line) => STACK_TRACE.test(line));
  if (bug >= 0) return world.fail("crashes", "?", errors.slice(Math.max(0, bug - 2), bug + 8).join("\n"));
  const raw = [...lines, ...errors].find((line) => !/^server[ :][^\p{Cc}\u202e]*$/u.test(line));
  if (raw !== undefined) world.fail("wrong answers", "?", `the server printed ${JSON.stringify(raw)}`);
}

/** Plays the rounds up to number `end`, as many at a time as the server serves. */
async function playTo(end: number, run: Run): Promise<void> {
  const { seed, world, server } = run;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    while (run.next < end && run.isRunning && world.failed < MAX_FAILURES) {
      const round = run.next++;
      const playing = playRound({ world, port: server.port, listener }, seed, round)
        .catch((error) => world.fail("crashes", round, error));
      if (await within(playing.then(() => true), HANG_MS) === undefined) {
        // Its connections may be taken for ever, so this was the last round here.
        return world.fail("hangs", round, `it lasts longer than ${HANG_MS} ms`);
      }
      if (round % 500 === 0) checkOutput(run);
    }
  }));
  checkOutput(run);
}

/** Whether every place for a client still is one. */
async function checkPlaces({ world, server }: Run): Promise<void> {
  const greeted = Promise.all(Array.from({ length: CLIENTS }, async () => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    return await conn.read(new Uint8Array(5));
  }));
  if (`${await within(greeted, HANG_MS)}` !== `${Array(CLIENTS).fill(5)}`) {
    world.fail("hangs", "end", "places are taken");
  }
}

interface Resources {
  /** The server's resident memory, in KiB. */
  memory: number;
  /** The open descriptors of the server, and of the clients: our own. */
  descriptors: string;
}

/** What is in use; `undefined` on a system without /proc. Deno itself may not read there without --allow-all. */
async function resources({ world, server }: Run): Promise<Resources | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const pid = server.child.pid;
  const script = `grep VmRSS /proc/${pid}/status && ls /proc/${pid}/fd | wc -l && ls /proc/${Deno.pid}/fd | wc -l`;
  const { stdout } = await runCommand(["sh", "-c", script], { cwd: world.path });
  const [memory, ...descriptors] = stdout.match(/\d+/g) ?? [];
  return memory === undefined ? undefined : { memory: Number(memory), descriptors: descriptors.join(" and ") };
}

/** The same when all conversations are over: when it stays what it is for 2 seconds, longer than a close may take. */
async function quietResources(run: Run): Promise<Resources | undefined> {
  let last = await resources(run);
  let same = 0;
  for (let tries = 0; last && same < 10 && tries < 100; tries++) {
    await delay(200);
    const now = await resources(run);
    same = now?.descriptors === last.descriptors ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** Compares what is in use before and after. */
function checkLeaks(world: World, before: Resources | undefined, after: Resources | undefined): void {
  if (!before || !after) return console.log("memory and descriptors: left out, since this system has no /proc");
  const mebibytes = (kibibytes: number): string => `${(kibibytes / 1024).toFixed(1)} MiB`;
  console.log(`memory of the server: ${mebibytes(before.memory)} before, ${mebibytes(after.memory)} after`);
  console.log(`descriptors of server and clients: ${before.descriptors} before, ${after.descriptors} after`);
  if ((after.memory - before.memory) * 1024 > MAX_GROWTH_BYTES) world.fail("leaks", "end", "memory has grown");
  if (after.descriptors !== before.descriptors) world.fail("leaks", "end", "descriptors were left open");
}

/** Plays all rounds; how much went wrong. */
async function main(rounds: number, seed: number): Promise<number> {
  console.log(`seed ${seed}`);
  await using world = await World.make(seed);
  await using server = await ServerProcess.start(
    ["--root", world.root, "--timeout", `${TIMEOUT_SECONDS}`, "--clients", `${CLIENTS}`, "--max-size", `${MAX_BYTES}`],
    {
      cwd: world.at("cwd"),
      permissions: ["--allow-net", "--allow-read", "--allow-write", "--allow-sys=statfs"],
    },
  );
  const run: Run = { seed, world, server, next: 0, isRunning: true };
  const death = server.ended().then((status) => {
    if (run.isRunning || status !== 0) world.fail("crashes", "?", `the server ended with status ${status}`);
    run.isRunning = false;
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    world.fail("crashes", "?", event.reason);
  });

  const start = performance.now();
  await playTo(Math.min(rounds, Math.max(100, rounds / 10)), run);
  const before = await quietResources(run);
  await playTo(rounds, run);
  console.log(`${run.next} rounds in ${Math.round((performance.now() - start) / 1000)} s`);
  checkLeaks(world, before, await quietResources(run));
  if (run.isRunning) {
    await checkPlaces(run);
    run.isRunning = false;
    server.child.kill("SIGTERM");
  }
  await death;
  checkOutput(run);
  await world.check();
  console.log(Object.entries(world.failures).map(([kind, count]) => `${kind} ${count}`).join(", "));
  return world.failed;
}

const USAGE = `Usage: deno task fuzz [ROUNDS] [--seed N]

Plays ROUNDS (1000) random conversations with a server and clients.

      --seed N  repeat the choices of a run
`;
const task = await readCommandLine(
  { name: "fuzz", usage: USAGE },
  (args) => ({
    rounds: readInteger(args.positional[0] ?? "1000", 1, 1_000_000_000, "ROUNDS"),
    seed: args.integer("seed", 0, 2 ** 32 - 1) ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
  }),
);
Deno.exit(typeof task === "number" ? task : await main(task.rounds, task.seed) === 0 ? 0 : 1);
