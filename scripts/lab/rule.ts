/** What a rule is: one sentence of the document, and how the recordings of a program show whether it holds. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { type Crash, crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { explained, keptNames, mentions } from "./kept.ts";
import { playOf, PLAYS } from "./plays.ts";
import { deviationsOf, type Finding, lastWords } from "./deviations.ts";
import { eventsOf, hasPrinted, type Line, type Recording } from "./recording.ts";

/** What became of a sentence. */
export interface Verdict {
  outcome: "holds" | "fails" | "not shown" | "left out";
  /** Why it was not shown, or left out. */
  reason?: string;
  /** What is to say of it although it holds. */
  note?: string;
}

/** What is wrong in a recording; `undefined` if it shows nothing of a sentence, or why that can't be told of any. */
export type Look = (one: Recording, view: View) => Finding[] | string | undefined;

/** A sentence of the document as a row: its number, the sentence in short, the plays that can show it, and how. */
export type Row = [id: string, title: string, plays: string[], Look, others?: {
  /** Other plays that the look needs, besides the plain ones. */
  more?: string[];
  /** Why it is judged with `--strict` alone: the document leaves it open, or makes it optional. */
  strict?: string;
  /** What is to say of it although it holds. */
  note?: (view: View) => string | undefined;
}];

/** A row with names; `about` is the program of its plays. */
export type Rule = { id: string; about: Role; title: string; plays: string[]; look: Look } & NonNullable<Row[4]>;

/** The plain conversations: what goes wrong in them goes wrong in all. */
export const BASE: Record<Role, Record<Verb, string[]>> = {
  server: { GET: ["GET", "GET-again"], PUT: ["PUT", "PUT-again"], DEL: ["DEL"] },
  client: { GET: ["client-GET", "client-GET-again"], PUT: ["client-PUT", "client-PUT-again"], DEL: ["client-DEL"] },
};

/** The names of plays that begin so. */
export function named(...starts: string[]): string[] {
  return [...PLAYS.keys()].filter((id) => starts.some((start) => id.startsWith(start)));
}

export function neededBy({ plays, more = [] }: Rule): string[] {
  const verbs = plays.map((play) => playOf({ play }));
  return [...plays, ...more, ...verbs.flatMap(({ about, verb }) => BASE[about][verb])];
}

// What comes after all else hides nothing.
const AT_END = /^(stays|stored done-in-data)/;

/** All recordings of one program, as rules look at them. */
export class View {
  readonly recordings: readonly Recording[];
  readonly #deviations = new Map<Recording, Finding[]>();
  readonly #kept: Map<Recording, string>;

  constructor(recordings: readonly Recording[], about: Role) {
    this.recordings = recordings.filter((one) => one.about === about && PLAYS.has(one.play));
    this.#kept = keptNames(this.recordings);
  }

  /** The recordings of these plays that were played. */
  of(...ids: string[]): Recording[] {
    return this.recordings.filter((one) => ids.includes(one.play) && one.missing === undefined && !one.retried);
  }

  base(one: Recording): Recording[] {
    const { about, verb } = playOf(one);
    return this.of(...BASE[about][verb]);
  }

  /** Where the program left the document. */
  deviations(...recordings: Recording[]): Finding[] {
    return recordings.flatMap((one) => {
      const found = this.#deviations.get(one) ?? deviationsOf(one);
      this.#deviations.set(one, found);
      return found;
    });
  }

  /** What goes wrong first in recordings, so that what comes later does not show. */
  derailed(...recordings: Recording[]): Finding | undefined {
    return this.deviations(...recordings).find(({ derails, root }) => derails || root.startsWith("early"));
  }

  derailment(...recordings: Recording[]): string | undefined {
    const derailed = this.derailed(...recordings);
    if (derailed && AT_END.test(derailed.root)) return undefined;
    return derailed && `at step "${derailed.step}": ${derailed.came}`;
  }

