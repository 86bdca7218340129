/**
 * The lab's protocol as data: its steps, messages and errors, in the words of the lab's document. `PROTOCOL.md` beside
 * this file explains them. Read next: `client.ts`, which takes these steps.
 */

/** Who speaks. */
export type Role = "client" | "server";

/** What a client may ask for. */
export const VERBS = ["GET", "PUT", "DEL"] as const;
/** One of those. */
export type Verb = typeof VERBS[number];

/** The messages that are one word. */
export type Token = "READY" | "OK" | "DONE";

/** The lab's list ("The Protocol"): one message a step, in order. */
export const STEPS = {
  GET: [
    "a. server: READY",
    "b. client: GET <filename>",
    "c. server: OK",
    "d. client: READY",
    "e. server: <# bytes>",
    "f. client: OK",
    "g. server: sends bytes",
    "h. server: DONE",
  ],
  PUT: [
    "a. server: READY",
    "b. client: PUT <filename>",
    "c. server: OK",
    "d. client: <# bytes>",
    "e. server: OK",
    "f. client: sends bytes",
    "g. server: DONE",
  ],
  DEL: [
    "a. server: READY",
    "b. client: DEL <filename>",
    "c. server: DONE",
  ],
} as const;

/** Step b on the server, which does not know yet which command will come. */
export const REQUEST_STEP = "b. client: GET, PUT or DEL <filename>";

/** One step of the lab's list. */
export type Step = typeof STEPS[Verb][number] | typeof REQUEST_STEP;
/** A step at which one word is said. */
export type TokenStep = Extract<Step, `${string}: ${Token}`>;

/** The word that is said at a step. */
export function tokenOf(step: TokenStep): Token {
  return step.slice("a. server: ".length) as Token;
}

/** The size of a block of file data, in bytes ("for PUT and GET you must only send file data in 1024-byte blocks"). */
export const BLOCK_BYTES = 1024;

/** The length of a size on the wire, in bytes: an unsigned integer, big-endian. */
export const SIZE_BYTES = 8;

/** The largest size that those bytes can say. */
export const MAX_SIZE = 2n ** 64n - 1n;

/** A name's longest form, in bytes of UTF-8: the longest path that Linux has (PATH_MAX). */
export const MAX_NAME_BYTES = 4096;

/** What stands before the text of an error ("Handling Errors"). */
export const ERROR_PREFIX = "ERROR: ";

/** Why a file could not be used: the three reasons that the lab has words for. */
export type FileProblem = "missing" | "create" | "delete";

/** The lab's texts for problems with a file ("Handling Errors"), without their prefix. */
export const ERROR_TEXTS: Readonly<Record<FileProblem, (file: string) => string>> = {
  missing: (file) => `${file} does not exist`,
  create: (file) => `unable to create file ${file}`,
  delete: (file) => `unable to delete ${file}`,
};
