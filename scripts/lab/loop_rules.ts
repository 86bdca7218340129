/** Section 8: one client after another, the listening socket, the end of a connection, and how a client finds its server. */

import { STEPS } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { playOf } from "./plays.ts";
import { lastWords } from "./deviations.ts";
import { read } from "./reading.ts";
import { eventsOf, hasHeard, isClosed, type Recording } from "./recording.ts";
import { again, BASE, found, type Look, named, type Row, variation, type View } from "./rule.ts";

const PLAIN = Object.values(BASE.server).flat();
const ORDINARY = named("GET", "PUT", "DEL", "lines-", "over", "pieces", "both", "elsewhere", "after-errors")
  .concat("before-idle", "idle").filter((id) => !/missing|folder|nowhere/.test(id));
const ERRORS = ["GET-missing", "DEL-missing", "PUT-folder", "PUT-nowhere"];

// A program that ends with its client ends so soon after it, in milliseconds.
const SOON_MS = 1500;

function isWhole(one: Recording): boolean {
  return hasHeard(one, STEPS[playOf(one).verb].at(-1)![0]!);
}

/** What became of the server, and of the client that came next, after a conversation that is over. */
function next(isOver: (one: Recording) => boolean, likely = "next client"): Look {
  return (one, view) => {
    if (!isOver(one)) return undefined;
    const later = view.recordings.slice(view.recordings.indexOf(one) + 1);
    const next = later.find(({ run, missing }) => run === one.run && missing === undefined);
    const unserved = next?.retried ? next : undefined;
    const exit = [one, unserved].flatMap((each) => each ? eventsOf(each, "exit") : [])[0];
    if (!exit && !unserved) return next && [];
    const end = one.events.findLast(({ type }) => type !== "exit")?.at ?? 0;
    // A traceback may come in both.
    const crash = crashOf({ ...one, events: [...one.events, ...unserved?.events ?? []] });
    // What ended with the client before it, or for another error than a timeout's, did not wait in vain.
    const isOwn = exit && exit.at - end < SOON_MS || crash && !/time/i.test(crash.error);
    const idleMs = unserved && !isOwn ? playOf(unserved).idle : undefined;
    const when = idleMs ? `, when nobody had come for ${idleMs / 1000} seconds` : "";
    const came = exit
      ? `the server had ended${when}, with exit status ${exit.status}${crash ? "" : lastWords(one)}`
      : `it got no READY${when}`;
    // It can't do what it should have refused.
    const accepted = crash && ERRORS.includes(one.play)
      ? view.deviations(one).find(({ step }) => step?.startsWith("c"))
      : undefined;
    const kind = idleMs ? "next client idle" : "next client";
    const hint = crash?.hint ?? HINTS.get(idleMs ? kind : likely);
    const shown = unserved ?? one;
    const root = accepted?.root ?? crash?.root ?? kind;
    return [{ ...found(shown, root, shown.events[0]?.at, ["the next client is served", came], crash), hint }];
  };
}

/** Who serves the next client with a part of the last one's request, whatever that was, does not serve it. */
const served: Look = (one, view) => {
  const isOther = (each: Recording): boolean => playOf(each).verb !== playOf(one).verb;
  const isKept = view.isKept(one) && view.recordings.some((each) => isOther(each) && view.isKept(each));
  if (!isKept) return next(isWhole)(one, view);
  return [found(one, "kept", 0, ["the next client is served as the first is", "a name ends as one before it does"])];
};

/** After errors, a client is served as it is before them. */
const afterErrors: Look = (one, view) => {
  if (one.play !== "after-errors") return next(hasError, "next client error")(one, view);
  if (!view.of(...ERRORS).some((each) => each.run === one.run && hasError(each))) return undefined;
  // What is kept of a client before that had no error is another sentence's.
  if (view.of("GET-changed").some((each) => view.own(each).length > 0)) return undefined;
  return again(one, view);
};

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
function backlog(view: View): string | undefined {
  const calls = view.of("blocks", "order").flatMap((one) => eventsOf(one, "call"));
  const number = calls.map(({ text }) => text.match(/^listen\(.*, (\d+)\)/)?.[1]).find((each) => each !== undefined);
  const java = number === "50" || number === "1" ? "; in Java, 1 is the least" : "";
  return number && number !== "0" ? `it calls listen(${number}), where the document has listen(0)${java}` : undefined;
}

const everywhere: Look = (one, view) => {
  const hosts = view.recordings.flatMap((each) => eventsOf(each, "connected")).map(({ host }) => host);
  if (hosts.length === 0) return undefined;
  const other = hosts.find((host) => !host.startsWith("127.0.0."));
  if (!other && eventsOf(one, "connected").length > 0) return [];
  const came = other ? `it listens on ${other} alone` : "it refused a client at 127.0.0.2";
  return [found(one, "bind", 0, ["it listens on all addresses", came])];
};

const closes: Look = (one, view) => {
  const isRefused = ERRORS.includes(one.play);
  if (isRefused ? !gaveError(one) : !isWhole(one)) return undefined;
  // It may have been slow once.
  if ((isRefused ? view.of(one.play, `lines-${one.play}`) : view.base(one)).some(isClosed)) return [];
  const end = isRefused ? "after an error" : "at its end";
  return [found(one, "unclosed", 0, [`the server closes the connection ${end}`, "it left it open"])];
};

const gaveError = (one: Recording): boolean => eventsOf(one, "came").some(({ bytes }) => bytes.includes("ERROR"));
const byHost: Look = (one, view) => {
  const own = variation(one, view);
  const hint = HINTS.get(one.play === "client-host" ? "host" : "elsewhere");
  // It found the server, whatever came then.
  if (typeof own === "string") return eventsOf(one, "connected").length > 0 ? [] : own;
  return own.map((each) => ({ ...each, hint }));
};

// Who ends in place of an error has an error too; not who ends because we hung up.
const hasError = (one: Recording): boolean => {
  const [ended, closed] = (["ended", "closed"] as const).map((type) => eventsOf(one, type)[0]?.at ?? Infinity);
  return gaveError(one) || eventsOf(one, "exit").length > 0 && ended! <= closed!;
};
const isHeard = (one: Recording): boolean => read(one).readings.every(({ form }) => form !== "missing");
const EVERYWHERE = "it takes clients on every address of the machine, not on localhost alone";
const VANISHES = "a client that vanishes at any step does not end the server";

export const LOOP_RULES: Row[] = [
  ["8.1", "the accept() loop runs forever: the next client is served", ORDINARY, served],
  ["8.2", "a single client is served at a time", ["both"], atOnce, { more: ["blocks"], note: backlog }],
  ["8.3", "an error does not end the server", [...ERRORS, "after-errors"], afterErrors, { more: ["GET-changed"] }],
  ["8.4", VANISHES, named("vanish-"), next(isHeard, "next client vanish"), {
    more: ["after-vanish"],
    strict: "the document lets the program crash on other errors",
  }],
  ["8.5", EVERYWHERE, ["elsewhere"], everywhere],
  ["8.6", "it closes each connection", [...PLAIN, ...ERRORS], closes, {
    more: named(...ERRORS.map((id) => `lines-${id}`)),
  }],
  ["8.7", "the server is the one that is given, by its address or its name", ["client-host", "client-address"], byHost],
];
