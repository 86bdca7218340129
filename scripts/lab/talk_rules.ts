/** Sections 1 to 3: the conversations, and how they may vary. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { HINTS } from "./hints.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { BASE, type Finding, finding, found, named, type Rule, type Verdict, verdict, type View } from "./rule.ts";

/** The plain conversation: every deviation in it counts; so does what other plays show. */
function conversation(id: string, about: Role, verb: Verb, title: string, more: string[] = []): Rule {
  const base = BASE[about][verb];
  const judge = (view: View): Verdict => {
    const recordings = view.of(...base);
    if (recordings.length === 0) return view.notShown(base);
    const others = view.of(...more).flatMap((one) => about === "server" ? deletedLate(one) : awaitsOk(view, one));
    return verdict([...recordings.flatMap((one) => view.deviations(one).map((each) => finding(each, one))), ...others]);
  };
  return { id, about, title, plays: [...base, ...more], judge };
}

/** In a traced play the order of DONE and the deletion is certain. */
function deletedLate(one: Recording): Finding[] {
  const calls = eventsOf(one, "call");
  const deletion = calls.findIndex(({ text }) => /^unlink\w*\(.*order\.txt.* = 0/.test(text));
  const done = calls.findIndex(({ text }) => /^(sendto|write|sendmsg|writev)\(\d+<(socket|TCP).*"DONE/.test(text));
  if (done < 0 || deletion < done) return [];
  const at = eventsOf(one, "file")[0]?.at;
  return [found(one, "undeleted", at, ["the file is deleted, then DONE is sent", "DONE, and then the deletion"])];
}

/** A client that prints Complete only if OK comes before DONE awaits it. */
function awaitsOk(view: View, one: Recording): Finding[] {
  const isComplete = (each: Recording): boolean => eventsOf(each, "line").some(({ text }) => text === "Complete");
  const [base] = view.of(...BASE.client.DEL);
  if (!base || isComplete(base) || !isComplete(one)) return [];
  return [found(base, "awaits OK", base.events.at(-1)!.at, ["it takes DONE", 'it prints "Complete" only after an OK'])];
}

/** What differs from the plain conversation: deviations that it does not have. */
export function variation(
  [id, about, title, strict]: [id: string, about: Role, title: string, strict?: string],
  verb: Verb,
  plays: string[],
): Rule {
  const judge = (view: View): Verdict => {
    const recordings = view.of(...plays);
    const own = recordings.flatMap((one) => view.own(one));
    // However a name is mangled, it is one mistake.
    const isName = plays[0]!.includes("name");
    const name = { root: "names", ...about === "server" ? { hint: HINTS.get("names") } : {} };
    if (own.length > 0) return verdict(own.map((each) => isName && !each.crash ? { ...each, ...name } : each));
    return recordings.length === 0 || view.derailed(...recordings) ? view.notShown(plays) : verdict([]);
  };
  return { id, about, title, plays: [...plays, ...BASE[about][verb]], judge, strict };
}

/** Sizes, kinds and names, of GET or PUT. */
function varied(about: Role, verb: "GET" | "PUT", section: number, first: number, does: string): Rule[] {
  const prefix = `${about === "client" ? "client-" : ""}${verb}-`;
  const titles: [string, string[]][] = [
    [`${verb} ${does} files of any size`, named(prefix).filter((id) => /-\d+$/.test(id))],
    [`${verb} ${does.replace("announces and ", "")} any kind of file, as raw bytes`, named(`${prefix}odd`)],
    [`${verb} takes names with spaces and in UTF-8`, named(`${prefix}name`)],
  ];
  return titles.map(([title, plays], index) => variation([`${section}.${first + index}`, about, title], verb, plays));
}

/** Sections 1 to 3. */
export const TALK_RULES: Rule[] = [
  conversation("1.1", "server", "GET", "GET follows steps a to h"),
  ...varied("server", "GET", 1, 2, "announces and sends"),
  conversation("1.5", "client", "GET", "GET follows steps a to h"),
  ...varied("client", "GET", 1, 6, "stores"),
  variation(["1.9", "client", "GET overwrites a file that exists"], "GET", ["client-over"]),
  conversation("2.1", "server", "PUT", "PUT follows steps a to g"),
  ...varied("server", "PUT", 2, 2, "stores"),
  variation(["2.5", "server", "PUT overwrites a file that exists"], "PUT", ["over"]),
  conversation("2.6", "client", "PUT", "PUT follows steps a to g"),
  ...varied("client", "PUT", 2, 7, "announces and sends"),
  conversation("3.1", "server", "DEL", "DEL follows steps a to c, and deletes", ["order"]),
  variation(["3.2", "server", "DEL takes names with spaces and in UTF-8"], "DEL", named("DEL-name")),
  conversation("3.3", "client", "DEL", "DEL follows steps a to c", ["client-DEL-ok"]),
  variation(["3.4", "client", "DEL takes names with spaces and in UTF-8"], "DEL", named("client-DEL-name")),
];
