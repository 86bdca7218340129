/** What a check is, and how it says that a program does not hold to the lab's document. */

import type { Role } from "../../lib/protocol.ts";
import type { Programs } from "./program.ts";

/** One sentence of the document, and how to see whether a program holds to it. */
export interface Check {
  /** The section and the number in it, such as `2.3`. */
  id: string;
  /** The sentence, in short. */
  title: string;
  /** Which of the two programs it is about. */
  about: Role;
  /** The checks without which this one says nothing: their mistake would only be told again. */
  needs?: string[];
  /** Why the check is left out without `--strict`: the document leaves it open, or makes it optional. */
  strict?: string;
  /** Why the check can't run on this machine; `undefined` if it can. */
  missing?: () => string | undefined;
  /** How long a message may take in this check, in milliseconds, even if `--timeout` says less. */
  leastTimeoutMs?: number;
  /** Throws a {@linkcode Failure} if the program does not hold to the sentence. */
  run: (programs: Programs) => Promise<void>;
}

/** How a check ended. */
export interface Result {
  check: Check;
  outcome: "holds" | "fails" | "left out";
  /** Why it failed or was left out. */
  message?: string;
  hint?: string | undefined;
  /** The conversation that led there, and what the program printed. */
  trace?: string[];
  seconds: number;
}

/** The sections, by the first digit of a check's number. */
export const SECTIONS: Record<string, string> = {
  1: "GET",
  2: "PUT",
  3: "DEL",
  4: "The client's lines",
  5: "The server's lines",
  6: "Errors",
  7: "Streams and blocks",
  8: "One client after another",
};
