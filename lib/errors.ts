/** What can go wrong in a transfer, as classes. Any other error is a bug. */

import { printable } from "./printable.ts";
import { ERROR_TEXTS, type FileProblem, type Step } from "./protocol.ts";

/** What a caller may want to know of a failure besides its message. */
export interface FailureOptions extends ErrorOptions {
  /** The step of the lab's list at which it happened, such as `c. server: OK`. */
  step?: Step | undefined;
}

/** A transfer that failed. The message is one sentence, fit for a terminal. */
export class TransferError extends Error {
  /** The step of the lab's list at which it happened, such as `c. server: OK`. */
  readonly step: Step | undefined;

  /** Makes the error; its `cause`, if there is one, is the system's own. */
  constructor(message: string, options: FailureOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.step = options.step;
  }

  /** A copy of this error, of the same class, that names the step. */
  at(step: Step): this {
    const copy = Object.assign(new TransferError(this.message, { cause: this }), this, { step });
    return Object.setPrototypeOf(copy, Object.getPrototypeOf(this));
  }
}

/** The connection could not be made, broke, or was silent for too long. */
export class ConnectionError extends TransferError {}

/** The other side answered `ERROR: …` where the protocol has something else. */
export class ServerError extends TransferError {
  /** `said` is the text after `ERROR: `, as it came; show it with {@linkcode printable}. */
  constructor(readonly said: string, options?: FailureOptions) {
    super(`the other side said ERROR: ${printable(said)}`, options);
  }
}

/** The other side sent something that the protocol does not have at this place. */
export class ProtocolError extends TransferError {
  /** `expected` is what the protocol has; `received` came instead, or nothing if the other side closed the connection. */
  constructor(readonly expected: string, readonly received: string, options?: FailureOptions) {
    const what = received === "" ? "the connection was closed" : `received "${excerpt(received)}"`;
    super(`expected ${expected}, but ${what}`, options);
  }
}

// File data may come in place of a message: enough of it to recognize it.
const EXCERPT_LENGTH = 100;

/** The beginning of a text from the other side that is not what it should be. */
export function excerpt(text: string): string {
  return printable(text.slice(0, EXCERPT_LENGTH)) + (text.length > EXCERPT_LENGTH ? "…" : "");
}

/** Whether an error says that the connection ended, rather than what the other side said. */
export function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ProtocolError && error.received === "");
}

/** Throws an error of moving file data; if it is that the connection broke, it then says how much had moved. */
export function breakOff(step: Step, moved: bigint, size: bigint, error: unknown): never {
  if (!isBroken(error)) throw error;
  const reason = error instanceof ConnectionError ? error.message : "the server closed the connection";
  throw new ConnectionError(`${reason} after ${moved} of ${size} bytes`, { step, cause: error });
}

/** A file on this side that does not exist, can't be created or can't be deleted. */
export class FileError extends TransferError {
  /** Why, in a few words, where the lab's text says too little; by default what the system said (`cause`). */
  readonly reason: string | undefined;

  /** `file` is the file's name, as it was asked for. The message is the lab's own text. */
  constructor(
    readonly problem: FileProblem,
    readonly file: string,
    options: FailureOptions & { reason?: string | undefined } = {},
  ) {
    super(ERROR_TEXTS[problem](file), options);
    this.reason = options.reason ?? reasonOf(problem, options.cause);
  }
}

/** A time, as people read it. */
export function inSeconds(ms: number): string {
  return ms === 1000 ? "1 second" : `${ms / 1000} seconds`;
}

const OS_ERROR = / \(os error \d+\)/;

function reasonOf(problem: FileProblem, cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  if (!(cause instanceof Deno.errors.NotFound)) return systemReason(cause);
  // The lab's own text says so of a missing file.
  return problem === "create" ? "its folder does not exist" : undefined;
}

/** Whether an error is the system's or Deno's refusal of a call; any other is a bug. */
export function isSystemError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  // Some errors of a write, such as "File too large", have neither a code nor a class of their own.
  return "code" in error || OS_ERROR.test(error.message) ||
    Object.values(Deno.errors).some((type) => error instanceof type);
}

/** What the system says of a failed call, in a few words. */
export function systemReason(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (error instanceof Deno.errors.TimedOut) return "timed out";
  const message = error instanceof Error ? error.message : String(error);
  // Deno adds the call and its paths: "No space left on device (os error 28): open '/f'".
  // And node:fs: "EACCES: permission denied, open '/f'".
  const text = message.replace(/ \(os error \d+\).*$/s, "").replace(/^E[A-Z]+: ([^,]*), .*$/s, "$1");
  // An executable can't be run again with all permissions, and nobody should grant them for this.
  if (/^Requires all access to /.test(text)) {
    return "Deno keeps such paths from programs; - is standard input or output";
  }
  const [, access, what, flag] = text.match(/^Requires (\w+) access to (.*), run again with the (--allow-\w+)/s) ?? [];
  if (flag) return `no permission for ${access} access to ${what} (run it with ${flag})`;
  if (/fqdn|invalid dns name/i.test(text)) return "that is not a host name";
  if (/lookup|resolve|not known|no such host|No address/i.test(text)) return "unknown host";
  return text.toLowerCase();
}
