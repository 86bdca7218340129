/** Section 5: the lines that the server prints with -v, and when; and that it prints none without. */

import { crashOf } from "./crash.ts";
import { MOMENT, moment, saidAt, wrongLine } from "./lines.ts";
import { HUGE_BYTES } from "./plays.ts";
import { lastWords } from "./reading.ts";
import { eventsOf, hasHeard, type Line, type Recording } from "./recording.ts";
import {
  BASE,
  type Finding,
  found,
  type Look,
  named,
  playOf,
  type Rule,
  shows,
  type Verdict,
  verdict,
  type View,
} from "./rule.ts";

const SILENT = [
  ...Object.values(BASE.server).flat(),
  "GET-200001",
  "PUT-200001",
  "GET-missing",
  "DEL-missing",
  "PUT-folder",
];
const LINES = ["lines-GET", "lines-PUT", "lines-DEL"];

/** A line of the server's: what it is, where the recording calls for one; `late` finds that it came late. */
function line(
  [id, title]: [string, string],
  plays: string[],
  expected: (one: Recording) => string | false | undefined,
  late: Look = () => [],
  more: string[] = [],
): Rule {
  const judge = (view: View): Verdict => {
    const due = view.of(...plays).filter((one) => expected(one));
    const findings = due.flatMap((one) => {
      const [text, lines] = [expected(one) as string, view.lines(one.run)];
      // "The actual client IP could be represented differently", as by a socket for IPv6 and IPv4.
      const isPrinted = lines.some((each) => each.stream === "stdout" && each.text.replace("::ffff:", "") === text);
      return isPrinted ? [] : [wrongLine(text, one, lines)];
    });
    if (due.length === 0) return withoutStart(view) ?? view.notShown([...plays, ...LINES]);
    return verdict(findings.length > 0 ? findings : due.flatMap((one) => late(one, view) ?? []));
  };
  return { id, about: "server", title: `-v: ${title}`, plays: [...plays, ...LINES, ...more], judge };
}

/** A server that ends when it is given -v. */
function withoutStart(view: View): Verdict | undefined {
  const one = view.recordings.find((each) => playOf(each).verbose && each.missing === undefined);
  const exit = one && !isConnected(one) && eventsOf(one, "exit")[0];
  if (!exit) return undefined;
  const crash = crashOf(one);
  const came = `it ended with exit status ${exit.status}${crash ? "" : lastWords(one)}`;
  return verdict([found(one, "no -v", 0, ["with -v after the port it starts", came], crash)]);
}

function isConnected(one: Recording): boolean {
  return eventsOf(one, "connected").length > 0;
}

/** Of a file that is never sent whole, the line must come all the same. */
function sendingLate(_: Recording, view: View): Finding[] {
  const text = `server sending ${HUGE_BYTES} bytes`;
  return view.of("huge-file").flatMap((one) => {
    const isOther = eventsOf(one, "line").some((event) => /^server sending/.test(event.text));
    if (!hasHeard(one, "g") || isOther || view.lines(one.run).some((each) => each.text === text)) return [];
    return [found(one, "late line GET", 0, [`"${text}" before the bytes`, "bytes came, and the line did not"])];
  });
}

/** In a traced play the order of the line and the deletion is certain. */
function deletingLate(_: Recording, view: View): Finding[] {
  return view.of("order").flatMap((one) => {
    const calls = eventsOf(one, "call");
    const deletion = calls.findIndex(({ text }) => /^unlink\w*\(.*order\.txt.* = 0/.test(text));
    const printing = calls.findIndex(({ text }) => /^writev?\(1<.*server deleting file order.txt/.test(text));
    if (deletion < 0 || printing < deletion) return [];
    return [found(one, "late line DEL", 0, ['"server deleting file order.txt" before the deletion', "it came after"])];
  });
}

/** What should not have been printed. */
function unwanted(
  one: Recording,
  root: string,
  expected: string,
  isIt: (line: Line) => boolean,
): Finding[] {
  const said = eventsOf(one, "line").find(isIt);
  return said ? [found(one, root, said.at, [expected, `"${said.text}"`])] : [];
}

/** Section 5. */
export const SERVER_LINE_RULES: Rule[] = [
  line(
    ["5.1", `"server waiting on port <port#>"`],
    LINES,
    (one) => isConnected(one) && `server waiting on port ${one.port}`,
  ),
  line(
    ["5.2", `"server connected to client at <address>:<port>"`],
    LINES,
    (one) => isConnected(one) && `server connected to client at ${eventsOf(one, "connected")[0]!.address}`,
  ),
  line(["5.3", `"server receiving request: <cmd>"`], LINES, (one) => {
    const { verb, name } = playOf(one);
    return saidAt(one, "b") !== undefined && `server receiving request: ${verb} ${name}`;
  }),
  line(
    ["5.4", `"server receiving <NNN> bytes" for a PUT`],
    ["lines-PUT"],
    (one) => hasHeard(one, "e") && "server receiving 3000 bytes",
    (one) => moment(one, "server receiving 3000 bytes", undefined, "f"),
  ),
  line(
    ["5.5", `"server sending <NNN> bytes" for a GET`],
    ["lines-GET"],
    (one) => hasHeard(one, "g") && "server sending 2000 bytes",
    sendingLate,
    ["huge-file"],
  ),
  line(
    ["5.6", `"server deleting file <filename>" for a DEL`],
    ["lines-DEL"],
    (one) => hasHeard(one, "c") && "server deleting file lines-DEL.txt",
    deletingLate,
    ["order"],
  ),
  shows(["5.7", "server", "without -v the server prints nothing"], SILENT, (one, view) => {
    if (!isConnected(one)) return undefined;
    const expected = "no output without -v";
    // An interpreter's warnings, and a traceback, are not the program's output.
    const isOutput = ({ stream, text }: Line): boolean => stream === "stdout" || /^server /i.test(text);
    // Without a newline it came to light at the program's end, in a play that may not be of these.
    const unended = view.lines(one.run).find((line) => line.isUnended && isOutput(line));
    if (unended) return [found(one, "talks", unended.at, [expected, `"${unended.text.slice(0, 100)}"`])];
    return unwanted(one, "talks", expected, isOutput);
  }),
  shows(
    ["5.8", "server", "-v: what is refused is not said to be sent, received or deleted"],
    named("lines-").filter((id) => !LINES.includes(id)),
    (one) => {
      if (!/ERROR/i.test(eventsOf(one, "came").map(({ bytes }) => bytes).join(""))) return undefined;
      // What belongs to the client before it may come late.
      return unwanted(
        one,
        "says refused",
        "no such line for what is refused",
        ({ text, at }) => /^server (sending|receiving \d|deleting)/i.test(text) && at > (saidAt(one, "b") ?? Infinity),
      );
    },
  ),
  shows(
    ["5.9", "server", "-v: it prints that it sends just before it sends, not before the client's READY", MOMENT],
    ["lines-GET"],
    (one) => moment(one, "server sending 2000 bytes", "d"),
  ),
];
