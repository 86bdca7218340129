/** Section 8: one client after another, the listening socket, and the end of a connection. */

import { STEPS } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { lastWords, read } from "./reading.ts";
import { eventsOf, hasHeard, type Recording } from "./recording.ts";
import { BASE, found, type Look, named, playOf, type Rule, type View } from "./rule.ts";

const PLAIN = Object.values(BASE.server).flat();
const ORDINARY = named("GET", "PUT", "DEL", "lines-", "over", "pieces", "both", "elsewhere", "idle", "after-errors")
  .concat("after-idle").filter((id) => !/missing|folder/.test(id));

/** Whether a conversation got to its last message. */
function isWhole(one: Recording): boolean {
  return hasHeard(one, STEPS[playOf(one).verb].at(-1)![0]!);
}

/** What became of the client that came next, after a conversation that is over. */
function next(isOver: (one: Recording) => boolean): Look {
  return (one, view) => {
    const later = view.recordings.slice(view.recordings.indexOf(one) + 1);
    const next = later.find(({ run, missing }) => run === one.run && missing === undefined);
    if (!next || !isOver(one)) return undefined;
    if (!next.retried) return [];
    const isIdle = playOf(next).idle !== undefined;
    const exit = [...eventsOf(one, "exit"), ...eventsOf(next, "exit")][0];
    const when = isIdle ? ", when nobody had come for 2.5 seconds" : "";
    const crash = crashOf(one) ?? crashOf(next);
    const came = exit
      ? `the server had ended${when}, with exit status ${exit.status}${crash ? "" : lastWords(one)}`
      : `it got no READY${when}`;
    const hint = HINTS.get(isIdle ? "next client idle" : "next client");
    return [
      found(next, crash?.root ?? "next client", next.events[0]?.at, ["the next client is served", came, hint], crash),
    ];
  };
}

const atOnce: Look = (one) => {
  const first = eventsOf(one, "heard").find(({ step, on }) => step === "a" && on === undefined);
  // Before the first one has asked for anything.
  const asked = one.events.findIndex((event) => event.type === "said" && event.on === undefined);
  if (!first?.count || asked < 0) return undefined;
  const isServed = one.events.slice(0, asked).some((event) => event.on === 2 && event.type === "came");
  const expected = "the second client waits until the first is served";
  return isServed ? [found(one, "at once", first.at, [expected, "it got READY at once"])] : [];
};

/** What the document has otherwise, but nobody can tell from outside. */
function backlog(view: View): { note: string } | undefined {
  const calls = view.of("blocks", "order").flatMap((one) => eventsOf(one, "call"));
  const number = calls.map(({ text }) => text.match(/^listen\(.*, (\d+)\)/)?.[1]).find((each) => each !== undefined);
  return !number || number === "0"
    ? undefined
    : { note: `it calls listen(${number}), where the document has listen(0)` };
}

const everywhere: Look = (one, view) => {
  const hosts = view.recordings.flatMap((each) => eventsOf(each, "connected")).map(({ host }) => host);
  if (hosts.length === 0) return undefined;
  const other = hosts.find((host) => !host.startsWith("127.0.0."));
  if (!other && eventsOf(one, "connected").length > 0) return [];
  const came = other ? `it listens on ${other} alone` : "it refused a client at 127.0.0.2";
  return [found(one, "bind", 0, ["it listens on all addresses", came])];
};

const closes: Look = (one) => {
  if (!isWhole(one)) return undefined;
  const left = one.events.findIndex(({ type }) => type === "left");
  if (one.events.slice(0, left).some(({ type }) => type === "ended")) return [];
  return [found(one, "unclosed", 0, ["the server closes the connection at its end", "it left it open"])];
};

/** Section 8. */
export const LOOP_RULES: Rule[] = [
  {
    id: "8.1",
    about: "server",
    title: "the accept() loop runs forever: the next client is served",
    plays: ORDINARY,
    look: next(isWhole),
  },
  {
    id: "8.2",
    about: "server",
    title: "a single client is served at a time",
    plays: ["both"],
    look: atOnce,
    more: ["blocks"],
    note: backlog,
  },
  {
    id: "8.3",
    about: "server",
    title: "an error does not end the server",
    plays: ["GET-missing", "DEL-missing", "PUT-folder"],
    look: next((one) => eventsOf(one, "came").some(({ bytes }) => bytes.includes("ERROR"))),
    more: ["after-errors"],
  },
  {
    id: "8.4",
    about: "server",
    title: "a client that vanishes at any step does not end the server",
    plays: named("vanish-"),
    look: next((one) => read(one, playOf(one)).readings.every(({ form }) => form !== "missing")),
    more: ["after-vanish"],
    strict: "the document lets the program crash on other errors",
  },
  {
    id: "8.5",
    about: "server",
    title: "it takes clients on every address of the machine, not on localhost alone",
    plays: ["elsewhere"],
    look: everywhere,
  },
  { id: "8.6", about: "server", title: "it closes each connection", plays: PLAIN, look: closes },
];
