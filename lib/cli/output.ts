/** What the programs write to a terminal, a file or a pipe: any of them may be full, closed or read by nobody. */

import { writeAll } from "../bytes.ts";
import { within } from "../within.ts";

// A reader that is this far behind gets no more lines until it has caught up.
const MAX_LINES = 1000;
// A line that can't be written in this time is waited for no longer: perhaps nobody reads the pipe.
const LINE_MS = 1000;
// Until a look whether a full pipe has room again.
const FULL_MS = 10;

/** What takes as much of some data as it has room for, and says how much that was. */
interface Writer {
  write(data: Uint8Array): Promise<number>;
}

/**
 * One of the two standard streams. A write to a full pipe may last for ever, so lines wait in a queue, from which a thread
 * writes them, and nothing else waits.
 */
export class Output {
  readonly #stream: Writer;
  #lines: string[] = [];
  #lost = 0;
  #writing: Promise<void> | undefined;
  #error: unknown;

  /** Writes to a stream. */
  constructor(stream: Writer) {
    this.#stream = stream;
  }

  /** Why the stream can't be written any more, if so. */
  get error(): unknown {
    return this.#error;
  }

  /** Whether nothing waits to be written. */
  get isIdle(): boolean {
    return this.#writing === undefined;
  }

  /** Queues text; fulfilled when it has been written or can't be. */
  write(text: string): Promise<void> {
    if (this.#lines.length < MAX_LINES) this.#lines.push(text);
    else this.#lost++;
    return this.#writing ??= this.#writeAll();
  }

  /** Fulfilled when nothing waits any more. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#lines.length > 0) {
        const text = this.#lines.splice(0).join("");
        const bytes = new TextEncoder().encode(text);
        await writeWaiting(this.#stream, bytes);
        if (this.#lost > 0) {
          writeError(`${this.#lost} lines of output were dropped, since nobody read them\n`);
          this.#lost = 0;
        }
      }
    } catch (error) {
      this.#error ??= error;
      this.#lines = [];
    } finally {
      this.#writing = undefined;
    }
  }
}

/** Writes all of `data`, to a full pipe too that another program has made one that does not wait. */
export function writeWaiting(to: Writer, data: Uint8Array): Promise<void> {
  const write = async (rest: Uint8Array): Promise<number> => {
    while (true) {
      try {
        return await to.write(rest);
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await new Promise((resume) => setTimeout(resume, FULL_MS));
      }
    }
  };
  return writeAll({ write }, data);
}

/** Standard output, for the lab's lines. */
export const stdout = new Output(Deno.stdout);
/** Standard error, for everything else. */
export const stderr = new Output(Deno.stderr);

// How many lines wait for the other stream's, and the end of the last of them.
let waiting = 0;
let last = Promise.resolve();

/** Writes text behind what the other stream got before it: a terminal shows both. */
function inTurn(to: Output, other: Output, text: string): Promise<void> {
  if ((waiting === 0 && other.isIdle) || waiting === MAX_LINES) return to.write(text);
  waiting++;
  return last = last.then(async () => {
    await within(other.flush(), LINE_MS);
    await within(to.write(text), LINE_MS);
    waiting--;
  });
}

/** Writes text to standard output; fulfilled when it has been written or can't be, or nobody reads it. */
export function writeOutput(text: string): Promise<void> {
  return within(inTurn(stdout, stderr, text), LINE_MS);
}

/** Writes text to standard error. If that fails, nothing else does. */
export function writeError(text: string): void {
  void inTurn(stderr, stdout, text);
}

/** Fulfilled when nothing waits to be written to these streams any more. */
export async function flush(...outputs: Output[]): Promise<void> {
  await last;
  await Promise.all(outputs.map((output) => output.flush()));
}

/** Reports that standard output could not be written, if that is the error; rethrows any other error. */
export async function reportOutputError(program: string, error: unknown): Promise<void> {
  // The reader closed the pipe.
  if (error instanceof Deno.errors.BrokenPipe) return;
  const { isSystemError, systemReason } = await import("../errors.ts");
  if (!isSystemError(error)) throw error;
  writeError(`${program}: cannot write to standard output: ${systemReason(error)}\n`);
}
