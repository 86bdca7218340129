/** What can go wrong in a transfer, as classes. Whatever is not one of these is a bug. */

import { printable } from "./printable.ts";

/** What a caller may want to know of a failure beside its sentence. */
export interface FailureOptions extends ErrorOptions {
  /** The step of the lab's list at which it happened, such as `c. server: OK`. */
  step?: string | undefined;
}

/** A transfer that failed. The message is one sentence, fit for a terminal. */
export class TransferError extends Error {
  /** The name of the class. */
  override name = "TransferError";
  /** The step of the lab's list at which it happened, such as `c. server: OK`. */
  step: string | undefined;

  /** Makes the error; its `cause`, if there is one, is the system's own. */
  constructor(message: string, options: FailureOptions = {}) {
    super(message, options);
    this.step = options.step;
  }
}

/** The other side answered with `ERROR: …` in place of what the protocol has there. */
export class ServerError extends TransferError {
  /** The name of the class. */
  override name = "ServerError";
  /** The text behind `ERROR: `, as it came; show it with {@linkcode printable}. */
  readonly said: string;

  /** Makes the error from the text behind `ERROR: `. */
  constructor(said: string, options?: FailureOptions) {
    super(`the other side said ERROR: ${printable(said)}`, options);
    this.said = said;
  }
}

/** The other side sent something that the protocol does not have at this place. */
export class ProtocolError extends TransferError {
  /** The name of the class. */
  override name = "ProtocolError";
  /** What the protocol has here. */
  readonly expected: string;
  /** What came instead, as it came; empty when the other side closed the connection. */
  readonly received: string;

  /** Makes the error, and its sentence from the two. */
  constructor(expected: string, received: string, options?: FailureOptions) {
    super(
      received === ""
        ? `expected ${expected}, but the connection was closed`
        : `expected ${expected}, but received "${printable(received)}"`,
      options,
    );
    this.expected = expected;
    this.received = received;
  }
}

/** The connection could not be made, broke, or was silent for too long. */
export class ConnectionError extends TransferError {
  /** The name of the class. */
  override name = "ConnectionError";
}

/** Why a file could not be used: the three reasons that the lab has words for. */
export type FileProblem = "missing" | "create" | "delete";

/** The lab's texts for problems with a file ("Handling Errors"), without their prefix. */
const FILE_TEXTS: Record<FileProblem, (file: string) => string> = {
  missing: (file) => `${file} does not exist`,
  create: (file) => `unable to create file ${file}`,
  delete: (file) => `unable to delete ${file}`,
};

/** A file on this side that is not there, can't be created or can't be deleted. */
export class FileError extends TransferError {
  /** The name of the class. */
  override name = "FileError";
  /** Why the file could not be used. */
  readonly problem: FileProblem;
  /** The file's name, as it was asked for. */
  readonly file: string;

  /** Makes the error; its message is the lab's own text. */
  constructor(problem: FileProblem, file: string, options?: FailureOptions) {
    super(FILE_TEXTS[problem](file), options);
    this.problem = problem;
    this.file = file;
  }
}

/** What the system says of a failed call, in a few words. */
export function systemReason(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (error instanceof Deno.errors.TimedOut) return "timed out";
  const text = error instanceof Error ? error.message : String(error);
  if (/lookup|resolve|not known|no such host|No address/i.test(text)) return "unknown host";
  return text.replace(/ \(os error \d+\)$/, "").toLowerCase();
}
