/** What a play is made of: a conversation with a program under test, as data. */

import type { Role, Verb } from "../../lib/protocol.ts";

/** What the program should say at a step: a word or a request, one of some errors, a size, or file data. */
export type Expected = { word: string } | { refusal: string[] } | { size: bigint } | { data: string } | {
  zeros: number;
};

/**
 * What our side does, in order. A step is a letter of the document's list. Some acts are for a server that accepts what it
 * should refuse.
 */
export type Act =
  & { on?: number; ifAccepted?: boolean }
  & (
    | { do: "connect" }
    | { do: "finish" }
    | { do: "leave" }
    | { do: "hear"; step: string; expected: Expected }
    /**
     * Says bytes, in pieces of these lengths with gaps between, where an empty one is a longer silence; or zeros. What is
     * `last` leaves with the last piece.
     */
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
    | { do: "look"; name: string }
  );

/** How a play is set up. */
export interface Setting {
  /** The file's name, and what is in it. */
  name: string;
  data: string;
  /** What stands in the program's folder: bytes, a length of nothing but holes, or a folder. */
  files: Record<string, string | number | "/">;
  /** Started with -v. */
  verbose?: boolean;
  /** Its calls to the system are recorded, and some of them changed. */
  traced?: { inject?: string };
  memory?: boolean;
  /** Room on the disk that it takes, in bytes. */
  room?: number;
  /** Afterwards the server is in an unknown state, by our fault. */
  breaks?: boolean;
  /** So long nobody comes before it, in milliseconds. */
  idle?: number;
  /** What does not come in this time is not awaited, in milliseconds. */
  limitMs?: number;
  /** The address that we connect to, or that a client is given; else 127.0.0.1. */
  host?: string;
}

export interface Play extends Setting {
  id: string;
  about: Role;
  verb: Verb;
  acts: Act[];
}
