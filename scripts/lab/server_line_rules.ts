/** Section 5: the lines that the server prints with -v, and when; and that it prints none without. */

import { type Verb, VERBS } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { DELETION, isPrompt, lineOf, moment, ownLine, precedes, wrongLine } from "./lines.ts";
import { HUGE_BYTES, playOf } from "./plays.ts";
import { lastWords } from "./deviations.ts";
import { eventsOf, hasHeard, hasPrinted, type Line, type Recording, saidAt, textOf } from "./recording.ts";
import { BASE, found, type Look, named, type Row, type View } from "./rule.ts";

const REFUSALS = ["GET-missing", "DEL-missing", "PUT-folder"];
const SILENT = [...Object.values(BASE.server).flat(), "GET-200001", "PUT-200001", ...REFUSALS];
const LINES = VERBS.flatMap((verb) => [`lines-${verb}`, `lines-${verb}-again`]);
const REFUSED = named("lines-").filter((id) => /missing|folder/.test(id));
// Those that come first with -v: after two in which the server does not start, it is not started again.
const VERBOSE = ["blocks", "huge-file", ...LINES];

const addressOf = (one: Recording): string | undefined => eventsOf(one, "connected")[0]?.address;

/** Whether a server printed a line in one start of it. */
const hasLine = (view: View, { run }: Recording, text: string): boolean =>
  view.lines(run).some((line) => line.text === text);

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
      const isPrinted = (text: unknown): boolean =>
        lines.some((each) => each.stream === "stdout" && each.text.replace("::ffff:", "") === text);
      const [first] = view.of(one.play.replace("-again", ""));
      const isAgain = first !== one;
      if (isPrinted(text)) return isAgain ? [] : late(one, view) ?? [];
      const wrong = wrongLine(text, one, lines);
      // Right for one client, and not for another after it.
      const isKept = isAgain && first && isPrinted(expected(first)) && !/\b1 byte\b/.test(wrong.came);
      return [isKept ? { ...wrong, root: "kept", hint: HINTS.get("kept") } : wrong];
    }
    // A server may end when it is given -v.
    const exit = addressOf(one) === undefined ? eventsOf(one, "exit")[0] : undefined;
    if (!exit) return undefined;
    const crash = crashOf(one);
    const came = `it ended with exit status ${exit.status}${crash ? "" : lastWords(one)}`;
    return [found(one, crash?.root ?? "no -v", 0, ["with -v after the port it starts", came], crash)];
  };
  return [id, `-v: ${title}`, VERBOSE, look, { more }];
}

/** The line of a verb, which is there when the program has said a step. */
function ofVerb(id: string, verb: Verb, step: string, late: Look, more?: string[]): Row {
  const title = `"${lineOf("server", verb, "<filename>", "<NNN>")}" for a ${verb}`;
  // What was refused is not done.
  const isDone = (one: Recording): boolean => hasHeard(one, step) && !textOf(one).includes("ERROR");
  return line(id, title, (one) => playOf(one).verb === verb && isDone(one) && ownLine(one), late, more);
}

/** It waits before the first client comes, not only for the next one. */
const waitingLate: Look = (one, view) => {
  const lines = view.lines(one.run).map(({ text }) => text);
  const text = `server waiting on port ${one.port}`;
  const other = lines.find((line) => line.startsWith(WAITING) && line !== text);
  if (other) return [found(one, "kept", 0, [`"${text}" each time`, `"${other}"`])];
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
    return text && !hasLine(view, each, text) ? [wrongLine(text, each)] : [];
  });
};

/** The line is there before the bytes are. */
const receivingLate: Look = (one) => moment(one, undefined, "f");

/** Of a file that is never sent whole, the line must come all the same. */
const sendingLate: Look = (_, view) => {
  const text = `server sending ${HUGE_BYTES} bytes`;
  const isMute = (one: Recording): boolean =>
    hasHeard(one, "g") && !hasPrinted(one, /^server sending/) && isPrompt(one, Infinity) && !hasLine(view, one, text);
  return view.of("huge-file").filter(isMute).map((one) =>
    found(one, "late line GET", 0, [`"${text}" before the bytes`, "bytes came, and the line did not"])
  );
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
const TRACE = /^(Traceback|[\w.]+(Exception|Error)\b)/;
const UNCAUGHT = /in thread|(occurred|happened) during|uncaught|unhandled/i;

/** Whether a server served another client after one. */
function isGoingOn(one: Recording, { recordings }: View): boolean {
  const later = recordings.slice(recordings.indexOf(one) + 1).find(({ run }) => run === one.run);
  return later !== undefined && !later.retried && hasHeard(later, "a");
}

/** Without -v it prints nothing. */
const silent: Look = (one, view) => {
  if (addressOf(one) === undefined) return undefined;
  const isOutput = ({ stream, text }: Line): boolean => stream === "stdout" || /^server /i.test(text);
  // Without a newline it came to light at the program's end, in a play that may not be of these.
  const unended = view.lines(one.run).find((line) => line.isUnended && isOutput(line));
  const isCrash = crashOf(one) !== undefined || eventsOf(one, "exit").length > 0;
  // A traceback of what was caught, after which all went on as it should, is no crash.
  const lines = eventsOf(one, "line");
  const isRight = view.deviations(one).length === 0;
  const isCaught = lines.every(({ text }) => !UNCAUGHT.test(text)) && isRight && isGoingOn(one, view);
  // What it says on standard error of a conversation that went wrong is no more than that.
  const isTalk = ({ text }: Line): boolean => isRight && !isCrash && !NOISE.test(text);
  const said = unended ?? lines.find((line) => isOutput(line) || isTalk(line) || isCaught && TRACE.test(line.text));
  const where = said?.stream === "stderr" ? " on standard error" : "";
  return said ? [found(one, "talks", said.at, ["no output without -v", `"${said.text.slice(0, 100)}"${where}`])] : [];
};

/** What is refused, or should be, is not said to be done. */
const refused: Look = (one, view) => {
  const isRefused = /ERROR/i.test(textOf(one));
  const wrong = view.deviations(one).find(({ step }) => step?.startsWith("c"));
  if (!isRefused && !wrong || view.isElsewhere(one)) return undefined;
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

const WAITING = "server waiting on port ";
const CONNECTED = "server connected to client at ";
const JUST_BEFORE = "-v: it prints that it sends just before it sends, not before the client's READY";

export const SERVER_LINE_RULES: Row[] = [
  line("5.1", `"${WAITING}<port#>"`, (one) => addressOf(one) && WAITING + one.port, waitingLate),
  line("5.2", `"${CONNECTED}<address>:<port>"`, (one) => addressOf(one) && CONNECTED + addressOf(one)),
  line("5.3", `"server receiving request: <cmd>"`, requestLine, refusedRequest, REFUSED),
  ofVerb("5.4", "PUT", "e", receivingLate),
  ofVerb("5.5", "GET", "g", sendingLate, ["huge-file"]),
  ofVerb("5.6", "DEL", "c", deletingLate, ["order"]),
  ["5.7", "without -v the server prints nothing", SILENT, silent],
  ["5.8", "-v: what is refused is not said to be sent, received or deleted", REFUSED, refused],
  ["5.9", JUST_BEFORE, ["lines-GET"], (one) => moment(one, "d")],
];
