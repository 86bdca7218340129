/** Section 7: streams, blocks, memory and large sizes. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { HUGE_BYTES, LARGE_BYTES, SIGNED_BYTES } from "./plays.ts";
import { eventsOf, type Recording } from "./recording.ts";
import {
  BASE,
  blockedBy,
  type Finding,
  finding,
  notShown,
  type Rule,
  type Verdict,
  verdict,
  type View,
} from "./rule.ts";
import { variation } from "./talk_rules.ts";

const SIZE_HINT = "a size has 8 bytes and no sign: an int of 32 bits, or a signed one, can't hold it";
const MIB = 1024 * 1024;

function own(one: Recording, root: string, expected: string, came: string, hint: string): Finding {
  return { root, expected, came, hint, play: one.play, run: one.run, at: one.events.at(-1)?.at ?? 0 };
}

/** A sentence that one recording shows; `look` returns what it shows, or `undefined` if it shows nothing. */
function shows(
  [id, about, title]: [string, Role, string],
  plays: string[],
  look: (one: Recording, view: View) => Finding[] | undefined,
  strict?: string,
): Rule {
  const judge = (view: View): Verdict => {
    const recordings = view.of(...plays);
    const found = recordings.map((one) => look(one, view)).filter((one) => one !== undefined);
    if (found.length > 0) return verdict(found.flat());
    const blocking = recordings.flatMap((one) => view.deviations(one)).find(({ derails }) => derails);
    return blocking ? blockedBy(blocking) : notShown(view.missing(plays));
  };
  return { id, about, title, plays, judge, ...strict ? { strict } : {} };
}

/** What the calls say that sent data to a socket: how many bytes each. */
function sends(one: Recording): number[] {
  const call = /^(?:sendto|write|writev|sendmsg|sendfile)\(\d+<(?:socket|TCP).*\) += (\d+)$/;
  return eventsOf(one, "call").flatMap(({ text }) => call.exec(text)?.slice(1) ?? []).map(Number);
}

function blocks(one: Recording): Finding[] | undefined {
  const lengths = sends(one);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  // What strace has not seen, another process may have sent.
  if (total < 50_000) return undefined;
  const largest = Math.max(...lengths);
  const full = lengths.filter((length) => length === 1024).length;
  if (largest <= 1024 && full >= 0.9 * Math.floor(100_000 / 1024)) return [];
  const came = largest > 1024
    ? `a call with ${largest} bytes`
    : `${full} calls with 1024 bytes, and ${lengths.length - full} others`;
  const hint = "read 1024 bytes of the file at a time, and send each block with sendall(), not the whole file";
  return [own(one, "blocks", "100000 bytes in 1024-byte blocks", came, hint)];
}

function memory(one: Recording): Finding[] | undefined {
  const measured = eventsOf(one, "memory");
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last || last.passed === 0) return undefined;
  const growth = 1024 * (Math.max(...measured.map(({ kib }) => kib)) - first.kib);
  const isSlow = last.passed < LARGE_BYTES && last.ms > 5000;
  const isHeld = growth > LARGE_BYTES / 2 || isSlow && last.passed > 8 * MIB && growth > 0.75 * last.passed;
  if (!isHeld) return last.passed < LARGE_BYTES / 2 ? undefined : [];
  const slow = isSlow ? `, in ${Math.round(last.ms / 1000)} seconds` : "";
  const came = `it grew by ${Math.round(growth / MIB)} MiB with ${Math.round(last.passed / MIB)} MiB of data${slow}`;
  const hint = "move a block at a time: read() without a size, a list of blocks, or data += block hold all of it";
  return [own(one, `memory ${one.play}`, "memory that does not grow with the file", came, hint)];
}

/** The play of a size that was announced, of which a few bytes were sent: the program must wait for more. */
function serverSize(one: Recording): Finding[] | undefined {
  const isAnnounced = eventsOf(one, "said").some(({ step }) => step === "f");
  const heard = eventsOf(one, "heard").find(({ step }) => step === "e");
  // A server may find that the disk has no room for it.
  const came = eventsOf(one, "came").map(({ bytes }) => bytes).join("");
  if (!isAnnounced || !heard || heard.count === 0 || came.includes("ERROR")) return undefined;
  const size = one.play.startsWith("signed") ? SIGNED_BYTES : BigInt(HUGE_BYTES);
  if (!came.includes("DONE")) return [];
  return [own(one, `size ${one.play}`, `it waits for ${size} bytes`, "it sent DONE after 5", SIZE_HINT)];
}

function clientSize(one: Recording): Finding[] | undefined {
  const size = one.play.includes("signed") ? SIGNED_BYTES : BigInt(HUGE_BYTES);
  if (!eventsOf(one, "said").some(({ step }) => step === "g")) return undefined;
  const lines = eventsOf(one, "line").map(({ text }) => text);
  const complete = lines.includes("Complete");
  const wrong = lines.find((line) => /\(-?\d+ bytes\)/.test(line) && !line.includes(`(${size} bytes)`));
  // Without the bytes: lines of another form are another sentence's.
  if (complete) {
    return [own(one, `size ${one.play}`, `it waits for ${size} bytes`, 'it printed "Complete" after 9', SIZE_HINT)];
  }
  return wrong ? [own(one, `size ${one.play}`, `a file of ${size} bytes`, `"${wrong}"`, SIZE_HINT)] : [];
}

