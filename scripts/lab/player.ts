/** Plays the plays with a program under test. It judges nothing, and goes on as long as there is somebody to talk to. */

import { abortable, within } from "../../lib/within.ts";
import { freePort, listeningHosts } from "../ports.ts";
import { Connection, type Heard } from "./connection.ts";
import { CheckError, type Launch, type Machine, output } from "./launch.ts";
import type { Act, Play } from "./plays.ts";
import { Program } from "./program.ts";
import { type Held, Recorder, type Recording, toBytes, toText } from "./recording.ts";

/** What both players need. */
export interface Stage {
  launch: Launch;
  machine: Machine;
  /** How long a message may take. */
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

// An interpreter may take seconds to start on a busy machine: so many times as long as a message.
const START_WAITS = 3;
// Where a program was silent before, it is not given as long again.
const AGAIN_MS = [700, 700, 300];
// A program that does not close may have no need to.
const CLOSE_MS = 1000;
// How long a large file may take; one that is copied whole for each block takes hours.
const LARGE_MS = 12_000;
const TRACED = "listen,bind,sendto,sendmsg,write,writev,sendfile,unlink,unlinkat";
const MAX_CALLS = 2000;

/** How long to wait, in the light of what the program has done before. */
export class Waits {
  readonly #silences = new Map<string, number>();
  readonly #givenUp = new Map<string, number>();

  limit(key: string, ms: number): number {
    const count = this.#silences.get(key) ?? 0;
    return count === 0 ? ms : Math.min(ms, AGAIN_MS[Math.min(count, AGAIN_MS.length) - 1]!);
  }

  /** Notes that nothing came. */
  silent(key: string): void {
    this.#silences.set(key, (this.#silences.get(key) ?? 0) + 1);
  }

  /** Notes that a play broke off there. */
  giveUp(verb: string, key: string): void {
    for (const name of [verb, key]) this.#givenUp.set(name, (this.#givenUp.get(name) ?? 0) + 1);
  }

  /** Whether more plays of this kind would show the same again. */
  isHopeless(key: string): boolean {
    return (this.#givenUp.get(key) ?? 0) >= 4;
  }
}

/** Where a program's folder stands, and what is recorded of the play that is under way. */
class Scene {
  readonly stage: Stage;
  readonly cwd: string;
  recorder!: Recorder;
  program!: Program;
  port = 0;
  connections: (Connection | undefined)[] = [];

  constructor(stage: Stage, cwd: string) {
    this.stage = stage;
    this.cwd = cwd;
  }

  /** Puts the play's files in the folder, which the program may have changed. */
  async prepare({ files = {} }: Play): Promise<void> {
    await Deno.mkdir(this.cwd, { recursive: true });
    await Deno.chmod(this.cwd, 0o700);
    for (const [name, file] of Object.entries(files)) {
      const path = `${this.cwd}/${name}`;
      const info = await Deno.lstat(path).catch(() => undefined);
      if (info) await Deno.remove(path, { recursive: true });
      if (file === "/") await Deno.mkdir(path);
      else if (typeof file === "string") await Deno.writeFile(path, toBytes(file));
      else {
        using made = await Deno.create(path);
        await made.truncate(file);
      }
    }
  }

  /** Removes the play's files: a large one needs room. */
  async clear({ files = {}, name }: Play): Promise<void> {
    for (const path of new Set([...Object.keys(files), name])) {
      await Deno.remove(`${this.cwd}/${path}`, { recursive: true }).catch(() => {});
    }
  }

  start(play: Play, words: string[], trace: string): void {
    const inject = play.traced?.inject ? ["-e", `inject=${play.traced.inject}`] : [];
    const strace = ["strace", "-f", "-y", "-qq", "-s", "200", "-e", `trace=${TRACED}`, ...inject, "-o", trace];
    const { machine, wrap } = this.stage;
    const all = [...machine.unbuffered, ...play.traced ? strace : [], ...words];
    this.program = new Program(wrap ? wrap(all, { cwd: this.cwd }) : [...machine.enclosed, ...all], {
      cwd: this.cwd,
      isEnclosed: !wrap && machine.enclosed.length > 0,
      onLine: (stream, text) => text !== "" && this.recorder.add({ type: "line", stream, text }),
      isCapped: play.memory !== undefined,
    });
    const { program } = this;
    program.ended.then((status) => program.isKilled || this.recorder.add({ type: "exit", status }));
  }

