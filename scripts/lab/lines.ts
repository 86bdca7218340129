/** A line that should have been printed, when, and what was printed instead. */

import { levenshteinDistance } from "@std/text";
import type { Role, Verb } from "../../lib/protocol.ts";
import { crashOf } from "./crash.ts";
import { HINTS } from "./hints.ts";
import { playOf } from "./plays.ts";
import type { Finding } from "./deviations.ts";
import { eventsOf, type Line, type Recording, reverse, saidAt, sizeBytes, toBytes, toSize } from "./recording.ts";
import { BASE, found, type View } from "./rule.ts";

/** How a line begins that may be a right one. */
const RIGHT =
  /^(server (waiting on port|connected to client at|receiving request:|receiving \d|sending \d|deleting file)|client (sending|receiving|deleting) file|(server|client) error:) ?/;

export function lineOf(about: Role, verb: Verb, name: string, size: bigint | number | string): string {
  if (verb === "DEL") return `${about} deleting file ${name}`;
  const does = (about === "client") === (verb === "PUT") ? "sending" : "receiving";
  return about === "client" ? `client ${does} file ${name} (${size} bytes)` : `server ${does} ${size} bytes`;
}

/** The line of its verb that a play calls for. */
export function ownLine(one: Recording): string {
  const { about, verb, name, data } = playOf(one);
  return lineOf(about, verb, name, data.length);
}

export function printed(one: Recording, text: string): number | undefined {
  return eventsOf(one, "line").find((line) => line.stream === "stdout" && line.text === text)?.at;
}

function announced(one: Recording): bigint | undefined {
  const said = eventsOf(one, "said").find(({ step }) => step === (one.about === "server" ? "d" : "e"));
  return said && toSize(said.bytes);
}

/** A line that says that another size is received than was announced. */
export function misread(one: Recording): string | undefined {
  const size = announced(one);
  // One after the other, since a line may hold both many times.
  const line = eventsOf(one, "line").find(({ text }) => /(?<!\d)\d+ bytes/.test(text.split(/\breceiving /, 2)[1] ?? ""))
    ?.text;
  return size === undefined || !line || new RegExp(`(?<![\\d-])${size} bytes`).test(line) ? undefined : line;
}

/** A plain conversation in which a program says that it receives another size: so it is with all of them. */
export function plainMisread({ about }: Recording, view: View): Recording | undefined {
  return view.of(...about === "server" ? ["lines-PUT"] : BASE.client.GET).find(misread);
}

/** Whether a size was put together from bytes with a sign. */
export function isSigned(one: Recording): boolean {
  const number = misread(one)?.match(/(-?\d+) bytes/)?.[1];
  return number !== undefined && isSum(number, announced(one)!);
}

/** Whether a number is a size whose bytes were negative from 128 on. */
function isSum(number: string, size: bigint): boolean {
  const sum = new Int8Array(toBytes(sizeBytes(size))).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return BigInt.asUintN(64, BigInt(number)) === BigInt.asUintN(64, sum);
}

