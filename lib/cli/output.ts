/** What the programs write to a terminal, a file or a pipe, any of which may be full or gone. */

/** Writes text to standard error. That it can't be written is no reason to end anything. */
export function writeError(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // Nobody is left to be told.
  }
}

/** Tells that standard output could not be written, if that is what an error says; any other is thrown on. */
export async function reportOutputError(program: string, error: unknown): Promise<void> {
  // Whoever read our output has enough of it.
  if (error instanceof Deno.errors.BrokenPipe) return;
  if (!(error instanceof Error && "code" in error)) throw error;
  const { systemReason } = await import("../errors.ts");
  writeError(`${program}: cannot write to standard output: ${systemReason(error)}\n`);
}
