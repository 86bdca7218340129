/** A program under test in a folder of its own, and the conversations with it, which go on as long as it answers. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { abortable, delay } from "@std/async";
import { Connection, type Heard, type LargeLimits } from "./connection.ts";
import { afterShell, type Launch, type Machine } from "./launch.ts";
import type { Act, Play } from "./play.ts";
import { LARGE_BYTES } from "./plays.ts";
import { Program } from "./program.ts";
import { eventsOf, type Held, MAX_CALLS, Recorder, type Recording, textOf, toBytes, toText } from "./recording.ts";
import { removeTree, slowness } from "./system.ts";
import { keyOf, overKey, type Waits } from "./waits.ts";

/** What all plays with a program have in common. */
export interface Stage {
  launch: Launch;
  machine: Machine;
  /** How long a message may take, in milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
  /** A folder of our own, in which the programs' folders are. */
  folder: string;
  /** Changes the words that start a program, as a sandbox does. */
  wrap?: ((words: string[], options: { cwd: string }) => string[]) | undefined;
  /** The start of the run, by `performance.now()`. */
  start: number;
  waits: Waits;
  onPlay: (play: Play) => void;
  onRecording: (recording: Recording) => void;
}

// Who was silent for a whole wait says the next message at once, or not at all.
const MISSED_MS = 1000;
// How long a file may take to get its length; who has left it wrong so often gets less time.
const [LOOK_MS, LOOK_AGAIN_MS, LOOKS] = [500, 100, 3];
// A server that does not close may have no need to.
const CLOSE_MS = [1000, 300, 50];
// How long a large file may take, in messages; one that is copied whole for each block takes hours.
const LARGE_WAITS = 4;
// In so much time, the memory of a program that moves a block at a time grows by less.
const [STEADY_MS, STEADY_KIB] = [250, 128];
// What is kept of a file, in bytes.
const MAX_HELD = 1_000_000;
const TRACED = "listen,bind,sendto,sendmsg,write,writev,sendfile,unlink,unlinkat";

/** A program's folder and the program in it, and what is recorded of the play that is under way. */
export class Scene {
  readonly run = ++starts;
  readonly cwd: string;
  readonly trace: string;
  host = "127.0.0.1";
  count = 0;
  play!: Play;
  recorder!: Recorder;
  program!: Program;
  #lines = 0;
  #connections: (Connection | undefined)[] = [];

  constructor(readonly stage: Stage, readonly port: number) {
    this.cwd = `${stage.folder}/${this.run}`;
    this.trace = `${this.cwd}.trace`;
  }

  /** Begins a play: a new recording, and the files that it needs, whatever the program has done to its folder. */
  async open(play: Play): Promise<void> {
    this.play = play;
    const { run, port } = this;
    this.recorder = new Recorder({ play: play.id, about: play.about, run, port }, this.stage.start);
    await Deno.mkdir(this.cwd, { recursive: true });
    await Deno.chmod(this.cwd, 0o700);
    for (const [name, file] of Object.entries({ [play.name]: undefined, ...play.files })) {
      const path = `${this.cwd}/${name}`;
      await discard(path);
      if (file === undefined) continue;
      if (file === "/") await Deno.mkdir(path);
      else await Deno.writeFile(path, toBytes(typeof file === "string" ? file : ""), { createNew: true });
      if (typeof file !== "number") continue;
      await Deno.truncate(path, file - 1);
      // Whoever sends a buffer that has been filled anew sends this byte too often.
      await Deno.writeTextFile(path, ".", { append: true });
    }
    if (this.count++ === 0) this.#start(play);
  }

