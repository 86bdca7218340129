/** What the programs write to a terminal, a file or a pipe: any of them may be full, closed or read by nobody. */

import { writeAll } from "../bytes.ts";
import { within } from "../within.ts";

// A reader that is this far behind gets no more lines until it has caught up.
const MAX_LINES = 1000;
// Where there is a choice, whoever prints waits for a reader that is this far behind.
const MANY_LINES = 100;
// A stream that takes nothing for so long is waited for no longer: perhaps nobody reads the pipe.
const LINE_MS = 1000;
// A line is written in far less, unless nobody reads.
const WRITTEN_MS = 100;
// Until a look whether a full pipe has room again.
const FULL_MS = 10;

/** What takes as much of some data as it has room for, and says how much that was. */
interface Writer {
  write(data: Uint8Array): Promise<number>;
}

/** One of the two standard streams. */
class Stream {
  readonly writer: Writer;
  /** How many lines wait for it, and how many were dropped. */
  waiting = 0;
  lost = 0;
  /** The write that it has not taken yet. */
  writing: Promise<void> | undefined;
  /** Whether a wait for it was too long. */
  isStuck = false;
  /** Why it can't be written any more, if so. */
  error: unknown;

  constructor(writer: Writer) {
    this.writer = writer;
  }
}

/**
 * Writes lines to both standard streams, in their order, since a terminal shows both. A write to a full pipe may last as
 * long as the program, so the lines wait in a queue, from which a thread writes them, and nothing else waits.
 */
export class Printer {
  /**
   * For how many milliseconds lines are gathered after a write, which costs a trip to another thread. By default every
   * line is written at once: whoever reads it may compare its time with that of a message.
   */
  gatherMs = 0;
  readonly #out: Stream;
  readonly #err: Stream;
  #lines: { to: Stream; text: string }[] = [];
  // Until gathered lines are written, and until a stream that takes nothing is waited for no longer.
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #lastTime = -Infinity;

  /** Writes to two streams. */
  constructor(out: Writer, err: Writer) {
    this.#out = new Stream(out);
    this.#err = new Stream(err);
  }

  /** Why standard output can't be written any more, if so. */
  get error(): unknown {
    return this.#out.error;
  }

  /** Whether nothing waits to be written. */
  get isIdle(): boolean {
    return this.#lines.length === 0 && !this.#out.writing && !this.#err.writing;
  }

  /** Prints text on standard output. Fulfilled when its reader is not far behind, or takes nothing. */
  async print(text: string): Promise<void> {
    this.#add(this.#out, text);
    if (this.#out.waiting >= MANY_LINES) await within(this.flush(), LINE_MS);
  }

  /** Prints text on standard error. If that fails, nothing else does. */
  warn(text: string): void {
    this.#add(this.#err, text);
  }

  #add(to: Stream, text: string): void {
    if (to.waiting >= MAX_LINES) {
      to.lost++;
      return;
    }
    to.waiting++;
    this.#lines.push({ to, text });
    const ms = this.gatherMs === 0 ? 0 : this.#lastTime + this.gatherMs - performance.now();
    if (ms <= 0) this.#drain();
    else this.#gathering ??= setTimeout(() => this.#drain(), ms);
  }

  /** Fulfilled when the lines on standard output so far have been written, or nobody reads them. */
  async written(): Promise<void> {
    if (this.#out.isStuck) return;
    const isWritten = await within(this.flush().then(() => true), WRITTEN_MS);
    this.#out.isStuck = !isWritten;
  }

  /** Fulfilled when nothing waits to be written any more. */
  async flush(): Promise<void> {
    while (!this.isIdle) {
      this.#drain();
      await Promise.all([this.#out.writing, this.#err.writing]);
    }
  }

  // Writes what can be written now: a line waits for those before it, unless their stream takes nothing.
  #drain(): void {
    this.#gathering = cleared(this.#gathering);
    for (let line; (line = this.#lines.find(({ to }) => !to.writing)) !== undefined;) {
      const { to } = line;
      const other = to === this.#out ? this.#err : this.#out;
      if (other.writing && !other.isStuck) {
        this.#waiting ??= setTimeout(() => {
          other.isStuck = true;
          this.#drain();
        }, LINE_MS);
        return;
      }
      to.writing = this.#write(to, this.#take(to)).finally(() => {
        to.writing = undefined;
        to.isStuck = false;
        if (this.gatherMs > 0) this.#lastTime = performance.now();
        this.#waiting = cleared(this.#waiting);
        this.#drain();
      });
    }
  }

  // The lines up to the other stream's next one; all, if that one is stuck.
  #take(to: Stream): string {
    const end = this.#lines.findIndex((line) => line.to !== to && !line.to.writing);
    const lines = this.#lines.slice(0, end === -1 ? undefined : end);
    this.#lines = [...lines.filter((line) => line.to !== to), ...this.#lines.slice(lines.length)];
    const taken = lines.filter((line) => line.to === to);
    to.waiting -= taken.length;
    return taken.map(({ text }) => text).join("");
  }

  async #write(to: Stream, text: string): Promise<void> {
    if (to.error !== undefined) return;
    try {
      await writeWaiting(to.writer, new TextEncoder().encode(text));
      if (to.lost > 0) this.warn(`${to.lost} lines of output were dropped, since nobody read them\n`);
      to.lost = 0;
    } catch (error) {
      to.error = error;
    }
  }
}

// Deno loads its timers when the first is asked for, which takes two milliseconds of a start.
function cleared(timer: ReturnType<typeof setTimeout> | undefined): undefined {
  if (timer !== undefined) clearTimeout(timer);
}

/** Writes all of `data`. Retries while a pipe that another program made non-blocking is full. */
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

/** This process's printer: standard output is for the lab's lines, standard error for everything else. */
export const printer: Printer = new Printer(Deno.stdout, Deno.stderr);

/** Reports that standard output could not be written, if that is the error; rethrows any other error. */
export async function reportOutputError(program: string, error: unknown): Promise<void> {
  // The reader closed the pipe.
  if (error instanceof Deno.errors.BrokenPipe) return;
  const { isSystemError, systemReason } = await import("../errors.ts");
  if (!isSystemError(error)) throw error;
  printer.warn(`${program}: cannot write to standard output: ${systemReason(error)}\n`);
}
