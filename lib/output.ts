/** What the programs write to a terminal, a file or a pipe, any of which may be full or gone. */

import { systemReason } from "./errors.ts";

/** Writes text to standard error. When that can't be written, nobody is left to be told: it is no reason to end anything. */
export function writeError(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // See above.
  }
}

/** Tells that standard output could not be written, if that is what an error says; any other is thrown on. */
export function reportOutputError(program: string, error: unknown): void {
  // Whoever read our output has enough of it.
  if (error instanceof Deno.errors.BrokenPipe) return;
  if (!(error instanceof Error && "code" in error)) throw error;
  writeError(`${program}: cannot write to standard output: ${systemReason(error)}\n`);
}