  #start(play: Play): void {
    const { launch, machine, wrap } = this.stage;
    const inject = play.traced?.inject ? ["-e", `inject=${play.traced.inject}`] : [];
    const strace = ["strace", "-f", "-y", "-qq", "-s", "200", "-e", `trace=${TRACED}`, ...inject, "-o", this.trace];
    const call = { host: play.host, port: this.port, verb: play.verb, file: play.name, verbose: play.verbose ?? false };
    const words = [...machine.unbuffered, ...play.traced ? strace : [], ...launch.words(call)];
    const own = machine.enclosed.length > 0 ? [...machine.enclosed, ...afterShell(this.run)] : [];
    this.program = new Program(wrap ? wrap(words, { cwd: this.cwd }) : [...own, ...words], {
      cwd: this.cwd,
      isEnclosed: wrap !== undefined || own.length > 0,
      onLine: (stream, text, isUnended) => {
        this.#lines++;
        // That is of the shell before it, when we end it.
        const isOurs = text === "" || text === "Killed" && this.program.isKilled;
        if (!isOurs) this.recorder.add({ type: "line", stream, text, isUnended });
      },
      isCapped: play.memory ?? false,
    });
    const { program } = this;
    program.ended.then((status) => program.isKilled || this.recorder.add({ type: "exit", status }));
  }

  /**
   * Plays the acts; `connect` makes a connection. A conversation is over when nobody answers, or two messages fail; another
   * client's goes on.
   */
  async perform(connect: (on?: number) => Promise<Deno.TcpConn | undefined>): Promise<void> {
    const { play, recorder } = this;
    const { waits, signal } = this.stage;
    let isShort = false;
    const misses = [0, 0, 0];
    const over = new Set<number>();
    for (const act of play.acts) {
      signal.throwIfAborted();
      const { on } = act;
      const client = on ?? 1;
      const connection = this.#connections[client];
      if (act.ifAccepted && !this.#isAccepted) continue;
      if (act.do === "look") await this.#look(act.name, act === play.acts.at(-1));
      else if (act.do === "connect") {
        if (over.size > 0) continue;
        const conn = await connect(on);
        if (conn) this.#connections[client] = new Connection(conn, recorder, signal, on);
        else recorder.add({ type: "unconnected", on });
        if (!conn && !on) over.add(client);
      } else if (!connection) continue;
      else if (act.do === "finish") await this.#finish(connection);
      else if (act.do === "listen") {
        if (!over.has(client)) await connection.wait(act.ms * slowness(), () => this.#hasPrinted(act.until));
      } else if (act.do === "say") {
        if (over.has(client) || await this.#say(connection, act) || await connection.hasEnded()) continue;
        over.add(client);
      } else if (act.do === "leave") connection.leave();
      else if (over.has(client)) await connection.hearRest(act.step, act.expected);
      else {
        const heard = await this.#hear(connection, act, misses[client]!);
        const key = keyOf(play, act.step);
        const missed = misses[client] = heard === "silent" ? misses[client]! + 1 : 0;
        isShort ||= heard !== "heard" && !("word" in act.expected);
        // A server that has served others is started anew: whether it is gone already, or going, is chance.
        const isRetried = play.about === "server" && act.step === "a" && this.count > 1;
        const isOver = heard === "ended" || heard === "endless" || missed === 2 ||
          isRetried && missed > 0 && waits.count(key) > 0;
        if (isOver) over.add(client);
        if (["silent", "cut", "endless"].includes(heard)) waits.add(key);
        if (heard === "heard") waits.clear(`over ${key}`);
        if (isOver && !isRetried) waits.add(`over ${key}`);
      }
    }
    if (play.verb === "DEL") return;
    // It hangs, and has not moved the file.
    const isHung = play.about === "server" ? misses[1]! > 0 : eventsOf(recorder.recording, "stayed").length > 0;
    const isMoved = play.acts.at(-1)?.do === "look" ? waits.count(lookKey(play)) === 0 : !isShort;
    waits[isHung && !isMoved ? "add" : "clear"](overKey(play));
  }

  async #hear(
    connection: Connection,
    { step, expected }: Extract<Act, { do: "hear" }>,
    misses: number,
  ): Promise<Heard> {
    const { play, stage: { timeoutMs, waits } } = this;
    const key = keyOf(play, step);
    const most = misses > 0 ? MISSED_MS * slowness() : play.limitMs ?? timeoutMs;
    const ms = Math.min(waits.limit(key, timeoutMs), most);
    if ("zeros" in expected) {
      if (play.memory) await connection.stall(() => this.#settled());
      const limits = { ms: play.memory ? this.#largeLimits.ms : 3 * ms, partMs: ms };
      return await connection.hearZeros(step, expected.zeros, limits, this.#measure);
    }
    const start = performance.now();
    const heard = await connection.hear(step, expected, ms);
    // How long a file takes says nothing of how long nothing comes.
    if (heard === "heard" && !("data" in expected)) waits.came(key, performance.now() - start);
    return heard;
  }

  #say(connection: Connection, act: Extract<Act, { do: "say" }>): Promise<boolean> {
    if (act.zeros) return connection.sayZeros(act, this.#largeLimits, this.#measure);
    return connection.say(act, this.stage.timeoutMs);
  }

  /** Awaits that a server closes, or that a client ends. */
  async #finish(connection: Connection): Promise<void> {
    await connection.finish();
    const { timeoutMs, waits } = this.stage;
    if (this.play.about === "server") {
      await connection.wait(CLOSE_MS[Math.min(waits.count("close"), 2)]! * slowness(), () => false);
      if (!connection.isEnded) waits.add("close");
      return connection.leave();
    }
    const key = `end ${this.play.verb}`;
    const ms = waits.limit(key, timeoutMs);
    if (await this.program.end(ms)) return;
    waits.add(key);
    this.recorder.add({ type: "stayed", ms });
  }

  get #isAccepted(): boolean {
    const came = textOf(this.recorder.recording);
    return came.endsWith("OK") && !came.includes("ERROR");
  }

  #hasPrinted(line: string | undefined): boolean {
    return line !== undefined && eventsOf(this.recorder.recording, "line").some(({ text }) => text.includes(line));
  }

  get #largeLimits(): LargeLimits {
    const { timeoutMs, waits } = this.stage;
    return { ms: LARGE_WAITS * timeoutMs, partMs: waits.limit(overKey(this.play), timeoutMs) };
  }

  readonly #measure = async (passed: number): Promise<void> => {
    if (!this.play.memory || !this.stage.machine.hasProc) return;
    const kib = await this.program.peakKib();
    const [first] = eventsOf(this.recorder.recording, "memory");
    const ms = first ? Math.round(performance.now() - this.stage.start - first.at) : 0;
    this.recorder.add({ type: "memory", kib, passed, ms });
  };

  /** Awaits that the program's memory grows no more, or has grown enough: while nobody reads, it must not read on either. */
  async #settled(): Promise<void> {
    const end = performance.now() + this.#largeLimits.ms;
    const kibs: number[] = [];
    do {
      await this.#measure(0);
      kibs.push(eventsOf(this.recorder.recording, "memory").at(-1)?.kib ?? 0);
      const [last = 0, before = 0] = kibs.toReversed();
      if (last - before < STEADY_KIB || last - kibs[0]! > LARGE_BYTES / 1024) return;
      await abortable(delay(STEADY_MS * slowness()), this.stage.signal);
    } while (performance.now() < end);
  }

  // A program may still be closing its file: one that has not the right length is looked at again.
  async #look(name: string, isLast: boolean): Promise<void> {
    const { play, stage: { waits } } = this;
    const key = lookKey(play);
    const ms = waits.count(key) < LOOKS ? LOOK_MS : LOOK_AGAIN_MS;
    const deadline = performance.now() + (isLast && play.verb !== "DEL" ? ms : 0);
    const isRight = (): boolean => hold(`${this.cwd}/${name}`)?.bytes.length === play.data.length;
    while (performance.now() < deadline && !isRight()) await delay(25);
    if (isRight()) waits.clear(key);
    else if (isLast) waits.add(key);
    this.recorder.add({ type: "file", name, file: hold(`${this.cwd}/${name}`) });
  }

  async disconnect(): Promise<void> {
    for (const connection of this.#connections) await connection?.[Symbol.asyncDispose]();
    this.#connections = [];
  }

  /** Ends the program, and removes what takes room. */
  async close(): Promise<void> {
    const { play, cwd } = this;
    await this.disconnect();
    // Its first play could not begin.
    if (this.count === 0) return;
    // The last lines may be on their way.
    for (let [seen, rounds] = [-1, 0]; play.verbose && seen !== this.#lines && rounds < 10; rounds++) {
      seen = this.#lines;
      await this.program.end(150);
    }
    if (play.traced) await this.program.kill();
    await this.program[Symbol.asyncDispose]();
    const trace = play.traced ? await Deno.readTextFile(this.trace).catch(() => "") : "";
    for (const text of joinCalls(trace).slice(0, MAX_CALLS)) this.recorder.add({ type: "call", text });
    for (const name of [...Object.keys(play.files), play.name]) await discard(`${cwd}/${name}`);
  }
}

