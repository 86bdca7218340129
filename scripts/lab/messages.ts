/** Recognises a message in the bytes that came, in the right form or in one of those that programs get wrong. */

import type { Expected } from "./plays.ts";
import { sizeBytes, toBytes, utf8 } from "./recording.ts";

/**
 * How many of the bytes are the expected message; `undefined` if it is not there, or not yet. Then all that comes until
 * the program is silent is taken for it.
 */
export function take(expected: Expected, pending: string): number | undefined {
  if ("zeros" in expected) return undefined;
  if ("data" in expected) return pending.length >= expected.data.length ? expected.data.length : undefined;
  if ("refusal" in expected) return expected.refusal.map(utf8).includes(pending) ? pending.length : undefined;
  const newlines = (text: string): number => text.match(/^[\r\n]*/)![0].length;
  if ("size" in expected) {
    const lead = newlines(pending);
    if (lead > 0 && pending.slice(lead).startsWith(sizeBytes(expected.size))) return lead + 8;
    const text = String(expected.size);
    const end = text.length + newlines(pending.slice(text.length));
    if (pending.startsWith(text) && pending.length > end) return end;
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
  const texts = "word" in expected ? [expected.word] : "refusal" in expected ? expected.refusal : [];
  const whole = "size" in expected ? [sizeBytes(expected.size)] : texts.map(utf8);
  return pending === "" || whole.some((bytes) => bytes.startsWith(pending));
}

type Test = (came: string, right: string) => boolean;
const isRequest = (word: string): boolean => /^(GET|PUT|DEL) /.test(word);
// The forms that programs get wrong, the likeliest first.
const WORDS: Record<string, Test> = {
  newline: (came, word) => came.includes(word) && /^[\r\n]+$/.test(came.replace(word, "")),
  space: (came, word) => came.trim() === word,
  nul: (came, word) => came.replace(/\0+$/, "") === word,
  repr: (came, word) => came === `b'${word}'`,
  quotes: (came, word) => came === `'${word}'` || came === `"${word}"`,
  bom: (came) => came.startsWith("\xef\xbb\xbf"),
  utf16: (came, word) => came.length >= 2 * word.length && came.replaceAll(/\0|\xff\xfe|\xfe\xff/g, "") === word,
  java: (came, word) => came.slice(2) === word && isNumber(came.slice(0, 2), word.length),
  length: (came, word) => came.endsWith(word) && isNumber(came.slice(0, -word.length), word.length),
  case: (came, word) => came.trim().toUpperCase() === word.toUpperCase(),
  path: (came, word) => isRequest(word) && came.startsWith(word.slice(0, 4)) && came.endsWith(`/${word.slice(4)}`),
  nameless: (came, word) => isRequest(word) && came.length < 5 && word.startsWith(came),
  start: (came, word) => isRequest(word) && word.startsWith(came),
  twice: (came, word) => came.replaceAll(word, "").trim() === "",
  error: (came) => came.startsWith("ERROR"),
  size: (came) => came.length === 8 && came.startsWith("\0\0\0"),
  number: (came) => /^\d+$/.test(came),
  more: (came, word) => came.startsWith(word),
  before: (came, word) => /^(READY|OK|DONE)/.test(came) && came.endsWith(word),
  word: (came) => /^(READY|OK|DONE)\s*$/.test(came),
};
const SIZES: Record<string, Test> = {
  text: (came, right) =>
    came.trim() === String(toSize(right)) || /^0+\d*$/.test(came) && BigInt(came) === toSize(right),
  newline: (came, right) => came.length > 8 && came.trim() === right.trim() && /[\r\n]/.test(came),
  little: (came, right) => came === reverse(right),
  htonl: (came, right) => came === right.slice(4) + "\0\0\0\0",
  short: (came, right) => came.length < 8 && right === came.padStart(8, "\0"),
  "short-little": (came, right) => came.length < 8 && right === reverse(came).padStart(8, "\0"),
  off: (came) => came.length === 8 && came.startsWith("\0\0"),
  word: WORDS.word!,
  error: WORDS.error!,
};
const DATA: Record<string, Test> = {
  "done-in-data": (came, data) => came === `${data}DONE`,
  lines: (came, data) => unix(came) === unix(data),
  padded: (came, data) => came.startsWith(data) && (/^\0+$/.test(came.slice(data.length)) || came.length % 1024 === 0),
  stripped: (came, data) => came !== "" && came.length < data.length && bare(came) === bare(data),
  cut: (came, data) => data.startsWith(came),
  decoded: (came, data) => came !== "" && isUtf8(came) && !isUtf8(data),
};
/** What is likely wrong, by the form. */
const HINTS = new Map(
  `newline: a newline follows: send the bytes alone, as in sock.sendall(b"OK")
space: a space stands beside it: send the text alone
nul: NULs follow: send as many bytes as the text has, not the whole buffer
repr: that is how Python shows bytes: send the bytes themselves, not str() of them
quotes: quotes stand around it: send the text itself, not its repr() or JSON
bom: a byte order mark stands before it: encode as utf-8, not utf-8-sig
utf16: that is UTF-16, two bytes a letter: encode as UTF-8 (writeChars() does not)
java: its length stands before it in two bytes, as writeUTF() sends it: send the bytes of the text alone
length: its length stands before it: the document's texts have none
case: the case of the letters counts
path: send the name as it was given on the command line, not the whole path
nameless: the file's name belongs to the request
start: the name was cut: it may hold spaces, and be long
twice: it was sent twice
size: that looks like a size: the word comes first, and the size in its own step
number: that is a number as text: it is not this step's message
more: more follows it: send one message, then wait for the answer
before: another word stands before it, which this step does not have
word: that is another step's word: look at the order of the steps
text: that is the number as text: send 8 bytes, as in size.to_bytes(8, "big") or struct.pack("!Q", size)
little: the bytes are little-endian: network order is big-endian, as in struct.pack("!Q", size)
htonl: the size stands in the upper half: htonl() is for 32 bits; use htobe64(), or shift the bytes out
short: that is the size in fewer than 8 bytes: it has 8, as in size.to_bytes(8, "big") or struct.pack("!Q", size)
short-little: that is the size in fewer than 8 bytes, little-endian: it has 8, as in struct.pack("!Q", size)
off: these are 8 bytes, but of another number: announce the file's size in bytes
done-in-data: DONE became part of the file: read no more than the bytes that are left, as in recv(min(1024, left))
lines: line ends were changed: open files with "rb" and "wb"
padded: the last block was filled up: it is as short as the rest of the file
stripped: bytes at the ends were stripped, as strip() does: file data stays as it is
decoded: bytes were changed by decode(): file data stays bytes, in files opened with "rb" and "wb"`
    .split("\n").map((line) => line.split(/: (.*)/) as [string, string]),
);

const reverse = (bytes: string): string => [...bytes].toReversed().join("");
const unix = (text: string): string => text.replaceAll(/\r*\n|\r/g, "\n");
const bare = (text: string): string => text.replaceAll(/^[\s\0]+|[\s\0]+$/g, "");

function toSize(bytes: string): bigint {
  return [...bytes].reduce((sum, char) => sum * 256n + BigInt(char.charCodeAt(0)), 0n);
}

/** Whether up to 8 bytes are a number, in either order. */
function isNumber(bytes: string, number: number): boolean {
  const right = sizeBytes(BigInt(number));
  return bytes !== "" && bytes.length <= 8 && [bytes, reverse(bytes)].some((each) => each.padStart(8, "\0") === right);
}

function isUtf8(bytes: string): boolean {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(toBytes(bytes)) !== "";
  } catch {
    return false;
  }
}

/** How the bytes that were taken for a message differ from it, and what is likely wrong. */
export function formOf(expected: Expected, came: string): [form: string, hint?: string | undefined] {
  if ("zeros" in expected) return ["right"];
  if (came === "" && !("data" in expected && expected.data === "")) return ["missing"];
  if ("data" in expected) return dataForm(expected.data, came);
  if ("size" in expected) return named(SIZES, came, [sizeBytes(expected.size)]);
  return named(WORDS, came, ("refusal" in expected ? expected.refusal : [expected.word]).map(utf8));
}

/** How data, or a file, differs from what it should be. */
export function dataForm(data: string, came: string): [form: string, hint?: string | undefined] {
  return named(DATA, came, [data]);
}

function named(forms: Record<string, Test>, came: string, right: string[]): [form: string, hint?: string | undefined] {
  if (right.includes(came)) return ["right"];
  const [form = "other"] = Object.entries(forms).find(([, test]) => right.some((each) => test(came, each))) ?? [];
  return [form, HINTS.get(form)];
}
