/** What a rule is: one sentence of the document, and how the recordings of a program show whether it holds. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { CLIENT_PLAYS } from "./client_plays.ts";
import type { Crash } from "./crash.ts";
import type { Play } from "./plays.ts";
import { type Deviation, deviationsOf } from "./reading.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { SERVER_PLAYS } from "./server_plays.ts";

/** All plays, by their names. */
export const PLAYS: ReadonlyMap<string, Play> = new Map(
  [...SERVER_PLAYS, ...CLIENT_PLAYS].map((play) => [play.id, play]),
);

/** What shows that a sentence does not hold, and where. */
export interface Finding {
  /** Findings with one root are one cause. */
  root: string;
  step?: string | undefined;
  expected: string;
  came: string;
  hint?: string | undefined;
  crash?: Crash | undefined;
  /** The play, and the moment in it. */
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
  /** The sentence, in short. */
  title: string;
  about: Role;
  /** Why it is judged with `--strict` alone: the document leaves it open, or makes it optional. */
  strict?: string;
  /** The plays that can show it. */
  plays: string[];
  judge: (view: View) => Verdict;
}

/** All recordings of one program, as rules look at them. */
export class View {
  readonly recordings: readonly Recording[];
  readonly #deviations = new Map<Recording, Deviation[]>();

  constructor(recordings: readonly Recording[]) {
    this.recordings = recordings;
  }

  /** The recordings of these plays that were played. */
  of(...ids: string[]): Recording[] {
    return this.recordings.filter((one) => ids.includes(one.play) && one.missing === undefined && !one.retried);
  }

  /** Why there is no recording of these plays. */
  missing(ids: string[]): string {
    const reasons = this.recordings.filter(({ play }) => ids.includes(play)).map(({ missing }) => missing);
    return reasons.find((reason) => reason !== undefined) ?? "it was not played";
  }

  /** Where the program left the document in a recording. */
  deviations(recording: Recording): Deviation[] {
    const known = this.#deviations.get(recording);
    if (known) return known;
    const found = deviationsOf(recording, PLAYS.get(recording.play)!);
    this.#deviations.set(recording, found);
    return found;
  }

  /** The roots of what goes wrong in the plain conversations already: no variation of them shows it better. */
  roots(verb: Verb, about: Role): Set<string> {
    return new Set(this.of(...BASE[about][verb]).flatMap((one) => this.deviations(one)).map(({ root }) => root));
  }

  /** The lines that a program printed in one start of it, with their times. */
  lines(run: number): { at: number; stream: "stdout" | "stderr"; text: string }[] {
    return this.recordings.filter((one) => one.run === run && !one.missing).flatMap((one) => eventsOf(one, "line"));
  }
}

/** The plain conversations. */
export const BASE: Record<Role, Record<Verb, string[]>> = {
  server: { GET: ["GET", "GET-again"], PUT: ["PUT"], DEL: ["DEL"] },
  client: {
    GET: ["client-GET", "client-GET-short"],
    PUT: ["client-PUT", "client-PUT-short"],
    DEL: ["client-DEL"],
  },
};

/** The names of plays that begin so. */
export function named(...starts: string[]): string[] {
  return [...PLAYS.keys()].filter((id) => starts.some((start) => id.startsWith(start)));
}

/** What a deviation shows. */
export function finding({ root, step, expected, came, hint, crash, at }: Deviation, { play, run }: Recording): Finding {
  return { root, step, expected, came, hint, crash, play, run, at };
}

/** The verdict on findings: none is a sentence that holds. */
export function verdict(findings: Finding[]): Verdict {
  return findings.length > 0 ? { outcome: "fails", findings } : { outcome: "holds" };
}

/** A sentence that nothing showed. */
export function notShown(reason: string): Verdict {
  return { outcome: "not shown", reason };
}

/** What kept a recording from showing more: the first thing in it that went wrong. */
export function blockedBy(deviation: Deviation): Verdict {
  return notShown(`at step "${deviation.step}" came ${deviation.came}`);
}
