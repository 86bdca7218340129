/** What is likely wrong with a program, from what it sent, stored and printed. A hint names only what was seen. */

import type { Form } from "./messages.ts";
import type { Expected, Play } from "./plays.ts";
import { eventsOf, type Recording } from "./recording.ts";

/** What a message was, and where. */
export interface Message {
  expected: Expected;
  came: string;
  play: Play;
  step: string;
}

/** Why a message is not what it should be. */
export function formHint(form: Form, { expected, came, play, step }: Message): string | undefined {
  const isSize = "size" in expected;
  const word = "word" in expected ? expected.word : "OK";
  switch (form) {
    case "newline":
      return isSize
        ? "a newline stands beside the 8 bytes: send them alone"
        : `a newline follows: send the bytes alone, as in sock.sendall(b"${word.split(" ")[0]}")`;
    case "space":
      return "a space stands beside it: send the text alone";
    case "nul":
      return "NULs follow: send as many bytes as the text has, not the whole buffer";
    case "case":
      return "the case of the letters counts";
    case "repr":
      return "that is how Python shows bytes: send the bytes themselves, not str() of them";
    case "quotes":
      return "quotes stand around it: send the text itself, not its repr() or JSON";
    case "length":
      return /^\0./.test(came) && came.length === word.length + 2
        ? "its length stands before it in two bytes, as writeUTF() sends it: send the bytes of the text alone"
        : "its length stands before it: the document's texts have none";
    case "bom":
      return "a byte order mark stands before it: encode as utf-8, not utf-8-sig";
    case "utf16":
      return "that is UTF-16, two bytes a letter: encode as UTF-8 (writeChars() does not)";
    case "more":
      return `more follows the ${isSize ? "size" : `"${word}"`}: send one message, then wait for the answer`;
    case "word":
      return `that is another step's word: look at the order of the steps`;
    case "size":
      return "that looks like a size: the word comes first, and the size in its own step";
    case "error":
      return play.about === "server" && play.verb === "PUT" && /create/.test(came)
        ? "it refused a file that can be made: os.access(filename, os.W_OK) is false for a file that is not there yet"
        : undefined;
    case "path":
      return "send the name as it was given on the command line, not the whole path";
    case "start":
      return play.name.includes(" ")
        ? "the name was cut at a space"
        : came.length > 60 && came.length < word.length
        ? `the name was cut after ${came.length} bytes`
        : "the file's name belongs to the request";
    case "twice":
      return "the request was sent twice";
    case "number":
      return "that is a number as text: it is not this step's message";
    case "little":
      return 'the bytes are little-endian: network order is big-endian, as in size.to_bytes(8, "big") or struct.pack("!Q", size)';
    case "text":
      return 'that is the number as text: send 8 bytes, as in size.to_bytes(8, "big") or struct.pack("!Q", size)';
    case "short":
      return `that is the size in ${came.length} bytes: it has 8, as in size.to_bytes(8, "big") or struct.pack("!Q", size)`;
    case "short-little":
      return `that is the size in ${came.length} bytes, little-endian: it has 8, big-endian, as in size.to_bytes(8, "big")`;
    case "htonl":
      return "the size stands in the upper half: htonl() is for 32 bits; use htobe64(), or shift the bytes out";
    case "off":
      return "these are 8 bytes, but of another number: announce the file's size in bytes";
    default:
      return isSize || step === "a" ? undefined : errorHint(expected, came);
  }
}

function errorHint(expected: Expected, came: string): string | undefined {
  if (!("refusal" in expected)) return undefined;
  if (!came.startsWith("ERROR: ")) {
    return came === "OK"
      ? "it accepted the request: look at the file before OK is sent"
      : 'the text begins with "ERROR: ", with that case, colon and space';
  }
  return undefined;
}

/** Why nothing came at a step. */
export function missingHint(
  recording: Recording,
  play: Play,
  reading: { step: string; expected: Expected; isEnded: boolean },
  isForgotten: boolean,
): string | undefined {
  const { step, expected, isEnded } = reading;
  const what = "word" in expected ? expected.word : "size" in expected ? "the size" : "it";
  if (isForgotten) return `${what} was never sent: the program went on with the next step`;
  const exit = eventsOf(recording, "exit")[0];
  if (isEnded && exit) return `the program ended with exit status ${exit.status}${lastWords(recording)}`;
  if (isEnded) return `the connection was closed before ${what} was sent`;
  if (play.about === "server" && play.verb === "PUT" && step === "g") {
    const little = littleLine(recording, play);
    return little ??
      (play.data === ""
        ? "of an empty file no data comes: do not call recv() for it"
        : "all bytes had been sent, and it waits for more: count them, and stop at the size that was announced");
  }
  if (step === "a") return undefined;
  return undefined;
}

/** What the program printed last. */
export function lastWords(recording: Recording): string {
  const line = eventsOf(recording, "line").at(-1)?.text;
  return line ? `; it printed "${line.slice(0, 100)}"` : ", without a word";
}

function littleLine(recording: Recording, play: Play): string | undefined {
  const wrong = reversed(play.data.length);
  const isPrinted = eventsOf(recording, "line").some(({ text }) => text.includes(wrong));
  return play.data !== "" && isPrinted ? readLittleHint(wrong) : undefined;
}

/** A size as a program prints it that reads it in the wrong order. */
export function reversed(size: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(size));
  return String(view.getBigUint64(0, true));
}

/** Why a size is printed as another number. */
export function readLittleHint(wrong: string): string {
  return `it read the size as little-endian, ${wrong}: int.from_bytes(data, "big")`;
}

/** Why file data is not what it should be, on its way or in a file. */
export function fileHint(form: Form, what: "sent" | "stored", held = ""): string | undefined {
  switch (form) {
    case "done-in-data":
      return "DONE became part of the file: read no more than the bytes that are left, as in recv(min(1024, left))";
    case "crlf":
    case "lf":
      return 'line ends were changed: open files with "rb" and "wb"';
    case "decoded":
      return 'bytes were changed by decode(): file data stays bytes, in files opened with "rb" and "wb"';
    case "padded":
      return "the last block was filled up: it is as short as the rest of the file";
    case "stripped":
      return "bytes at the ends were stripped, as strip() does: file data stays as it is";
    case "cut":
      if (what === "sent") {
        return "not all of the file was sent: send what each read(1024) returns, until it returns nothing";
      }
      return held === ""
        ? "the file is empty: were the bytes written, and the file closed before DONE?"
        : "a recv() returns what has arrived, not what was asked for: call it in a loop until all bytes are there";
    default:
      return undefined;
  }
}