function lookKey({ verb }: Play): string {
  return `look ${verb}`;
}

/** Removes a file, or a folder, if there is one. */
async function discard(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => error instanceof Deno.errors.NotFound || removeTree(path));
}

let starts = 0;

// The program may put a pipe, or a link to what is without an end, in the place of the file at any moment.
function hold(path: string): Held {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const info = fstatSync(file);
    if (!info.isFile()) return null;
    if (info.size > MAX_HELD) return { bytes: "", cut: info.size };
    const bytes = new Uint8Array(info.size);
    let length = 0;
    for (let count; (count = readSync(file, bytes, length, bytes.length - length, length)) > 0;) length += count;
    return { bytes: toText(bytes.subarray(0, length)) };
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The calls in a trace. Where another thread's call came between, strace splits a call over two lines. */
function joinCalls(trace: string): string[] {
  const unfinished = new Map<string, string>();
  return trace.split("\n").flatMap((line) => {
    const [, thread = "", call = ""] = line.match(/^(\d+) +(.*)$/) ?? [];
    const [, begun] = call.match(/^(.*?) *<unfinished \.\.\.>$/) ?? [];
    if (begun !== undefined) unfinished.set(thread, begun);
    return begun !== undefined || call === ""
      ? []
      : [call.replace(/^<\.\.\. \w+ resumed>/, () => unfinished.get(thread) ?? "")];
  });
}
