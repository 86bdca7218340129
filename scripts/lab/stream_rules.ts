/** Section 7: streams, blocks, memory and large sizes. */

import { type Crash, crashOf } from "./crash.ts";
import type { Finding } from "./deviations.ts";
import { HINTS } from "./hints.ts";
import { HUGE_BYTES, LARGE_BYTES, SIGNED_BYTES } from "./plays.ts";
import { isSigned, misread, plainMisread } from "./lines.ts";
import { eventsOf, hasPrinted, isClosed, type Line, MAX_CALLS, type Recording, textOf } from "./recording.ts";
import { found, type Look, merged, type Row, variation, type View } from "./rule.ts";

const MIB = 1024 * 1024;

const blocks: Look = (one) => {
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
};

const memory: Look = (one) => {
  const grew = (came: string, crash?: Crash): Finding =>
    found(one, `memory ${one.play}`, 0, ["memory that does not grow with the file", came], crash);
  const crash = crashOf(one);
  if (crash && /memory|heap/i.test(crash.error)) return [grew("it crashed", crash)];
  const measured = eventsOf(one, "memory");
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last || last.passed === 0) return undefined;
  const peak = 1024 * Math.max(...measured.map(({ kib }) => kib));
  const growth = peak - 1024 * first.kib;
  // A program that copies all for each block never gets far.
  const isSlow = last.passed < LARGE_BYTES && last.ms > 5000;
  // One that has read it all before it says the size grows no more.
  const isHeld = peak > LARGE_BYTES || growth > LARGE_BYTES / 2 ||
    isSlow && last.passed > 4 * MIB && growth > 0.75 * last.passed;
  if (!isHeld) return last.passed < LARGE_BYTES / 2 ? undefined : [];
  const came = `it took ${Math.round(peak / MIB)} MiB of memory with ${Math.round(last.passed / MIB)} MiB of data`;
  const time = isSlow ? `, in ${Math.round(last.ms / 1000)} seconds` : "";
  return [grew(came + time)];
};

/** Whether a program left before we did, and neither crashed nor found that there is no room. */
function hasLeft(one: Recording): boolean {
  return isClosed(one) && !hasPrinted(one, /unable|space|large|memory/i) && crashOf(one) === undefined;
}

/** A size was announced, of which a few bytes were sent: the program must wait for more. */
const size: Look = (one, view) => {
  const isServer = one.about === "server";
  // A program that takes any file for whole too early does not read sizes.
  const known = view.derailed(...view.base(one), ...view.of(isServer ? "pieces" : "client-pieces")) ??
    view.deviations(...view.of("client-GET-odd1")).find(({ root }) => root === "at-done");
  const size = one.play.endsWith("signed-size") ? SIGNED_BYTES : BigInt(HUGE_BYTES);
  const came = textOf(one);
  const said = eventsOf(one, "said").find(({ bytes }) => bytes === "hello");
  // What is so with every size shows in the plain conversation; but a sign is a sign.
  const plain = plainMisread(one, view);
  const line = misread(plain && isSigned(plain) ? plain : one);
  const wrong = line && (/-\d/.test(line) || !plain || isSigned(plain)) ? `"${line}"` : undefined;
  // A server may find that the disk has no room for it.
  if (!wrong && (known || !said || came.includes("ERROR"))) return undefined;
  // Who says that it has all when we have left may only have noticed that.
  const left = one.events.find(({ type }) => type === "left")?.at ?? 0;
  const isComplete = ({ text, at }: Line): boolean => text === "Complete" && at > said!.at && at < left;
  const isDone = said && (isServer ? came.includes("DONE") : eventsOf(one, "line").some(isComplete));
  const shown = wrong ?? (isDone ? "it took 5 bytes for all" : said && hasLeft(one) && "it left after 5 bytes");
  const number = wrong?.match(/(\d+) bytes/)?.[1];
  const isRounded = number !== undefined && BigInt(number) !== size && Number(number) === Number(size);
  const hint = isRounded ? HINTS.get("rounded") : undefined;
  return shown ? [found(one, `size ${one.about}`, 0, [`it waits for ${size} bytes`, shown, hint])] : [];
};

