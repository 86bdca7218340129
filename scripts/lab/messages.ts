/** Recognises a message in the bytes that came, in the right form or in one of those that programs get wrong. */

import { decoded } from "../../lib/bytes.ts";
import type { Expected } from "./play.ts";
import { rightBytes } from "./plays.ts";
import { reverse, sizeBytes, toBytes, toSize, utf8 } from "./recording.ts";

/** How many of the bytes are the expected message. Where it is not there, all that comes until a silence is taken for it. */
export function take(expected: Expected, pending: string): number | undefined {
  if ("zeros" in expected) return undefined;
  if ("data" in expected) return pending.length >= expected.data.length ? expected.data.length : undefined;
  if ("refusal" in expected) {
    // Who goes on after its error may say the next message at once.
    return rightBytes(expected).find((text) => ["", "OK", "DONE"].some((more) => text + more === pending))?.length;
  }
  const newlines = (text: string): number => text.match(/^[\r\n]*/)![0].length;
  if ("size" in expected) {
    const lead = newlines(pending);
    if (lead > 0 && pending.slice(lead).startsWith(sizeBytes(expected.size))) return lead + 8;
    const text = String(expected.size);
    const end = text.length + newlines(pending.slice(text.length));
    if (pending.startsWith(text) && pending.length > end && !/^\d/.test(pending.slice(text.length))) return end;
    if (pending.length < 8) return undefined;
    // A number as text ends where its digits do.
    const digits = pending.match(/^\d{8,20}/)?.[0].length ?? 8;
    return newlines(pending.slice(digits)) === pending.length - digits ? pending.length : digits;
  }
  const word = utf8(expected.word);
  // A request ends where the client waits.
  if (word.includes(" ")) return pending.startsWith(word) ? pending.length : undefined;
  const at = pending.toUpperCase().indexOf(word);
  if (at < 0 || at > 8 || pending.startsWith("ERROR")) return undefined;
  let end = at + word.length;
  // Two OKs may be those of two steps.
  while (word !== "OK" && pending.startsWith(word, end)) end += word.length;
  const rest = pending.slice(end);
  // What follows may be the next message, which came too early; anything else belongs to this one.
  const [, junk] = rest.match(/^([\r\n]*|\0)(?:\p{Cc}{2})?(?:READY|OK|DONE|ERROR|GET |PUT |DEL )/iu) ?? [];
  const newline = newlines(rest);
  return end + (junk !== undefined ? junk.length : rest.length - newline >= 8 ? newline : rest.length);
}

/** Whether more must come of a message, if it is the expected one. */
export function isStart(expected: Expected, pending: string): boolean {
  return rightBytes(expected).some((bytes) => bytes.startsWith(pending));
}

