/** The rounds that a fuzzer plays: an attack on the real server or on a real client, or a right transfer in between. */

import { delay } from "@std/async";
import { type Verb, VERBS } from "../../lib/protocol.ts";
import type { Bytes } from "../../lib/bytes.ts";
import { del, get, put, TransferError } from "../../lib/mod.ts";
import { wire } from "../support/raw.ts";
import { isSame } from "../support/folder.ts";
import { runClient } from "../support/programs.ts";
import {
  anyName,
  type Ending,
  fileData,
  type Message,
  play,
  Random,
  right,
  sizedData,
  spoil,
} from "./conversations.ts";
import { BIG_BYTES, MAX_BYTES, POOL, type World } from "./world.ts";

/** The server's timeout. */
export const TIMEOUT_SECONDS = 2;
/** What a bug leaves on standard error. */
export const STACK_TRACE = /Uncaught|panicked|^\s+at /m;

// One of so many rounds starts a client process, which takes as long as a hundred other rounds.
const PROCESS_EVERY = 150;
// One of so many rounds does not read for twice the timeout.
const STALL_EVERY = 2000;

/** What a round is played with. */
export interface Setting {
  world: World;
  /** The real server's. */
  port: number;
  /** Takes the connection of the one client that a round attacks. */
  listener: Deno.Listener;
}

interface Round extends Setting {
  random: Random;
  fail: (kind: Parameters<World["fail"]>[0], what: unknown) => void;
}

/** Plays one round; what it does depends on the seed and the number alone. */
export async function playRound(setting: Setting, seed: number, number: number): Promise<void> {
  const random = new Random(seed, number);
  const round: Round = { ...setting, random, fail: (kind, what) => setting.world.fail(kind, number, what) };
  if (number % STALL_EVERY === 1) return await stall(round);
  if (number % PROCESS_EVERY === 2) return await attackClient(round, true);
  const kind = random.below(100);
  if (kind < 30) await attackClient(round, false);
  else if (kind < 40) await transfer(round, `own-${number}`);
  else await attackServer(round);
}

const here = (port: number): { hostname: string; port: number } => ({ hostname: "127.0.0.1", port });
// One character for each byte.
const latin1 = (bytes: Bytes): string => new TextDecoder("latin1").decode(bytes);

/** A client that may be anything against the real server. */
async function attackServer(round: Round): Promise<void> {
  const { random, world, port, fail } = round;
  const isPool = random.chance(50);
  const name = isPool ? wire(random.pick(POOL)) : anyName(random, world.path);
  const verb = random.pick(VERBS);
  const whole = right.client[verb](name, fileData(random, MAX_BYTES));
  const isRight = random.chance(20);
  const { list, rightCount } = isRight ? { list: whole, rightCount: whole.length } : spoil(random, whole);
  const ending: Ending = random.chance(0.6) ? "silence" : random.chance(15) ? "RST" : "FIN";
  world.say(list);
  const listensFirst = isRight || random.chance(95);
  const answer = await play(await Deno.connect(here(port)), { list, rightCount, listensFirst, ending });
  if (latin1(answer).includes(world.canary)) fail("escapes", `read by ${JSON.stringify(latin1(list[0]!.bytes))}`);
  if (isPool && isRight && ending === "FIN") checkAnswer(round, verb, answer);
}

function checkAnswer({ world, fail }: Round, verb: Verb, answer: Bytes): void {
  const text = latin1(answer);
  // Other rounds delete the same files.
  if (verb !== "PUT" && /^READYERROR: (pool-\d+ does not exist|unable to delete pool-\d+)$/.test(text)) return;
  const data = verb === "GET" ? fetched(answer) : undefined;
  if (data && !world.isSent(data)) fail("half files", `${data.length} bytes were fetched`);
  const isRight = verb === "GET" ? data : text === (verb === "PUT" ? "READYOKOKDONE" : "READYDONE");
  if (!isRight) fail("wrong answers", `${verb} was answered with ${JSON.stringify(text.slice(0, 200))}`);
}

/** The data in a server's side of a GET, if all is well with it. */
function fetched(said: Bytes): Bytes | undefined {
  const data = sizedData(said.subarray("READYOK".length));
  const text = latin1(said);
  return data && text.startsWith("READYOK") && text.startsWith("DONE", "READYOK".length + 8 + data.length)
    ? data
    : undefined;
}

/** A right transfer there, back and away, by the library. */
async function transfer({ random, world, port, fail }: Round, own: string): Promise<void> {
  const [name, copy] = [random.pick(["", "sub/", "./", "down/"]) + own, world.at(`mine/${own}`)];
  const data = fileData(random, MAX_BYTES);
  world.send(data);
  await put(name, { ...here(port), from: new Blob([data]).stream(), size: BigInt(data.length) });
  if (!isSame(await Deno.readFile(`${world.root}/${name}`), data)) fail("half files", "PUT made another file");
  await get(name, { ...here(port), to: copy });
  if (!isSame(await Deno.readFile(copy), data)) fail("half files", "GET made another file");
  await del(name, here(port));
  await Deno.remove(copy);
}

