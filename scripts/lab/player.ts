/** Plays the plays: all with one server, which is started anew when it must be, or each with a client of its own. */

import { abortable, delay } from "@std/async";
import type { Role } from "../../lib/protocol.ts";
import { within } from "../../lib/within.ts";
import { freePort, listeningHosts } from "../support/ports.ts";
import type { Play } from "./play.ts";
import { LOCALHOST } from "./plays.ts";
import { eventsOf } from "./recording.ts";
import { Scene, type Stage } from "./scene.ts";
import { output } from "./system.ts";
import { keyOf, overKey } from "./waits.ts";

// An interpreter may take seconds to start on a busy machine: so many times as long as a message, and more if it has before.
const START_WAITS = 3;
const MOST_START_WAITS = 10;
const HOPELESS = 4;
// A server that has shown so often that it serves no other client is started for each.
const LOST = 2;
const UNREACHED = new Error("nothing listened on its port");

/** Why a play can't be played here, or need not be, if so. */
async function obstacle(play: Play, { machine, folder, waits, launch }: Stage): Promise<string | undefined> {
  const { host } = play;
  if (play.traced && !machine.hasStrace) return "strace is not installed";
  if (play.memory && !machine.hasProc) return "it reads Linux's /proc";
  if (host === LOCALHOST && !machine.hasLocalhost) return "127.0.0.1 is not among the addresses of localhost";
  if (host && host !== LOCALHOST && !machine.hasProc) return "it needs Linux's addresses 127.0.0.0/8";
  const isGiven = !host || play.about === "server" || launch.words({ host, port: 1 }).join(" ").includes(host);
  if (!isGiven) return "its command has no {host}";
  if (play.room) {
    const free = (await output(["df", "-Pk", folder])).split("\n").at(-1)?.split(/\s+/)[3];
    if (Number(free) * 1024 < 1.2 * play.room) {
      return `the temporary folder has less than ${Math.ceil(play.room / 8e5)} MB free`;
    }
  }
  const keys = play.acts.flatMap((act) =>
    act.do === "hear" && !act.ifAccepted ? [`over ${keyOf(play, act.step)}`] : []
  );
  // A file that is refused is not moved.
  if (!/missing|folder|nowhere|refused/.test(play.id)) keys.push(overKey(play));
  const isHopeless = keys.some((key) => waits.count(key) >= HOPELESS);
  return isHopeless ? `the ${play.about} broke off ${play.verb} in every play before` : undefined;
}

/** Plays one play, if that is possible; what goes wrong with a folder or a port costs the play, not the run. */
async function attempt(play: Play, stage: Stage, perform: () => Promise<void>): Promise<void> {
  stage.signal.throwIfAborted();
  const { id, about } = play;
  const miss = (missing: string, isFault = false): void =>
    stage.onRecording({ play: id, about, run: 0, port: 0, events: [], missing, ...isFault ? { isFault } : {} });
  const reason = await obstacle(play, stage);
  if (reason !== undefined) return miss(reason);
  stage.onPlay(play);
  try {
    await perform();
  } catch (error) {
    stage.signal.throwIfAborted();
    miss((error as Error).message, error !== UNREACHED);
  }
}

