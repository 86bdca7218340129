/** Plays with one hand-in, and says what became of it. A hand-in costs its own outcome, whatever it does. */

import type { Role } from "../../lib/protocol.ts";
import { judge, type Result } from "../lab/causes.ts";
import type { Session } from "../lab/recording.ts";
import { ROLES } from "../lab/report.ts";
import { play, type Played, type Sandbox } from "../lab/sandbox.ts";
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
  const { notes } = staged;
  const roles = ROLES.filter((role) => staged.programs[role] !== undefined);
  if (roles.length === 0) return { outcome: { status: "no program", notes } };
  try {
    let played = await playRoles(staged, roles, sandbox, signal);
    const errors: string[] = [];
    if (played.error !== undefined && roles.length === 1) errors.push(played.error);
    else if (played.error !== undefined) {
      // One of the two can't be started, which stopped the other one too.
      const alone: Played[] = [];
      for (const role of roles) alone.push(await playRoles(staged, [role], sandbox, signal));
      errors.push(...alone.flatMap(({ error }) => error ?? []));
      played = joined(alone);
    }
    const status = errors.length === roles.length ? "no program" : played.ended ? "timed out" : "graded";
    if (played.ended) errors.push(played.ended);
    const result = judge(played.session);
    const isUnconfirmed = status === "timed out" || status === "graded" && failed(result).length > 0;
    return {
      outcome: { status, result, notes: [...notes, ...errors], ...isUnconfirmed ? { isUnconfirmed } : {} },
      session: played.session,
    };
  } catch (error) {
    signal.throwIfAborted();
    const reason = (error as Error).message;
    return { outcome: { status: "check failed", notes: [...notes, reason], isUnconfirmed: true } };
  }
}

/** Plays again, while nothing else runs, what failed or timed out. */
export async function confirm(
  first: Graded["outcome"],
  staged: Staged,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<Graded> {
  const { isUnconfirmed: _, ...outcome } = first;
  const { status, result } = outcome;
  if (status === "timed out" || status === "check failed" || !result) {
    const { outcome: { isUnconfirmed: _, ...again }, ...rest } = await grade(staged, sandbox, signal);
    return { outcome: again, ...rest };
  }
  try {
    const only = failed(result);
    const roles = ROLES.filter((role) => result.sentences.some(({ id, about }) => about === role && only.includes(id)));
    const { session } = await playRoles(staged, roles, sandbox, signal, only);
    const again = failed(judge(session, { only }));
    const differing = only.filter((id) => !again.includes(id));
    if (differing.length === 0) return { outcome };
    const note = `failed once, and not when played alone: ${differing.join(", ")}`;
    return { outcome: { ...outcome, status: "unsteady", notes: [...outcome.notes, note] } };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: { ...outcome, status: "check failed", notes: [...outcome.notes, (error as Error).message] } };
  }
}

function failed({ sentences }: Result): string[] {
  return sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id);
}

function playRoles(
  { folder, programs }: Staged,
  roles: readonly Role[],
  sandbox: Sandbox,
  signal: AbortSignal,
  only?: string[],
): Promise<Played> {
  const named = Object.fromEntries(roles.map((role) => [role, [programs[role]!]]));
  const options = { timeoutMs: TIMEOUT_MS, ...only ? { only } : {} };
  return play({ programs: named, cwd: folder, options, limitMs: LIMIT_MS }, sandbox, [folder], signal);
}

function joined(all: Played[]): Played {
  const session: Session = {
    version: 1,
    programs: Object.assign({}, ...all.map(({ session }) => session.programs)),
    recordings: all.flatMap(({ session }) => session.recordings),
  };
  const ended = all.map(({ ended }) => ended).find(Boolean);
  return { session, ...ended ? { ended } : {} };
}
