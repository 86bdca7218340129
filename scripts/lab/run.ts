/** Plays all plays with a client and a server, beside each other. */

import { crashOf } from "./crash.ts";
import { isJudged, judge, rulesOf, type Scope } from "./causes.ts";
import { CheckError, type Launch, probe, runs } from "./launch.ts";
import { playClient, playServer, type Stage, Waits } from "./player.ts";
import { type Play, PLAYS } from "./plays.ts";
import { eventsOf, type Recording, type Session } from "./recording.ts";

/** The programs under test: one, or both. */
export interface Programs {
  client?: Launch | undefined;
  server?: Launch | undefined;
}

/** How a check is run. */
export interface RunOptions extends Scope {
  /** How long a message may take, in milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Changes the words that start a program, as a sandbox does; without it, a PID namespace where there is one. */
  wrap?: Stage["wrap"];
  onPlay?: (play: Play) => void;
  /** Stops as soon as a cause is found. */
  isFirst?: boolean;
  /** What is recorded so far, for when the run is interrupted. */
  session?: Session;
}

// Of the client, whose plays need no program that serves others, so many are played at the same time.
const CLIENTS = 2;

/** An empty session. */
export function newSession({ client, server }: Programs): Session {
  return {
    version: 1,
    programs: { ...client ? { client: client.label } : {}, ...server ? { server: server.label } : {} },
    recordings: [],
  };
}

/** Plays what the sentences need, and returns all that happened. Throws a {@linkcode CheckError} if a program can't be started. */
export async function run(programs: Programs, options: RunOptions = {}): Promise<Session> {
  const { timeoutMs = 3000, session = newSession(programs), isFirst } = options;
  const machine = await probe();
  const rules = rulesOf(session.programs, options).filter((rule) => isJudged(rule, options));
  const wanted = new Set(rules.flatMap(({ plays }) => plays));
  // Large files last: they take the time of the others.
  const plays = [...PLAYS.values()].filter(({ id }) => wanted.has(id)).toSorted((a, b) =>
    Number(a.memory ?? 0) - Number(b.memory ?? 0)
  );
  const folder = await Deno.makeTempDir({ prefix: "blockferry_lab_" });
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...options.signal ? [options.signal] : []]);
  const stage = (launch: Launch): Stage => ({
    launch,
    machine,
    timeoutMs,
    signal,
    folder,
    wrap: options.wrap,
    start,
    waits: new Waits(),
    onPlay: (play) => options.onPlay?.(play),
    onRecording: (recording) => {
      session.recordings.push(recording);
      const reason = unstartable(
        session,
        recording,
        recording.about === "client" ? programs.client! : programs.server!,
      );
      if (reason) over.abort(new CheckError(reason));
      else if (isFirst && judge(session, options).causes.length > 0) over.abort(FIRST);
    },
  });
  const start = performance.now();
  const tasks: Promise<void>[] = [];
  if (programs.server) {
    const served = plays.filter(({ about }) => about === "server");
    const isPlain = ({ verbose, traced, memory }: Play): boolean => !verbose && !traced && !memory;
    const parts = [served.filter(isPlain), served.filter((play) => !isPlain(play))];
    const set = stage(programs.server);
    tasks.push(...parts.map((part) => playServer(part, set)));
  }
  if (programs.client) {
    const queue = plays.filter(({ about }) => about === "client");
    const set = stage(programs.client);
    tasks.push(...Array.from({ length: CLIENTS }, async () => {
      for (let play; (play = queue.shift());) {
        signal.throwIfAborted();
        await playClient(play, set);
      }
    }));
  }
  try {
    // One that fails ends the others, which clear up.
    await Promise.all(tasks.map((task) =>
      task.catch((error) => {
        over.abort(error);
        throw error;
      })
    )).finally(() => Promise.allSettled(tasks));
  } catch (error) {
    if (error !== FIRST) throw error;
  } finally {
    await removeFolder(folder);
  }
  const order = [...PLAYS.keys()];
  session.recordings.sort((a, b) =>
    a.about === b.about && a.about === "client" ? order.indexOf(a.play) - order.indexOf(b.play) : 0
  );
  return session;
}

const FIRST = new Error("the first cause");

/** Why nothing can be checked, if a program never got as far as a connection. */
function unstartable({ recordings }: Session, { about }: Recording, { label }: Launch): string | undefined {
  const own = recordings.filter((one) => one.about === about && !one.missing);
  const isServer = about === "server";
  const silent = own.filter(({ play }) => !isServer || !PLAYS.get(play)!.verbose);
  const count = isServer ? 1 : 3;
  if (silent.length < count || own.some((one) => eventsOf(one, "connected").length > 0)) return undefined;
  const last = silent[0]!;
  const [exit] = eventsOf(last, "exit");
  const lines = eventsOf(last, "line").map(({ text }) => text);
  if (!exit || silent.some((one) => eventsOf(one, "exit").length === 0)) return undefined;
  // These got further: they are judged.
  const isElsewhere = /refused|ECONNREFUSED|gaierror|ENOTFOUND|UnknownHost|client error/i;
  if (silent.some((one) => eventsOf(one, "line").some(({ text }) => isElsewhere.test(text)))) return undefined;
  const crash = crashOf(last);
  const said = crash ? `${crash.error}${crash.place ? ` (${crash.place})` : ""}` : lines.at(-1);
  const did = isServer ? "listened" : "connected";
  return `${label} can't be checked: it ended with exit status ${exit.status} before it ${did}${
    said ? `: ${said}` : ", and printed nothing"
  }`;
}

/** Removes a folder in which programs may have locked something. */
async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch {
    await runs(["chmod", "-R", "u+rwx", folder]);
    if (!await runs(["rm", "-rf", folder])) console.error(`lab: the folder ${folder} could not be removed`);
  }
}
