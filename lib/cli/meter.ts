/** Tells a person at a terminal what takes its time: a wait for the server's READY, or a transfer. */

import { writeError } from "./output.ts";
import type { ProgressBar } from "./progress.ts";

// What is over sooner than this is not worth a word.
const PATIENCE_MS = 500;

/** The state of one transfer, on standard error. */
export class Meter implements Disposable {
  readonly #isOn: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;
  #isWaitShown = false;
  #bar: ProgressBar | undefined;
  #bytes = 0n;

  /**
   * Begins with the wait for the server `address`. Once that has taken `lateMs` milliseconds (0 is never) one sentence
   * says what may be the matter, on a terminal or not.
   */
  constructor(address: string, { isOn, lateMs }: { isOn: boolean; lateMs: number }) {
    this.#isOn = isOn;
    this.#after(() => {
      this.#isWaitShown = true;
      writeError(`waiting for our turn at ${address}`.slice(0, Math.max(Deno.consoleSize().columns - 1, 0)));
    });
    if (lateMs === 0) return;
    this.#late = setTimeout(() => {
      this.#clear();
      const seconds = lateMs / 1000;
      writeError(`client: ${address} has not said READY for ${seconds} seconds: it is busy, or speaks TLS (--tls)\n`);
    }, lateMs);
  }

  /** The server is ready. */
  ready(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#late);
    this.#clear();
  }

  /** A transfer of `size` bytes begins. */
  start(size: bigint): void {
    const startTime = performance.now();
    this.#after(async () => {
      const timer = this.#timer;
      const { ProgressBar } = await import("./progress.ts");
      if (this.#timer !== timer) return;
      this.#bar = new ProgressBar(size, this.#bytes, startTime);
    });
  }

  /** So many bytes have been moved. */
  update(bytes: bigint): void {
    this.#bytes = bytes;
    this.#bar?.update(bytes);
  }

  /** The transfer is over; the line is given back. */
  [Symbol.dispose](): void {
    this.ready();
    this.#timer = undefined;
    this.#bar?.stop();
    this.#bar = undefined;
  }

  // Back to the line's start, and nothing on it.
  #clear(): void {
    if (this.#isWaitShown) writeError("\r\x1b[K");
    this.#isWaitShown = false;
  }

  #after(show: () => void): void {
    if (this.#isOn) this.#timer = setTimeout(show, PATIENCE_MS);
  }
}
