/** Section 5: the lines that the server prints with -v, and when; and that it prints none without. */

import type { Verb } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { DELETION, isPrompt, lineOf, moment, ownLine, precedes, wrongLine } from "./lines.ts";
import { HUGE_BYTES, playOf } from "./plays.ts";
import { lastWords } from "./deviations.ts";
import { eventsOf, hasHeard, type Line, type Recording, saidAt } from "./recording.ts";
import { BASE, found, type Look, named, type Row, type Rule, rules } from "./rule.ts";

const SILENT = [
  ...Object.values(BASE.server).flat(),
  "GET-200001",
  "PUT-200001",
  "GET-missing",
  "DEL-missing",
  "PUT-folder",
];
const LINES = ["lines-GET", "lines-PUT", "lines-DEL"];
const REFUSED = named("lines-").filter((id) => /missing|folder/.test(id));
// Those that come first with -v: after two in which the server does not start, it is not started again.
const VERBOSE = ["blocks", "huge-file", ...LINES];

function isConnected(one: Recording): boolean {
  return eventsOf(one, "connected").length > 0;
}

/** A line of the server's, where a recording calls for one; `late` finds that it came late, in `more` plays. */
function line(
  id: string,
  title: string,
  expected: (one: Recording) => string | false | undefined,
  late: Look = () => [],
  more: string[] = [],
): Row {
  const look: Look = (one, view) => {
    const [text, lines] = [LINES.includes(one.play) && expected(one), view.lines(one.run)];
    if (text) {
      // "The actual client IP could be represented differently", as by a socket for IPv6 and IPv4.
      const isPrinted = lines.some((each) => each.stream === "stdout" && each.text.replace("::ffff:", "") === text);
      return isPrinted ? late(one, view) ?? [] : [wrongLine(text, one, lines)];
    }
    // A server may end when it is given -v.
    const exit = isConnected(one) ? undefined : eventsOf(one, "exit")[0];
    if (!exit) return undefined;
    const crash = crashOf(one);
    const came = `it ended with exit status ${exit.status}${crash ? "" : lastWords(one)}`;
    return [found(one, "no -v", 0, ["with -v after the port it starts", came], crash)];
  };
  return [id, `-v: ${title}`, VERBOSE, look, { more }];
}

/** The line of a verb, which is there when the program has said a step. */
function ofVerb(id: string, verb: Verb, step: string, late: Look, more?: string[]): Row {
  const title = `"${lineOf("server", verb, "<filename>", "<NNN>")}" for a ${verb}`;
  return line(id, title, (one) => playOf(one).verb === verb && hasHeard(one, step) && ownLine(one), late, more);
}

/** It waits before the first client comes, not only for the next one. */
const waitingLate: Look = (one, view) => {
  const lines = view.lines(one.run).map(({ text }) => text);
  const text = `server waiting on port ${one.port}`;
  const first = lines.findIndex((line) => /^server connected/i.test(line));
  if (first < 0 || first > lines.indexOf(text)) return [];
  return [found(one, "late waiting", 0, [`"${text}" before the first client`, "it came after the first client"])];
};

function requestLine(one: Recording): string | false {
  const { verb, name } = playOf(one);
  // Who waits for more than a request has not received it.
  return hasHeard(one, "c") && `server receiving request: ${verb} ${name}`;
}

/** The line is there for what is refused too. Not judged if lines stand in a buffer. */
const refusedRequest: Look = (one, view) => {
  if (eventsOf(one, "line").every(({ text }) => text !== requestLine(one))) return [];
  return view.of(...REFUSED).flatMap((each) => {
    const text = requestLine(each);
    return text && view.lines(each.run).every((line) => line.text !== text) ? [wrongLine(text, each)] : [];
  });
};

/** The line is there for one client, and for another after it: what is kept of the first one must not show. */
const receivingLate: Look = (one, view) => [
  ...moment(one, undefined, "f") ?? [],
  ...view.of("lines-PUT-again").filter((again) =>
    hasHeard(again, "e") && view.lines(again.run).every(({ text }) => text !== ownLine(again))
  ).map((again) => {
    const wrong = wrongLine(ownLine(again), again);
    return /\b1 byte\b/.test(wrong.came) ? wrong : { ...wrong, root: "kept", hint: HINTS.get("kept") };
  }),
];

