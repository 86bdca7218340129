/** Section 8: one client after another, the listening socket, and the end of a connection. */

import { STEPS } from "../../lib/protocol.ts";
import { read } from "./reading.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { BASE, type Finding, named, notShown, PLAYS, type Rule, type Verdict, verdict, type View } from "./rule.ts";
import { crashOf } from "./crash.ts";
import { lastWords } from "./hints.ts";

const ERRORS = ["GET-missing", "DEL-missing", "PUT-folder"];
const VANISHED = named("vanish-");
const ORDINARY = [...named("GET", "PUT", "DEL"), "after-errors", "idle", "after-idle"]
  .filter((id) => !ERRORS.includes(id) && !PLAYS.get(id)!.strict);

function own(one: Recording, root: string, expected: string, came: string, hint?: string): Finding {
  return { root, expected, came, hint, crash: crashOf(one), play: one.play, run: one.run, at: one.events[0]?.at ?? 0 };
}

/** Whether a conversation got to its last message. */
function isWhole(one: Recording): boolean {
  const { verb } = PLAYS.get(one.play)!;
  return eventsOf(one, "heard").some(({ step, count }) => step === STEPS[verb].at(-1)![0] && count > 0);
}

function hasError(one: Recording): boolean {
  return eventsOf(one, "came").some(({ bytes }) => bytes.includes("ERROR"));
}

/** What became of the clients that came next, after plays of these names. */
function nextOnes(view: View, after: string[], isOver: (one: Recording) => boolean): Verdict {
  const findings: Finding[] = [];
  let isShown = false;
  const played = view.recordings.filter(({ missing }) => missing === undefined);
  for (const [index, one] of played.entries()) {
    const next = played.slice(index + 1).find(({ run }) => run === one.run);
    if (!after.includes(one.play) || one.retried || !isOver(one) || !next) continue;
    isShown = true;
    if (!next.retried) continue;
    const isIdle = PLAYS.get(next.play)!.idle !== undefined;
    const exit = [...eventsOf(one, "exit"), ...eventsOf(next, "exit")][0];
    const when = isIdle ? ", when nobody had come for 2.5 seconds" : "";
    const came = exit
      ? `the server had ended${when}, with exit status ${exit.status}${lastWords(exit && one)}`
      : `it got no READY${when}`;
    const crash = crashOf(one) ?? crashOf(next);
    const hint = crash
      ? crash.hint
      : isIdle
      ? "wait in accept() without a timeout"
      : "accept() the next client in a loop that never ends";
    findings.push({
      ...own(next, crash?.root ?? `next client${isIdle ? " idle" : ""}`, "the next client is served", came, hint),
      crash,
    });
  }
  return isShown ? verdict(findings.slice(0, 1)) : notShown("no conversation got to its end");
}

function atOnce(view: View): Verdict {
  const [one] = view.of("both");
  if (!one) return notShown(view.missing(["both"]));
  const first = eventsOf(one, "heard").find(({ step, on }) => step === "a" && on === undefined);
  // Before the first one has asked for anything.
  const asked = one.events.findIndex((event) => event.type === "said" && event.on === undefined);
  if (!first?.count || asked < 0) return notShown("the first client was not served");
  const backlog = view.of("blocks", "order").flatMap((traced) => eventsOf(traced, "call"))
    .map(({ text }) => text.match(/^listen\(.*, (\d+)\)/)?.[1]).find((found) => found !== undefined);
  if (one.events.slice(0, asked).some((event) => event.on === 2 && event.type === "came")) {
    return verdict([
      own(
        one,
        "at once",
        "the second client waits until the first is served",
        "it got READY at once",
        "serve a connection to its end before the next accept(): no thread or process for each",
      ),
    ]);
  }
  const note = backlog && backlog !== "0"
    ? { note: `it calls listen(${backlog}), where the document has listen(0)` }
    : {};
  return { outcome: "holds", ...note };
}

function everywhere(view: View): Verdict {
  const [one] = view.of("elsewhere");
  const other = view.recordings.flatMap((each) => eventsOf(each, "connected")).find(({ host }) =>
    host.startsWith("127.0.1.")
  );
  const hint = 'bind(("", port)) takes clients from everywhere; "localhost", "127.0.0.1" and gethostname() do not';
  if (other) {
    return verdict([
      own(one ?? view.recordings[0]!, "bind", "it listens on all addresses", `it listens on ${other.host} alone`, hint),
    ]);
  }
  if (!one) return notShown(view.missing(["elsewhere"]));
  if (eventsOf(one, "connected").length > 0) return verdict([]);
  if (view.of(...BASE.server.GET).every((base) => eventsOf(base, "connected").length === 0)) {
    return notShown("nothing listened on its port");
  }
  return verdict([own(one, "bind", "it listens on all addresses", "it refused a client at 127.0.0.2", hint)]);
}

function closes(view: View): Verdict {
  const whole = view.of(...ORDINARY).filter(isWhole);
  if (whole.length === 0) return notShown("no conversation got to its end");
  const open = whole.filter(({ events }) => {
    const left = events.findIndex(({ type }) => type === "left");
    return !events.slice(0, left).some(({ type }) => type === "ended");
  });
  const hint = "close() the connection when its conversation is over";
  return verdict(
    open.slice(0, 1).map((one) =>
      own(one, "unclosed", "the server closes the connection at its end", "it left it open", hint)
    ),
  );
}

/** Section 8. */
export const LOOP_RULES: Rule[] = [
  {
    id: "8.1",
    about: "server",
    title: "the accept() loop runs forever: the next client is served",
    plays: [...BASE.server.GET, ...BASE.server.PUT, ...BASE.server.DEL, "idle", "after-idle"],
    judge: (view) => nextOnes(view, ORDINARY, isWhole),
  },
  {
    id: "8.2",
    about: "server",
    title: "a single client is served at a time",
    plays: ["both", "blocks"],
    judge: atOnce,
  },
  {
    id: "8.3",
    about: "server",
    title: "an error does not end the server",
    plays: [...ERRORS, "after-errors"],
    judge: (view) => nextOnes(view, ERRORS, hasError),
  },
  {
    id: "8.4",
    about: "server",
    title: "a client that vanishes at any step does not end the server",
    strict: "the document lets the program crash on other errors",
    plays: [...VANISHED, "after-vanish"],
    judge: (view) =>
      nextOnes(
        view,
        VANISHED,
        (one) => read(one, PLAYS.get(one.play)!).readings.every(({ form }) => form !== "missing"),
      ),
  },
  {
    id: "8.5",
    about: "server",
    title: "it takes clients on every address of the machine, not on localhost alone",
    plays: ["elsewhere", ...BASE.server.GET],
    judge: everywhere,
  },
  {
    id: "8.6",
    about: "server",
    title: "it closes each connection",
    plays: [...BASE.server.GET, ...BASE.server.PUT, ...BASE.server.DEL],
    judge: closes,
  },
];
