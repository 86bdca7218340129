/** Plays all plays with a client and a server, beside each other. */

import { crashOf, worded } from "./crash.ts";
import { judge, leftOut, rulesOf, type Scope } from "./causes.ts";
import { CheckError, type Launch, probe } from "./launch.ts";
import { playClient, playServer } from "./player.ts";
import type { Stage } from "./scene.ts";
import { removeTree, runs, slowness } from "./system.ts";
import { Waits } from "./waits.ts";
import type { Role } from "../../lib/protocol.ts";
import type { Play } from "./play.ts";
import { playOf, PLAYS } from "./plays.ts";
import { neededBy } from "./rule.ts";
import { eventsOf, hasPrinted, type Recording, type Session, VERSION } from "./recording.ts";

export type Programs = Partial<Record<Role, Launch>>;

export interface RunOptions extends Scope {
  /** How long a message may take, in milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Changes the words that start a program, as a sandbox does; without it, a PID namespace where there is one. */
  wrap?: Stage["wrap"];
  /** Called before each play, with how many have been played of how many. */
  onPlay?: (play: Play, done: number, all: number) => void;
  /** Of the plays that can show a sentence, only these; and always those that its rule compares them with. */
  plays?: string[] | undefined;
  /** The programs are known to start, whatever becomes of these plays. */
  isStarted?: boolean;
  /** What is recorded so far, for when the run is interrupted. */
  session?: Session;
}

/** Beside the programs' folders: where they have what they are prepared with. */
export const CLASSES = "classes";
// Of the client, whose plays need no program that serves others, so many are played at the same time.
const CLIENTS = 2;

export function newSession(programs: Programs): Session {
  const labels = Object.entries(programs).map(([role, { label }]) => [role, label]);
  return { version: VERSION, programs: Object.fromEntries(labels), recordings: [] };
}

/** Plays what the sentences need, and returns all that happened. Throws a {@linkcode CheckError} if a program can't be started. */
export async function run(programs: Programs, options: RunOptions = {}): Promise<Session> {
  const { timeoutMs = 3000, session = newSession(programs), isFirst } = options;
  const machine = await probe();
  const rules = rulesOf(session.programs, options).filter((rule) => !leftOut(rule, options));
  const isWanted = (id: string): boolean => options.plays?.includes(id) ?? true;
  const wanted = new Set(rules.flatMap((rule) => neededBy({ ...rule, plays: rule.plays.filter(isWanted) })));
  // Large files last: they take the time of the others.
  const plays = [...PLAYS.values()].filter(({ id }) => wanted.has(id)).toSorted((a, b) =>
    Number(a.memory ?? 0) - Number(b.memory ?? 0)
  );
  const folder = await Deno.makeTempDir({ prefix: "blockferry_lab_" });
  for (const [role, { prepare }] of Object.entries(programs)) {
    await prepare?.(`${folder}/${CLASSES}/${role}`);
  }
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...options.signal ? [options.signal] : []]);
  const start = performance.now();
  // A server's plays without -v beside those with it and those that wait, and a client's in two lanes.
  const lanes = (["server", "client"] as const).flatMap((about) => {
    const launch = programs[about];
    if (!launch) return [];
    const own = plays.filter((play) => play.about === about);
    const kinds = Map.groupBy(own, kindOf);
    const stage = (): Stage => ({
      launch,
      machine,
      get timeoutMs() {
        return timeoutMs * slowness();
      },
      signal,
      folder,
      wrap: options.wrap,
      start,
      waits: new Waits(),
      onPlay: (play) => options.onPlay?.(play, session.recordings.length, plays.length),
      onRecording: (recording) => {
        session.recordings.push(recording);
        const reason = options.isStarted ? undefined : unstartable(session, about, launch.label, kinds.size);
        if (reason) over.abort(new CheckError(reason));
        else if (isFirst && judge(session, options).causes.length > 0) over.abort(FIRST);
      },
    });
    // What one lane gives up must not depend on how far the other one is.
    if (about === "server") return Array.from(kinds.values(), (part) => playServer(part, stage()));
    const common = stage();
    return Array.from({ length: CLIENTS }, async () => {
      for (let play; (play = own.shift());) await playClient(play, common);
    });
  });
  try {
    // One that fails ends the others, which clear up.
    await Promise.all(lanes.map((lane) => lane.catch((error) => over.abort(error))));
    over.signal.throwIfAborted();
  } catch (error) {
    if (error !== FIRST) throw error;
  } finally {
    // Programs may have locked something in it.
    await removeTree(folder) || await runs(["chmod", "-R", "u+rwx", folder]);
    if (!await removeTree(folder)) console.error(`lab: the folder ${folder} could not be removed`);
  }
  // A server's in the order in which it served them, which tells what became of the next one.
  const order = [...PLAYS.keys()];
  const rank = ({ about, play }: Recording): number => about === "client" ? order.indexOf(play) : -1;
  session.recordings.sort((a, b) => rank(a) - rank(b));
  return session;
}

const FIRST = new Error("the first cause");

/** Why nothing can be checked, if a program never got as far as a connection. */
function unstartable({ recordings }: Session, about: Role, label: string, kinds: number): string | undefined {
  const own = recordings.filter((one) => one.about === about && !one.missing);
  const tried = new Set(own.map((one) => kindOf(playOf(one)))).size;
  const [first] = own;
  const [exit] = first ? eventsOf(first, "exit") : [];
  // One that prints this got further: it is judged.
  const further = /refused|gaierror|\bENOTFOUND\b|UnknownHost|client error/i;
  const isOver = (one: Recording): boolean =>
    eventsOf(one, "exit").length > 0 && eventsOf(one, "connected").length === 0 && !hasPrinted(one, further);
  if (tried < kinds || !first || !exit || !own.every(isOver)) return undefined;
  const crash = crashOf(first);
  const said = crash ? worded(crash) : own.flatMap((one) => eventsOf(one, "line")).at(-1)?.text;
  const did = `it ended with exit status ${exit.status} before it ${about === "server" ? "listened" : "connected"}`;
  return `${label} can't be checked: ${did}${said ? `: ${said}` : ", and printed nothing"}`;
}

/** Of which kind a play is: a server may start without -v or with it, and a client may have one verb alone. */
function kindOf({ about, verb, verbose, traced, memory, idle }: Play): string {
  if (about === "client") return verb;
  return idle !== undefined ? "idle" : verbose || traced || memory ? "verbose" : "plain";
}
