/** Recognises a message in the bytes that came, in the right form or in one of those that programs get wrong. */

import type { Expected } from "./plays.ts";
import { sizeBytes, toBytes, utf8 } from "./recording.ts";

/** How a message differs from the right one. */
export type Form =
  | "right"
  | "missing"
  /** For a word. */
  | "newline"
  | "space"
  | "nul"
  | "case"
  | "repr"
  | "quotes"
  | "length"
  | "bom"
  | "utf16"
  | "more"
  | "word"
  | "size"
  | "error"
  | "path"
  | "start"
  | "number"
  /** For a size. */
  | "little"
  | "text"
  | "short"
  | "short-little"
  | "htonl"
  | "off"
  | "twice"
  /** For data. */
  | "cut"
  | "crlf"
  | "lf"
  | "decoded"
  | "padded"
  | "stripped"
  | "done-in-data"
  | "other";

const TOKENS = ["READY", "OK", "DONE"];
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * How many of the bytes are the expected message; `undefined` if it is not there, or not yet. Then all that comes until
 * the program is silent is taken for it.
 */
export function take(expected: Expected, pending: string): number | undefined {
  if ("zeros" in expected) return undefined;
  if ("data" in expected) return pending.length >= expected.data.length ? expected.data.length : undefined;
  if ("size" in expected) {
    const right = sizeBytes(expected.size);
    const lead = pending.match(/^[\r\n]+/)?.[0].length ?? 0;
    if (lead > 0 && pending.slice(lead).startsWith(right)) return lead + 8;
    if (pending.length < 8) return undefined;
    // A number as text ends where its digits do.
    const digits = pending.match(/^\d{8,20}/)?.[0].length ?? 8;
    return digits + (pending.slice(digits).match(/^[\r\n]+$/)?.[0].length ?? 0);
  }
  if ("refusal" in expected) {
    const texts = expected.refusal.map(utf8);
    return texts.includes(pending) ? pending.length : undefined;
  }
  const word = utf8(expected.word);
  // A request ends where the client waits.
  if (word.includes(" ")) return pending.startsWith(word) ? pending.length : undefined;
  if (pending.startsWith("ERROR")) return undefined;
  const at = pending.toUpperCase().indexOf(word);
  if (at < 0 || at > 8) return undefined;
  const end = at + word.length;
  const rest = pending.slice(end);
  const newline = rest.match(/^[\r\n]+/)?.[0].length ?? 0;
  // What follows may be the next message, which came too early; anything else belongs to this one.
  const isNext = /^(READY|OK|DONE|ERROR|GET |PUT |DEL )/i.test(rest.slice(newline)) || rest.length - newline >= 8;
  return end + (isNext ? newline : rest.length);
}

/** How the bytes that were taken for a message differ from it. */
export function formOf(expected: Expected, came: string): Form {
  if (came === "" && !("data" in expected && expected.data === "")) return "missing";
  if ("zeros" in expected) return "right";
  if ("data" in expected) return dataForm(expected.data, came);
  if ("size" in expected) return sizeForm(expected.size, came);
  const words = "refusal" in expected ? expected.refusal : [expected.word];
  const forms = words.map((word) => wordForm(utf8(word), came));
  return forms.find((form) => form === "right") ?? forms.find((form) => form !== "other") ?? "other";
}

function wordForm(word: string, came: string): Form {
  if (came === word) return "right";
  if (/^[\r\n]*$/.test(came.replace(word, "")) && came.includes(word)) return "newline";
  if (came.trim() === word) return "space";
  if (came.replace(/\0+$/, "") === word) return "nul";
  if (came === `b'${word}'` || came === `b"${word}"`) return "repr";
  if (came === `'${word}'` || came === `"${word}"`) return "quotes";
  if (came.startsWith("\xef\xbb\xbf")) return "bom";
  const bare = came.replace(/^(\xff\xfe|\xfe\xff)/, "").replaceAll("\0", "");
  if (bare === word && came.length >= 2 * word.length) return "utf16";
  const lead = came.endsWith(word) ? came.slice(0, -word.length) : "";
  if (lead !== "" && lead.length <= 8 && readNumber(lead) === BigInt(word.length)) return "length";
  if (came.trim().toUpperCase() === word.toUpperCase()) return "case";
  const [verb, name] = [word.slice(0, 4), word.slice(4)];
  if (/^(GET|PUT|DEL) /.test(word)) {
    if (came.startsWith(verb) && came.endsWith(`/${name}`)) return "path";
    if (name.startsWith(came.slice(4)) && came.length >= 4 && came.startsWith(verb)) return "start";
    if (came === word.slice(0, 3)) return "start";
    if (new RegExp(`^(${escaped(word)}[\\r\\n]*){2,}$`).test(came)) return "twice";
  }
  if (came.startsWith("ERROR")) return "error";
  if (came.length === 8 && came.startsWith("\0\0\0")) return "size";
  if (/^\d+$/.test(came)) return "number";
  if (came.startsWith(word)) return "more";
  return TOKENS.includes(came.trim()) ? "word" : "other";
}

/** The number that the bytes are, the largest digit first. */
function readNumber(bytes: string): bigint {
  const value = (digits: Uint8Array): bigint => digits.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const big = value(toBytes(bytes));
  const little = value(toBytes(bytes).toReversed());
  return big < little ? big : little;
}

function sizeForm(size: bigint, came: string): Form {
  const right = sizeBytes(size);
  const reversed = [...right].toReversed().join("");
  if (came === right) return "right";
  if (came.trim() === String(size) || /^\d+$/.test(came) && BigInt(came) === size) return "text";
  if (came.trim() === right.trim() && /[\r\n]/.test(came)) return "newline";
  if (came === reversed && size > 0n) return "little";
  if (came.length === 8 && size > 0n && came === right.slice(4) + "\0\0\0\0") return "htonl";
  if (came.length < 8 && right.endsWith(came) && !/[^\0]/.test(right.slice(0, -came.length))) return "short";
  if (came.length < 8 && reversed.startsWith(came)) return "short-little";
  if (came.length === 8 && came.startsWith("\0\0")) return "off";
  if (TOKENS.includes(came.trim())) return "word";
  return came.startsWith("ERROR") ? "error" : came.startsWith(right) ? "more" : "other";
}

/** How data, or a file, differs from what it should be. */
export function dataForm(data: string, came: string): Form {
  if (came === data) return "right";
  if (came === `${data}DONE`) return "done-in-data";
  if (came === data.replaceAll("\n", "\r\n") || came === data.replaceAll(/(?<!\r)\n/g, "\r\n")) return "crlf";
  if (came === data.replaceAll("\r\n", "\n") || came === data.replaceAll(/\r\n?/g, "\n")) return "lf";
  if (came.length > data.length && came.startsWith(data) && /^\0+$/.test(came.slice(data.length))) return "padded";
  if (came !== "" && data.trim() !== data && data.replace(/^[\s\0]+|[\s\0]+$/g, "").startsWith(came.trim())) {
    if (came.length >= data.replace(/^[\s\0]+|[\s\0]+$/g, "").length) return "stripped";
  }
  if (data.startsWith(came)) return "cut";
  return isUtf8(came) && !isUtf8(data) && came !== "" ? "decoded" : "other";
}

function isUtf8(bytes: string): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(toBytes(bytes));
    return true;
  } catch {
    return false;
  }
}