/** In a traced play of a DEL: the file is deleted. */
export const DELETION = /^unlink\w*\(.*order\.txt.* = 0/;

/** Whether one call of a traced play came before another one, which is certain there. */
export function precedes(one: Recording, first: RegExp, second: RegExp): boolean {
  const calls = eventsOf(one, "call");
  const [before, after] = [first, second].map((call) => calls.findIndex(({ text }) => call.test(text)));
  return before! >= 0 && before! < after!;
}

/** Looks whether the line of its verb came after one step of ours and before another; nothing, if it never came. */
export function moment(one: Recording, after?: string, before?: string): Finding[] | undefined {
  const text = ownLine(one);
  // One that is wrong by a letter has its moment too.
  const near = nearest(text, eventsOf(one, "line"));
  const at = printed(one, text) ?? near?.at;
  if (at === undefined) return undefined;
  const end = before && saidAt(one, before);
  if (after && at < (saidAt(one, after) ?? Infinity)) {
    const hint = `print it when step ${after} has come`;
    return [found(one, `early ${text}`, at, [`"${text}" after step ${after}`, "it came before", hint])];
  }
  if (!end || at <= end || !isPrompt(one, end)) return [];
  // The beginning of a longer line may have been printed in time.
  if (near?.at === at && near.text.length > text.length && near.text.startsWith(text)) return undefined;
  return [late(one, text, at, "it came after them")];
}

/** A line came after the bytes, or not at all. */
export function late(one: Recording, text: string, at: number, came: string, line = text): Finding {
  return found(one, `late ${text}`, at, [`"${line}" before the bytes`, came, "print it before they move"]);
}

/** Whether a server had printed anything of a request by then; all of it is late where it stands in a buffer. */
export function isPrompt(one: Recording, end: number): boolean {
  if (one.about === "client") return true;
  const asked = saidAt(one, "b") ?? Infinity;
  return eventsOf(one, "line").some(({ at }) => at >= asked && at <= end);
}

/** When a client printed Complete, or what stands for it. */
export function completed(one: Recording): number | undefined {
  return printed(one, "Complete") ?? nearest("Complete", eventsOf(one, "line"))?.at;
}

/** The line that is most like another one, whatever its numbers are; none, if none is. */
function nearest(expected: string, lines: Line[]): Line | undefined {
  const bare = (text: string): string =>
    text.replaceAll("\0", "").slice(0, 200).toLowerCase().replaceAll(/(\\x..)+|\d+/g, "#");
  const distances = lines.map((line) => ({ line, distance: levenshteinDistance(bare(line.text), bare(expected)) }));
  const [best] = distances.toSorted((a, b) => a.distance - b.distance);
  return best && best.distance <= expected.length * 0.4 ? best.line : undefined;
}

/** What is to say of a line that is not there. */
export function wrongLine(expected: string, one: Recording, lines: Line[] = eventsOf(one, "line")): Finding {
  // Another play's lines are nearer than none, but for those that are right.
  const kindOf = (text: string): string | undefined => text.match(RIGHT)?.[0];
  const others = lines.filter(({ text }) => !kindOf(text) || kindOf(text) === kindOf(expected));
  // A line that is right stands for no other.
  const own = eventsOf(one, "line").filter(({ text }) => text !== "Complete" && text !== ownLine(one));
  const near = nearest(expected, own) ?? nearest(expected, others) ??
    own.find(({ text }) => kindOf(text) !== undefined && kindOf(text) === kindOf(expected));
  const [root, hint = HINTS.get(root)] = reason(expected, lines, near, one.about);
  const text = near?.text.replaceAll(/\0{3,}/g, "\0…");
  const came = near ? `"${text}"${near.stream === "stderr" ? " on standard error" : ""}` : "no such line";
  const crash = near ? undefined : crashOf(one);
  return found(one, crash?.root ?? root, near?.at, [`the line "${expected}"`, came, hint], crash);
}

function reason(
  expected: string,
  lines: Line[],
  near: Line | undefined,
  about: Role,
): [root: string, hint?: string | undefined] {
  const kind = `line ${expected.split(/[ :]/).slice(0, 3).join(" ").replace(/\d+/, "<NNN>")}`;
  // A traceback is no line of its own.
  if (lines.every(({ text }) => /^\s|^Traceback|^Exception|^[A-Za-z][\w.]*(Error|Exception)/.test(text))) {
    return ["no lines", HINTS.get(about === "server" ? "no verbose lines" : "no lines")];
  }
  if (!near) return [kind];
  const { text, stream } = near;
  const size = Number(expected.match(/(\d+) bytes/)?.[1] ?? 0);
  const bare = (line: string): string => line.toLowerCase().replace(/[.!\s]+$/, "").trimStart();
  const same = (pattern: RegExp, by: string): boolean =>
    text.replaceAll(pattern, by) === expected.replaceAll(pattern, by);
  if (stream === "stderr") return ["stderr"];
  if (text.includes("\0")) return ["line nul"];
  const port = Number(expected.match(/:(\d+)$/)?.[1] ?? 0);
  if (port > 0 && text.endsWith(`:${(port & 255) << 8 | port >> 8}`)) return [kind, HINTS.get("port")];
  const little = String(toSize(reverse(sizeBytes(BigInt(size)))));
  if (size > 0 && text.includes(little)) {
    return ["read little", `it read the size as little-endian, ${little}|: int.from_bytes(data, "big")`];
  }
  if (/b'/.test(text)) return ["line repr"];
  if (bare(text) === bare(expected)) return ["line case"];
  if (text.includes(expected)) return ["line more"];
  if (text === expected.replace(/^(server error: )[ERO: ]+/, "$1")) return ["lstrip"];
  if (/ERROR/.test(text) && expected.startsWith("server error: ")) return ["prefix"];
  // As a terminal shows letters that were decoded otherwise, or not at all.
  if (same(/(\\x..|[^ -~]|\?)+/g, "?")) return ["names", HINTS.get("letters")];
  if (same(/\W/g, "")) return [kind, HINTS.get("line marks")];
  if (size > 0 && /\bNaN bytes/.test(text)) {
    return ["read size", "it read the size as text: it is 8 bytes, as readBigUInt64BE() takes them"];
  }
  const number = text.match(/(-?\d+) bytes/)?.[1];
  if (size === 0 || number === undefined || !/receiving/.test(expected) || !same(/-?\d+/g, "#")) return [kind];
  const bytes = sizeBytes(BigInt(number));
  if (/^[ -~]{8}$/.test(bytes)) {
    return ["read size", `it took "${bytes}" for the size: a message before it is still to be taken`];
  }
  const half = number === "0" ? ", as of the first 4 of its 8 bytes" : "";
  const why = isSum(number, BigInt(size))
    ? ": it took bytes from 128 on as negative (unsigned char, & 0xff)"
    : `${half}|: int.from_bytes(data, "big") of all 8 bytes`;
  return ["read size", `it read the size as ${number}${why}`];
}