/** A file of more than 2^32 bytes; what goes wrong with every file, or as it is read whole, is another sentence's. */
const huge: Look = (one, view) => {
  // A server starts without a file, and may end for its -v; a client may refuse the file before it connects.
  const [own] = view.own(one).filter(({ step = "" }) => one.about === "client" || /bytes/.test(step));
  const isHeld = view.of("large-GET", "client-large-PUT").some((each) => memory(each, view)?.length);
  // Who reads it whole may not even have come to connect.
  const isBusy = isHeld && (own?.step?.includes("sends") || own?.root.startsWith("unconnected"));
  const isSilent = own?.came.startsWith("nothing, for") || isBusy;
  const wide = HINTS.get("size");
  const isSize = own?.step !== undefined && !own.step.endsWith("sends bytes");
  if (own && !isSilent) {
    return [{ ...own, hint: own.root.startsWith("off") ? wide : own.hint ?? (isSize ? wide : undefined) }];
  }
  return own || view.derailed(one) ? undefined : [];
};

/** One call took a part only: what it did not take must be sent again. */
const partial: Look = (one) => {
  const call = eventsOf(one, "call").find(({ text }) => /INJECTED/.test(text));
  const asked = Number(call?.text.match(/, (\d+), \w+, NULL, 0\) += 100 \(INJECTED\)/)?.[1] ?? 0);
  if (asked <= 100) return undefined;
  const others = (one.about === "client" ? "PUT partial.bin" : "READYOKDONE").length + 8;
  const lost = 10_000 + others - textOf(one).length - 100;
  if (lost <= 0) return [];
  const came = `${lost} bytes were not sent when a call took 100 of ${asked}`;
  return [found(one, "partial", 0, ["all of a block is sent", came])];
};

/** The rules on one program's files: it `gives` them with one verb, and `takes` them with the other. */
function streams(gives: "GET" | "PUT", [a, b, c, d, e, f, g, h]: number[]): Row[] {
  const [takes, prefix] = gives === "GET" ? ["PUT", ""] as const : ["GET", "client-"] as const;
  const named = (...plays: string[]): string[] => plays.map((play) => prefix + play);
  const one = "programs that follow the document alone read a message with one recv()";
  const part = "a call for one block nearly always takes all of it";
  return [
    [`7.${a}`, `${takes}: data that arrives in small pieces is stored whole`, named("pieces"), inPieces],
    [`7.${b}`, `${gives} sends file data in 1024-byte blocks`, named("blocks"), blocks],
    [`7.${c}`, `${gives} never holds the entire file in memory`, named(`large-${gives}`), memory],
    [`7.${d}`, `${takes} never holds the entire file in memory`, named(`large-${takes}`), memory],
    [`7.${e}`, "a message may arrive in two pieces", named("halves-GET", "halves-PUT"), inHalves, { strict: one }],
    [`7.${f}`, `${takes}: all 8 bytes of a size are read, without a sign`, named("huge-size", "signed-size"), size, {
      more: [...named("pieces", `${takes}-odd1`), "lines-PUT"],
    }],
    [`7.${g}`, `${gives}: a file of more than 2^32 bytes is announced, and sent`, named("huge-file"), huge, {
      more: named(`large-${gives}`),
    }],
    [`7.${h}`, `${gives}: what a send() did not take is sent again`, named("partial"), partial, { strict: part }],
  ];
}

const inHalves = merged("halves");

/** Bytes that differ are those of a buffer which was written whole. */
function inPieces(one: Recording, view: View): ReturnType<Look> {
  const own = variation(one, view);
  if (typeof own === "string") return own;
  return own.map((each) => ({ ...each, hint: each.hint ?? HINTS.get("partial block") }));
}

export const STREAM_RULES: Row[] = [
  ...streams("GET", [1, 2, 3, 9, 4, 11, 12, 15]),
  ...streams("PUT", [5, 6, 7, 10, 8, 13, 14, 16]),
];
