/** What the programs write to a terminal, a file or a pipe: any of them may be full or closed. */

/** Writes text to standard error. If that fails, nothing else does. */
export function writeError(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // There is nowhere left to report it.
  }
}

/** Reports that standard output could not be written, if that is the error; rethrows any other error. */
export async function reportOutputError(program: string, error: unknown): Promise<void> {
  // The reader closed the pipe.
  if (error instanceof Deno.errors.BrokenPipe) return;
  if (!(error instanceof Error && "code" in error)) throw error;
  const { systemReason } = await import("../errors.ts");
  writeError(`${program}: cannot write to standard output: ${systemReason(error)}\n`);
}
