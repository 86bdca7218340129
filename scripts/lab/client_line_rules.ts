/** Section 4: the lines that the client prints, and when. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { MOMENT, moment, printed, saidAt, wrongLine } from "./lines.ts";
import type { Play } from "./plays.ts";
import { eventsOf, hasHeard, type Recording } from "./recording.ts";
import { BASE, found, named, playOf, type Rule, shows } from "./rule.ts";

const ACTION = { GET: "receiving", PUT: "sending", DEL: "deleting" };
const BASES = ["client-GET", "client-PUT", "client-DEL"];

/** The client's line for a play. */
function lineOf({ verb, name, data }: Pick<Play, "verb" | "name" | "data">): string {
  return `client ${ACTION[verb]} file ${name}${verb === "DEL" ? "" : ` (${data.length} bytes)`}`;
}

function last(one: Recording): string {
  return STEPS[playOf(one).verb].at(-1)![0]!;
}

/** The line of a verb, then Complete; a conversation that broke off before shows neither. */
function lineAndComplete(id: string, verb: Verb): Rule {
  const sample = lineOf({ verb, name: "<filename>", data: "" }).replace("(0 ", "(<NNN> ");
  // The last step before the line.
  const step = { GET: "f", PUT: "d", DEL: "b" }[verb];
  const plays = [...BASE.client[verb], ...named(`client-${verb}-0`)];
  return shows([id, "client", `${verb}: "${sample}", then "Complete"`], plays, (one, view) => {
    const [line, derailed] = [lineOf(playOf(one)), view.derailed(one)?.step];
    const [at, complete] = [printed(one, line), printed(one, "Complete")];
    if (at === undefined) {
      return hasHeard(one, step) && (!derailed || derailed > `${step}~`) ? [wrongLine(line, one)] : undefined;
    }
    // Who does not await OK may read it together with DONE, in one conversation or another.
    const isLost = view.derailed(one, ...view.of(...BASE.client[verb])) !== undefined;
    if (complete === undefined) return !isLost && saidAt(one, last(one)) ? [wrongLine("Complete", one)] : undefined;
    return complete < at ? [found(one, "order of lines", at, [`"${line}", then "Complete"`, "the other order"])] : [];
  });
}

/** Section 4. */
export const CLIENT_LINE_RULES: Rule[] = [
  lineAndComplete("4.1", "GET"),
  lineAndComplete("4.2", "PUT"),
  lineAndComplete("4.3", "DEL"),
  shows(
    ["4.4", "client", "GET: it prints no other line", "the document does not forbid other lines"],
    BASE.client.GET,
    (one) => {
      const lines = eventsOf(one, "line").filter(({ stream }) => stream === "stdout");
      const other = lines.find(({ text }) => text !== "Complete" && text !== lineOf(playOf(one)));
      if (lines.length <= 2 || !other) return lines.length === 0 ? undefined : [];
      return [found(one, "other lines", other.at, ["two lines", `also "${other.text}"`])];
    },
  ),
  shows(
    ["4.5", "client", "PUT: it prints its line just before it sends the bytes, not before OK or after them", MOMENT],
    ["client-PUT"],
    (one) => moment(one, lineOf(playOf(one)), "e", "g"),
  ),
  shows(
    ["4.6", "client", `it prints "Complete" when it has received DONE, not before`],
    BASES,
    (one, view) =>
      moment(one, "Complete", last(one)) ?? (!saidAt(one, last(one)) && view.derailed(one) ? undefined : []),
  ),
  shows(
    [
      "4.7",
      "client",
      `it does not print "Complete" when the server closes without DONE`,
      "the document lets the program crash on other errors",
    ],
    BASES.map((id) => `${id}-unfinished`),
    (one) => {
      const at = printed(one, "Complete");
      if (at === undefined) return eventsOf(one, "closed").length > 0 ? [] : undefined;
      const words = ['no "Complete" without DONE', "the server closed, and it was printed"] as [string, string];
      return [found(one, "unfinished Complete", at, words)];
    },
  ),
  shows(
    ["4.8", "client", "GET: it prints its line when it is about to receive the bytes, not after them", MOMENT],
    ["client-GET"],
    (one) => moment(one, lineOf(playOf(one)), undefined, "g"),
  ),
];
