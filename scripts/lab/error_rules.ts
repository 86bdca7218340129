/** Section 6: the server's errors, and what the client prints of them and of its own. */

import type { Verb } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { printed, wrongLine } from "./lines.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { BASE, type Finding, finding, found, type Rule, shows } from "./rule.ts";

/** The server's error in place of step c; what goes wrong before it is another sentence's. */
function refusal(id: string, title: string, play: string, strict?: string): Rule {
  return shows([id, "server", title, strict], [play], (one, view) => {
    const deviations = view.deviations(one);
    if (deviations.some(({ step, derails }) => derails && step < "c")) return undefined;
    const own = deviations.filter(({ step }) => step.startsWith("c"));
    const hint = "return after the error: it ends the conversation";
    const isMore = own.some(({ expected }) => expected === "nothing more");
    return own.map((each) => ({ ...finding(each, one), ...isMore ? { hint } : {} }));
  });
}

/** A line is missing; where the program crashed, that is the cause. */
function unprinted(line: string, one: Recording): Finding {
  const crash = crashOf(one);
  const wrong = wrongLine(line, one, eventsOf(one, "line"));
  return crash ? { ...wrong, crash, root: crash.root, hint: crash.hint } : wrong;
}

/** The client prints the server's error, and leaves. */
function printsError(id: string, verb: Verb, title: string): Rule {
  const play = `client-${verb}-refused`;
  const rule = shows([id, "client", title], [play], (one, view) => {
    const said = eventsOf(one, "said").find(({ bytes }) => bytes.startsWith("ERROR: "));
    const base = view.derailed(one, ...view.of(...BASE.client[verb]));
    if (!said || base && base.step < "c") return undefined;
    const line = `server error: ${said.bytes.slice("ERROR: ".length)}`;
    // The document has both forms, with "file" and without.
    const forms = [line, line.replace("error: ", "error: file ")];
    const isPrinted = eventsOf(one, "line").some(({ stream, text }) => stream === "stdout" && forms.includes(text));
    const stayed = eventsOf(one, "stayed").map(({ ms, at }) =>
      found(one, "stays after error", [
        "it exits",
        `it was still there after ${ms / 1000} seconds`,
        "close the socket and exit",
      ], { at })
    );
    return [...isPrinted ? goesOn(one, said.at, line) : [unprinted(line, one)], ...stayed];
  });
  return { ...rule, plays: [play, ...BASE.client[verb]] };
}

/** What a client does after an error, where it should leave. */
function goesOn(one: Recording, at: number, line: string): Finding[] {
  const complete = eventsOf(one, "line").find((line) => line.text === "Complete" && line.at >= at);
  const sent = eventsOf(one, "came").find((event) => event.at >= at);
  // What came before we said something may have been on its way.
  const isAnswer = sent && eventsOf(one, "said").some((event) => event.at >= at && event.at <= sent.at);
  const crash = crashOf(one);
  const came = crash
    ? "it went on, and crashed"
    : complete
    ? 'it printed "Complete"'
    : isAnswer
    ? "it sent more"
    : undefined;
  const words = [`it exits after "${line}"`, came!, "leave at once, as by sys.exit(1)"] as [string, string, string];
  return came ? [found(one, "goes on after error", words, { at: complete?.at ?? sent?.at ?? at, crash })] : [];
}

/** The client finds its own error. */
function ownError(id: string, title: string, play: string, text: string, mayConnect: boolean): Rule {
  return shows([id, "client", title], [play], (one) => {
    const line = `client error: ${text}`;
    const [connected] = eventsOf(one, "connected");
    // The document says "prints" of the server's errors, and of the client's own "reports to the user".
    const printed = eventsOf(one, "line").find((event) => event.text === line);
    const findings = printed ? mayConnect ? goesOn(one, printed.at, line) : [] : [unprinted(line, one)];
    if (!connected || mayConnect) return findings;
    const hint = "look whether the file is there before connect()";
    const root = findings[0]?.root ?? "connects first";
    return [found(one, root, ["no connection", "it connected", hint], { at: connected.at }), ...findings];
  });
}

const MISSING = `"ERROR: <filename> does not exist"`;

/** Section 6. */
export const ERROR_RULES: Rule[] = [
  refusal("6.1", `GET: ${MISSING}`, "GET-missing"),
  refusal("6.2", `DEL: ${MISSING}`, "DEL-missing"),
  refusal("6.3", `PUT: "ERROR: unable to create file <filename>"`, "PUT-folder"),
  refusal("6.4", `DEL: "ERROR: unable to delete <filename>"`, "DEL-folder", "the document makes it optional"),
  printsError("6.5", "GET", `GET: prints "server error: " and the message without "ERROR: "`),
  printsError("6.6", "PUT", "PUT: the same"),
  printsError("6.7", "DEL", "DEL: the same"),
  ownError(
    "6.8",
    `PUT: "client error: <filename> does not exist", without a connection`,
    "client-PUT-missing",
    "none.txt does not exist",
    false,
  ),
  ownError(
    "6.9",
    `GET: "client error: unable to create file <filename>"`,
    "client-GET-folder",
    "unable to create file folder",
    true,
  ),
  shows(
    [
      "6.10",
      "client",
      "PUT: an error in the middle of an upload is printed",
      "the document has errors in place of the OK after the command only",
    ],
    ["client-PUT-middle"],
    (one) => {
      if (!eventsOf(one, "said").some(({ step }) => step === "g")) return undefined;
      const line = "server error: unable to create file middle.bin";
      return printed(one, line) === undefined ? [unprinted(line, one)] : [];
    },
  ),
  shows(
    [
      "6.11",
      "client",
      "GET: an error of the server's leaves no file behind",
      "the document does not say what becomes of the file",
    ],
    ["client-GET-refused"],
    (one) => {
      const left = eventsOf(one, "file").find(({ file }) => file !== null);
      const hint = "create the file when the server has said OK";
      return left ? [found(one, "file left", [`no file "${left.name}"`, "it is left", hint], { at: left.at })] : [];
    },
  ),
];