/** Plays with a server, which serves play after play and is started anew only when it must be. */
export async function playServer(plays: Play[], stage: Stage): Promise<void> {
  const setting = ({ verbose, traced, memory }: Play): string => JSON.stringify([verbose, traced, memory]);
  let scene: Scene | undefined;
  // Starts of it, one after the other, after which nothing listened; and how often it did not serve another client.
  let [unreached, lost] = [0, 0];
  const stop = async (): Promise<void> => {
    const ending = scene;
    scene = undefined;
    await ending?.close();
  };
  /** Plays a play; false if the server, which had served others, did not serve this one. */
  const perform = async (play: Play): Promise<boolean> => {
    const current = scene ??= new Scene(stage, freePort());
    const begun = performance.now();
    await current.open(play);
    const { count, program, recorder: { recording } } = current;
    const startMs = limitOfStart("server", stage, unreached === 0 ? START_WAITS * stage.timeoutMs : 2000);
    if (play.idle) await abortable(delay(play.idle), stage.signal);
    try {
      await current.perform((on) => reach(current, count === 1 && !on ? startMs : 500));
    } finally {
      await current.disconnect();
    }
    const [connected] = eventsOf(recording, "connected");
    if (connected && count === 1) {
      stage.waits.came("server start", stage.start + connected.at - begun - (play.idle ?? 0));
    }
    const heard = eventsOf(recording, "heard");
    const isSilent = heard.some((event) => event.count === 0 && event.ms !== undefined);
    const isReady = heard.some((event) => event.step === "a" && event.count > 0) ||
      play.host !== undefined && program.status === undefined;
    if (connected || play.host) unreached = 0;
    else if (count === 1) unreached++;
    // A traceback may be on its way.
    if (isSilent || !connected) await program.end(200);
    const isNext = count > 1 && !isReady;
    if (isNext) recording.retried = true;
    lost += Number(isNext);
    // One that ended after all went well is left for the next client to find.
    if (isSilent || !isReady || play.breaks || lost >= LOST) await stop();
    stage.onRecording(recording);
    return !isNext;
  };
  try {
    for (const play of plays) {
      await attempt(play, stage, async () => {
        if (unreached >= 2) throw UNREACHED;
        if (scene && setting(scene.play) !== setting(play)) await stop();
        if (!await perform(play)) await perform(play);
      });
    }
  } finally {
    await stop();
  }
}

function limitOfStart(role: Role, { waits, timeoutMs }: Stage, ms: number): number {
  return waits.limit(`${role} start`, ms, MOST_START_WAITS * timeoutMs);
}

/** Connects, as soon as the server listens; where it listens on another address alone, there. */
async function reach(scene: Scene, ms: number): Promise<Deno.TcpConn | undefined> {
  const { port, program, play: { host }, stage: { signal } } = scene;
  const start = performance.now();
  for (let tries = 1; performance.now() - start < ms; tries++) {
    signal.throwIfAborted();
    // Before it listens, it refuses everyone.
    const isListening = host !== undefined && listeningHosts(port).length > 0;
    try {
      return await Deno.connect({ hostname: host ?? scene.host, port });
    } catch {
      if (isListening || program.status !== undefined) return undefined;
      // One address alone, as of `bind("localhost")`.
      if (tries % 10 === 0) {
        scene.host = listeningHosts(port).find((each) => !/^(::|0\.0\.0\.0)$/.test(each)) ?? scene.host;
      }
      await delay(25);
    }
  }
  return undefined;
}

/** Listens where a client will connect; a name may have addresses of both kinds. */
function listen(host = "127.0.0.1"): Deno.TcpListener {
  if (host !== LOCALHOST) return Deno.listen({ hostname: host, port: 0 });
  try {
    return Deno.listen({ hostname: "::", port: 0 });
  } catch {
    // Without IPv6.
    return Deno.listen({ hostname: "127.0.0.1", port: 0 });
  }
}

/** Plays one play with a client, which is started for it. */
export function playClient(play: Play, stage: Stage): Promise<void> {
  return attempt(play, stage, async () => {
    using listener = listen(play.host);
    const scene = new Scene(stage, listener.addr.port);
    await scene.open(play);
    const { program, recorder: { recording } } = scene;
    try {
      await scene.perform(async () => {
        const conn = listener.accept();
        conn.catch(() => {});
        const key = "client start";
        const first = Promise.race([conn, program.ended.then(() => undefined)]);
        const start = performance.now();
        const ms = limitOfStart("client", stage, START_WAITS * stage.timeoutMs);
        const accepted = await abortable(within(first, ms), stage.signal);
        if (accepted) stage.waits.came(key, performance.now() - start);
        else if (program.status === undefined) {
          for (const each of [key, `over ${keyOf(play, "b")}`]) stage.waits.add(each);
        }
        if (!accepted) await program.end(200);
        return accepted;
      });
      // Its last words, where it broke off.
      if (eventsOf(recording, "stayed").length === 0) await program.end(100);
    } finally {
      await scene.close();
    }
    stage.onRecording(recording);
  });
}
