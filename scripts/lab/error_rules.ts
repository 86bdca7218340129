/** Section 6: the server's errors, and what the client prints of them and of its own. */

import { ERROR_TEXTS } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { completed, printed, wrongLine } from "./lines.ts";
import { playOf } from "./plays.ts";
import { blamed, type Finding } from "./deviations.ts";
import { eventsOf, fromUtf8, hasPrinted, type Recording, saidAt } from "./recording.ts";
import { found, type Look, named, type Row } from "./rule.ts";

/** The server's error in place of step c; what goes wrong before it is another sentence's. */
const refusal: Look = (one, view) => {
  const deviations = view.deviations(one);
  // A server may make the folder of a name, or leave it out.
  const isAccepted = one.play === "PUT-nowhere" && eventsOf(one, "came").some(({ bytes }) => bytes.endsWith("OK"));
  if (view.isElsewhere(one) || isAccepted || deviations.some(({ step = "", derails }) => derails && step < "c")) {
    return undefined;
  }
  const wrong = deviations.filter(({ step }) => step?.startsWith("c"));
  if (!one.play.endsWith("-letters")) return wrong;
  // What goes wrong with all errors, or with all such names, is told already.
  const others = view.of(one.play.replace("-letters", ""), `${playOf(one).verb}-name1`);
  if (view.deviations(...others).length > 0) return undefined;
  return wrong.map((each) => each.crash ? each : { ...each, root: "letters", hint: HINTS.get("letters") });
};

/** A line is missing; where the program crashed, that is the cause. */
function unprinted(line: string, one: Recording): Finding {
  const wrong = wrongLine(line, one);
  const isMute = wrong.came === "no such line" && line.startsWith("server error: ");
  const { root, hint } = isMute ? { root: "unprinted", hint: HINTS.get("unprinted") } : wrong;
  return { ...wrong, ...blamed(one, root, hint) };
}

/** The client prints the server's error, and leaves. */
const printsError: Look = (one, view) => {
  const said = eventsOf(one, "said").find(({ bytes }) => bytes.startsWith("ERROR: "));
  const base = view.derailed(one, ...view.base(one));
  if (!said) return undefined;
  const message = fromUtf8(said.bytes).slice("ERROR: ".length);
  // Who does not wait for READY may take that for the answer, but for one who prints what the error says.
  const isRead = base?.root.startsWith("early") && eventsOf(one, "line").some(({ text }) => text.includes(message));
  if (base?.step && base.step < "c" && !isRead) return undefined;
  const line = `server error: ${message}`;
  // The document has both forms, with "file" and without.
  const isPrinted = [line, line.replace("error: ", "error: file ")].some((form) => printed(one, form) !== undefined);
  const stayed = eventsOf(one, "stayed").map(({ ms, at }) =>
    found(one, "stays after error", at, ["it exits", `it was still there after ${(ms / 1000).toFixed(1)} seconds`])
  );
  if (isPrinted) return [...goesOn(one, said.at, line), ...stayed];
  const missing = unprinted(line, one);
  const isIgnored = completed(one) !== undefined && !crashOf(one) && missing.came === "no such line";
  if (isIgnored) return [{ ...missing, root: "goes on after error" }, ...stayed];
  return [missing, ...stayed];
};

/** What a client does after an error, where it should leave. */
function goesOn(one: Recording, start: number, line: string): Finding[] {
  const complete = completed(one);
  const sent = eventsOf(one, "came").find(({ at }) => at >= start);
  // What came before we said something may have been on its way.
  const isAnswer = sent && eventsOf(one, "said").some(({ at }) => at >= start && at <= sent.at);
  const crash = crashOf(one);
  const came = crash && "it went on, and crashed" || complete && complete >= start && 'it printed "Complete"' ||
    isAnswer && "it sent more";
  if (!came) return [];
  const at = complete ?? sent?.at ?? start;
  return [{ ...found(one, "goes on after error", at, [`it exits after "${line}"`, came]), crash }];
}

/** The client finds its own error: before it connects, or, where it may, after. */
function ownError(text: (name: string) => string, mayConnect: boolean): Look {
  return (one, view) => {
    // It may make the folder of a name, or leave it out.
    if (one.play === "client-GET-nowhere" && completed(one) !== undefined) return undefined;
    // One that creates the file late may fail before.
    if (mayConnect && !hasPrinted(one, /error/i) && view.derailed(...view.base(one))) return undefined;
    const line = `client error: ${text(playOf(one).name)}`;
    const [connected] = eventsOf(one, "connected");
    // The document says "prints" of the server's errors, and of the client's own "reports to the user".
    const printed = eventsOf(one, "line").find((event) => event.text === line);
    const findings = printed ? mayConnect ? goesOn(one, printed.at, line) : [] : [unprinted(line, one)];
    if (!connected || mayConnect) return findings;
    const root = findings[0]?.root ?? "connects first";
    const hint = HINTS.get("connects first");
    return [found(one, root, connected.at, ["no connection", "it connected", hint]), ...findings];
  };
}

const middle: Look = (one) => {
  if (saidAt(one, "g") === undefined) return undefined;
  const line = "server error: unable to create file middle.bin";
  return printed(one, line) === undefined ? [unprinted(line, one)] : [];
};

const fileLeft: Look = (one) =>
  eventsOf(one, "file").filter(({ file }) => file !== null).map(({ name, at }) =>
    found(one, "file left", at, [`no file "${name}"`, "it is left"])
  );

const MISSING = `"ERROR: <filename> does not exist"`;
const PRINTS = `prints "server error: " and the message without "ERROR: "`;
const [NO_FILE, NOT_CREATED] = [ownError(ERROR_TEXTS.missing, false), ownError(ERROR_TEXTS.create, true)];

export const ERROR_RULES: Row[] = [
  ["6.1", `GET: ${MISSING}`, named("GET-missing"), refusal, { more: ["GET-name1"] }],
  ["6.2", `DEL: ${MISSING}`, named("DEL-missing"), refusal, { more: ["DEL-name1"] }],
  [
    "6.3",
    `PUT: "ERROR: unable to create file <filename>"`,
    named("PUT-folder", "PUT-nowhere"),
    refusal,
    { more: ["PUT-name1"] },
  ],
  ["6.4", `DEL: "ERROR: unable to delete <filename>"`, ["DEL-folder"], refusal, {
    strict: "the document makes it optional",
  }],
  ["6.5", `GET: ${PRINTS}`, ["client-GET-refused"], printsError],
  ["6.6", `PUT: ${PRINTS}`, ["client-PUT-refused"], printsError],
  ["6.7", `DEL: ${PRINTS}`, ["client-DEL-refused"], printsError],
  ["6.8", `PUT: "client error: <filename> does not exist", without a connection`, ["client-PUT-missing"], NO_FILE],
  [
    "6.9",
    `GET: "client error: unable to create file <filename>"`,
    ["client-GET-folder", "client-GET-nowhere"],
    NOT_CREATED,
  ],
  ["6.10", "PUT: an error in the middle of an upload is printed", ["client-PUT-middle"], middle, {
    strict: "the document has errors in place of the OK after the command only",
  }],
  ["6.11", "GET: an error of the server's leaves no file behind", ["client-GET-refused"], fileLeft, {
    strict: "the document does not say what becomes of the file",
  }],
];
