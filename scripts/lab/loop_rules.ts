/** Section 8: one client after another, the listening socket, and the end of a connection. */

import { STEPS } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { lastWords, read } from "./reading.ts";
import { eventsOf, type Recording } from "./recording.ts";
import {
  BASE,
  type Finding,
  found,
  named,
  notShown,
  playOf,
  type Rule,
  shows,
  type Verdict,
  verdict,
  type View,
} from "./rule.ts";

const ERRORS = ["GET-missing", "DEL-missing", "PUT-folder"];
const PLAIN = [...BASE.server.GET, ...BASE.server.PUT, ...BASE.server.DEL];
const ORDINARY = [
  ...named("GET", "PUT", "DEL", "lines-"),
  "over",
  "pieces",
  "after-errors",
  "both",
  "elsewhere",
  "idle",
  "after-idle",
].filter((id) => !/missing|folder/.test(id));

/** Whether a conversation got to its last message. */
function isWhole(one: Recording): boolean {
  const last = STEPS[playOf(one).verb].at(-1)![0];
  return eventsOf(one, "heard").some(({ step, count }) => step === last && count > 0);
}

/** What became of the clients that came next, after plays of these names. */
function nextOnes(view: View, after: string[], isOver: (one: Recording) => boolean): Verdict {
  const played = view.recordings.filter(({ missing }) => missing === undefined);
  const pairs = played.flatMap((one, index) => {
    const next = played.slice(index + 1).find(({ run }) => run === one.run);
    return next && after.includes(one.play) && !one.retried && isOver(one) ? [[one, next] as const] : [];
  });
  const findings = pairs.filter(([, next]) => next.retried).map(([one, next]) => {
    const isIdle = playOf(next).idle !== undefined;
    const exit = [...eventsOf(one, "exit"), ...eventsOf(next, "exit")][0];
    const when = isIdle ? ", when nobody had come for 2.5 seconds" : "";
    const crash = crashOf(one) ?? crashOf(next);
    const came = exit
      ? `the server had ended${when}, with exit status ${exit.status}${crash ? "" : lastWords(one)}`
      : `it got no READY${when}`;
    const hint = crash
      ? crash.hint
      : isIdle
      ? "wait in accept() without a timeout"
      : "accept() the next client in a loop that never ends";
    const root = crash?.root ?? `next client${isIdle ? " idle" : ""}`;
    return found(next, root, ["the next client is served", came, hint], { at: next.events[0]?.at, crash });
  });
  return pairs.length > 0 ? verdict(findings.slice(0, 1)) : notShown("no conversation got to its end");
}

function atOnce(one: Recording, view: View): Finding[] | undefined {
  const first = eventsOf(one, "heard").find(({ step, on }) => step === "a" && on === undefined);
  // Before the first one has asked for anything.
  const asked = one.events.findIndex((event) => event.type === "said" && event.on === undefined);
  if (!first?.count || asked < 0 || view.of("both").length === 0) return undefined;
  const isServed = one.events.slice(0, asked).some((event) => event.on === 2 && event.type === "came");
  const hint = "serve a connection to its end before the next accept(): no thread or process for each";
  return isServed
    ? [
      found(one, "at once", ["the second client waits until the first is served", "it got READY at once", hint], {
        at: first.at,
      }),
    ]
    : [];
}

/** What the document has otherwise, but nobody can tell from outside. */
function backlog(view: View): string | undefined {
  const calls = view.of("blocks", "order").flatMap((one) => eventsOf(one, "call"));
  const found = calls.map(({ text }) => text.match(/^listen\(.*, (\d+)\)/)?.[1]).find((each) => each !== undefined);
  return found && found !== "0" ? `it calls listen(${found}), where the document has listen(0)` : undefined;
}

function everywhere(view: View): Verdict {
  const [one] = view.of("elsewhere");
  const hosts = view.recordings.flatMap((each) => eventsOf(each, "connected")).map(({ host }) => host);
  const other = hosts.find((host) => !host.startsWith("127.0.0."));
  if (!one || hosts.length === 0) return one ? notShown("nothing listened on its port") : view.notShown(["elsewhere"]);
  if (!other && eventsOf(one, "connected").length > 0) return verdict([]);
  const came = other ? `it listens on ${other} alone` : "it refused a client at 127.0.0.2";
  const hint = 'bind(("", port)) takes clients from everywhere; "localhost", "127.0.0.1" and gethostname() do not';
  return verdict([found(one, "bind", ["it listens on all addresses", came, hint])]);
}

function closes(view: View): Verdict {
  const whole = view.of(...ORDINARY).filter(isWhole);
  const open = whole.find(({ events }) =>
    !events.slice(0, events.findIndex(({ type }) => type === "left")).some(({ type }) => type === "ended")
  );
  const words: [string, string, string] = [
    "the server closes the connection at its end",
    "it left it open",
    "close() the connection when its conversation is over",
  ];
  return whole.length === 0
    ? notShown("no conversation got to its end")
    : verdict(open ? [found(open, "unclosed", words)] : []);
}

const both = shows(
  ["8.2", "server", "a single client is served at a time"],
  ["both", "blocks"],
  (one, view) => one.play === "both" ? atOnce(one, view) : undefined,
);

/** Section 8. */
export const LOOP_RULES: Rule[] = [
  {
    id: "8.1",
    about: "server",
    title: "the accept() loop runs forever: the next client is served",
    plays: [...PLAIN, "idle", "after-idle"],
    judge: (view) => nextOnes(view, ORDINARY, isWhole),
  },
  {
    ...both,
    judge: (view) => {
      const found = both.judge(view);
      const note = backlog(view);
      return found.outcome === "holds" && note ? { ...found, note } : found;
    },
  },
  {
    id: "8.3",
    about: "server",
    title: "an error does not end the server",
    plays: [...ERRORS, "after-errors"],
    judge: (view) =>
      nextOnes(view, ERRORS, (one) => eventsOf(one, "came").some(({ bytes }) => bytes.includes("ERROR"))),
  },
  {
    id: "8.4",
    about: "server",
    title: "a client that vanishes at any step does not end the server",
    strict: "the document lets the program crash on other errors",
    plays: [...named("vanish-"), "after-vanish"],
    judge: (view) =>
      nextOnes(
        view,
        named("vanish-"),
        (one) => read(one, playOf(one)).readings.every(({ form }) => form !== "missing"),
      ),
  },
  {
    id: "8.5",
    about: "server",
    title: "it takes clients on every address of the machine, not on localhost alone",
    plays: ["elsewhere", ...BASE.server.GET],
    judge: everywhere,
  },
  { id: "8.6", about: "server", title: "it closes each connection", plays: PLAIN, judge: closes },
];
