/** Section 8: one client after another, the listening socket, and the end of a connection. */

import { STEPS } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { lastWords, read } from "./reading.ts";
import { eventsOf, hasHeard, type Recording } from "./recording.ts";
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
const PLAIN = Object.values(BASE.server).flat();
const ORDINARY = named(
  "GET",
  "PUT",
  "DEL",
  "lines-",
  "over",
  "pieces",
  "after-errors",
  "both",
  "elsewhere",
  "idle",
  "after-idle",
)
  .filter((id) => !/missing|folder/.test(id));

/** Whether a conversation got to its last message. */
function isWhole(one: Recording): boolean {
  return hasHeard(one, STEPS[playOf(one).verb].at(-1)![0]!);
}

/** What became of the clients that came next, after plays of these names. */
function next(
  [id, title, strict]: [string, string, string?],
  after: string[],
  more: string[],
  isOver: (one: Recording) => boolean,
): Rule {
  const judge = (view: View): Verdict => {
    const played = view.recordings.filter(({ missing }) => missing === undefined);
    const pairs = played.flatMap((one, index) => {
      const next = played.slice(index + 1).find(({ run }) => run === one.run);
      return next && after.includes(one.play) && !one.retried && isOver(one) ? [[one, next] as const] : [];
    });
    const lost = pairs.find(([, next]) => next.retried);
    return pairs.length === 0 ? notShown("no conversation got to its end") : verdict(lost ? [notServed(...lost)] : []);
  };
  return { id, about: "server", title, plays: more, judge, strict };
}

function notServed(one: Recording, next: Recording): Finding {
  const isIdle = playOf(next).idle !== undefined;
  const exit = [...eventsOf(one, "exit"), ...eventsOf(next, "exit")][0];
  const when = isIdle ? ", when nobody had come for 2.5 seconds" : "";
  const crash = crashOf(one) ?? crashOf(next);
  const came = exit
    ? `the server had ended${when}, with exit status ${exit.status}${crash ? "" : lastWords(one)}`
    : `it got no READY${when}`;
  const root = crash?.root ?? `next client${isIdle ? " idle" : ""}`;
  return found(next, root, next.events[0]?.at, ["the next client is served", came], crash);
}

function atOnce(one: Recording): Finding[] | undefined {
  const first = eventsOf(one, "heard").find(({ step, on }) => step === "a" && on === undefined);
  // Before the first one has asked for anything.
  const asked = one.events.findIndex((event) => event.type === "said" && event.on === undefined);
  if (!first?.count || asked < 0) return undefined;
  const isServed = one.events.slice(0, asked).some((event) => event.on === 2 && event.type === "came");
  const expected = "the second client waits until the first is served";
  return isServed ? [found(one, "at once", first.at, [expected, "it got READY at once"])] : [];
}

/** One at a time; what the document has otherwise, but nobody can tell from outside, is a note. */
function oneAtATime(): Rule {
  const rule = shows(["8.2", "server", "a single client is served at a time"], ["both"], atOnce, ["blocks"]);
  const judge = (view: View): Verdict => {
    const calls = view.of("blocks", "order").flatMap((one) => eventsOf(one, "call"));
    const backlog = calls.map(({ text }) => text.match(/^listen\(.*, (\d+)\)/)?.[1]).find((each) => each !== undefined);
    const note = `it calls listen(${backlog}), where the document has listen(0)`;
    const found = rule.judge(view);
    return found.outcome === "holds" && backlog && backlog !== "0" ? { ...found, note } : found;
  };
  return { ...rule, judge };
}

function everywhere(one: Recording, view: View): Finding[] | undefined {
  const hosts = view.recordings.flatMap((each) => eventsOf(each, "connected")).map(({ host }) => host);
  if (hosts.length === 0) return undefined;
  const other = hosts.find((host) => !host.startsWith("127.0.0."));
  if (!other && eventsOf(one, "connected").length > 0) return [];
  const came = other ? `it listens on ${other} alone` : "it refused a client at 127.0.0.2";
  return [found(one, "bind", 0, ["it listens on all addresses", came])];
}

function closes(one: Recording): Finding[] | undefined {
  if (!isWhole(one)) return undefined;
  const left = one.events.findIndex(({ type }) => type === "left");
  if (one.events.slice(0, left).some(({ type }) => type === "ended")) return [];
  return [found(one, "unclosed", 0, ["the server closes the connection at its end", "it left it open"])];
}

const EVERYWHERE = "it takes clients on every address of the machine, not on localhost alone";

/** Section 8. */
export const LOOP_RULES: Rule[] = [
  next(
    ["8.1", "the accept() loop runs forever: the next client is served"],
    ORDINARY,
    [...PLAIN, "idle", "after-idle"],
    isWhole,
  ),
  oneAtATime(),
  next(
    ["8.3", "an error does not end the server"],
    ERRORS,
    [...ERRORS, "after-errors"],
    (one) => eventsOf(one, "came").some(({ bytes }) => bytes.includes("ERROR")),
  ),
  next(
    [
      "8.4",
      "a client that vanishes at any step does not end the server",
      "the document lets the program crash on other errors",
    ],
    named("vanish-"),
    named("vanish-", "after-vanish"),
    (one) => read(one, playOf(one)).readings.every(({ form }) => form !== "missing"),
  ),
  shows(["8.5", "server", EVERYWHERE], ["elsewhere"], everywhere, BASE.server.GET),
  shows(["8.6", "server", "it closes each connection"], PLAIN, closes),
];