  /** Plays the acts with a program that is there; `connect` makes a connection. */
  async play(play: Play, connect: (on?: number) => Promise<Connection | undefined>): Promise<void> {
    const { waits } = this.stage;
    let [misses, isOver] = [0, false];
    for (const [index, act] of play.acts.entries()) {
      this.stage.signal.throwIfAborted();
      const last = { hear: true, say: true, connect: true, listen: true, finish: false, leave: false, look: false };
      if (isOver && act.do === "hear") await this.connections[act.on ?? 1]?.hearRest(act.step, act.expected);
      if (isOver && last[act.do]) continue;
      if (act.do === "connect") {
        this.connections[act.on ?? 1] = await connect(act.on);
        isOver = !this.connections[act.on ?? 1];
        continue;
      }
      if (act.do === "look") {
        await this.#look(play, act.name, index === play.acts.length - 1);
        continue;
      }
      const connection = this.connections[act.on ?? 1];
      if (!connection) continue;
      const heard = await this.#act(play, act, connection);
      if (act.do === "hear") {
        misses = heard === "silent" ? misses + 1 : 0;
        if (heard === "silent") waits.silent(keyOf(play, act.step));
        isOver ||= heard === "ended" || misses === 2 || heard === "refused";
        if (heard === "ended" || misses === 2) waits.giveUp(verbOf(play), keyOf(play, act.step));
      } else if (heard !== "heard") isOver = true;
    }
  }

  async #act(play: Play, act: Act, connection: Connection): Promise<Heard | "refused"> {
    const { timeoutMs, waits } = this.stage;
    const onPart = (passed: number): Promise<void> => this.#measure(play, passed);
    switch (act.do) {
      case "hear": {
        const ms = Math.min(waits.limit(keyOf(play, act.step), timeoutMs), play.limitMs ?? timeoutMs);
        if ("zeros" in act.expected) {
          const limit = play.memory ? Math.max(LARGE_MS, timeoutMs) : 3 * ms;
          return await connection.hearZeros(act.step, act.expected.zeros, limit, onPart);
        }
        return await connection.hear(act.step, act.expected, ms);
      }
      case "say": {
        const isSaid = act.zeros
          ? await connection.sayZeros(act, Math.max(LARGE_MS, timeoutMs), onPart)
          : await connection.say(act, timeoutMs);
        return isSaid ? "heard" : "ended";
      }
      case "listen":
        await connection.wait(act.ms, () => act.until !== undefined && this.#hasPrinted(act.until));
        return "heard";
      case "finish":
        await connection.finish();
        await this.#finish(play, connection);
        return "heard";
      case "leave":
        connection.leave();
    }
    return "heard";
  }

  async #finish(play: Play, connection: Connection): Promise<void> {
    const { timeoutMs, waits } = this.stage;
    const key = `${play.about} end${play.about === "client" ? play.verb : ""}`;
    if (play.about === "server") {
      const ms = waits.limit(key, CLOSE_MS);
      await connection.wait(ms, () => false);
      if (!connection.isEnded) waits.silent(key);
      return connection.leave();
    }
    const ms = waits.limit(key, timeoutMs);
    if (await this.program.end(ms)) return;
    waits.silent(key);
    this.recorder.add({ type: "stayed", ms });
  }

  #hasPrinted(line: string): boolean {
    return this.recorder.recording.events.some((event) => event.type === "line" && event.text.includes(line));
  }

  async #measure(play: Play, passed: number): Promise<void> {
    if (!play.memory || !this.stage.machine.hasProc) return;
    const kib = await this.program.peakKib();
    const { events } = this.recorder.recording;
    const first = events.find((event) => event.type === "memory");
    const ms = Math.round(performance.now() - this.stage.start) - (first?.at ?? 0);
    this.recorder.add({ type: "memory", kib, passed, ms: first ? ms : 0 });
  }

  // A program may still be closing its file: one that has not the right length is looked at again.
  async #look(play: Play, name: string, isLast: boolean): Promise<void> {
    const isDel = play.verb === "DEL";
    const deadline = performance.now() + (isLast && !isDel ? 500 : 0);
    let file = await hold(`${this.cwd}/${name}`);
    while (performance.now() < deadline && file?.bytes.length !== play.data.length) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      file = await hold(`${this.cwd}/${name}`);
    }
    this.recorder.add({ type: "file", name, file });
  }

  /** Adds the calls of a traced program. */
  async addCalls(trace: string): Promise<void> {
    const text = await Deno.readTextFile(trace).catch(() => "");
    for (const call of joinCalls(text).slice(0, MAX_CALLS)) this.recorder.add({ type: "call", text: call });
  }

  async closeConnections(): Promise<void> {
    for (const connection of this.connections) await connection?.[Symbol.asyncDispose]();
    this.connections = [];
  }
}

