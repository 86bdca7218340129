/** What is likely wrong with a program, from what it sent. */

import { type Bytes, startsWith } from "../../lib/bytes.ts";
import type { Role } from "../../lib/protocol.ts";

/** File data is not read to its end. */
export const LOOP_HINT =
  "a recv() returns what has arrived, not what was asked for: call it in a loop until all bytes are there";
/** File data is not sent as it is read. */
export const MEMORY_HINT = "read() without a size reads the entire file first: read, and send, 1024 bytes at a time";
/** A size is cut. */
export const SIZE_HINT = "a size has 8 bytes: an int of 32 bits, or & 0xffffffff, cuts it";
/** The client's last line comes without DONE. */
export const COMPLETE_HINT = 'receive DONE and compare it before print("Complete")';
/** A large file takes ever longer. */
export const SLOW_HINT =
  "data += block copies all that came before, each time: write, or send, each block as it comes, and keep none";
/** The client is still there after DONE. */
export const END_HINT =
  "close the socket and leave. If it waits for more data, DONE was read as part of the file: recv(min(1024, left)). " +
  "If it is only slow, --timeout S gives it longer";

const TOKENS = ["READY", "OK", "DONE"];

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Why a token or a command is not what it should be. */
export function tokenHint(
  expected: string,
  received: Uint8Array,
  { isClosed = false, from }: { isClosed?: boolean; from?: Role } = {},
): string | undefined {
  const came = text(received);
  if (came === "" && isClosed) {
    return expected === "READY" && from === "server"
      ? "accept() the next client in a loop that never ends, and send READY first of all"
      : "the connection was closed without it: it was forgotten, or the program crashed before (its errors stand below)";
  }
  if (came === "") {
    return "it may wait for a message that has been sent: a recv() may return two messages at once, or less than one";
  }
  if (came.trimEnd() === expected && came !== expected) {
    return 'a newline follows: send the bytes alone, as in sock.sendall(b"OK"); print() and writelines() add one';
  }
  if (came.replace(/\0+$/, "") === expected) {
    return "NULs follow: send as many bytes as the text has, not a whole buffer";
  }
  if (came === `b'${expected}'` || came === `'${expected}'`) {
    return "that is how Python shows bytes: send the bytes themselves, not str() of them";
  }
  if (came.toUpperCase() === expected.toUpperCase()) return "the case of the letters counts";
  const next = came.startsWith(expected) ? came.slice(expected.length) : "";
  if (expected !== "" && (next.startsWith("\0") || TOKENS.some((token) => next.startsWith(token)))) {
    return "the next message came too early: wait for the other side's answer in between";
  }
  if (/^\0{4}/.test(came)) return "zeros stand before it: send the last block as short as it is, not filled up";
  if (came.startsWith("\ufeff")) return "a byte order mark stands before it: encode as utf-8, not utf-8-sig";
  if (came < " " && came.slice(1) === expected) {
    return "a length stands before it: the lab's texts have none";
  }
  if (TOKENS.includes(expected) && TOKENS.includes(came)) return "look at the order of the steps";
  return undefined;
}

/** Why a size is not what it should be. */
export function sizeHint(size: bigint, received: Bytes, isClosed: boolean): string | undefined {
  const came = text(received);
  const value = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  if (came.trim() === String(size)) {
    return 'that is the number as text: send it as 8 bytes, as in size.to_bytes(8, "big") or struct.pack(">Q", size)';
  }
  if (received.length === 8 && value(received.toReversed()) === size) {
    return 'the byte order is little-endian: network order is big-endian, as in struct.pack(">Q", size) with the >';
  }
  if (received.length < 8 && received.length > 0 && value(received) === size) {
    return `that is the size in ${received.length} bytes: it has 8, as in size.to_bytes(8, "big") or struct.pack(">Q", size)`;
  }
  if (received.length < 8 && received.length > 0 && value(received.toReversed()) === size) {
    return `that is the size in ${received.length} bytes, little-endian: it has 8, big-endian, as in size.to_bytes(8, "big")`;
  }
  if (received.length > 8) return "more than 8 bytes came: wait for the other side's OK before you send the data";
  if (received.length === 0) return tokenHint("", received, { isClosed });
  return undefined;
}

