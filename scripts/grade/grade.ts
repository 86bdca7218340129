/** Plays with one hand-in, and says what became of it. A hand-in costs its own outcome, whatever it does. */

import type { Role } from "../../lib/protocol.ts";
import { judge, type Result } from "../lab/causes.ts";
import type { Session } from "../lab/recording.ts";
import { ROLES } from "../lab/report.ts";
import { play, type Sandbox } from "../lab/sandbox.ts";
import type { Staged } from "./handins.ts";
import type { Outcome } from "./rows.ts";

/** An outcome, and what it was judged by; without, it is what it was judged by before. */
export interface Graded {
  outcome: Omit<Outcome, "digest">;
  session?: Session;
}

const TIMEOUT_MS = 3000;
// One that hangs at every step takes half a minute, and on a busy machine longer.
const LIMIT_MS = 60_000;

/** Grades a hand-in for the first time. Throws only what `signal` is aborted with. */
export async function grade(staged: Staged, sandbox: Sandbox, signal: AbortSignal): Promise<Graded> {
  const { notes, programs, error } = staged;
  if (error !== undefined) return { outcome: { status: "check failed", notes: [error] } };
  const roles = ROLES.filter((role) => programs[role] !== undefined);
  if (roles.length === 0) return { outcome: { status: "no program", notes } };
  try {
    const { session, errors, ended } = await playRoles(staged, roles, sandbox, signal);
    // This machine lacks what would start it.
    const lacking = errors.find((error) => error.includes("can't be started: there is no"));
    if (lacking !== undefined) throw new Error(lacking);
    const result = judge(session);
    const started = roles.length - errors.length;
    const status = ended.length > 0 ? "timed out" : started < ROLES.length ? "no program" : "graded";
    const isUnconfirmed = ended.length > 0 || started > 0 && failed(result).length > 0;
    const all = [...notes, ...errors, ...ended];
    return { outcome: { status, result, notes: all, ...isUnconfirmed ? { isUnconfirmed } : {} }, session };
  } catch (error) {
    signal.throwIfAborted();
    const reason = (error as Error).message;
    return { outcome: { status: "check failed", notes: [...notes, reason], isUnconfirmed: true } };
  }
}

/** Plays again, while nothing else runs, what failed or timed out. */
export async function confirm(
  { isUnconfirmed: _, ...first }: Graded["outcome"],
  staged: Staged,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<Graded> {
  const { status, result, notes } = first;
  if (status === "timed out" || !result) {
    const { outcome: { isUnconfirmed: _, ...outcome }, ...rest } = await grade(staged, sandbox, signal);
    return { outcome, ...rest };
  }
  try {
    const only = failed(result);
    const roles = ROLES.filter((role) => result.sentences.some(({ id, about }) => about === role && only.includes(id)));
    const { session } = await playRoles(staged, roles, sandbox, signal, only);
    const again = failed(judge(session, { only }));
    const differing = only.filter((id) => !again.includes(id));
    if (differing.length === 0) return { outcome: first };
    const note = `failed once, and not when played alone: ${differing.join(", ")}`;
    return { outcome: { ...first, status: "unsteady", notes: [...notes, note] } };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: { ...first, status: "check failed", notes: [...notes, (error as Error).message] } };
  }
}

function failed({ sentences }: Result): string[] {
  return sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id);
}

/** Plays with the programs apart, so that none costs the other one its plays. */
async function playRoles(
  { folder, programs }: Staged,
  roles: readonly Role[],
  sandbox: Sandbox,
  signal: AbortSignal,
  only?: string[],
): Promise<{ session: Session; errors: string[]; ended: string[] }> {
  const options = { timeoutMs: TIMEOUT_MS, only };
  const all = await Promise.all(roles.map((role) => {
    const task = { programs: { [role]: [programs[role]!] }, cwd: folder, options, limitMs: LIMIT_MS };
    return play(task, sandbox, [folder], signal);
  }));
  const session: Session = {
    version: 1,
    programs: Object.assign({}, ...all.map(({ session }) => session.programs)),
    recordings: all.flatMap(({ session }) => session.recordings),
  };
  const ended = all.flatMap((one, index) => one.ended ? [`the ${roles[index]} was ended: ${one.ended}`] : []);
  return { session, errors: all.flatMap(({ error }) => error ?? []), ended };
}
