/** The lab's three commands, as text on the wire. */

import { concat } from "@std/bytes";
import { type Bytes, decoded } from "./bytes.ts";
import { TransferError } from "./errors.ts";
import type { TextEnd } from "./framing.ts";
import { MAX_NAME_BYTES, type Verb, VERBS } from "./protocol.ts";

/** One command: `<verb> <filename>`. */
export interface Command {
  /** What is asked for. */
  verb: Verb;
  /** The file's name, as the client wrote it. */
  name: string;
}

/** What a client sent in place of a command. */
export interface Request {
  /** It as it came. */
  bytes: Bytes;
  /** Its text, without the newline that people type into netcat or the NULs of a C string. */
  text: string;
  /** The command; `undefined` if the text is none. */
  command: Command | undefined;
}

const DECODER = new TextDecoder();
const PREFIX_BYTES = "GET ".length;
// A longer command may arrive cut where the client's own buffer ended; no known client has a smaller buffer.
const CUT_BYTES = 512;
const CUT_SILENCE_MS = 50;

/** A command's longest form, in bytes. */
export const MAX_COMMAND_BYTES = PREFIX_BYTES + MAX_NAME_BYTES;

/** The text of a command. Throws a {@linkcode TransferError} for a name that would arrive as another name, or as none. */
export function formatCommand({ verb, name }: Command): string {
  const isCarried = name !== "" && name.isWellFormed() && !/[\n\0]$/.test(name) &&
    new TextEncoder().encode(name).length <= MAX_NAME_BYTES;
  if (isCarried) return `${verb} ${name}`;
  throw new TransferError(
    `the protocol can't carry the file name ${JSON.stringify(name.slice(0, 100))}: a name has 1 to ${MAX_NAME_BYTES} ` +
      `bytes of UTF-8 and does not end with a newline or NUL`,
  );
}

/**
 * How the end of a command is found. Known clients send it in one piece and wait, so it is what the first read brings,
 * unless that is evidently incomplete.
 */
export const COMMAND_END: TextEnd = { silenceMs: commandSilence, maxBytes: MAX_COMMAND_BYTES + 1 };

function commandSilence(bytes: Bytes): number {
  // Enough to begin the name after any verb, or the beginning of a verb.
  const start = DECODER.decode(bytes.subarray(0, PREFIX_BYTES));
  if (bytes.length <= start.length && VERBS.some((verb) => `${verb} `.startsWith(start))) return Infinity;
  // Cut within a character.
  if (decoded(bytes) === undefined && decoded(bytes, { stream: true }) !== undefined) return Infinity;
  return bytes.length < CUT_BYTES ? 0 : CUT_SILENCE_MS;
}

/** Takes a request apart. */
export function parseRequest(bytes: Bytes): Request {
  const text = decoded(bytes)?.replace(/(\r?\n)?\0*$/, "");
  if (text === undefined) return { bytes, text: DECODER.decode(bytes), command: undefined };
  return { bytes, text, command: bytes.length <= MAX_COMMAND_BYTES ? parseCommand(text) : undefined };
}

function parseCommand(text: string): Command | undefined {
  const verb = VERBS.find((verb) => text.startsWith(`${verb} `));
  const name = text.slice(PREFIX_BYTES);
  return verb && name !== "" ? { verb, name } : undefined;
}

/** If the text is one DEL repeated, returns that command: a known client sends it twice. */
export function parseTwice(text: string): Command | undefined {
  const half = text.slice(0, text.length / 2);
  return half + half === text && half.startsWith("DEL ") ? parseCommand(half) : undefined;
}

/** A request with the rest of its name, which came late. A rest with control characters is none: a size, perhaps. */
export function completed(begun: Request, late: Bytes): Request {
  const whole = parseRequest(concat([begun.bytes, late]));
  const isName = !/\p{Cc}/u.test(whole.text.slice(begun.text.length));
  return { ...whole, command: isName ? whole.command : undefined };
}
