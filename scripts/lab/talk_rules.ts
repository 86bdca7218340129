/** Sections 1 to 3: the conversations, and how they may vary. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { BASE, blockedBy, finding, named, notShown, type Rule, type Verdict, verdict, type View } from "./rule.ts";

/** The plain conversation: every deviation in it counts. */
function conversation(id: string, about: Role, verb: Verb, title: string, more: string[] = []): Rule {
  const plays = [...BASE[about][verb], ...more];
  const judge = (view: View): Verdict => {
    const recordings = view.of(...BASE[about][verb]);
    if (recordings.length === 0) return notShown(view.missing(plays));
    const order = more.flatMap((play) => about === "server" ? deletionOrder(view, play) : awaitedOk(view, play));
    return verdict([
      ...recordings.flatMap((one) => view.deviations(one).map((deviation) => finding(deviation, one))),
      ...order,
    ]);
  };
  return { id, about, title, plays, judge };
}

/** In a traced play the order of DONE and the deletion is certain. */
function deletionOrder(view: View, play: string): ReturnType<typeof finding>[] {
  return view.of(play).flatMap((one) => {
    const calls = one.events.filter((event) => event.type === "call");
    const deletion = calls.findIndex(({ text }) => /^unlink\w*\(.*order\.txt.* = 0/.test(text));
    const done = calls.findIndex(({ text }) => /^(sendto|write|sendmsg|writev)\(\d+<(socket|TCP).*"DONE/.test(text));
    if (deletion < 0 || done < 0 || deletion < done) return [];
    return [finding({
      root: "undeleted",
      step: "c. server: DONE",
      expected: "the file is deleted, then DONE is sent",
      came: "DONE, and then the deletion",
      hint: "delete first, then send DONE",
      derails: false,
      at: one.events.find(({ type }) => type === "file")?.at ?? 0,
    }, one)];
  });
}

/** A client that prints Complete only if OK comes before DONE awaits it. */
function awaitedOk(view: View, play: string): ReturnType<typeof finding>[] {
  const isComplete = (one: Recording): boolean => eventsOf(one, "line").some(({ text }) => text === "Complete");
  const [base] = view.of(...BASE.client.DEL);
  if (!base || isComplete(base) || !view.of(play).some(isComplete)) return [];
  return [finding({
    root: "awaits OK",
    step: "c. server: DONE",
    expected: "it takes DONE",
    came: 'it prints "Complete" only if OK comes before DONE',
    hint: "DEL has no OK: DONE follows on the request",
    derails: true,
    at: base.events.at(-1)!.at,
  }, base)];
}

/** What differs from the plain conversation: deviations that it does not have. */
export function variation(id: string, about: Role, verb: Verb, title: string, plays: string[], strict?: string): Rule {
  const judge = (view: View): Verdict => {
    const recordings = view.of(...plays);
    if (recordings.length === 0) return notShown(view.missing(plays));
    const known = view.roots(verb, about);
    const all = recordings.flatMap((one) => view.deviations(one).map((deviation) => ({ deviation, one })));
    const own = all.filter(({ deviation }) => !known.has(deviation.root));
    if (own.length > 0) return verdict(own.map(({ deviation, one }) => finding(deviation, one)));
    const blocking = all.find(({ deviation }) => deviation.derails);
    return blocking ? blockedBy(blocking.deviation) : verdict([]);
  };
  const all = [...plays, ...BASE[about][verb]];
  return { id, about, title, plays: all, judge, ...strict ? { strict } : {} };
}

function varied(about: Role, verb: "GET" | "PUT", ids: string[], titles: string[]): Rule[] {
  const prefix = about === "client" ? "client-" : "";
  const sizes = named(`${prefix}${verb}-`).filter((id) => /-\d+$/.test(id));
  const plays = [sizes, named(`${prefix}${verb}-odd`), named(`${prefix}${verb}-name`), [`${prefix}${verb}-over`]];
  return ids.map((id, index) => variation(id, about, verb, titles[index]!, plays[index]!));
}

/** Sections 1 to 3. */
export const TALK_RULES: Rule[] = [
  conversation("1.1", "server", "GET", "GET follows steps a to h"),
  ...varied("server", "GET", ["1.2", "1.3", "1.4"], [
    "GET announces and sends files of any size",
    "GET sends any kind of file, as raw bytes",
    "GET takes names with spaces and in UTF-8",
  ]),
  conversation("1.5", "client", "GET", "GET follows steps a to h"),
  ...varied("client", "GET", ["1.6", "1.7", "1.8", "1.9"], [
    "GET stores files of any size",
    "GET stores any kind of file, as raw bytes",
    "GET takes names with spaces and in UTF-8",
    "GET overwrites a file that exists",
  ]),
  conversation("2.1", "server", "PUT", "PUT follows steps a to g"),
  ...varied("server", "PUT", ["2.2", "2.3", "2.4", "2.5"], [
    "PUT stores files of any size",
    "PUT stores any kind of file, as raw bytes",
    "PUT takes names with spaces and in UTF-8",
    "PUT overwrites a file that exists",
  ]),
  conversation("2.6", "client", "PUT", "PUT follows steps a to g"),
  ...varied("client", "PUT", ["2.7", "2.8", "2.9"], [
    "PUT announces and sends files of any size",
    "PUT sends any kind of file, as raw bytes",
    "PUT takes names with spaces and in UTF-8",
  ]),
  conversation("3.1", "server", "DEL", "DEL follows steps a to c, and deletes", ["order"]),
  variation("3.2", "server", "DEL", "DEL takes names with spaces and in UTF-8", named("DEL-name")),
  conversation("3.3", "client", "DEL", "DEL follows steps a to c", ["client-DEL-ok"]),
  variation("3.4", "client", "DEL", "DEL takes names with spaces and in UTF-8", named("client-DEL-name")),
];