/** A file of more than 2^32 bytes; what goes wrong with every file is another sentence's. */
function hugeFile(verb: Verb, about: Role): (one: Recording, view: View) => Finding[] | undefined {
  return (one, view) => {
    const known = view.roots(verb, about);
    const deviations = view.deviations(one);
    const found = deviations.filter(({ root }) => !known.has(root)).slice(0, 1);
    if (found.length > 0) {
      return found.map((deviation) => ({ ...finding(deviation, one), hint: deviation.hint ?? SIZE_HINT }));
    }
    return deviations.some(({ derails }) => derails) ? undefined : [];
  };
}

/** One call took a part only: what it did not take must be sent again. */
function partial(one: Recording): Finding[] | undefined {
  const call = eventsOf(one, "call").find(({ text }) => /INJECTED/.test(text));
  const asked = Number(call?.text.match(/, (\d+)(?:, [^,]+, NULL, 0)?\) += 100 \(INJECTED\)/)?.[1] ?? 0);
  if (asked <= 100) return undefined;
  const came = eventsOf(one, "came").map(({ bytes }) => bytes).join("");
  const size = one.play.startsWith("client") ? "PUT partial.bin".length + 8 : "READYOK".length + 8 + "DONE".length;
  const lost = 10_000 + size - came.length - 100;
  if (lost <= 0) return [];
  return [
    own(
      one,
      "partial",
      "all of a block is sent",
      `${lost} bytes were not sent when a call took 100 of ${asked}`,
      "send() may take a part only: use sendall(), or look at its result",
    ),
  ];
}

const PARTIAL = "a call for one block nearly always takes all of it";
const HALVES = "programs that follow the document alone read a message with one recv()";

/** Section 7. */
export const STREAM_RULES: Rule[] = [
  variation("7.1", "server", "PUT", "PUT: data that arrives in small pieces is stored whole", ["PUT-pieces"]),
  shows(["7.2", "server", "GET sends file data in 1024-byte blocks"], ["blocks"], blocks),
  shows(["7.3", "server", "GET never holds the entire file in memory"], ["large-GET"], memory),
  variation("7.5", "client", "GET", "GET: data that arrives in small pieces is stored whole", ["client-GET-pieces"]),
  shows(["7.6", "client", "PUT sends file data in 1024-byte blocks"], ["client-blocks"], blocks),
  shows(["7.7", "client", "PUT never holds the entire file in memory"], ["client-large-PUT"], memory),
  halves("7.4", "server", ["halves-GET", "halves-PUT"]),
  halves("7.8", "client", ["client-halves"]),
  shows(["7.9", "server", "PUT never holds the entire file in memory"], ["large-PUT"], memory),
  shows(["7.10", "client", "GET never holds the entire file in memory"], ["client-large-GET"], memory),
  shows(["7.11", "server", "PUT: a size above 2^32 is read whole"], ["huge-PUT", "signed-PUT"], serverSize),
  shows(["7.12", "server", "GET: a file of more than 2^32 bytes is announced, and sent"], [
    "huge-GET",
    ...BASE.server.GET,
  ], only("huge-GET", hugeFile("GET", "server"))),
  shows(
    ["7.13", "client", "GET: a size above 2^32 is read whole"],
    ["client-huge-GET", "client-signed-GET"],
    clientSize,
  ),
  shows(["7.14", "client", "PUT: a file of more than 2^32 bytes is announced, and sent"], [
    "client-huge-PUT",
    ...BASE.client.PUT,
  ], only("client-huge-PUT", hugeFile("PUT", "client"))),
  shows(["7.15", "server", "GET: what a send() did not take is sent again"], ["partial"], partial, PARTIAL),
  shows(["7.16", "client", "PUT: what a send() did not take is sent again"], ["client-partial"], partial, PARTIAL),
];

function only(play: string, look: (one: Recording, view: View) => Finding[] | undefined): typeof look {
  return (one, view) => one.play === play ? look(one, view) : undefined;
}

function halves(id: string, about: Role, plays: string[]): Rule {
  const rule = variation(id, about, "GET", "a message may arrive in two pieces", plays, HALVES);
  const judge = (view: View): Verdict => {
    const found = rule.judge(view);
    if (found.outcome !== "fails") return found;
    const hint =
      "a recv() returns what has arrived, not what was asked for: call it in a loop until all bytes are there";
    return verdict([{ ...found.findings[0]!, root: "halves", hint }]);
  };
  return { ...rule, plays: [...rule.plays, ...BASE[about].PUT], judge };
}