function verbOf({ about, verb }: Play): string {
  return `${about} ${verb}`;
}

function keyOf(play: Play, step: string): string {
  return play.about === "server" && step === "a" ? "server a" : `${verbOf(play)} ${step}`;
}

async function hold(path: string): Promise<Held> {
  try {
    const { isFile, size } = await Deno.lstat(path);
    if (!isFile) return null;
    return size > 1_000_000 ? { bytes: "", cut: size } : { bytes: toText(await Deno.readFile(path)) };
  } catch {
    return null;
  }
}

/** The calls in a trace. Where another thread's call came between, strace splits a call over two lines. */
function joinCalls(trace: string): string[] {
  const unfinished = new Map<string, string>();
  return trace.split("\n").flatMap((line) => {
    const [, thread = "", call = ""] = line.match(/^(\d+) +(.*)$/) ?? [];
    const [, resumed] = call.match(/^<\.\.\. \w+ resumed>(.*)$/) ?? [];
    if (call.endsWith("<unfinished ...>")) unfinished.set(thread, call.replace(/ *<unfinished \.\.\.>$/, ""));
    else if (resumed !== undefined) return [(unfinished.get(thread) ?? "") + resumed];
    else if (call !== "") return [call];
    return [];
  });
}

/** Why a play can't be played here, if so. */
async function obstacle(play: Play, { machine, folder, waits }: Stage): Promise<string | undefined> {
  if (play.traced && !machine.hasStrace) return "strace is not installed";
  if (play.memory && !machine.hasProc) return "it reads Linux's /proc";
  if (play.host && !machine.hasProc) return "it needs Linux's addresses 127.0.0.0/8";
  if (play.room) {
    const free = (await output(["df", "-Pk", folder])).split("\n").at(-1)?.split(/\s+/)[3];
    const needed = 1.2 * play.room;
    if (Number(free) * 1024 < needed) return `the temporary folder has less than ${Math.ceil(needed / 1e6)} MB free`;
  }
  if (waits.isHopeless(verbOf(play)) || waits.isHopeless("server a") && play.about === "server") {
    return `the ${play.about} broke off ${play.verb} in every play before`;
  }
  return undefined;
}

let runs = 0;

/** Plays with a server, which serves play after play and is started anew only when it must be. */
export async function playServer(plays: Play[], stage: Stage): Promise<void> {
  const setting = ({ verbose, traced, memory }: Play): string => JSON.stringify([verbose, traced, memory]);
  let served: { scene: Scene; play: Play; run: number; host: string; trace: string; count: number } | undefined;
  const stop = async (): Promise<void> => {
    if (!served) return;
    const { scene, play, trace } = served;
    served = undefined;
    // The last lines may be on their way.
    if (play.verbose) await scene.program.end(150);
    if (play.traced) await scene.program.kill();
    await scene.program[Symbol.asyncDispose]();
    if (play.traced) await scene.addCalls(trace);
    await scene.clear(play);
  };
  let unreached = 0;
  const attempt = async (play: Play): Promise<boolean> => {
    const run = served?.run ?? ++runs;
    const scene = served?.scene ?? new Scene(stage, `${stage.folder}/server${run}`);
    const port = served ? scene.port : freePort();
    scene.port = port;
    scene.recorder = new Recorder({ play: play.id, about: "server", run, port }, stage.start);
    await scene.prepare(play);
    const trace = `${stage.folder}/trace${run}`;
    if (!served) {
      scene.start(play, stage.launch.words({ port, verbose: play.verbose ?? false }), trace);
      served = { scene, play, run, trace, host: "127.0.0.1", count: 0 };
    }
    const current = served;
    current.play = play;
    current.count++;
    const limit = current.count === 1 ? (unreached === 0 ? START_WAITS * stage.timeoutMs : 2000) : 500;
    if (play.idle) await abortable(new Promise((resolve) => setTimeout(resolve, play.idle)), stage.signal);
    try {
      await scene.play(play, async (on) => {
        const conn = await reach(scene, current, play.host, on ? 500 : limit, stage.signal);
        if (conn) return new Connection(conn, scene.recorder, on);
        scene.recorder.add({ type: "unconnected", ...on ? { on } : {} });
        return undefined;
      });
    } finally {
      await scene.closeConnections();
    }
    const { events } = scene.recorder.recording;
    const isReached = events.some(({ type }) => type === "connected");
    unreached = isReached || play.host ? 0 : unreached + 1;
    const isSilent = events.some((event) => event.type === "heard" && event.count === 0 && event.ms !== undefined);
    const isReady = events.some((event) => event.type === "heard" && event.step === "a" && event.count > 0);
    // A traceback may be on its way.
    if (isSilent || !isReached) await scene.program.end(200);
    const isNext = current.count > 1 && !isReady && !play.host;
    if (isNext) scene.recorder.recording.retried = true;
    if (isSilent || !isReady && !play.host || play.breaks || scene.program.status !== undefined) await stop();
    stage.onRecording(scene.recorder.recording);
    return !isNext;
  };
  try {
    for (const play of plays) {
      stage.signal.throwIfAborted();
      const missing = unreached >= 2 ? "nothing listened on its port" : await obstacle(play, stage);
      if (missing !== undefined) {
        stage.onRecording({ play: play.id, about: "server", run: 0, port: 0, events: [], missing });
        continue;
      }
      if (served && setting(served.play) !== setting(play)) await stop();
      stage.onPlay(play);
      if (!await survive(play, stage, () => attempt(play))) {
        await stop();
        await survive(play, stage, () => attempt(play));
      }
    }
  } finally {
    await stop();
  }
}

