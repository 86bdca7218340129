/** The lab's three commands, as text on the wire. */

import { TransferError } from "./errors.ts";
import type { Bytes, TextEnd, TextState } from "./framing.ts";

/** What a client may ask for. */
export const VERBS = ["GET", "PUT", "DEL"] as const;
/** One of those. */
export type Verb = typeof VERBS[number];

/** One request: `<verb> <filename>`. */
export interface Command {
  /** What is asked for. */
  verb: Verb;
  /** The file that it is asked of, as the client names it. */
  name: string;
}

// The command's first read may be cut where the client's own buffer ended; no such buffer is smaller.
const CUT_BYTES = 512;

/** A command's longest form: a verb, a space and a name of 4,096 bytes, the longest path that systems have. */
export const MAX_COMMAND_BYTES = 4100;

const MAX_NAME_BYTES = MAX_COMMAND_BYTES - "GET ".length;

/** The text of a request. Throws a {@linkcode TransferError} for a name that would arrive as another, or as none. */
export function formatCommand({ verb, name }: Command): string {
  const isCarried = name !== "" && name.isWellFormed() && !/[\n\0]$/.test(name) &&
    new TextEncoder().encode(name).length <= MAX_NAME_BYTES;
  if (isCarried) return `${verb} ${name}`;
  throw new TransferError(
    `the protocol has no way to name a file ${JSON.stringify(name.slice(0, 100))}: a name has 1 to ${MAX_NAME_BYTES} ` +
      `bytes of UTF-8 and no line end or NUL behind it`,
  );
}

/**
 * How the end of a command is found: real clients send it in one piece and wait, so it is what the first read brings,
 * unless that is evidently not all of it.
 */
export const COMMAND_END: TextEnd = { silenceMs: 50, maxBytes: MAX_COMMAND_BYTES + 1, state: commandState };

function commandState(bytes: Bytes): TextState {
  // Enough to begin every verb's name, or the beginning of one.
  const start = new TextDecoder().decode(bytes.subarray(0, "GET ".length));
  if (bytes.length <= start.length && VERBS.some((verb) => `${verb} `.startsWith(start))) return "open";
  if (isCutInLetter(bytes)) return "open";
  return bytes.length < CUT_BYTES ? "whole" : "maybe";
}

function isCutInLetter(bytes: Bytes): boolean {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    decoder.decode(bytes, { stream: true });
  } catch {
    return false;
  }
  try {
    decoder.decode();
    return false;
  } catch {
    return true;
  }
}

/**
 * Takes a request apart: its text, free of the line end that people type into netcat and of the NULs that end or fill a
 * string of C's, and what it asks for.
 */
export function parseRequest(bytes: Bytes): { text: string; command: Command | undefined } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/(\r?\n)?\0*$/, "");
    return { text, command: bytes.length <= MAX_COMMAND_BYTES ? parseCommand(text) : undefined };
  } catch {
    return { text: new TextDecoder().decode(bytes), command: undefined };
  }
}

function parseCommand(text: string): Command | undefined {
  const verb = VERBS.find((verb) => text.startsWith(`${verb} `));
  const name = text.slice("GET ".length);
  return verb && name !== "" ? { verb, name } : undefined;
}

/**
 * The command that a text is when it is the same one twice: a real client sends its DEL so. `undefined` if it is not.
 */
export function parseTwice(text: string): Command | undefined {
  const half = text.slice(0, text.length / 2);
  return half + half === text ? parseCommand(half) : undefined;
}
