/** Section 7: streams, blocks, memory and large sizes. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { HINTS } from "./hints.ts";
import { HUGE_BYTES, LARGE_BYTES, SIGNED_BYTES } from "./plays.ts";
import { MAX_CALLS } from "./player.ts";
import { eventsOf, type Recording } from "./recording.ts";
import { BASE, type Finding, found, playOf, type Rule, shows, type Verdict, verdict, type View } from "./rule.ts";
import { variation } from "./talk_rules.ts";

const MIB = 1024 * 1024;

function blocks(one: Recording): Finding[] | undefined {
  const call = /^(?:sendto|write|writev|sendmsg|sendfile)\(\d+<(?:socket|TCP).*\) += (\d+)$/;
  const lengths = eventsOf(one, "call").flatMap(({ text }) => call.exec(text)?.slice(1) ?? []).map(Number);
  // What strace has not seen, another process may have sent; or the calls were too many to be kept.
  if (lengths.length < MAX_CALLS / 2 && lengths.reduce((sum, length) => sum + length, 0) < 50_000) return undefined;
  const largest = Math.max(...lengths);
  const full = lengths.filter((length) => length === 1024).length;
  if (largest <= 1024 && full >= 0.9 * Math.floor(100_000 / 1024)) return [];
  const came = largest > 1024
    ? `a call with ${largest} bytes`
    : `${full} calls with 1024 bytes, and ${lengths.length - full} others`;
  return [found(one, "blocks", 0, ["100000 bytes in 1024-byte blocks", came])];
}

function memory(one: Recording): Finding[] | undefined {
  const measured = eventsOf(one, "memory");
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last || last.passed === 0) return undefined;
  const growth = 1024 * (Math.max(...measured.map(({ kib }) => kib)) - first.kib);
  // A program that copies all for each block never gets far.
  const isSlow = last.passed < LARGE_BYTES && last.ms > 5000;
  const isHeld = growth > LARGE_BYTES / 2 || isSlow && last.passed > 4 * MIB && growth > 0.75 * last.passed;
  if (!isHeld) return last.passed < LARGE_BYTES / 2 ? undefined : [];
  const came = `it grew by ${Math.round(growth / MIB)} MiB with ${Math.round(last.passed / MIB)} MiB of data`;
  const time = isSlow ? `, in ${Math.round(last.ms / 1000)} seconds` : "";
  return [found(one, `memory ${one.play}`, 0, ["memory that does not grow with the file", came + time])];
}

/** A size was announced, of which a few bytes were sent: the program must wait for more. */
function size(one: Recording, view: View): Finding[] | undefined {
  const { about, verb } = playOf(one);
  // A program that takes any file for whole too early does not read sizes.
  const pieces = about === "server" ? "pieces" : "client-pieces";
  const known = view.derailed(...view.of(...BASE[about][verb], pieces));
  const size = one.play.endsWith("signed-size") ? SIGNED_BYTES : BigInt(HUGE_BYTES);
  const came = eventsOf(one, "came").map(({ bytes }) => bytes).join("");
  const said = eventsOf(one, "said").find(({ bytes }) => bytes === "hello");
  // A server may find that the disk has no room for it.
  if (known || !said || came.includes("ERROR")) return undefined;
  const lines = eventsOf(one, "line");
  const isDone = about === "server"
    ? came.includes("DONE")
    : lines.some(({ text, at }) => text === "Complete" && at > said.at);
  const wrong = about === "client" &&
    lines.find(({ text }) => /\(-?\d+ bytes\)/.test(text) && !text.includes(`(${size} bytes)`))?.text;
  const shown = isDone ? "it took 5 bytes for all" : wrong ? `"${wrong}"` : undefined;
  return shown ? [found(one, `size ${about}`, 0, [`it waits for ${size} bytes`, shown])] : [];
}

/** A file of more than 2^32 bytes; what goes wrong with every file, or as it is read whole, is another sentence's. */
function huge(one: Recording, view: View): Finding[] | undefined {
  const { verb, about } = playOf(one);
  const [own] = view.own(one).filter(({ step = "" }) => /bytes/.test(step));
  const isHeld = view.of(`${about === "client" ? "client-" : ""}large-${verb}`).some((each) => memory(each)?.length);
  const isSilent = own?.came.startsWith("nothing, for") || isHeld && own?.step?.includes("sends");
  const wide = HINTS.get("wide size");
  if (own && !isSilent) return [{ ...own, hint: own.root.startsWith("off") ? wide : own.hint ?? wide }];
  return own || view.derailed(one) ? undefined : [];
}

