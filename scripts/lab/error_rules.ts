/** Section 6: the server's errors, and what the client prints of them and of its own. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { wrongLine } from "./lines.ts";
import { eventsOf, type Recording } from "./recording.ts";
import {
  blockedBy,
  type Finding,
  finding,
  notShown,
  PLAYS,
  type Rule,
  type Verdict,
  verdict,
  type View,
} from "./rule.ts";

/** The server's error in place of a step; what goes wrong before it is another sentence's. */
function refusal(id: string, title: string, play: string, strict?: string): Rule {
  const judge = (view: View): Verdict => {
    const [one] = view.of(play);
    if (!one) return notShown(view.missing([play]));
    const letter = "c";
    const deviations = view.deviations(one);
    const before = deviations.find(({ step, derails }) => derails && step[0]! < letter);
    if (before) return blockedBy(before);
    const own = deviations.filter(({ step }) => step[0] === letter);
    const more = own.some(({ expected }) => expected === "nothing more");
    return verdict(own.map((deviation) => ({
      ...finding(deviation, one),
      ...more ? { hint: "return after the error: it ends the conversation" } : {},
    })));
  };
  return { id, about: "server", title, plays: [play], judge, ...strict ? { strict } : {} };
}

/** The client prints the server's error, and leaves. */
function printsError(id: string, verb: Verb, title: string): Rule {
  const play = `client-${verb}-refused`;
  const judge = (view: View): Verdict => {
    const [one] = view.of(play);
    if (!one) return notShown(view.missing([play]));
    const said = eventsOf(one, "said").find(({ bytes }) => bytes.startsWith("ERROR: "));
    if (!said) {
      const [first] = view.deviations(one);
      return first ? blockedBy(first) : notShown("the error could not be sent");
    }
    const line = `server error: ${said.bytes.slice("ERROR: ".length)}`;
    const lines = eventsOf(one, "line");
    // The document has both forms, with "file" and without.
    const forms = [line, line.replace("error: ", "error: file ")];
    const findings: Finding[] = [];
    if (!lines.some(({ stream, text }) => stream === "stdout" && forms.includes(text))) {
      const stayed = eventsOf(one, "stayed").length > 0;
      const { crash } = view.deviations(one).find(({ crash }) => crash) ?? {};
      const wrong = wrongLine(line, one, lines);
      findings.push({
        ...wrong,
        ...crash ? { crash, root: crash.root, hint: crash.hint } : {},
        ...stayed && wrong.came === "no such line"
          ? { hint: "it waits for more after the error: look whether a message begins with ERROR" }
          : {},
      });
    }
    findings.push(...goesOn(one, said.at, line));
    for (const { ms, at } of eventsOf(one, "stayed")) {
      findings.push(
        own(
          one,
          "stays after error",
          "it exits",
          `it was still there after ${ms / 1000} seconds`,
          "close the socket and exit",
          at,
        ),
      );
    }
    return verdict(findings);
  };
  return { id, about: "client", title, plays: [play], judge };
}

function own(one: Recording, root: string, expected: string, came: string, hint: string, at: number): Finding {
  return { root, expected, came, hint, play: one.play, run: one.run, at };
}

/** What a client does after an error, where it should leave. */
function goesOn(one: Recording, at: number, line: string): Finding[] {
  const complete = eventsOf(one, "line").find(({ text }) => text === "Complete");
  const sent = eventsOf(one, "came").find((event) => event.at >= at && event.bytes !== "");
  const isAnswer = sent && eventsOf(one, "said").some((event) => event.at >= at && event.at <= sent.at);
  const hint = "leave at once, as by sys.exit(1)";
  const crash = crashOf(one);
  if (crash) {
    return [{
      ...own(one, "goes on after error", `it exits after "${line}"`, "it went on, and crashed", hint, at),
      crash,
    }];
  }
  if (complete) {
    return [own(one, "goes on after error", `it exits after "${line}"`, 'it printed "Complete"', hint, complete.at)];
  }
  return isAnswer ? [own(one, "goes on after error", `it exits after "${line}"`, "it sent more", hint, sent.at)] : [];
}

/** The client finds its own error. */
function ownError(id: string, title: string, play: string, text: string, mayConnect: boolean): Rule {
  const judge = (view: View): Verdict => {
    const [one] = view.of(play);
    if (!one) return notShown(view.missing([play]));
    const line = `client error: ${text}`;
    const connected = eventsOf(one, "connected")[0];
    const lines = eventsOf(one, "line");
    const findings: Finding[] = [];
    // The document says "prints" of the server's errors, and of the client's own "reports to the user".
    const printed = lines.find((event) => event.text === line);
    const { crash } = view.deviations(one).find(({ crash }) => crash) ?? {};
    if (!printed) {
      findings.push({ ...wrongLine(line, one, lines), ...crash ? { crash, root: crash.root, hint: crash.hint } : {} });
    }
    if (connected && !mayConnect) {
      const hint = "look whether the file is there before connect()";
      findings.push(own(one, "connects first", "no connection", "it connected", hint, connected.at));
    } else if (printed) findings.push(...goesOn(one, printed.at, line));
    return verdict(findings);
  };
  return { id, about: "client", title, plays: [play], judge };
}

/** Section 6. */
export const ERROR_RULES: Rule[] = [
  refusal("6.1", `GET: "ERROR: <filename> does not exist"`, "GET-missing"),
  refusal("6.2", `DEL: "ERROR: <filename> does not exist"`, "DEL-missing"),
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
  {
    id: "6.10",
    about: "client",
    title: "PUT: an error in the middle of an upload is printed",
    strict: "the document has errors in place of the OK after the command only",
    plays: ["client-PUT-middle"],
    judge: (view) => {
      const [one] = view.of("client-PUT-middle");
      const said = one && eventsOf(one, "said").find(({ step }) => step === "g");
      if (!one || !said) return notShown(view.missing(["client-PUT-middle"]));
      const line = "server error: unable to create file middle.bin";
      const lines = eventsOf(one, "line");
      return verdict(lines.some(({ text }) => text === line) ? [] : [wrongLine(line, one, lines)]);
    },
  },
  {
    id: "6.11",
    about: "client",
    title: "GET: an error of the server's leaves no file behind",
    strict: "the document does not say what becomes of the file",
    plays: ["client-GET-refused"],
    judge: (view) => {
      const [one] = view.of("client-GET-refused");
      if (!one) return notShown(view.missing(["client-GET-refused"]));
      const left = eventsOf(one, "file").find(({ file }) => file !== null);
      const hint = "create the file when the server has said OK";
      return verdict(left ? [own(one, "file left", `no file "${left.name}"`, "it is left", hint, left.at)] : []);
    },
  },
];

/** The verb and the last step of a play, for a report. */
export function lastStep(play: string): string {
  const { verb } = PLAYS.get(play)!;
  return STEPS[verb].at(-1)!;
}
