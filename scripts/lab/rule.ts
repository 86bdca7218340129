/** What a rule is: one sentence of the document, and how the recordings of a program show whether it holds. */

import type { Role, Verb } from "../../lib/protocol.ts";
import type { Crash } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { type Play, PLAYS } from "./plays.ts";
import { type Deviation, deviationsOf } from "./reading.ts";
import { eventsOf, type Line, type Recording } from "./recording.ts";

/** What shows that a sentence does not hold, and where: the play, the start of the program, and the moment. */
export interface Finding {
  /** Findings with one root are one cause; so are those that have as root what another one `was`. */
  root: string;
  was?: string | undefined;
  step?: string | undefined;
  expected: string;
  came: string;
  hint?: string | undefined;
  crash?: Crash | undefined;
  play: string;
  run: number;
  at: number;
}

/** Whether a sentence holds. */
export type Verdict =
  | { outcome: "holds"; note?: string }
  | { outcome: "fails"; findings: Finding[] }
  | { outcome: "not shown"; reason: string };

/** One sentence of the document. */
export interface Rule {
  /** The section and the number in it, such as `2.3`. */
  id: string;
  about: Role;
  /** The sentence, in short. */
  title: string;
  /** The plays that can show it. */
  plays: string[];
  judge: (view: View) => Verdict;
  /** Why it is judged with `--strict` alone: the document leaves it open, or makes it optional. */
  strict?: string | undefined;
}

/** What a recording shows, or `undefined` if it shows nothing. */
export type Look = (one: Recording, view: View) => Finding[] | undefined;

/** The plain conversations. */
export const BASE: Record<Role, Record<Verb, string[]>> = {
  server: { GET: ["GET", "GET-again"], PUT: ["PUT", "PUT-again"], DEL: ["DEL"] },
  client: { GET: ["client-GET", "client-GET-again"], PUT: ["client-PUT", "client-PUT-again"], DEL: ["client-DEL"] },
};

/** The names of plays that begin so. */
export function named(...starts: string[]): string[] {
  return [...PLAYS.keys()].filter((id) => starts.some((start) => id.startsWith(start)));
}

/** The play of a recording. */
export function playOf({ play }: { play: string }): Play {
  return PLAYS.get(play)!;
}

/** All recordings of one program, as rules look at them. */
export class View {
  readonly recordings: readonly Recording[];
  readonly #deviations = new Map<Recording, Deviation[]>();

  constructor(recordings: readonly Recording[]) {
    this.recordings = recordings.filter(({ play }) => PLAYS.has(play));
  }

  /** The recordings of these plays that were played. */
  of(...ids: string[]): Recording[] {
    return this.recordings.filter((one) => ids.includes(one.play) && one.missing === undefined && !one.retried);
  }

  /** Where the program left the document in a recording. */
  deviations(recording: Recording): Deviation[] {
    const found = this.#deviations.get(recording) ?? deviationsOf(recording, playOf(recording));
    this.#deviations.set(recording, found);
    return found;
  }

  /** What goes wrong first in recordings, so that what comes later does not show. */
  derailed(...recordings: Recording[]): Deviation | undefined {
    return recordings.flatMap((one) => this.deviations(one)).find(({ derails, root }) =>
      derails || root.startsWith("early")
    );
  }

  /** What a recording shows that the plain conversations do not: they break off nowhere before, and not for this. */
  own(one: Recording): Finding[] {
    const { about, verb } = playOf(one);
    const base = this.of(...BASE[about][verb]).flatMap((each) => this.deviations(each));
    const end = base.find(({ derails }) => derails)?.step ?? "~";
    // Who does not wait for a message may close before it has come, which destroys what is on its way.
    const early = base.find(({ root }) => /^early(?! PUT g)/.test(root))?.step ?? "~";
    return this.deviations(one).filter(({ root, step, derails, expected }) =>
      !base.some((each) => each.root === root) && !(derails && step >= early) &&
      (step < end || step === end && expected.startsWith("a file"))
    ).map((each) => finding(each, one));
  }

  /** The lines that a program printed in one start of it. */
  lines(run: number): Line[] {
    return this.recordings.filter((one) => one.run === run && !one.missing).flatMap((one) => eventsOf(one, "line"));
  }

  /** The verdict where nothing in these plays showed a sentence. */
  notShown(plays: string[]): Verdict {
    const derailed = this.derailed(...this.of(...plays));
    if (derailed) return notShown(`at step "${derailed.step}" came ${derailed.came}`);
    const missing = this.recordings.find((one) => plays.includes(one.play) && one.missing !== undefined);
    return notShown(missing?.missing ?? (this.of(...plays).length > 0 ? "nothing showed it" : "it was not played"));
  }
}

/** What a deviation shows. */
export function finding(deviation: Deviation, { play, run }: Recording): Finding {
  const { derails: _, ...rest } = deviation;
  return { ...rest, play, run };
}

/** What a recording shows that is no deviation of its conversation; the hint is the root's, if not the crash's. */
export function found(
  { play, run }: Recording,
  root: string,
  at: number | undefined,
  [expected, came, hint = HINTS.get(root)]: [expected: string, came: string, hint?: string | undefined],
  crash?: Crash,
): Finding {
  return { root, expected, came, hint: crash ? crash.hint : hint, play, run, at: at ?? 0, crash };
}

/** The verdict on findings: none is a sentence that holds. */
export function verdict(findings: Finding[]): Verdict {
  return findings.length > 0 ? { outcome: "fails", findings } : { outcome: "holds" };
}

/** A sentence that nothing showed. */
export function notShown(reason: string): Verdict {
  return { outcome: "not shown", reason };
}

/** A rule that looks at each recording; `more` are plays that tell whether something is wrong with all of them. */
export function shows(
  [id, about, title, strict]: [id: string, about: Role, title: string, strict?: string | undefined],
  plays: string[],
  look: Look,
  more: string[] = [],
): Rule {
  const judge = (view: View): Verdict => {
    const shown = view.of(...plays).map((one) => look(one, view)).filter((one) => one !== undefined);
    return shown.length > 0 ? verdict(shown.flat()) : view.notShown(plays);
  };
  return { id, about, title, plays: [...plays, ...more], judge, strict };
}