/** A client that asks for a large file and does not read it: the server must give it up. */
async function stall({ port, fail }: Round): Promise<void> {
  // On a busy machine the server may be late.
  for (const timeouts of [2, 4]) {
    using conn = await Deno.connect(here(port));
    for (const message of ["GET big", "READY", "OK"]) {
      await conn.read(new Uint8Array(100));
      await conn.write(wire(message));
    }
    await delay(timeouts * TIMEOUT_SECONDS * 1000);
    let length = 0;
    const buffer = new Uint8Array(MAX_BYTES);
    for (let count: number | null = 0; count !== null; count = await conn.read(buffer)) length += count;
    if (length < BIG_BYTES) return;
  }
  fail("hangs", "the server waited for a client that did not read");
}

/** A server that may be anything against a real client: the library's or, if `isProcess`, the program. */
async function attackClient(round: Round, isProcess: boolean): Promise<void> {
  const { random, world, listener, fail } = round;
  const verb = random.pick(VERBS);
  const data = fileData(random, MAX_BYTES);
  const old = random.bytes(10);
  const file = await Deno.makeTempFile({ dir: world.at("mine") });
  await Deno.writeFile(file, verb === "PUT" ? data : old);
  const whole = right.server[verb](data);
  const isRight = random.chance(20);
  const { list, rightCount } = isRight ? { list: whole, rightCount: whole.length } : spoil(random, whole);
  // A client waits for READY as long as it takes, so silence comes later.
  const isSilent = rightCount > 0 && random.chance(2);
  const ending: Ending = isSilent ? "silence" : random.chance(15) ? "RST" : "FIN";
  const playing = listener.accept().then((conn) => play(conn, { list, rightCount, listensFirst: false, ending }));
  const { port } = listener.addr as Deno.NetAddr;
  const ended = isProcess
    ? await runProgram(round, verb, port, file)
    : await runLibrary(round, verb, { ...here(port), timeoutMs: isSilent ? 300 : 5000 }, file);
  const heard = await playing;
  const isWhole = isGood(verb, list);
  if (ended.isDone && !isWhole) fail("wrong answers", `${verb} succeeded though the server's side was not right`);
  // A DONE before its time is right for a GET alone, which has asked for all that is before it.
  if (!ended.isDone && isWhole && (isRight || verb === "GET") && ending === "FIN") {
    fail("wrong answers", `${verb} failed though the server's side was right`);
  }
  const result = ended.result ?? await Deno.readFile(file);
  const expected = ended.isDone ? fetched(wire(...list.map(({ bytes }) => bytes))) : old;
  if (verb === "GET" && !(expected && isSame(result, expected))) fail("half files", "GET left another file");
  if (verb === "PUT" && isRight && ending === "FIN" && !isSame(heard.subarray(heard.length - data.length), data)) {
    fail("half files", "PUT sent other data");
  }
  await Deno.remove(file);
}

// What a server's messages, however they were cut, mean to a client.
function isGood(verb: Verb, list: readonly Message[]): boolean {
  const said = wire(...list.map(({ bytes }) => bytes));
  if (verb === "GET") return fetched(said) !== undefined;
  // A DEL's answer may have OK before it, once or twice, as three known servers have it.
  return (verb === "PUT" ? /^READYOKOKDONE/ : /^READY(OK){0,2}DONE/).test(latin1(said));
}

interface Outcome {
  isDone: boolean;
  /** What was fetched, unless it is in the file. */
  result?: Bytes;
}

async function runLibrary(
  { random, fail }: Round,
  verb: Verb,
  options: { hostname: string; port: number; timeoutMs: number },
  file: string,
): Promise<Outcome> {
  try {
    if (verb === "PUT") await put("f", { ...options, from: file });
    else if (verb === "DEL") await del("f", options);
    else if (random.chance(70)) await get("f", { ...options, to: file });
    else return { isDone: true, result: await new Response((await get("f", options)).readable).bytes() };
    return { isDone: true };
  } catch (error) {
    if (!(error instanceof TransferError)) fail("crashes", error);
    return { isDone: false };
  }
}

async function runProgram({ world, fail }: Round, verb: Verb, port: number, file: string): Promise<Outcome> {
  const { status, stdout, stderr } = await runClient(
    ["127.0.0.1", `${port}`, verb, file.slice(world.at("mine/").length), "--timeout", `${TIMEOUT_SECONDS}`],
    { cwd: world.at("mine") },
  );
  if (status > 1 || STACK_TRACE.test(stderr)) fail("crashes", `status ${status}: ${stderr}`);
  if (/[^\P{Cc}\n]|\u202e/u.test(stdout + stderr)) fail("wrong answers", JSON.stringify(stdout + stderr));
  if (/^Complete$/m.test(stdout) !== (status === 0)) fail("wrong answers", `status ${status}: ${stdout}`);
  return { isDone: status === 0 };
}
