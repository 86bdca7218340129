/** Sections 4 and 5: the lines that client and server print, and when. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { wrongLine } from "./lines.ts";
import {
  BASE,
  blockedBy,
  type Finding,
  named,
  notShown,
  PLAYS,
  type Rule,
  type Verdict,
  verdict,
  type View,
} from "./rule.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { HUGE_BYTES } from "./plays.ts";

const MOMENT = "a line that is printed a step too early or late looks the same when all goes well";
const COMPLETE_HINT = 'receive DONE and compare it before print("Complete")';

const ACTION = { GET: "receiving", PUT: "sending", DEL: "deleting" };

/** The client's line for a play. */
export function clientLine({ verb, name, data }: { verb: Verb; name: string; data: string }): string {
  return `client ${ACTION[verb]} file ${name}${verb === "DEL" ? "" : ` (${data.length} bytes)`}`;
}

/** When our side said a step, if it did. */
function saidAt(recording: Recording, step: string): number | undefined {
  return eventsOf(recording, "said").find((event) => event.step === step)?.at;
}

function printed(recording: Recording, text: string): number | undefined {
  return eventsOf(recording, "line").find((line) => line.stream === "stdout" && line.text === text)?.at;
}

/** A finding about the moment of a line. */
function moment(one: Recording, root: string, expected: string, came: string, hint: string, at = 0): Finding {
  return { root, expected, came, hint, play: one.play, run: one.run, at };
}

// The line of each verb, then Complete; a conversation that broke off before shows neither.
function clientLines(id: string, verb: Verb): Rule {
  const sample = clientLine({ verb, name: "<filename>", data: "" }).replace("(0 ", "(<NNN> ");
  const judge = (view: View): Verdict => {
    const recordings = view.of(...BASE.client[verb], ...named(`client-${verb}-0`));
    const findings: Finding[] = [];
    let [isShown, blocking] = [false, notShown(view.missing(BASE.client[verb]))];
    for (const one of recordings) {
      const play = PLAYS.get(one.play)!;
      const line = clientLine(play);
      const [derailed] = view.deviations(one).filter(({ derails }) => derails);
      const announced = verb === "PUT" ? "d" : verb === "GET" ? "e" : "b";
      const isDue = verb === "GET"
        ? saidAt(one, "f") !== undefined || saidAt(one, "h") !== undefined
        : eventsOf(one, "heard").some(({ step, count }) => step === announced && count > 0);
      if (printed(one, line) === undefined) {
        if (isDue && (!derailed || isAfter(derailed.step, announced))) {
          findings.push(wrongLine(line, one, eventsOf(one, "line")));
        } else if (derailed) blocking = blockedBy(derailed);
        continue;
      }
      const complete = printed(one, "Complete");
      if (complete === undefined && !derailed && saidAt(one, STEPS[verb].at(-1)![0]!) !== undefined) {
        findings.push(wrongLine("Complete", one, eventsOf(one, "line")));
      } else if (complete !== undefined) {
        isShown = true;
        const lines = eventsOf(one, "line").map(({ text }) => text);
        if (lines.indexOf(line) > lines.indexOf("Complete")) {
          findings.push(
            moment(
              one,
              "order of lines",
              `"${line}", then "Complete"`,
              "the other order",
              "print the line before the bytes move",
              complete,
            ),
          );
        }
      } else if (derailed) blocking = blockedBy(derailed);
    }
    return findings.length > 0 || isShown ? verdict(findings) : blocking;
  };
  const plays = [...BASE.client[verb], ...named(`client-${verb}-0`)];
  return { id, about: "client", title: `${verb}: "${sample}", then "Complete"`, plays, judge };
}

function isAfter(step: string, letter: string): boolean {
  return step[0]! > letter;
}

/** Looks at recordings for a line that came too early or late; those that don't show it are passed over. */
function momentRule(
  rule: Omit<Rule, "judge">,
  look: (one: Recording, view: View) => Finding[] | undefined,
): Rule {
  const judge = (view: View): Verdict => {
    const looked = view.of(...rule.plays).map((one) => look(one, view)).filter((found) => found !== undefined);
    return looked.length === 0 ? notShown(view.missing(rule.plays)) : verdict(looked.flat());
  };
  return { ...rule, judge };
}

const UNFINISHED = named("client-GET-unfinished", "client-PUT-unfinished", "client-DEL-unfinished");
const PATIENT = ["client-GET", "client-PUT", "client-DEL"];

