/** Shows a person at a terminal what takes long: the wait for the server's READY, or a transfer. */

import type { ClientOptions } from "../mod.ts";
import { inSeconds } from "../errors.ts";
import { printable } from "../printable.ts";
import type { Task } from "./client_options.ts";
import { writeError } from "./output.ts";
import { bytes, clearLine, overwriteLine, ProgressBar, terminalColumns } from "./progress.ts";

// Shorter waits show nothing.
const PATIENCE_MS = 500;

/** The state of one transfer, on standard error. */
export class Meter implements Disposable {
  readonly #isOn: boolean;
  readonly #label: string;
  readonly #address: string;
  #shown: "nothing" | "wait" | "bar" = "nothing";
  #state: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;
  #bar: ProgressBar | undefined;
  #bytes = 0n;

  /** Begins with the connection to the task's server; a label such as `2/5 ` stands before the bar. */
  constructor({ isQuiet, options: { hostname, port, timeoutMs = 0 } }: Task, label = "") {
    this.#isOn = !isQuiet && terminalColumns() > 0;
    this.#label = label;
    this.#address = `${printable(hostname)} port ${port}`;
    this.#state = `connecting to ${this.#address}`;
    this.#later(() => this.#showState());
    if (isQuiet || timeoutMs === 0) return;
    this.#late = setTimeout(() => {
      this.#clear();
      const silence = `${this.#address} has not said READY for ${inSeconds(timeoutMs)}`;
      const causes = "it is busy, speaks TLS (--tls), or is another kind of server (--wait S limits the wait)";
      writeError(`client: ${silence}: ${causes}\n`);
    }, timeoutMs);
  }

  /** The options of a transfer whose course this meter shows. */
  watch(options: ClientOptions): ClientOptions {
    return {
      ...options,
      onConnect: () => {
        this.#state = `waiting for our turn at ${this.#address}`;
        if (this.#shown === "wait") this.#showState();
        options.onConnect?.();
      },
      onReady: () => {
        this.#ready();
        return options.onReady?.();
      },
      onStart: async (size) => {
        await options.onStart?.(size);
        const startTime = performance.now();
        if (size > 0n) this.#later(() => this.#showBar(size, startTime));
      },
      onProgress: (moved) => {
        this.#bytes = moved;
        options.onProgress?.(moved);
      },
    };
  }

  /** Shows how much of a stream has been read before the transfer can begin. */
  reading(count: bigint): void {
    this.#state = `reading: ${bytes(Number(count))}`;
    if (this.#shown === "wait") this.#showState();
  }

  #showState(): void {
    this.#shown = "wait";
    overwriteLine(this.#label + this.#state);
  }

  #showBar(total: bigint, startTime: number): void {
    this.#shown = "bar";
    this.#bar = new ProgressBar({ label: this.#label, total, moved: () => this.#bytes, startTime });
  }

  #ready(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#late);
    this.#clear();
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    this.#ready();
    this.#bar?.[Symbol.dispose]();
  }

  #clear(): void {
    if (this.#shown === "wait") clearLine();
    this.#shown = "nothing";
  }

  #later(show: () => void): void {
    if (this.#isOn) this.#timer = setTimeout(show, PATIENCE_MS);
  }
}
