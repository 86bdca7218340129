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
  readonly #isQuiet: boolean;
  readonly #isOn: boolean;
  readonly #label: string;
  readonly #address: string;
  #shown: "nothing" | "wait" | "bar" = "nothing";
  #state = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;
  #bar: ProgressBar | undefined;
  #bytes = 0n;

  /** Shows the transfers of a task; a label such as `2/5 ` stands before the bar. */
  constructor({ isQuiet, options: { hostname, port } }: Task, label = "") {
    this.#isQuiet = isQuiet;
    this.#isOn = !isQuiet && terminalColumns() > 0;
    this.#label = label;
    this.#address = `${printable(hostname)} port ${port}`;
  }

  /** The options of a transfer whose course this meter shows, from the connection on. */
  watch(options: ClientOptions): ClientOptions {
    this.#setState(`connecting to ${this.#address}`);
    // A TLS handshake waits in a busy server's queue, as READY does.
    if (options.tls) this.#expectReady(options);
    return {
      ...options,
      onConnect: () => {
        this.#setState(`waiting for our turn at ${this.#address}`);
        if (!options.tls) this.#expectReady(options);
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
    this.#setState(`reading: ${bytes(Number(count))}`);
  }

  #setState(state: string): void {
    const isNew = this.#state === "";
    this.#state = state;
    if (isNew) this.#later(() => this.#showState());
    else if (this.#shown === "wait") this.#showState();
  }

  #expectReady({ timeoutMs = 0, tls }: ClientOptions): void {
    if (this.#isQuiet || timeoutMs === 0) return;
    this.#late = setTimeout(() => {
      this.#clear();
      const silence = `${this.#address} has not said READY for ${inSeconds(timeoutMs)}`;
      const speaks = tls ? "does not speak TLS" : "speaks TLS (--tls)";
      const causes = `it is busy, ${speaks}, or is another kind of server (--wait S limits the wait)`;
      writeError(`client: ${silence}: ${causes}\n`);
    }, timeoutMs);
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