  /** What a recording shows that the plain conversations do not: they break off nowhere before, and not for this. */
  own(one: Recording): Finding[] {
    const base = this.deviations(...this.base(one));
    const end = base.find(({ derails }) => derails)?.step ?? "~";
    // Who does not wait for a message may close before it has come, which destroys what is on its way.
    const early = base.find(({ root }) => root.startsWith("early"))?.step ?? "~";
    return this.deviations(one).filter(({ root, step = "", derails, expected }) =>
      !base.some((each) => each.root === root || each.was === root) &&
      !(derails && step >= early) &&
      (step < end || step === end && expected.startsWith("a file"))
    );
  }

  /** The lines that a program printed in one start of it. */
  lines(run: number): Line[] {
    return this.recordings.filter((one) => one.run === run && !one.missing).flatMap((one) => eventsOf(one, "line"));
  }

  /** Whether a server took what its buffer had kept for a part of the name. */
  isKept(one: Recording): boolean {
    const name = this.#kept.get(one);
    return name !== undefined && mentions(one, name);
  }

  /** Whether a folder that a request names is not where the program puts its files. */
  isElsewhere(one: Recording): boolean {
    return one.play.endsWith("PUT-folder") &&
      this.deviations(...this.base(one)).some(({ root }) => root === "unstored");
  }

  judge({ plays, look, note }: Rule): Verdict & { findings: Finding[] } {
    const played = this.of(...plays);
    const shown = played.map((one) => look(one, this)).filter((one) => one !== undefined);
    const findings = shown.flatMap((one) =>
      typeof one === "string" ? [] : one.map((each) => explained(each, this.#kept))
    );
    if (findings.length > 0) return { outcome: "fails", findings };
    const hidden = shown.find((one) => typeof one === "string");
    const said = note?.(this);
    if (shown.length > 0 && hidden === undefined) return { outcome: "holds", findings, ...said ? { note: said } : {} };
    const missing = this.recordings.find((one) => plays.includes(one.play) && one.missing !== undefined)?.missing;
    const other = played.length > 0 ? "nothing showed it" : "it was not played";
    return { outcome: "not shown", findings, reason: hidden ?? this.derailment(...played) ?? missing ?? other };
  }
}

/** Shows what differs from the plain conversation: deviations that it does not have. */
export const variation = (one: Recording, view: View): Finding[] | string => {
  const own = view.own(one);
  return own.length > 0 ? own : view.derailment(one) ?? failed(one, view);
};

/** What is so in this conversation alone is left of one before. */
export const again = (one: Recording, view: View): Finding[] =>
  view.own(one).map((each) => each.crash ? each : { ...each, root: "kept", hint: HINTS.get("kept") });

/** A client may fail when all has been said, in place of its last line. */
function failed(one: Recording, view: View): Finding[] {
  const statusOf = (each: Recording): number => eventsOf(each, "exit")[0]?.status ?? 0;
  const isRight = (each: Recording): boolean => view.deviations(each).length === 0 && !statusOf(each) && !crashOf(each);
  const [crash, status] = [crashOf(one), statusOf(one)];
  const isOver = hasPrinted(one, /^Complete$/) || !crash && status === 0;
  if (one.about !== "client" || isOver || !view.base(one).every(isRight)) return [];
  const came = crash ? "it crashed" : `it ended with exit status ${status}${lastWords(one)}`;
  return [found(one, crash?.root ?? "failed", one.events.at(-1)?.at, ["it takes DONE, and ends", came], crash)];
}

/** What differs from the plain conversation, as one mistake; a crash has a root and a hint of its own. */
export function merged(
  root: string,
  hintOf: (one: Recording, each: Finding) => string | undefined = () => HINTS.get(root),
): Look {
  return (one, view) => {
    const own = variation(one, view);
    if (typeof own === "string") return own;
    return own.map((each) => each.crash ? each : { ...each, root, hint: hintOf(one, each) });
  };
}

/** What a recording shows that is no deviation of its conversation; the hint is the root's, if not the crash's. */
export function found(
  { play, run }: Recording,
  root: string,
  at: number | undefined,
  words: [expected: string, came: string, hint?: string | undefined],
  crash?: Crash,
): Finding {
  const [expected, came, hint = HINTS.get(root) ?? HINTS.get(root.split(" ")[0]!)] = words;
  return { root, expected, came, hint: crash ? crash.hint : hint, play, run, at: at ?? 0, crash };
}
