/** What the programs write to a terminal, a file or a pipe: any of them may be full, closed or read by nobody. */

import { within } from "../within.ts";

// A reader that is this far behind gets no more lines until it has caught up.
const MAX_LINES = 1000;
// Where there is a choice, whoever prints waits for a reader that is this far behind.
const MANY_LINES = 100;
// A stream that takes nothing for so long is waited for no longer: perhaps nobody reads the pipe.
const LINE_MS = 1000;
// Until a look whether a full pipe has room again.
const FULL_MS = 10;
// Of so much a pipe takes all or nothing (POSIX, PIPE_BUF). Of more, or of what ends in the middle of a line, Deno may have
// taken a part when it says that the pipe is full.
const ATOMIC_BYTES = 4096;
const NEWLINE = 10;

/** What takes as much of some data as it has room for, and says how much that was. */
interface Writer {
  write(data: Uint8Array): Promise<number>;
}

/** One of the two standard streams. */
interface Stream extends Writer {
  /** How many lines wait for it, and how many were dropped. */
  waiting: number;
  lost: number;
  /** The write that it has not taken yet. */
  writing?: Promise<void> | undefined;
  /** Whether a wait for it was too long. */
  isStuck?: boolean;
  /** Why a write failed, and whether the last one did, in the middle of a line perhaps. */
  error?: unknown;
  isCut?: boolean;
}

/** Lines for one stream, one right after the other: they share a write. */
interface Run {
  to: Stream;
  lines: string[];
}

/**
 * Writes lines to both standard streams, in their order, since a terminal shows both. A write to a full pipe may last as
 * long as the program, so the lines wait in a queue, from which a thread writes them, and nothing else waits.
 */
export class Printer {
  /** For how many milliseconds lines are gathered after a write, which costs a trip to another thread. */
  gatherMs = 0;
  readonly #out: Stream;
  readonly #err: Stream;
  // The queue: what has not begun yet takes more lines, and its turn comes when all before it have had theirs.
  #last: Run | undefined;
  #turn = Promise.resolve();
  #runs = 0;

  /** Writes to two streams. */
  constructor(out: Writer, err: Writer) {
    this.#out = { write: (data) => out.write(data), waiting: 0, lost: 0 };
    this.#err = { write: (data) => err.write(data), waiting: 0, lost: 0 };
  }

  /** Why standard output could not be written, if so. */
  get error(): unknown {
    return this.#out.error;
  }

  /** Whether the reader of standard output is far behind. */
  get isBehind(): boolean {
    return this.#out.waiting >= MANY_LINES;
  }

  /** Whether nothing waits to be written. */
  get isIdle(): boolean {
    return this.#runs === 0;
  }

  /** Prints text on standard output. Fulfilled when its reader is not far behind, or takes nothing. */
  async print(text: string): Promise<void> {
    this.#add(this.#out, text);
    if (this.isBehind) await this.settled();
  }

  /** Prints text on standard error. If that fails, nothing else does. */
  warn(text: string): void {
    this.#add(this.#err, text);
  }

  /** Fulfilled when the lines on standard output so far have been written, or nobody reads them. */
  async written(): Promise<void> {
    if (!this.#out.isStuck) this.#out.isStuck = await isLonger(this.#taken(this.#out), LINE_MS);
  }

  /** Fulfilled when nothing waits to be written any more, or has for so long that perhaps nobody reads. */
  async settled(): Promise<void> {
    await within(this.flush(), LINE_MS);
  }

  /** Fulfilled when nothing waits to be written any more. */
  async flush(): Promise<void> {
    while (!this.isIdle) await Promise.all([this.#turn, this.#out.writing, this.#err.writing]);
  }

  // Whatever becomes of the other stream.
  async #taken(stream: Stream): Promise<void> {
    while (stream.waiting > 0 || stream.writing) await Promise.all([this.#turn, stream.writing]);
  }

  #add(to: Stream, text: string): void {
    if (to.waiting >= MAX_LINES) return void to.lost++;
    to.waiting++;
    if (this.#last?.to === to) return void this.#last.lines.push(text);
    this.#last = { to, lines: [text] };
    this.#turn = this.#begin(this.#last, this.#turn);
  }

  // Waits for the lines before a run, unless their stream takes nothing, and hands it on.
  async #begin(run: Run, before: Promise<void>): Promise<void> {
    if (this.#runs++ > 0) await before;
    for (const stream of [this.#out, this.#err]) {
      if (stream.writing && !stream.isStuck) stream.isStuck = await isLonger(stream.writing, LINE_MS);
    }
    if (this.#last === run) this.#last = undefined;
    const { to } = run;
    const writing = this.#write(run, to.writing).finally(() => {
      this.#runs--;
      if (to.writing === writing) Object.assign(to, { writing: undefined, isStuck: false });
    });
    to.writing = writing;
  }

  async #write({ to, lines }: Run, before: Promise<void> | undefined): Promise<void> {
    if (before) await before;
    to.waiting -= lines.length;
    // A pipe gets no other reader; a full disk may get room.
    if (to.error instanceof Deno.errors.BrokenPipe) return;
    try {
      await writeWaiting(to, new TextEncoder().encode((to.isCut ? "\n" : "") + lines.join("")));
      const why = to.isCut ? "which could not be written" : "since nobody read them";
      if (to.lost > 0) this.warn(`${to.lost} lines of output were dropped, ${why}\n`);
      Object.assign(to, { lost: 0, isCut: false });
      if (this.gatherMs > 0 && !this.#last) await new Promise((resume) => setTimeout(resume, this.gatherMs));
    } catch (error) {
      to.error ??= error;
      to.isCut = true;
      to.lost += lines.length;
    }
  }
}

async function isLonger(wait: Promise<void>, ms: number): Promise<boolean> {
  return !await within(wait.then(() => true), ms);
}

/** Writes lines. Retries while a pipe that another program made non-blocking is full. */
async function writeWaiting(to: Writer, lines: Uint8Array): Promise<void> {
  for (let start = 0; start < lines.length;) {
    const part = lines.subarray(start, start + ATOMIC_BYTES);
    const end = part.lastIndexOf(NEWLINE) + 1;
    try {
      start += await to.write(end > 0 ? part.subarray(0, end) : part);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await new Promise((resume) => setTimeout(resume, FULL_MS));
    }
  }
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
