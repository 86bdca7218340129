/** A running program under test: its lines, its memory, and its end with all that it started. */

import { within } from "../../lib/within.ts";
import { kill, output } from "./system.ts";

// A program that prints without end must not fill this one's memory. Its lines of the document have a share of their own.
const MAX_OUTPUT = 128 * 1024;
const MAX_LINE = 1024;
// What a recording takes for a line, besides its text.
const LINE_BYTES = 64;
const DOCUMENTED = /^(client|server) /i;
// What a program writes just before it ends is read in far less.
const DRAIN_MS = 500;

export interface Start {
  cwd: string;
  /** Whether all that it starts ends with it; if not, it is looked for. */
  isEnclosed: boolean;
  /** Takes its output; the last line may have no newline. */
  onLine: (stream: "stdout" | "stderr", text: string, isUnended?: boolean) => void;
  /** Little memory for a Java program, which would collect its garbage some time later. */
  isCapped?: boolean;
}

/** A program under test, in a session of its own. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #mark: string | undefined;
  readonly #streams: ReadableStreamDefaultReader<Uint8Array>[] = [];
  readonly #reading: Promise<unknown>;
  readonly ended: Promise<number>;
  status: number | undefined;
  isKilled = false;

  constructor(words: string[], { cwd, isEnclosed, onLine, isCapped }: Start) {
    this.#mark = isEnclosed ? undefined : crypto.randomUUID();
    const [program, ...args] = words;
    const env = {
      PYTHONUNBUFFERED: "1",
      ...this.#mark && { BLOCKFERRY_LAB_MARK: this.#mark },
      ...isCapped && { JAVA_TOOL_OPTIONS: "-Xmx48m" },
    };
    const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(program!, { args, cwd, env, detached: true, ...streams }).spawn();
    this.ended = this.#child.status.then(({ code }) => this.status = code);
    this.#reading = Promise.all((["stdout", "stderr"] as const).map((name) => this.#collect(name, onLine)));
  }

  async #collect(name: "stdout" | "stderr", onLine: Start["onLine"]): Promise<void> {
    const reader = this.#child[name].getReader();
    this.#streams.push(reader);
    const decoder = new TextDecoder();
    const left = { documented: MAX_OUTPUT, others: MAX_OUTPUT };
    let rest = "";
    try {
      // What is too much is read too, so that the program does not wait for a reader.
      for (let read; !(read = await reader.read()).done;) {
        const lines = (rest + decoder.decode(read.value, { stream: true })).split("\n");
        rest = lines.pop()!.slice(0, MAX_LINE);
        for (const line of lines) {
          const text = line.slice(0, MAX_LINE).replace(/\r$/, "");
          const kind = DOCUMENTED.test(text) ? "documented" : "others";
          if ((left[kind] -= text.length + LINE_BYTES) >= 0) onLine(name, text);
        }
      }
    } catch {
      // Given up: something holds the pipe.
    }
    if (rest !== "") onLine(name, rest, true);
  }

  /** Awaits the end, for so many milliseconds at most, and the last of its output. */
  async end(ms: number): Promise<boolean> {
    const hasEnded = await within(this.ended.then(() => true), ms) ?? false;
    if (hasEnded) await within(this.#reading, DRAIN_MS);
    return hasEnded;
  }

  async peakKib(): Promise<number> {
    const files = (await this.#processes()).map((pid) => `/proc/${pid}/status`);
    // One may end meanwhile.
    const statuses = await output(["sh", "-c", `cat ${files.join(" ")} 2>/dev/null; true`]);
    return Math.max(0, ...Array.from(statuses.matchAll(/^VmHWM:\s+(\d+)/gm), ([, kib]) => Number(kib)));
  }

  /** Ends the program alone, so that what traces it writes down what it saw. */
  async kill(): Promise<void> {
    this.isKilled = true;
    for (const pid of await this.#processes(true)) kill(pid);
    await this.end(DRAIN_MS);
  }

  /** The processes that the program consists of; or those alone that have none of their own. */
  async #processes(areLeaves = false): Promise<number[]> {
    const list = (await output(["ps", "-A", "-o", "pid=,ppid="])).matchAll(/(\d+) +(\d+)/g);
    const parents = new Map(Array.from(list, ([, pid, parent]) => [Number(pid), Number(parent)]));
    const isOurs = (pid = 0): boolean => pid > 1 && (pid === this.#child.pid || isOurs(parents.get(pid)));
    const others = areLeaves ? new Set(parents.values()) : new Set();
    return [...parents.keys()].filter((pid) => isOurs(pid) && !others.has(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isKilled = true;
    kill(-this.#child.pid);
    if (this.#mark) await endMarked(`BLOCKFERRY_LAB_MARK=${this.#mark}`);
    await within(this.ended, DRAIN_MS);
    if (await within(this.#reading.then(() => true), DRAIN_MS)) return;
    for (const reader of this.#streams) await reader.cancel().catch(() => {});
  }
}

/** Ends the processes that have this in their environment: those that left their program's session. */
async function endMarked(mark: string): Promise<void> {
  // A process may start another one meanwhile.
  for (let [round, isLeft] = [0, true]; isLeft && round < 20; round++) {
    const list = Deno.build.os === "linux"
      ? await output(["sh", "-c", `grep -lF ${mark} /proc/[0-9]*/environ 2>/dev/null; true`])
      : (await output(["ps", "-AE", "-o", "pid=,command="])).split("\n").filter((line) => line.includes(mark)).join(
        "\n",
      );
    isLeft = Array.from(list.matchAll(/^\D*(\d+)/gm), ([, pid]) => Number(pid)).filter((pid) => kill(pid)).length > 0;
  }
}
