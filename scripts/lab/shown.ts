/** Bytes and text of a program under test, as a report shows them. */

import { printable } from "../../lib/printable.ts";
import { fromUtf8 } from "./recording.ts";

const SHOWN = 60;

/** Bytes as text in quotes where they are text, else in hexadecimal. */
export function shown(bytes: string): string {
  if (bytes === "") return "nothing";
  // The NULs of a buffer in a message are shortened.
  const short = /^\w{2}/.test(bytes) ? bytes.replace(/\0{2,}/g, "\\0...").replaceAll("\0", "\\0") : bytes;
  const text = fromUtf8(short.slice(0, SHOWN));
  const isText = !/[^\P{Cc}\t\r\n]/u.test(text) && !text.slice(0, -1).includes("\ufffd");
  if (!isText) return shownBytes(bytes);
  const count = short === bytes ? `${bytes.length - SHOWN} more bytes` : "more";
  const rest = short.length > SHOWN ? ` and ${count}` : "";
  return `"${visible(text)}"${rest}`;
}

export function shownBytes(bytes: string): string {
  const hex = [...bytes.slice(0, 16)].map((char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
  return `the bytes ${hex}${bytes.length > 16 ? ` and ${bytes.length - 16} more` : ""}`;
}

/** Text with its invisible characters visible. */
export function visible(text: string): string {
  return printable(text.replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t"));
}