type Test = (came: string, right: string) => boolean;
const isRequest = (word: string): boolean => /^(GET|PUT|DEL) /.test(word);
// The forms that programs get wrong, the likeliest first.
const WORDS: Record<string, Test> = {
  newline: (came, word) => came.includes(word) && /^[\r\n]+$/.test(came.replace(word, "")),
  space: (came, word) => came.trim() === word,
  repr: (came, word) => came === `b'${word}'`,
  quotes: (came, word) => came === `'${word}'` || came === `"${word}"`,
  bom: (came) => came.startsWith("\xef\xbb\xbf"),
  utf16: (came, word) =>
    [true, false].some((isLittle) => came.replace(/^(\xff\xfe|\xfe\xff)/, "") === wide(word, isLittle)),
  nul: (came, word) =>
    !came.startsWith("\0") && (came.replaceAll("\0", "") === word || inserted(came, word)?.startsWith("\0") === true),
  java: (came, word) => came.slice(2) === word && isNumber(came.slice(0, 2), sizeBytes(BigInt(word.length))),
  length: (came, word) => came.endsWith(word) && isNumber(came.slice(0, -word.length), sizeBytes(BigInt(word.length))),
  case: (came, word) => came.trim().toUpperCase() === word.toUpperCase(),
  path: (came, word) => isRequest(word) && came.startsWith(word.slice(0, 4)) && came.endsWith(`/${word.slice(4)}`),
  start: (came, word) => isRequest(word) && came.length > 4 && word.startsWith(came),
  twice: (came, word) => came.replaceAll(word, "").trim() === "",
  garbage: (came, word) => /\p{Cc}/u.test(inserted(came, word) ?? ""),
  error: (came) => came.startsWith("ERROR"),
  more: (came, word) => came.startsWith(word),
  before: (came, word) => /^(READY|OK|DONE)/.test(came) && came.endsWith(word),
  word: (came) => /^(READY|OK|DONE)\s*$/.test(came),
};
const SIZES: Record<string, Test> = {
  text: (came, right) =>
    /^\d{1,7}$/.test(came.trim()) || came.trim() === String(toSize(right)) ||
    WORDS.java!(came, String(toSize(right))) ||
    /^0+\d*$/.test(came) && BigInt(came) === toSize(right),
  newline: (came, right) => came.length > 8 && came.trim() === right.trim() && /[\r\n]/.test(came),
  little: (came, right) => came === reverse(right),
  htonl: (came, right) => came === right.slice(4) + "\0\0\0\0",
  short: (came, right) => came.length < 8 && isNumber(came, right),
  off: (came) => came.length === 8 && came.startsWith("\0\0"),
  word: WORDS.word!,
  error: WORDS.error!,
};
const DATA: Record<string, Test> = {
  "done-in-data": (came, data) => came.length > data.length && `${data}DONE`.startsWith(came),
  lines: (came, data) => unix(came) === unix(data),
  padded: (came, data) => came.startsWith(data) && (/^\0+$/.test(came.slice(data.length)) || came.length % 1024 === 0),
  stripped: (came, data) => came !== "" && came.length < data.length && bare(came) === bare(data),
  string: (came, data) => came !== data && came !== "" && came === data.split("\0")[0],
  "at-done": (came, data) => came !== "" && came !== data && came === data.split("DONE")[0],
  cut: (came, data) => data.startsWith(came),
  decoded: (came, data) => came !== "" && isUtf8(came) && !isUtf8(data),
};
/** What stands in a text that is otherwise right, or behind it; not before it. */
function inserted(came: string, right: string): string | undefined {
  const start = [...right].findIndex((char, index) => char !== came[index]);
  const head = start < 0 ? right.length : start;
  const tail = right.length - head;
  return head > 0 && came.length > right.length && came.endsWith(right.slice(head))
    ? came.slice(head, came.length - tail)
    : undefined;
}
/** Two bytes a letter, in one order or the other. */
const wide = (text: string, isLittle: boolean): string =>
  [...text].map((char) => isLittle ? `${char}\0` : `\0${char}`).join("");
const isUtf8 = (bytes: string): boolean => decoded(toBytes(bytes)) !== undefined;
// Each run once: a program may send a million of them.
const unix = (text: string): string =>
  text.replaceAll(/\r+/g, (run, at: number) => text[at + run.length] === "\n" ? "" : "\n".repeat(run.length));
const bare = (text: string): string => text.replaceAll("\0", " ").trim();

/** Whether up to 8 bytes are the number that 8 bytes are, in either order. */
function isNumber(bytes: string, right: string): boolean {
  return bytes !== "" && [bytes, reverse(bytes)].some((each) => each.padStart(8, "\0") === right);
}

/** How the bytes that were taken for a message differ from it. */
export function formOf(expected: Expected, came: string): string {
  if ("zeros" in expected) return "right";
  const right = rightBytes(expected);
  if (came === "" && !right.includes("")) return "missing";
  return named("data" in expected ? DATA : "size" in expected ? SIZES : WORDS, came, right);
}

/** How data, or a file, differs from what it should be. */
export function dataForm(data: string, came: string): string {
  return named(DATA, came, [data]);
}

function named(forms: Record<string, Test>, came: string, right: string[]): string {
  if (right.includes(came)) return "right";
  return Object.entries(forms).find(([, test]) => right.some((each) => test(came, each)))?.[0] ?? "other";
}