/** Of a file that is never sent whole, the line must come all the same. */
const sendingLate: Look = (_, view) => {
  const text = `server sending ${HUGE_BYTES} bytes`;
  return view.of("huge-file").flatMap((one) => {
    const isOther = eventsOf(one, "line").some((event) => /^server sending/.test(event.text));
    if (
      !hasHeard(one, "g") || isOther || !isPrompt(one, Infinity) ||
      view.lines(one.run).some((each) => each.text === text)
    ) return [];
    return [found(one, "late line GET", 0, [`"${text}" before the bytes`, "bytes came, and the line did not"])];
  });
};

// Alone: with other lines it stood in a buffer.
const PRINTING = /^writev?\(1<[^,]*, "server deleting file order.txt/;

const deletingLate: Look = (_, view) =>
  view.of("order").filter((one) => precedes(one, DELETION, PRINTING)).map((one) =>
    found(one, "late line DEL", 0, ['"server deleting file order.txt" before the deletion', "it came after"])
  );

// "*no* output is to be given": on standard error neither. But the document lets a program crash "with the generic python
// error messages", and an interpreter's warnings are not the program's.
const NOISE = /^\s|^-+$|Traceback|Exception|^[\w.]+Error|\[Errno|Picked up|warning/i;

/** Without -v it prints nothing. */
const silent: Look = (one, view) => {
  if (!isConnected(one)) return undefined;
  const isOutput = ({ stream, text }: Line): boolean => stream === "stdout" || /^server /i.test(text);
  // Without a newline it came to light at the program's end, in a play that may not be of these.
  const unended = view.lines(one.run).find((line) => line.isUnended && isOutput(line));
  const isCrash = crashOf(one) !== undefined || eventsOf(one, "exit").length > 0;
  const said = unended ?? eventsOf(one, "line").find((line) => isOutput(line) || !isCrash && !NOISE.test(line.text));
  return said ? [found(one, "talks", said.at, ["no output without -v", `"${said.text.slice(0, 100)}"`])] : [];
};

/** What is refused, or should be, is not said to be done. */
const refused: Look = (one, view) => {
  const isRefused = /ERROR/i.test(eventsOf(one, "came").map(({ bytes }) => bytes).join(""));
  const wrong = view.deviations(one).find(({ step }) => step?.startsWith("c"));
  if (!isRefused && !wrong) return undefined;
  // What belongs to a client before it may come late.
  const start = saidAt(one, "b") ?? Infinity;
  const others = view.of(...LINES).map(ownLine);
  const said = eventsOf(one, "line").find(({ text, at }) =>
    /^server (sending|receiving \d|deleting)/i.test(text) && at > start && !others.includes(text)
  );
  // Who accepts it, or goes on after the error, says so.
  const isOn = wrong && (!isRefused || wrong.expected === "nothing more");
  const [root, hint] = isOn ? [wrong.root, wrong.hint] : ["says refused"];
  return said ? [found(one, root, said.at, ["no such line for what is refused", `"${said.text}"`, hint])] : [];
};

/** Section 5. */
export const SERVER_LINE_RULES: Rule[] = rules(
  "server",
  line(
    "5.1",
    `"server waiting on port <port#>"`,
    (one) => isConnected(one) && `server waiting on port ${one.port}`,
    waitingLate,
  ),
  line(
    "5.2",
    `"server connected to client at <address>:<port>"`,
    (one) => isConnected(one) && `server connected to client at ${eventsOf(one, "connected")[0]!.address}`,
  ),
  line("5.3", `"server receiving request: <cmd>"`, requestLine, refusedRequest, REFUSED),
  ofVerb("5.4", "PUT", "e", receivingLate, ["lines-PUT-again"]),
  ofVerb("5.5", "GET", "g", sendingLate, ["huge-file"]),
  ofVerb("5.6", "DEL", "c", deletingLate, ["order"]),
  ["5.7", "without -v the server prints nothing", SILENT, silent],
  [
    "5.8",
    "-v: what is refused is not said to be sent, received or deleted",
    REFUSED,
    refused,
  ],
  [
    "5.9",
    "-v: it prints that it sends just before it sends, not before the client's READY",
    ["lines-GET"],
    (one) => moment(one, "d"),
  ],
);
