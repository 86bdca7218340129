/** Sections 1 to 3: the conversations, and how they may vary. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { HINTS } from "./hints.ts";
import { DELETION, ownLine, plainMisread, precedes, printed, wrongLine } from "./lines.ts";
import { playOf } from "./plays.ts";
import { eventsOf } from "./recording.ts";
import { again, BASE, found, type Look, merged, named, type Row, variation } from "./rule.ts";

const TAKES_NAMES = "takes names with spaces and in UTF-8";

/** In the plain conversation, every deviation counts. What a server does wrong with the second client alone, it keeps. */
const plain: Look = (one, view) => {
  const found = view.deviations(one);
  const [first] = view.base(one);
  const isKept = one.about === "server" && first && first !== one && view.deviations(first).length === 0;
  return isKept
    ? found.map((each) => each.derails && !each.crash ? { ...each, hint: HINTS.get("kept") } : each)
    : found;
};

// More than what a message too many would spoil.
const MANY_PIECES = 8;
const DONE_SENT = /^(sendto|write|sendmsg|writev)\(\d+<(socket|TCP).*"DONE/;

const deletion: Look = (one, view) => {
  if (one.play === "DEL-again") return again(one, view);
  if (one.play !== "order") return plain(one, view);
  const at = eventsOf(one, "file")[0]?.at;
  return precedes(one, DONE_SENT, DELETION)
    ? [found(one, "undeleted", at, ["the file is deleted, then DONE is sent", "DONE, and then the deletion"])]
    : [];
};

/** A client that prints Complete only if OK comes before DONE awaits it. */
const awaitsOk: Look = (one, view) => {
  if (one.play !== "client-DEL-ok") return plain(one, view);
  const [base] = view.base(one);
  if (!base || printed(base, "Complete") || !printed(one, "Complete")) return [];
  return [found(base, "awaits OK", base.events.at(-1)!.at, ["it takes DONE", 'it prints "Complete" only after an OK'])];
};

// What is wrong with a size, or with how much data there is.
const AMOUNT =
  /^(little|text$|short|htonl|off |padded|cut |stored (empty|cut|done-in-data)|missing (GET g|PUT f)|surplus PUT f)/;

/** A large file that nobody reads at first; pieces of it may be those of another place. */
const spoilt: Look = (one, view) => {
  const { others = 0 } = eventsOf(one, "heard").find((each) => each.others !== undefined) ?? {};
  if (view.derailed(...view.base(one)) || others < MANY_PIECES) return undefined;
  return [found(one, "spoilt", 0, ["each part of a large file once", "the bytes of another part in many places"])];
};

/** An amount that is wrong in the plain conversation is so in files of other sizes, or of one size alone. */
const sizes: Look = (one, view) => {
  const { about, verb, memory } = playOf(one);
  if (one.play === "GET-changed") return again(one, view);
  if (memory) return spoilt(one, view);
  const base = view.base(one).map((each) => view.deviations(each));
  // What follows from another mistake in one conversation does so in all.
  const explained = base.flat().map(({ was }) => was);
  const wrong = base.flat().find(({ root, was }) => !was && !explained.includes(root) && AMOUNT.test(root));
  if (wrong) return [wrong];
  // A size at which it crashes in one plain conversation, and not in the other, is one of several.
  const crash = base.some(({ length }) => length === 0) && view.deviations(one).find((each) => each.crash);
  if (crash) return [crash];
  const own = variation(one, view);
  // Where a program says that it misreads a size.
  const isTaken = typeof own === "string" && verb === (about === "server" ? "PUT" : "GET");
  const misread = isTaken ? plainMisread(one, view) : undefined;
  return misread ? [wrongLine(ownLine(misread), misread)] : own;
};

/** Line ends that are changed in the plain conversation are changed in files of any kind. */
const kinds: Look = (one, view) => {
  const plain = view.deviations(...view.base(one)).find(({ root }) => root === "lines");
  return plain ? [plain] : variation(one, view);
};

/** However a name is mangled, it is one mistake. If a client's message has a hint of its own, that says more. */
const names = merged("names", ({ play, about }, { hint }) => {
  const likely = HINTS.get(/name1$/.test(play) ? "letters" : about === "server" ? "names" : "");
  return about === "server" ? likely : hint ?? likely;
});

function conversation(id: string, about: Role, verb: Verb, steps: string, look = plain, more: string[] = []): Row {
  return [id, `${verb} follows steps a to ${steps}`, [...BASE[about][verb], ...more], look];
}

function varied(about: Role, verb: "GET" | "PUT", section: number, first: number, does: string): Row[] {
  const prefix = `${about === "client" ? "client-" : ""}${verb}-`;
  const sized = named(prefix).filter((id) => /-(\d+|changed)$/.test(id));
  // Where its lines say how it reads sizes.
  const more = about === "server" && verb === "PUT" ? ["lines-PUT"] : [];
  const sends = does.replace("announces and ", "");
  const large = sends === does ? [] : [prefix.replace(verb, `large-${verb}`).slice(0, -1)];
  return [
    [`${section}.${first}`, `${verb} ${does} files of any size`, [...sized, ...large], sizes, { more }],
    [`${section}.${first + 1}`, `${verb} ${sends} any kind of file, as raw bytes`, named(`${prefix}odd`), kinds],
    [`${section}.${first + 2}`, `${verb} ${TAKES_NAMES}`, named(`${prefix}name`), names],
  ];
}

export const TALK_RULES: Row[] = [
  conversation("1.1", "server", "GET", "h"),
  ...varied("server", "GET", 1, 2, "announces and sends"),
  conversation("1.5", "client", "GET", "h"),
  ...varied("client", "GET", 1, 6, "stores"),
  ["1.9", "GET overwrites a file that exists", ["client-over"], variation],
  conversation("2.1", "server", "PUT", "g"),
  ...varied("server", "PUT", 2, 2, "stores"),
  ["2.5", "PUT overwrites a file that exists", ["over"], variation],
  conversation("2.6", "client", "PUT", "g"),
  ...varied("client", "PUT", 2, 7, "announces and sends"),
  conversation("3.1", "server", "DEL", "c, and deletes", deletion, ["order", "DEL-again"]),
  ["3.2", `DEL ${TAKES_NAMES}`, named("DEL-name"), names],
  conversation("3.3", "client", "DEL", "c", awaitsOk, ["client-DEL-ok"]),
  ["3.4", `DEL ${TAKES_NAMES}`, named("client-DEL-name"), names],
];
