/** What a play is: a conversation with a program under test, as data. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { sizeBytes, utf8 } from "./recording.ts";

/** What the program should say at a step. */
export type Expected =
  | { word: string }
  /** One of these errors. */
  | { refusal: string[] }
  | { size: bigint }
  | { data: string }
  | { zeros: number };

/** What our side does, in order. A step is a letter of the document's list. */
export type Act =
  & { on?: number }
  & (
    | { do: "connect" }
    | { do: "hear"; step: string; expected: Expected }
    /** Says bytes, in one piece or in pieces of these lengths with a gap; with zeros, so many of them. */
    | {
      do: "say";
      step: string;
      bytes: string;
      pieces?: number[];
      zeros?: number;
      last?: { step: string; bytes: string };
    }
    /** Listens for a time, or until a line is printed. */
    | { do: "listen"; ms: number; until?: string }
    /** Ends our side, and waits for the program to end. */
    | { do: "finish" }
    | { do: "leave" }
    | { do: "look"; name: string }
  );

/** A conversation with a program under test. */
export interface Play {
  id: string;
  about: Role;
  verb: Verb;
  /** The file's name, and what is in it. */
  name: string;
  data: string;
  /** What stands in the program's folder: bytes, a length of nothing but holes, or a folder. */
  files?: Record<string, string | number | "/">;
  acts: Act[];
  /** Started with -v. */
  verbose?: boolean;
  /** Its calls to the system are recorded; with `inject`, as many of them are changed. */
  traced?: { inject?: string };
  /** Its memory is measured: it is given little, and must not hold so many bytes. */
  memory?: number;
  /** Room on the disk that it takes, in bytes. */
  room?: number;
  strict?: boolean;
  /** What does not come in this time is not awaited. */
  limitMs?: number;
  /** The program is in an unknown state afterwards, by our fault. */
  breaks?: boolean;
  /** So long nobody comes before it, in milliseconds. */
  idle?: number;
  /** The address that we connect to; else 127.0.0.1. */
  host?: string;
}

/** How a conversation differs from the plain one. */
export interface Variation extends Partial<Omit<Play, "acts">> {
  /** A pause before each message of ours, in which nothing may come. */
  patient?: boolean;
  pieces?: number[];
  /** Each message of ours is cut in two. */
  halves?: boolean;
}

/** Long enough for what is sent too early to arrive, in milliseconds. */
export const PATIENCE_MS = 250;

/** The sizes of files: none, around one block, and one that takes many. */
export const SIZES = [0, 1, 1024, 1025, 200_001];
/** Names that a careless program would cut or mangle. */
export const NAMES = ["two words.txt", "grüße 你好.txt", `GET the PUT ${"a-long-name-".repeat(8)}.TXT`];
/** A size that 4 bytes can't hold; in 4 bytes it would be 5. */
export const HUGE_BYTES = 2 ** 32 + 5;
/** A size that is below zero if it is read as signed. */
export const SIGNED_BYTES = 2n ** 63n + 5n;
/** A file that no program should hold in memory. */
export const LARGE_BYTES = 192 * 1024 * 1024;

/** Text of a length. */
export function text(length: number): string {
  return "The quick brown fox jumps over the lazy dog, and rests. ".repeat(length / 56 + 1).slice(0, length);
}

/** Binary data of a length: every byte value, and no period that a block has. */
export function content(length: number): string {
  return Array.from({ length }, (_, index) => String.fromCharCode((index * 7 + (index >> 8) * 13) & 0xff)).join("");
}

/** Data that a careless program takes for messages, or for text. */
export const ODD = [
  "DONE" + "OK" + "READY" + "ERROR: no" + "\r\n\n\0" + "\xff\xfe\x80" + content(700) + "\0\0",
  "first line\nsecond line\r\nDONE",
  "ERROR: no",
];

/** Hears a message. */
export function hear(step: string, word: string): Act {
  return { do: "hear", step, expected: { word } };
}

/** Says a message, or two in one piece. */
export function say(step: string, bytes: string | bigint, more: Partial<Extract<Act, { do: "say" }>> = {}): Act {
  return { do: "say", step, bytes: typeof bytes === "bigint" ? sizeBytes(bytes) : bytes, ...more };
}

/** A request as it is sent. */
export function request(verb: Verb, name: string): string {
  return utf8(`${verb} ${name}`);
}

/** What changes the acts of a conversation: a pause before each of our messages, or messages in two pieces. */
export function varied(acts: Act[], { patient, halves }: Variation): Act[] {
  return acts.flatMap((act): Act[] => {
    if (act.do !== "say") return [act];
    const cut = { ...act, pieces: [act.bytes.length >> 1, act.bytes.length - (act.bytes.length >> 1)] };
    return [
      ...patient ? [{ do: "listen", ms: PATIENCE_MS } as Act] : [],
      halves && act.step !== "b" && act.bytes.length < 10 ? cut : act,
    ];
  });
}

/** The eighth call that sends something is one for file data. Not write(), by which threads wake each other. */
export const PARTIAL = "sendto,sendmsg:retval=100:when=8";
/** What comes of 10,000 bytes if the rest of that block is sent again. */
export const NINE_TENTHS: Act = { do: "hear", step: "f", expected: { data: text(9900) } };