/** Section 4. */
export const CLIENT_LINE_RULES: Rule[] = [
  clientLines("4.1", "GET"),
  clientLines("4.2", "PUT"),
  clientLines("4.3", "DEL"),
  momentRule({
    id: "4.4",
    about: "client",
    title: "GET: it prints no other line",
    strict: "the document does not forbid other lines",
    plays: BASE.client.GET,
  }, (one) => {
    const lines = eventsOf(one, "line").filter(({ stream }) => stream === "stdout");
    const others = lines.filter(({ text }) => text !== "Complete" && text !== clientLine(PLAYS.get(one.play)!));
    if (lines.length === 0) return undefined;
    return lines.length > 2
      ? others.slice(0, 1).map(({ text, at }) =>
        moment(one, "other lines", "two lines", `also "${text}"`, "print these two lines alone", at)
      )
      : [];
  }),
  momentRule({
    id: "4.5",
    about: "client",
    title: "PUT: it prints its line when it is about to send the bytes, neither before OK nor after them",
    strict: MOMENT,
    plays: ["client-PUT"],
  }, (one) => {
    const line = clientLine(PLAYS.get(one.play)!);
    const [at, ok] = [printed(one, line), saidAt(one, "e")];
    if (at === undefined || ok === undefined) return undefined;
    const done = saidAt(one, "g");
    if (at < ok) {
      return [
        moment(
          one,
          "early line PUT",
          `"${line}" after step "${STEPS.PUT[4]}"`,
          "it came before",
          "print it when OK has come",
          at,
        ),
      ];
    }
    const isLate = done !== undefined && at > done;
    return isLate
      ? [moment(one, "late line PUT", `"${line}" before DONE`, "it came after", "print it before the bytes", at)]
      : [];
  }),
  momentRule({
    id: "4.6",
    about: "client",
    title: `it prints "Complete" when it has received DONE, not before`,
    plays: PATIENT,
  }, (one, view) => {
    const { verb } = PLAYS.get(one.play)!;
    const [at, done] = [printed(one, "Complete"), saidAt(one, STEPS[verb].at(-1)![0]!)];
    if (at !== undefined && (done === undefined || at < done)) {
      return [
        moment(
          one,
          `early Complete`,
          `${verb}: "Complete" after DONE`,
          "it came before DONE was sent",
          COMPLETE_HINT,
          at,
        ),
      ];
    }
    return done === undefined && view.deviations(one).some(({ derails }) => derails) ? undefined : [];
  }),
  momentRule({
    id: "4.7",
    about: "client",
    title: `it does not print "Complete" when the server closes without DONE`,
    strict: "the document lets the program crash on other errors",
    plays: UNFINISHED,
  }, (one) => {
    const at = printed(one, "Complete");
    if (at === undefined) return eventsOf(one, "closed").length > 0 ? [] : undefined;
    return [
      moment(
        one,
        "early Complete",
        `no "Complete" without DONE`,
        "the server closed, and it was printed",
        COMPLETE_HINT,
        at,
      ),
    ];
  }),
  momentRule({
    id: "4.8",
    about: "client",
    title: "GET: it prints its line when it is about to receive the bytes, not after them",
    strict: MOMENT,
    plays: ["client-GET"],
  }, (one) => {
    const line = clientLine(PLAYS.get(one.play)!);
    const [at, data] = [printed(one, line), saidAt(one, "g")];
    if (at === undefined || data === undefined) return undefined;
    return at > data
      ? [
        moment(
          one,
          "late line GET",
          `"${line}" before the bytes`,
          "it came after them",
          "print it before the first recv() of data",
          at,
        ),
      ]
      : [];
  }),
];

/** A line of the server's with -v; `expected` is the line, where the recording calls for one. */
function serverLine(
  id: string,
  title: string,
  plays: string[],
  expected: (one: Recording) => string | undefined,
): Rule {
  const judge = (view: View): Verdict => {
    const findings: Finding[] = [];
    let isShown = false;
    for (const one of view.of(...plays)) {
      const line = expected(one);
      if (line === undefined) continue;
      const lines = view.lines(one.run);
      // "The actual client IP could be represented differently", as by a socket for IPv6 and IPv4.
      const isPrinted = lines.some(({ stream, text }) => stream === "stdout" && text.replace("::ffff:", "") === line);
      if (isPrinted) isShown = true;
      else findings.push(wrongLine(line, one, lines));
    }
    if (findings.length > 0 || isShown) return verdict(findings);
    const [unconnected] = view.of(...LINES).flatMap((one) => view.deviations(one).filter(({ derails }) => derails));
    return unconnected ? blockedBy(unconnected) : notShown(view.missing(plays));
  };
  return { id, about: "server", title: `-v: ${title}`, plays: [...plays, ...LINES], judge };
}

const LINES = ["lines-GET", "lines-PUT", "lines-DEL"];
const REFUSALS = named("lines-GET-missing", "lines-DEL-missing", "lines-PUT-folder");

function isConnected(one: Recording): boolean {
  return eventsOf(one, "connected").length > 0;
}

