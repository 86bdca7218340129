/** Section 4: the lines that the client prints, and when. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { HINTS } from "./hints.ts";
import { completed, late, lineOf, moment, ownLine, printed, wrongLine } from "./lines.ts";
import { HUGE_BYTES, playOf } from "./plays.ts";
import { eventsOf, hasHeard, hasPrinted, type Recording, saidAt } from "./recording.ts";
import { BASE, found, type Look, named, type Row } from "./rule.ts";

const BASES = ["client-GET", "client-PUT", "client-DEL"];
// The last step before the line of a verb.
const BEFORE = { GET: "f", PUT: "d", DEL: "b" };

function last(one: Recording): string {
  return STEPS[playOf(one).verb].at(-1)![0]!;
}

/** The line of a verb, then Complete; a conversation that broke off before shows neither. */
const lineAndComplete: Look = (one, view) => {
  // Another mistake in a file of another size, or in a name, is another sentence's.
  if (!view.base(one).includes(one) && view.deviations(one).length > 0) return undefined;
  const [line, step, derailed] = [ownLine(one), BEFORE[playOf(one).verb], view.derailed(one)];
  const [at, complete] = [printed(one, line), printed(one, "Complete")];
  if (at === undefined) {
    // Who forgets a message, or says that of another step, and goes on, has got there all the same.
    const isThere = !derailed?.step || derailed.step > `${step}~` || /^(missing|word)/.test(derailed.root);
    return isThere && hasHeard(one, step) ? [wrongLine(line, one)] : undefined;
  }
  // Who does not await OK may read it together with DONE, in one conversation or another.
  const isLost = [one, ...view.base(one)].some((each) => !/^stays/.test(view.derailed(each)?.root ?? "stays"));
  if (complete === undefined) {
    const { hint = HINTS.get("uncompared"), ...wrong } = wrongLine("Complete", one);
    return !isLost && saidAt(one, last(one)) ? [{ ...wrong, hint }] : undefined;
  }
  return complete < at ? [found(one, "order of lines", at, [`"${line}", then "Complete"`, "the other order"])] : [];
};

function ofVerb(id: string, verb: Verb): Row {
  const line = lineOf("client", verb, "<filename>", "<NNN>");
  // Not the name with letters that not every terminal has.
  const others = named(`client-${verb}-`).filter((id) => /-\d+$|name[02]$/.test(id));
  return [id, `${verb}: "${line}", then "Complete"`, [...BASE.client[verb], ...others], lineAndComplete];
}

const otherLines: Look = (one) => {
  const lines = eventsOf(one, "line").filter(({ stream }) => stream === "stdout");
  const other = lines.find(({ text }) => text !== "Complete" && text !== ownLine(one));
  if (lines.length <= 2 || !other) return lines.length === 0 ? undefined : [];
  return [found(one, "other lines", other.at, ["two lines", `also "${other.text}"`])];
};

const complete: Look = (one, view) => {
  const [at, said] = [completed(one), saidAt(one, last(one))];
  if (at === undefined) return said === undefined && view.derailed(one) ? undefined : [];
  // An error instead of DONE is another sentence's too.
  if (one.play.endsWith("-refused")) {
    if (!hasHeard(one, "b")) return undefined;
    return [found(one, "goes on after error", at, ['no "Complete" after an error', "it was printed"])];
  }
  if (at >= (said ?? Infinity)) return [];
  return [found(one, "early Complete", at, [`"Complete" after step ${last(one)}`, "it came before"])];
};

const unfinished: Look = (one) => {
  const at = printed(one, "Complete");
  if (at === undefined) return eventsOf(one, "closed").length > 0 ? [] : undefined;
  const words: [string, string] = ['no "Complete" without DONE', "the server closed, and it was printed"];
  return [found(one, "unfinished Complete", at, words)];
};

/** Of a file that is never sent whole, the line must come all the same. Not judged if lines stand in a buffer. */
const sending: Look = (one, view) => {
  const line = ownLine(one);
  // Who does not await OK is early with all that follows.
  const findings = view.derailed(one) ? undefined : moment(one, "e", "g");
  if ((printed(one, line) ?? Infinity) >= (saidAt(one, "g") ?? 0)) return findings;
  const isMute = (huge: Recording): boolean => hasHeard(huge, "f") && !hasPrinted(huge, /^client sending/i);
  const other = lineOf("client", "PUT", "huge.bin", HUGE_BYTES);
  return findings?.concat(
    view.of("client-huge-file").filter(isMute).map((huge) =>
      late(huge, line, 0, "bytes came, and the line did not", other)
    ),
  );
};

export const CLIENT_LINE_RULES: Row[] = [
  ofVerb("4.1", "GET"),
  ofVerb("4.2", "PUT"),
  ofVerb("4.3", "DEL"),
  ["4.4", "GET: it prints no other line", BASE.client.GET, otherLines, {
    strict: "the document does not forbid other lines",
  }],
  [
    "4.5",
    "PUT: it prints its line just before it sends the bytes, not before OK or after them",
    ["client-PUT"],
    sending,
    {
      more: ["client-huge-file"],
    },
  ],
  [
    "4.6",
    `it prints "Complete" when it has received DONE, not before`,
    // Of an empty file DONE is all that comes.
    [...BASES, "client-GET-0", ...BASES.map((id) => `${id}-refused`)],
    complete,
  ],
  [
    "4.7",
    `it does not print "Complete" when the server closes without DONE`,
    BASES.map((id) => `${id}-unfinished`),
    unfinished,
    { strict: "the document lets the program crash on other errors" },
  ],
  [
    "4.8",
    "GET: it prints its line when it is about to receive the bytes, not after them",
    ["client-GET"],
    (one) => moment(one, undefined, "g"),
  ],
];
