/** Section 6: the server's errors, and what the client prints of them and of its own. */

import type { Verb } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { printed, wrongLine } from "./lines.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { BASE, type Finding, finding, found, type Rule, shows } from "./rule.ts";

/** The server's error in place of step c; what goes wrong before it is another sentence's. */
function refusal(id: string, title: string, play: string, strict?: string): Rule {
  return shows([id, "server", title, strict], [play], (one, view) => {
    const deviations = view.deviations(one);
    if (deviations.some(({ step, derails }) => derails && step < "c")) return undefined;
    const own = deviations.filter(({ step }) => step.startsWith("c"));
    const hint = HINTS.get("more after error");
    return own.map((each) => ({ ...finding(each, one), ...each.expected === "nothing more" ? { hint } : {} }));
  });
}

/** A line is missing; where the program crashed, that is the cause. */
function unprinted(line: string, one: Recording): Finding {
  const crash = crashOf(one);
  return { ...wrongLine(line, one), ...crash ? { crash, root: crash.root, hint: crash.hint } : {} };
}

/** The client prints the server's error, and leaves. */
function printsError(id: string, verb: Verb, title: string): Rule {
  return shows([id, "client", title], [`client-${verb}-refused`], (one, view) => {
    const said = eventsOf(one, "said").find(({ bytes }) => bytes.startsWith("ERROR: "));
    const base = view.derailed(one, ...view.of(...BASE.client[verb]));
    if (!said || base && base.step < "c") return undefined;
    const line = `server error: ${said.bytes.slice("ERROR: ".length)}`;
    // The document has both forms, with "file" and without.
    const isPrinted = [line, line.replace("error: ", "error: file ")].some((form) => printed(one, form) !== undefined);
    const stayed = eventsOf(one, "stayed").map(({ ms, at }) =>
      found(one, "stays after error", at, ["it exits", `it was still there after ${(ms / 1000).toFixed(1)} seconds`])
    );
    return [...isPrinted ? goesOn(one, said.at, line) : [unprinted(line, one)], ...stayed];
  }, BASE.client[verb]);
}

/** What a client does after an error, where it should leave. */
function goesOn(one: Recording, start: number, line: string): Finding[] {
  const complete = eventsOf(one, "line").find(({ text, at }) => text === "Complete" && at >= start);
  const sent = eventsOf(one, "came").find(({ at }) => at >= start);
  // What came before we said something may have been on its way.
  const isAnswer = sent && eventsOf(one, "said").some(({ at }) => at >= start && at <= sent.at);
  const crash = crashOf(one);
  const came = crash
    ? "it went on, and crashed"
    : complete
    ? 'it printed "Complete"'
    : isAnswer
    ? "it sent more"
    : undefined;
  if (!came) return [];
  const finding = found(one, "goes on after error", complete?.at ?? sent?.at ?? start, [
    `it exits after "${line}"`,
    came,
  ]);
  return [{ ...finding, crash }];
}

/** The client finds its own error; where it may, when it is connected. */
function ownError(id: string, title: string, play: string, text: string, mayConnect: boolean): Rule {
  return shows([id, "client", title], [play], (one) => {
    const line = `client error: ${text}`;
    const [connected] = eventsOf(one, "connected");
    // The document says "prints" of the server's errors, and of the client's own "reports to the user".
    const printed = eventsOf(one, "line").find((event) => event.text === line);
    const findings = printed ? mayConnect ? goesOn(one, printed.at, line) : [] : [unprinted(line, one)];
    if (!connected || mayConnect) return findings;
    const root = findings[0]?.root ?? "connects first";
    const hint = HINTS.get("connects first");
    return [found(one, root, connected.at, ["no connection", "it connected", hint]), ...findings];
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
    (one) =>
      eventsOf(one, "file").filter(({ file }) => file !== null).map(({ name, at }) =>
        found(one, "file left", at, [`no file "${name}"`, "it is left"])
      ),
  ),
];
