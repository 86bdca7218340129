/** Shows a person at a terminal what takes long: the wait for the server's READY, or a transfer. */

import type { ClientOptions } from "../mod.ts";
import { printable } from "../printable.ts";
import type { Task } from "./client_options.ts";
import { writeError } from "./output.ts";
import type { ProgressBar } from "./progress.ts";

// Shorter waits show nothing.
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
   * Begins with the wait for the server. After the task's timeout one sentence says what may be the matter, on a terminal
   * or not.
   */
  constructor({ isQuiet, options: { hostname, port, timeoutMs = 0 } }: Task) {
    this.#isOn = !isQuiet && Deno.stderr.isTerminal();
    const address = `${printable(hostname)} port ${port}`;
    this.#later(() => {
      this.#isWaitShown = true;
      writeError(`waiting for our turn at ${address}`.slice(0, Math.max(Deno.consoleSize().columns - 1, 0)));
    });
    if (isQuiet || timeoutMs === 0) return;
    this.#late = setTimeout(() => {
      this.#clear();
      const seconds = timeoutMs / 1000;
      writeError(`client: ${address} has not said READY for ${seconds} seconds: it is busy, or speaks TLS (--tls)\n`);
    }, timeoutMs);
  }

  /** The options of a transfer whose course this meter shows. */
  watch(options: ClientOptions): ClientOptions {
    return {
      ...options,
      onReady: () => {
        this.#ready();
        options.onReady?.();
      },
      onStart: (size) => {
        options.onStart?.(size);
        this.#start(size);
      },
      onProgress: (bytes) => {
        this.#bytes = bytes;
        this.#bar?.update(bytes);
      },
    };
  }

  #ready(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#late);
    this.#clear();
  }

  #start(size: bigint): void {
    const startTime = performance.now();
    this.#later(async () => {
      const timer = this.#timer;
      const { ProgressBar } = await import("./progress.ts");
      if (this.#timer !== timer) return;
      this.#bar = new ProgressBar(size, this.#bytes, startTime);
    });
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    this.#ready();
    this.#timer = undefined;
    this.#bar?.stop();
    this.#bar = undefined;
  }

  // Back to the start of the line, which is then empty.
  #clear(): void {
    if (this.#isWaitShown) writeError("\r\x1b[K");
    this.#isWaitShown = false;
  }

  #later(show: () => void): void {
    if (this.#isOn) this.#timer = setTimeout(show, PATIENCE_MS);
  }
}