/** Section 5. */
export const SERVER_LINE_RULES: Rule[] = [
  serverLine(
    "5.1",
    `"server waiting on port <port#>"`,
    LINES,
    (one) => isConnected(one) ? `server waiting on port ${one.port}` : undefined,
  ),
  serverLine("5.2", `"server connected to client at <address>:<port>"`, LINES, (one) => {
    const address = eventsOf(one, "connected")[0]?.address;
    return address && `server connected to client at ${address}`;
  }),
  serverLine("5.3", `"server receiving request: <cmd>"`, LINES, (one) => {
    const { verb, name } = PLAYS.get(one.play)!;
    return saidAt(one, "b") === undefined ? undefined : `server receiving request: ${verb} ${name}`;
  }),
  timed("5.4", `"server receiving <NNN> bytes" for a PUT`, "lines-PUT", "e", (one) => {
    const line = "server receiving 2000 bytes";
    const [at, data] = [printed(one, line), saidAt(one, "f")];
    if (at === undefined || data === undefined || at <= data) return [];
    return [
      moment(
        one,
        "late line PUT",
        `"${line}" before the bytes`,
        "it came after them",
        "print it before the first recv() of data",
        at,
      ),
    ];
  }),
  timed(
    "5.5",
    `"server sending <NNN> bytes" for a GET`,
    "lines-GET",
    "g",
    (one, view) =>
      view.of("huge-GET").flatMap((huge) => {
        const line = `server sending ${HUGE_BYTES} bytes`;
        const isSent = eventsOf(huge, "heard").some(({ step, count }) => step === "g" && count > 0);
        const isPrinted = view.lines(huge.run).some(({ text }) => text === line);
        const isUsual = printed(one, "server sending 2000 bytes") !== undefined;
        const isOther = eventsOf(huge, "line").some(({ text }) => /^server sending/.test(text));
        if (!isSent || isPrinted || !isUsual || isOther) return [];
        return [
          moment(
            huge,
            "late line GET",
            `"${line}" before the bytes`,
            "bytes came, and the line did not",
            "print it before the first block",
            0,
          ),
        ];
      }),
    ["huge-GET"],
  ),
  timed(
    "5.6",
    `"server deleting file <filename>" for a DEL`,
    "lines-DEL",
    "c",
    (_, view) =>
      view.of("order").flatMap((one) => {
        const calls = eventsOf(one, "call");
        const deletion = calls.findIndex(({ text }) => /^unlink\w*\(.*order\.txt.* = 0/.test(text));
        const line = calls.findIndex(({ text }) => /^writev?\(1<.*server deleting file order.txt/.test(text));
        if (deletion < 0 || line < deletion) return [];
        return [
          moment(
            one,
            "late line DEL",
            `"server deleting file order.txt" before the deletion`,
            "it came after",
            "print it before os.remove()",
            0,
          ),
        ];
      }),
    ["order"],
  ),
  momentRule({
    id: "5.7",
    about: "server",
    title: "without -v the server prints nothing",
    plays: named("GET", "PUT", "DEL").filter((id) => !PLAYS.get(id)!.strict),
  }, (one) => {
    if (!isConnected(one)) return undefined;
    // An interpreter's warnings, and a traceback, are not the program's output.
    const line = eventsOf(one, "line").find(({ stream, text }) => stream === "stdout" || /^server /i.test(text));
    return line
      ? [moment(one, "talks", "no output without -v", `"${line.text}"`, 'print only if "-v" is in sys.argv', line.at)]
      : [];
  }),
  momentRule({
    id: "5.8",
    about: "server",
    title: "-v: what is refused is not said to be sent, received or deleted",
    plays: REFUSALS,
  }, (one) => {
    const answer = eventsOf(one, "came").map(({ bytes }) => bytes).join("");
    if (!/ERROR/i.test(answer)) return undefined;
    const line = eventsOf(one, "line").find(({ text }) => /^server (sending|receiving \d|deleting)/i.test(text));
    return line
      ? [
        moment(
          one,
          "says refused",
          "no such line for what is refused",
          `"${line.text}"`,
          "look at the file before the line is printed",
          line.at,
        ),
      ]
      : [];
  }),
  momentRule({
    id: "5.9",
    about: "server",
    title: "-v: it prints that it sends when it is about to send the bytes, not before the client's READY",
    strict: MOMENT,
    plays: ["lines-GET"],
  }, (one) => {
    const line = "server sending 2000 bytes";
    const [at, ready] = [printed(one, line), saidAt(one, "d")];
    if (at === undefined || ready === undefined) return undefined;
    return at < ready
      ? [
        moment(
          one,
          "early line GET",
          `"${line}" after step "${STEPS.GET[5]}"`,
          "it came before",
          "print it when OK has come",
          at,
        ),
      ]
      : [];
  }),
];

/** A line of the server's, and its moment; it is due when the program got to a step. */
function timed(
  id: string,
  title: string,
  play: string,
  step: string,
  late: (one: Recording, view: View) => Finding[],
  more: string[] = [],
): Rule {
  const { verb, data, name } = PLAYS.get(play)!;
  const line = {
    GET: `server sending ${data.length} bytes`,
    PUT: `server receiving ${data.length} bytes`,
    DEL: `server deleting file ${name}`,
  }[verb];
  const rule = serverLine(
    id,
    title,
    [play],
    (one) => eventsOf(one, "heard").some((event) => event.step === step && event.count > 0) ? line : undefined,
  );
  const judge = (view: View): Verdict => {
    const found = rule.judge(view);
    const [one] = view.of(play);
    return found.outcome !== "holds" || !one ? found : verdict(late(one, view));
  };
  return { ...rule, plays: [...rule.plays, ...more], judge };
}