/** One call took a part only: what it did not take must be sent again. */
function partial(one: Recording): Finding[] | undefined {
  const call = eventsOf(one, "call").find(({ text }) => /INJECTED/.test(text));
  const asked = Number(call?.text.match(/, (\d+), \w+, NULL, 0\) += 100 \(INJECTED\)/)?.[1] ?? 0);
  const bytes = eventsOf(one, "came").map((event) => event.bytes).join("");
  const others = one.about === "client" ? "PUT partial.bin".length + 8 : "READYOKDONE".length + 8;
  const lost = 10_000 + others - bytes.length - 100;
  if (asked <= 100 || lost <= 0) return asked <= 100 ? undefined : [];
  const came = `${lost} bytes were not sent when a call took 100 of ${asked}`;
  return [found(one, "partial", 0, ["all of a block is sent", came])];
}

function halves(id: string, about: Role, plays: string[]): Rule {
  const strict = "programs that follow the document alone read a message with one recv()";
  const rules = (["GET", "PUT"] as Verb[]).map((verb, index) =>
    variation([id, about, "a message may arrive in two pieces", strict], verb, [plays[index]!])
  );
  const judge = (view: View): Verdict => {
    const verdicts = rules.map((rule) => rule.judge(view));
    const failed = verdicts.find(({ outcome }) => outcome === "fails");
    if (failed?.outcome !== "fails") return verdicts.find(({ outcome }) => outcome !== "holds") ?? verdict([]);
    return verdict([{ ...failed.findings[0]!, root: "halves", hint: HINTS.get("halves") }]);
  };
  return { ...rules[0]!, plays: rules.flatMap(({ plays }) => plays), judge };
}

const PARTIAL = "a call for one block nearly always takes all of it";

/** Section 7. */
export const STREAM_RULES: Rule[] = [
  variation(["7.1", "server", "PUT: data that arrives in small pieces is stored whole"], "PUT", ["pieces"]),
  shows(["7.2", "server", "GET sends file data in 1024-byte blocks"], ["blocks"], blocks),
  shows(["7.3", "server", "GET never holds the entire file in memory"], ["large-GET"], memory),
  halves("7.4", "server", ["halves-GET", "halves-PUT"]),
  variation(["7.5", "client", "GET: data that arrives in small pieces is stored whole"], "GET", ["client-pieces"]),
  shows(["7.6", "client", "PUT sends file data in 1024-byte blocks"], ["client-blocks"], blocks),
  shows(["7.7", "client", "PUT never holds the entire file in memory"], ["client-large-PUT"], memory),
  halves("7.8", "client", ["client-halves-GET", "client-halves-PUT"]),
  shows(["7.9", "server", "PUT never holds the entire file in memory"], ["large-PUT"], memory),
  shows(["7.10", "client", "GET never holds the entire file in memory"], ["client-large-GET"], memory),
  ...(["server", "client"] as const).flatMap((about): Rule[] => {
    const [get, put, prefix] = about === "server" ? ["7.12", "7.11", ""] : ["7.13", "7.14", "client-"];
    const [reads, sends] = about === "server" ? ["PUT", "GET"] as const : ["GET", "PUT"] as const;
    const [own, other] = about === "server" ? [put, get] : [get, put];
    const sizes = shows([own, about, `${reads}: all 8 bytes of a size are read, as a number without a sign`], [
      `${prefix}huge-size`,
      `${prefix}signed-size`,
    ], size);
    const files = shows([other, about, `${sends}: a file of more than 2^32 bytes is announced, and sent`], [
      `${prefix}huge-file`,
    ], huge);
    return [
      { ...sizes, plays: [...sizes.plays, `${prefix}pieces`, ...BASE[about][reads]] },
      { ...files, plays: [...files.plays, `${prefix}large-${sends}`, ...BASE[about][sends]] },
    ];
  }),
  shows(["7.15", "server", "GET: what a send() did not take is sent again", PARTIAL], ["partial"], partial),
  shows(["7.16", "client", "PUT: what a send() did not take is sent again", PARTIAL], ["client-partial"], partial),
];