/** Why a client takes a file of `size` bytes for another, from its output. */
export function sizeReadHint(size: number, output: string): string | undefined {
  const littleEndian = new DataView(new ArrayBuffer(8));
  littleEndian.setBigUint64(0, BigInt(size));
  const wrong = littleEndian.getBigUint64(0, true);
  if (size === 0 || !output.includes(`(${wrong} bytes)`)) return undefined;
  return 'it read the size as little-endian and waits for more: int.from_bytes(data, "big")';
}

/** Why file data is not what it should be on its way. */
export function sentHint(expected: Uint8Array, received: Uint8Array, isClosed: boolean): string | undefined {
  if (received.length === 0) return tokenHint("", received, { isClosed });
  const hint = changeHint(expected, received);
  if (hint) return hint;
  const count = received.length - (text(received.subarray(-4)) === "DONE" ? 4 : 0);
  return count < expected.length
    ? "not all of the file was sent: send what each read(1024) returns, until it returns nothing, and use sendall(): " +
      "send() may take a part only"
    : undefined;
}

/** Why a file is not what it should be. */
export function storedHint(expected: Uint8Array, held: Uint8Array): string | undefined {
  if (held.length < expected.length && startsWith(expected, held)) {
    if (text(expected.subarray(held.length)) === "DONE") {
      return "it stopped at DONE in the file's own data: count the bytes, up to <# bytes>";
    }
    return held.length === 0 ? "perhaps the file was not closed, or flushed, before it was looked at" : LOOP_HINT;
  }
  const isDone = startsWith(held, expected) && text(held.subarray(expected.length)) === "DONE";
  if (isDone) {
    return "DONE became part of the file: read no more than the bytes that are left, as in recv(min(1024, left))";
  }
  const hint = changeHint(expected, held);
  if (hint) return hint;
  return held.length > expected.length ? 'was the old file truncated? open it with "wb", not "r+b" or "ab"' : undefined;
}

// How text differs from bytes: in its line ends, and in that all of it is UTF-8.
function changeHint(expected: Uint8Array, received: Uint8Array): string | undefined {
  // A character for each byte.
  const [want, came] = [expected, received].map((bytes) => new TextDecoder("latin1").decode(bytes)) as [string, string];
  const isText = received.length > 0 && isUtf8(received) && !isUtf8(expected);
  return isText || came === want.replaceAll("\n", "\r\n") || want === came.replaceAll("\n", "\r\n")
    ? 'binary files must stay bytes: open them with "rb" and "wb", and do not decode() their data'
    : undefined;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Why a line was not printed as it should be. */
export function lineHint(
  expected: string,
  { lines, errorLines }: { lines: string[]; errorLines: string[] },
): string | undefined {
  if (errorLines.includes(expected)) {
    return "it went to standard error, as by sys.exit(text) or logging: print() writes to standard output";
  }
  const logged = errorLines.find((line) => line.endsWith(expected));
  if (logged !== undefined) return `it printed "${logged}" on standard error: print() writes the line alone`;
  if (lines.length === 0 && errorLines.length === 0) {
    return "it printed nothing yet. If you see the line on a terminal, it waits in a buffer here: flush after each line";
  }
  const near = lines.find((line) => line.toLowerCase().replace(/[.!\s]+$/, "") === expected.toLowerCase());
  if (near !== undefined) return `it printed "${near}": the case of the letters, and dots, count`;
  const bytes = lines.find((line) => /b'/.test(line));
  if (bytes !== undefined) return `it printed "${bytes}": decode() the bytes before you print them`;
  const prefixed = lines.find((line) => line.includes("ERROR"));
  if (expected.startsWith("server error: ") && prefixed !== undefined) {
    return `it printed "${prefixed}": the prefix "ERROR: " is removed`;
  }
  const similar = lines.find((line) =>
    line.split(" ").slice(0, 2).join(" ") === expected.split(" ").slice(0, 2).join(" ")
  );
  return similar === undefined ? undefined : `it printed "${similar}"`;
}
