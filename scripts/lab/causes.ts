/** Judges a session: which sentences hold, and the causes of those that do not. */

import type { Role } from "../../lib/protocol.ts";
import { conversationOf } from "./conversation.ts";
import type { Finding } from "./deviations.ts";
import { hintFor } from "./hints.ts";
import type { Recording, Session } from "./recording.ts";
import { neededBy, type Rule, type Verdict, View } from "./rule.ts";
import { RULES } from "./rules.ts";

export interface Sentence extends Verdict, Pick<Rule, "id" | "about" | "title"> {
  /** The first play that shows that it fails. */
  play?: string;
}

/** One mistake, and the sentences that it costs. */
export interface Cause {
  about: Role;
  sentences: string[];
  finding: Finding;
  /** The end of the conversation up to it. */
  conversation: string[];
}

/** The verdict on a session: plain JSON. */
export interface Result {
  programs: Session["programs"];
  sentences: Sentence[];
  /** The gravest first. */
  causes: Cause[];
}

export interface Scope {
  only?: string[] | undefined;
  isStrict?: boolean | undefined;
  /** The run ends with the first cause: what its rule has not seen whole is not judged. */
  isFirst?: boolean;
}

/** Whether a sentence is named by its number or by its section. */
export function isIn({ id }: { id: string }, names: string[] | undefined): boolean {
  return !names || names.some((name) => id === name || id.startsWith(`${name}.`));
}

/** Why a sentence is left out, if so: one that is named itself is not. */
export function leftOut({ id, strict }: Rule, { isStrict, only }: Scope): string | undefined {
  return strict && !isStrict && !only?.includes(id) ? `${strict}; --strict judges it` : undefined;
}

export function rulesOf(programs: Session["programs"], scope: Scope): Rule[] {
  return RULES.filter((rule) => programs[rule.about] !== undefined && isIn(rule, scope.only));
}

const MISREAD = /^(early|missing) PUT g|^stored |^size /;
// A cause that explains others, once it is seen: a size that is read in the wrong order, in a play without lines.
const EXPLAINS: Record<string, RegExp> = {
  "read little": MISREAD,
  "read size": MISREAD,
  "cut GET g": /^missing GET g/,
  "cut PUT f": /^missing PUT f/,
  "early Complete": /^order of lines/,
  "twice": /^stays/,
  "decoded": /^lines$/,
  "blocks": /^memory (client-large-PUT|large-GET)$/,
  "failed": /^line Complete/,
  "mute": /^missing (GET|PUT|DEL) c$/,
  "awaits OK": /^line Complete/,
  "stays GET": /^line Complete/,
  "stays PUT": /^line Complete/,
  "stays DEL": /^line Complete/,
  "next client": /^next client idle/,
  "stored cut": /^(early PUT g|surplus |missing PUT g)/,
};

export function judge(session: Session, scope: Scope = {}): Result {
  const { programs, recordings } = session;
  const views = { client: new View(recordings, "client"), server: new View(recordings, "server") };
  const found: Found[] = [];
  const sentences = rulesOf(programs, scope).map((rule): Sentence => {
    const { id, about, title } = rule;
    const reason = leftOut(rule, scope);
    if (reason !== undefined) return { id, about, title, outcome: "left out", reason };
    if (scope.isFirst && !neededBy(rule).every((play) => recordings.some((one) => one.play === play))) {
      return { id, about, title, outcome: "not shown", reason: "it was not played" };
    }
    const { findings, ...verdict } = views[about].judge(rule);
    found.push(...findings.map((finding) => ({ rule, finding })));
    return { id, about, title, ...verdict, ...findings[0] && { play: findings[0].play } };
  });
  return { programs, sentences, causes: causesOf(found, session) };
}

type Found = { rule: Rule; finding: Finding };

function causesOf(found: Found[], session: Session): Cause[] {
  const roots = new Set(found.map(({ rule, finding }) => `${rule.about} ${finding.root}`));
  const same = new Map(found.map(({ rule, finding: { was, root } }) => [`${rule.about} ${was}`, root]));
  const rootOf = (about: Role, root: string): string => {
    const other = Object.entries(EXPLAINS).find(([key, others]) => roots.has(`${about} ${key}`) && others.test(root));
    return `${about} ${other?.[0] ?? same.get(`${about} ${root}`) ?? root}`;
  };
  const groups = Map.groupBy(found, ({ rule, finding }) => rootOf(rule.about, finding.root));
  return [...groups].map(([key, group]) => {
    const own = group.filter(({ finding }) => key.endsWith(` ${finding.root}`) && finding.hint);
    // Where a conversation shows it, rather than what was printed of that.
    const best = own.find(({ finding }) => finding.step) ?? own[0] ?? group[0]!;
    const sentences = [...new Set([best, ...group].map((one) => one.rule.id))];
    // Another conversation's crash would not be in the one that is shown.
    const same = group.filter(({ finding: { play, run } }) => play === best.finding.play && run === best.finding.run);
    const crash = best.finding.crash ?? same.find(({ finding }) => finding.crash)?.finding.crash;
    const { about } = best.rule;
    const worded = <T extends { hint?: string | undefined }>(one: T): T => ({
      ...one,
      hint: hintFor(session.programs[about], one.hint),
    });
    const finding = { ...worded(best.finding), crash: crash && worded(crash) };
    const recording = recordingOf(finding, session);
    return {
      about,
      sentences,
      finding,
      conversation: recording ? conversationOf(recording, finding.at, crash !== undefined) : [],
    };
  }).toSorted((a, b) => weight(b) - weight(a));
}

/** What breaks a conversation weighs more than what is printed of it. */
function weight({ sentences }: Cause): number {
  return sentences.length + (sentences.some((id) => /^[123]/.test(id)) ? 100 : 0);
}

export function recordingOf({ play, run }: Finding, { recordings }: Session): Recording | undefined {
  return recordings.find((one) => one.play === play && one.run === run);
}