/** What goes wrong with a folder or a port costs a play, not the run. */
async function survive(play: Play, stage: Stage, attempt: () => Promise<boolean>): Promise<boolean> {
  try {
    return await attempt();
  } catch (error) {
    stage.signal.throwIfAborted();
    if (error instanceof CheckError) throw error;
    const missing = error instanceof Error ? error.message : String(error);
    stage.onRecording({ play: play.id, about: play.about, run: 0, port: 0, events: [], missing });
    return true;
  }
}

/** Connects, as soon as the server listens; where it listens on another address alone, there. */
async function reach(
  { port, program }: Scene,
  current: { host: string },
  host: string | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn | undefined> {
  const start = performance.now();
  for (let tries = 1; performance.now() - start < ms; tries++) {
    signal.throwIfAborted();
    try {
      return await Deno.connect({ hostname: host ?? current.host, port });
    } catch {
      if (host || program.status !== undefined) return undefined;
      if (tries % 10 === 0) current.host = listeningHosts(port)[0] ?? current.host;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  return undefined;
}

/** Plays one play with a client, which is started for it. */
export async function playClient(play: Play, stage: Stage): Promise<void> {
  const missing = await obstacle(play, stage);
  if (missing !== undefined) {
    return stage.onRecording({ play: play.id, about: "client", run: 0, port: 0, events: [], missing });
  }
  stage.onPlay(play);
  await survive(play, stage, async () => {
    const run = ++runs;
    const scene = new Scene(stage, `${stage.folder}/client${run}`);
    const trace = `${stage.folder}/trace${run}`;
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    scene.recorder = new Recorder({ play: play.id, about: "client", run, port }, stage.start);
    await scene.prepare(play);
    scene.start(play, stage.launch.words({ port, verb: play.verb, file: play.name }), trace);
    try {
      await scene.play(play, async () => {
        const conn = listener.accept();
        conn.catch(() => {});
        const key = `${verbOf(play)} connect`;
        const wait = within(
          Promise.race([conn, scene.program.ended.then(() => undefined)]),
          stage.waits.limit(key, START_WAITS * stage.timeoutMs),
        );
        const accepted = await abortable(wait, stage.signal);
        if (accepted) return new Connection(accepted, scene.recorder);
        if (scene.program.status === undefined) {
          stage.waits.silent(key);
          stage.waits.giveUp(verbOf(play), key);
        }
        await scene.program.end(200);
        scene.recorder.add({ type: "unconnected" });
        return undefined;
      });
      // Its last words, where it broke off.
      await scene.program.end(100);
    } finally {
      await scene.closeConnections();
      await scene.program[Symbol.asyncDispose]();
    }
    if (play.traced) await scene.addCalls(trace);
    await scene.clear(play);
    stage.onRecording(scene.recorder.recording);
    return true;
  });
}
