/** Section 4: the lines that the client prints, and when. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { MOMENT, moment, printed, saidAt, wrongLine } from "./lines.ts";
import type { Play } from "./plays.ts";
import { eventsOf, hasHeard, type Recording } from "./recording.ts";
import { BASE, found, type Look, named, playOf, type Rule } from "./rule.ts";

const ACTION = { GET: "receiving", PUT: "sending", DEL: "deleting" };
const BASES = ["client-GET", "client-PUT", "client-DEL"];
// The last step before the line of a verb.
const BEFORE = { GET: "f", PUT: "d", DEL: "b" };

/** The client's line for a play. */
function lineOf({ verb, name, data }: Pick<Play, "verb" | "name" | "data">): string {
  return `client ${ACTION[verb]} file ${name}${verb === "DEL" ? "" : ` (${data.length} bytes)`}`;
}

function last(one: Recording): string {
  return STEPS[playOf(one).verb].at(-1)![0]!;
}

/** The line of a verb, then Complete; a conversation that broke off before shows neither. */
const lineAndComplete: Look = (one, view) => {
  const [line, step, derailed] = [lineOf(playOf(one)), BEFORE[playOf(one).verb], view.derailed(one)?.step];
  const [at, complete] = [printed(one, line), printed(one, "Complete")];
  if (at === undefined) {
    return hasHeard(one, step) && (!derailed || derailed > `${step}~`) ? [wrongLine(line, one)] : undefined;
  }
  // Who does not await OK may read it together with DONE, in one conversation or another.
  const isLost = view.derailed(one, ...view.base(one)) !== undefined;
  if (complete === undefined) return !isLost && saidAt(one, last(one)) ? [wrongLine("Complete", one)] : undefined;
  return complete < at ? [found(one, "order of lines", at, [`"${line}", then "Complete"`, "the other order"])] : [];
};

function ofVerb(id: string, verb: Verb): Rule {
  const line = lineOf({ verb, name: "<filename>", data: "" }).replace("(0 ", "(<NNN> ");
  const plays = [...BASE.client[verb], ...named(`client-${verb}-0`)];
  return { id, about: "client", title: `${verb}: "${line}", then "Complete"`, plays, look: lineAndComplete };
}

const otherLines: Look = (one) => {
  const lines = eventsOf(one, "line").filter(({ stream }) => stream === "stdout");
  const other = lines.find(({ text }) => text !== "Complete" && text !== lineOf(playOf(one)));
  if (lines.length <= 2 || !other) return lines.length === 0 ? undefined : [];
  return [found(one, "other lines", other.at, ["two lines", `also "${other.text}"`])];
};

const unfinished: Look = (one) => {
  const at = printed(one, "Complete");
  if (at === undefined) return eventsOf(one, "closed").length > 0 ? [] : undefined;
  return [
    found(one, "unfinished Complete", at, ['no "Complete" without DONE', "the server closed, and it was printed"]),
  ];
};

/** Section 4. */
export const CLIENT_LINE_RULES: Rule[] = [
  ofVerb("4.1", "GET"),
  ofVerb("4.2", "PUT"),
  ofVerb("4.3", "DEL"),
  {
    id: "4.4",
    about: "client",
    title: "GET: it prints no other line",
    plays: BASE.client.GET,
    look: otherLines,
    strict: "the document does not forbid other lines",
  },
  {
    id: "4.5",
    about: "client",
    title: "PUT: it prints its line just before it sends the bytes, not before OK or after them",
    plays: ["client-PUT"],
    look: (one) => moment(one, lineOf(playOf(one)), "e", "g"),
    strict: MOMENT,
  },
  {
    id: "4.6",
    about: "client",
    title: `it prints "Complete" when it has received DONE, not before`,
    plays: BASES,
    look: (one, view) =>
      moment(one, "Complete", last(one)) ?? (!saidAt(one, last(one)) && view.derailed(one) ? undefined : []),
  },
  {
    id: "4.7",
    about: "client",
    title: `it does not print "Complete" when the server closes without DONE`,
    plays: BASES.map((id) => `${id}-unfinished`),
    look: unfinished,
    strict: "the document lets the program crash on other errors",
  },
  {
    id: "4.8",
    about: "client",
    title: "GET: it prints its line when it is about to receive the bytes, not after them",
    plays: ["client-GET"],
    look: (one) => moment(one, lineOf(playOf(one)), undefined, "g"),
    strict: MOMENT,
  },
];
