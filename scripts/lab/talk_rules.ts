/** Sections 1 to 3: the conversations, and how they may vary. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { HINTS } from "./hints.ts";
import { DELETION, precedes, printed } from "./lines.ts";
import { BASE, found, type Look, merged, named, type Rule, variation } from "./rule.ts";

/** In the plain conversation, every deviation counts. */
const plain: Look = (one, view) => view.deviations(one);

const DONE_SENT = /^(sendto|write|sendmsg|writev)\(\d+<(socket|TCP).*"DONE/;

const deletion: Look = (one, view) => {
  if (one.play !== "order") return plain(one, view);
  const words: [string, string] = ["the file is deleted, then DONE is sent", "DONE, and then the deletion"];
  const at = one.events.find(({ type }) => type === "file")?.at;
  return precedes(one, DONE_SENT, DELETION) ? [found(one, "undeleted", at, words)] : [];
};

/** A client that prints Complete only if OK comes before DONE awaits it. */
const awaitsOk: Look = (one, view) => {
  if (one.play !== "client-DEL-ok") return plain(one, view);
  const [base] = view.base(one);
  if (!base || printed(base, "Complete") || !printed(one, "Complete")) return [];
  return [found(base, "awaits OK", base.events.at(-1)!.at, ["it takes DONE", 'it prints "Complete" only after an OK'])];
};

/** However a name is mangled, it is one mistake. */
const names: Record<Role, Look> = { server: merged("names", { hint: HINTS.get("names") }), client: merged("names") };

function conversation(id: string, about: Role, verb: Verb, steps: string): Rule {
  return { id, about, title: `${verb} follows steps a to ${steps}`, plays: BASE[about][verb], look: plain };
}

/** Sizes, kinds and names, of GET or PUT. */
function varied(about: Role, verb: "GET" | "PUT", section: number, first: number, does: string): Rule[] {
  const prefix = `${about === "client" ? "client-" : ""}${verb}-`;
  const rows: [string, string[], Look][] = [
    [`${verb} ${does} files of any size`, named(prefix).filter((id) => /-\d+$/.test(id)), variation],
    [`${verb} ${does.replace("announces and ", "")} any kind of file, as raw bytes`, named(`${prefix}odd`), variation],
    [`${verb} takes names with spaces and in UTF-8`, named(`${prefix}name`), names[about]],
  ];
  return rows.map(([title, plays, look], index) => ({ id: `${section}.${first + index}`, about, title, plays, look }));
}

function overwrites(id: string, about: Role, verb: Verb, play: string): Rule {
  return { id, about, title: `${verb} overwrites a file that exists`, plays: [play], look: variation };
}

const DEL_NAMES = "DEL takes names with spaces and in UTF-8";

/** Sections 1 to 3. */
export const TALK_RULES: Rule[] = [
  conversation("1.1", "server", "GET", "h"),
  ...varied("server", "GET", 1, 2, "announces and sends"),
  conversation("1.5", "client", "GET", "h"),
  ...varied("client", "GET", 1, 6, "stores"),
  overwrites("1.9", "client", "GET", "client-over"),
  conversation("2.1", "server", "PUT", "g"),
  ...varied("server", "PUT", 2, 2, "stores"),
  overwrites("2.5", "server", "PUT", "over"),
  conversation("2.6", "client", "PUT", "g"),
  ...varied("client", "PUT", 2, 7, "announces and sends"),
  {
    ...conversation("3.1", "server", "DEL", "c, and deletes"),
    plays: [...BASE.server.DEL, "order"],
    look: deletion,
  },
  { id: "3.2", about: "server", title: DEL_NAMES, plays: named("DEL-name"), look: names.server },
  { ...conversation("3.3", "client", "DEL", "c"), plays: [...BASE.client.DEL, "client-DEL-ok"], look: awaitsOk },
  { id: "3.4", about: "client", title: DEL_NAMES, plays: named("client-DEL-name"), look: names.client },
];
