/** One TCP connection: reads, writes in calls of a bounded size, limited waits, and a close that loses nothing. */

import type { Bytes } from "../bytes.ts";
import { ConnectionError, inSeconds, type TransferError } from "../errors.ts";
import { MAX_TIMER_MS, within } from "../within.ts";

/** What a {@linkcode Socket} needs of a connection. */
export type Conn = Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close"> & {
  setNoDelay?(isOn: boolean): void;
  /** Why an operation failed, if it is not that the peer has broken the connection. */
  explain?(cause: unknown): TransferError | undefined;
  /** Called when data moves outside of a read or a write. */
  onProgress?(): void;
};

/** How long the waits of a {@linkcode Socket} last. */
export interface SocketOptions {
  /** Milliseconds of silence after which a watched wait fails; 0 is never. */
  timeoutMs: number;
  /** The same for what the system does not take. */
  sendTimeoutMs?: number;
  /** Who is at the other end, for the errors' sentences. */
  peer: "server" | "client";
  /** Cuts the connection; every wait then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

// A close with unread data becomes a reset (RFC 2525, 2.17), which can destroy the last message on its way. So FIN goes
// first, and what still comes is dropped for this long: a second covers a round trip to anywhere.
const LINGER_MS = 1000;
// Made once: an error of its own for each connection, with its stack, would cost as much as a message.
const CLOSED = new ConnectionError("the connection was closed");
// Nobody looks at what is dropped, so all connections share the memory.
const DROPPED = new Uint8Array(64 * 1024);
// So few segments cost less than switching the delay off and on.
const FEW_CALLS = 8;
// The timer looks for silence this often in one timeout, which is then at most a tenth late.
const TICKS = 10;

/** A connection to the peer. */
export class Socket implements Disposable {
  /** What the peer sends, as a byte stream. */
  readonly readable: ReadableStream<Bytes>;
  readonly peer: SocketOptions["peer"];
  readonly #conn: Conn;
  readonly #signal: AbortSignal | undefined;
  // What ends the waits when the connection is cut; listeners of a signal of its own would cost more than a message.
  readonly #waits = new Set<(reason: unknown) => void>();
  #cutReason: { reason: unknown } | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isNoDelay = false;
  #isSending = false;
  #ended: Promise<void> | undefined;
  #watched = 0;
  #progress = 0;

  /** Takes over a connection. */
  constructor(conn: Conn, { timeoutMs, sendTimeoutMs = timeoutMs, peer, signal }: SocketOptions) {
    this.#conn = conn;
    this.peer = peer;
    this.#signal = signal;
    conn.onProgress = (): void => void this.#progress++;
    this.#setNoDelay(true);
    this.readable = new ReadableStream({
      type: "bytes",
      pull: async (controller): Promise<void> => {
        const request = controller.byobRequest!;
        const count = await conn.read(request.view as Uint8Array).catch((cause) => this.#fail(cause));
        this.#progress++;
        if (count === null) controller.close();
        request.respond(count ?? 0);
      },
    });
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted) this.#onAbort();
    else if (timeoutMs > 0 && timeoutMs < Infinity) this.#watchSilence(timeoutMs, sendTimeoutMs);
  }

  #onAbort = (): void => this.#cut(this.#signal!.reason);

  #cut(reason: unknown): void {
    if (this.#cutReason) return;
    this.#cutReason = { reason };
    clearInterval(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#conn.close();
    for (const end of this.#waits) end(reason);
  }

  /** Whether the connection has been cut from this side; the waits have failed with the reason. */
  get isCut(): boolean {
    return this.#cutReason !== undefined;
  }

  /** Awaits something until the connection is cut; `explain` may make another error of the one that ends the wait. */
  untilCut<T>(wait: Promise<T>, explain = (error: unknown): unknown => error): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        this.#waits.delete(fail);
        reject(explain(error));
      };
      this.#waits.add(fail);
      wait.then((value) => {
        this.#waits.delete(fail);
        resolve(value);
      }, fail);
      if (this.#cutReason) fail(this.#cutReason.reason);
    });
  }

  /** The same for what depends on the peer, such as a whole message: after the timeout the connection is cut. */
  async watch<T>(wait: Promise<T>, explain?: (error: unknown) => unknown): Promise<T> {
    this.#watched++;
    this.#progress++;
    try {
      return await this.untilCut(wait, explain);
    } finally {
      this.#watched--;
      this.#progress++;
    }
  }

  /** Writes all of a message, or of file data with at most `callBytes` bytes in each call to the kernel. */
  write(data: Uint8Array, callBytes = Infinity, explain?: (error: unknown) => unknown): Promise<void> {
    return this.watch(this.#write(data, callBytes), explain);
  }

  async #write(data: Uint8Array, callBytes: number): Promise<void> {
    // Many small calls become as few segments as one large call; the last of them leaves with the next message.
    this.#setNoDelay(data.length <= FEW_CALLS * callBytes);
    this.#isSending = true;
    try {
      for (let start = 0; start < data.length;) {
        start += await this.#conn.write(data.subarray(start, Math.min(start + callBytes, data.length)));
        this.#progress++;
      }
    } catch (cause) {
      this.#fail(cause);
    }
    this.#isSending = false;
  }

  /** Sends at once what the system holds back of the data so far, waiting for more. */
  flush(): void {
    this.#setNoDelay(true);
  }

  // Without it the last short block and DONE wait some 40 ms for a delayed acknowledgement (RFC 1122, 4.2.3.2).
  #setNoDelay(isOn: boolean): void {
    if (this.#isNoDelay === isOn) return;
    this.#isNoDelay = isOn;
    try {
      this.#conn.setNoDelay?.(isOn);
    } catch {
      // Some systems refuse it on a connection that the peer has reset; the next read or write fails.
    }
  }

  /** Sends FIN after all that was written. Inside TLS, fulfilled when the system has taken that; it may fail as a write. */
  end(): Promise<void> {
    this.#isSending = true;
    return this.#ended ??= this.watch(this.#conn.closeWrite());
  }

  /** Closes after the last message, when the peer has closed too or a second has passed. Never fails. */
  async finish(): Promise<void> {
    using _ = this;
    const drop = async (): Promise<void> => {
      while (await this.#conn.read(DROPPED) !== null);
    };
    try {
      await this.end();
      await within(this.untilCut(drop()), LINGER_MS);
    } catch {
      // The peer reset the connection.
    }
  }

  /** Closes the connection at once; waits on it fail. */
  [Symbol.dispose](): void {
    this.#cut(CLOSED);
  }

  // A wait may be as short as a block's write, too short for a timer of its own: one timer looks whether anything moved.
  #watchSilence(timeoutMs: number, sendTimeoutMs: number): void {
    const tickMs = Math.min(timeoutMs / TICKS, MAX_TIMER_MS);
    let seen = 0;
    let silentTicks = 0;
    this.#timer = setInterval(() => {
      silentTicks = this.#watched > 0 && this.#progress === seen ? silentTicks + 1 : 0;
      seen = this.#progress;
      const limitMs = this.#isSending ? sendTimeoutMs : timeoutMs;
      if (silentTicks * tickMs < limitMs) return;
      this.#cut(new ConnectionError(`the ${this.peer} was silent for ${inSeconds(limitMs)}`));
    }, tickMs);
  }

  #fail(cause: unknown): never {
    throw this.#conn.explain?.(cause) ?? new ConnectionError(`the ${this.peer} broke the connection`, { cause });
  }
}
