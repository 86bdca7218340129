/** Plays with one hand-in, and says what became of it. A hand-in costs its own outcome, whatever it does. */

import type { Role } from "../../lib/protocol.ts";
import { judge, type Result, type Sentence } from "../lab/causes.ts";
import { picturesOf } from "../lab/page/ladder.ts";
import { eventsOf, type Session, VERSION } from "../lab/recording.ts";
import { isMachines, ROLES } from "../lab/report.ts";
import { play, type Sandbox, type Task } from "../lab/sandbox.ts";
import type { Staged } from "./handins.ts";
import type { Outcome } from "./rows.ts";

type Graded = Omit<Outcome, "digest">;

const TIMEOUT_MS = 3000;
// One that hangs at every step takes half a minute.
const LIMIT_MS = 60_000;

/** Grades a hand-in; and once more, alone, what failed or timed out `first`. Throws only what `signal` is aborted with. */
export async function grade(staged: Staged, sandbox: Sandbox, signal: AbortSignal, first?: Outcome): Promise<Graded> {
  const isConfirming = first?.result !== undefined && first.status !== "timed out";
  try {
    const graded = await (isConfirming
      ? confirm(first, staged, sandbox, signal)
      : playAll(staged, sandbox, signal, first !== undefined));
    return first ? { ...graded, isUnconfirmed: false } : graded;
  } catch (error) {
    signal.throwIfAborted();
    const notes = [...(isConfirming ? first : staged).notes, (error as Error).message];
    return { ...first, status: "check failed", notes, isUnconfirmed: first === undefined };
  }
}

async function playAll(staged: Staged, sandbox: Sandbox, signal: AbortSignal, isAlone: boolean): Promise<Graded> {
  const { notes, programs, error } = staged;
  if (error !== undefined) throw new Error(error);
  const roles = ROLES.filter((role) => programs[role] !== undefined);
  if (roles.length === 0) return { status: "no program", notes };
  const { session, errors, ended } = await playRoles(staged, roles, sandbox, signal);
  // This machine lacks what would start it.
  const lacking = errors.find((error) => /^"[^"]*" can't be started: there is no \w+ here$/.test(error));
  if (lacking !== undefined) throw new Error(lacking);
  // What the system refuses while others run may be their doing; alone it is the hand-in's own, as of a disk that it fills.
  const fault = session.recordings.find(({ isFault }) => isFault)?.missing;
  if (fault !== undefined && !isAlone) throw new Error(fault);
  const result = judge(session);
  const started = roles.length - errors.length;
  return {
    status: ended.length > 0 ? "timed out" : started < ROLES.length ? "no program" : "graded",
    notes: [...notes, ...errors, ...ended, ...errors.length + ended.length > 0 ? [] : doubts(result, roles)],
    isUnconfirmed: ended.length > 0 || started > 0 && failed(result).length > 0,
    result,
    pictures: picturesOf(result, session),
  };
}

/** Plays again where each sentence failed; and all plays of those that do not fail there once more. */
async function confirm(first: Outcome, staged: Staged, sandbox: Sandbox, signal: AbortSignal): Promise<Graded> {
  let left = failed(first.result!);
  for (const isWhole of [false, true]) {
    if (left.length === 0) return first;
    const roles = ROLES.filter((role) => left.some(({ about }) => about === role));
    const only = left.map(({ id }) => id);
    const plays = isWhole ? undefined : left.map(({ play }) => play!);
    // One that lacks a verb ends early in all plays of that.
    const isStarted = roles.every((role) =>
      first.result!.sentences.some(({ about, outcome }) => about === role && outcome === "holds")
    );
    const { session, errors } = await playRoles(staged, roles, sandbox, signal, { only, plays, isStarted });
    // On a busy machine its end may have come too late to be seen.
    if (errors.length > 0) {
      return { ...first, status: "no program", notes: [...new Set([...first.notes, ...errors])] };
    }
    const again = failed(judge(session, { only })).map(({ id }) => id);
    left = left.filter(({ id }) => !again.includes(id));
  }
  if (left.length === 0) return first;
  const note = `failed once, and not when played alone: ${left.map(({ id }) => id).join(", ")}`;
  return { ...first, status: "unsteady", notes: [...first.notes, note] };
}

/** What a person may want to know of a result. */
function doubts({ sentences, causes }: Result, roles: Role[]): string[] {
  return roles.flatMap((role) => {
    const own = sentences.filter(({ about }) => about === role);
    const hidden = own.filter(({ outcome, reason }) => outcome === "not shown" && !isMachines(reason));
    if (own.every(({ outcome }) => outcome !== "holds")) return [`nothing of its ${role} could be seen to work`];
    const isTold = hidden.length === 0 || causes.some(({ about }) => about === role);
    return isTold ? [] : [`without a mistake that was seen, not shown: ${hidden.map(({ id }) => id).join(", ")}`];
  });
}

function failed({ sentences }: Result): Sentence[] {
  return sentences.filter(({ outcome }) => outcome === "fails");
}

/** Plays with the programs apart, so that none costs the other one its plays. */
async function playRoles(
  { folder, programs }: Staged,
  roles: readonly Role[],
  sandbox: Sandbox,
  signal: AbortSignal,
  part: Pick<Task["options"], "only" | "plays" | "isStarted"> = {},
): Promise<{ session: Session; errors: string[]; ended: string[] }> {
  const options = { timeoutMs: TIMEOUT_MS, ...part };
  const all = await Promise.all(roles.map((role) => {
    const task = { programs: { [role]: [`${folder}/${programs[role]}`] }, cwd: folder, options, limitMs: LIMIT_MS };
    return play(task, sandbox, [folder], signal);
  }));
  const session: Session = {
    version: VERSION,
    programs: Object.assign({}, ...all.map(({ session }) => session.programs)),
    recordings: all.flatMap(({ session }) => session.recordings),
  };
  // A traceback names the program's whole path, which shows where the teacher keeps the class.
  const shown = (text: string): string => text.replaceAll(`${folder}/`, "");
  for (const line of session.recordings.flatMap((one) => eventsOf(one, "line"))) line.text = shown(line.text);
  const ended = all.flatMap((one, index) => one.ended ? [`the ${roles[index]} was ended: ${one.ended}`] : []);
  return { session, errors: all.flatMap(({ error }) => error === undefined ? [] : shown(error)), ended };
}
