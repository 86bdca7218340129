/** What a program under test has sent and nobody has taken yet. */

import { type Bytes, concat } from "../../lib/bytes.ts";

/** Receives from a connection, all the time. */
export class Inbox {
  #received: Bytes = new Uint8Array(0);
  #isClosed = false;
  #onData: () => void = () => {};
  /** Fulfilled when nothing comes any more. */
  readonly ended: Promise<void>;

  /** Begins to receive. */
  constructor(conn: Deno.Conn) {
    this.ended = this.#read(conn);
  }

  async #read(conn: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      // Not by the stream, which closes both directions when the other side closes one.
      for (let count; (count = await conn.read(buffer)) !== null;) {
        this.#received = concat(this.#received, buffer.subarray(0, count));
        this.#onData();
      }
    } catch {
      // Reset, or closed by us.
    }
    this.#isClosed = true;
    this.#onData();
  }

  /** What has come and was not taken. */
  get received(): Bytes {
    return this.#received;
  }

  /** Whether the other side has closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Puts bytes before all that was not taken. */
  putBack(bytes: Bytes): void {
    this.#received = concat(bytes, this.#received);
  }

  /** Takes so many bytes, or fewer if no more come within `ms` or what came can't be right. */
  async take(count: number, ms: number, isPossible: (received: Bytes) => boolean = () => true): Promise<Bytes> {
    await this.wait(ms, () => this.#received.length >= count || !isPossible(this.#received));
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(taken.length);
    return taken;
  }

  /** Waits until something holds, the other side closes or `ms` have passed without a byte. */
  async wait(ms: number, isOver: () => boolean): Promise<void> {
    while (!isOver() && !this.#isClosed) {
      const seen = this.#received.length;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#onData = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.#received.length === seen && !this.#isClosed) return;
    }
  }
}
