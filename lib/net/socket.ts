/** One TCP connection: reads, writes in calls of a bounded size, waits that end, and a close that loses nothing. */

import { ConnectionError, systemReason } from "../errors.ts";

/** A connection of Deno's, as far as a {@linkcode Socket} uses it, or one like it. */
export type Conn = Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close"> & {
  /** Turns TCP's delay of small segments off, where it can be. */
  setNoDelay?(isOn: boolean): void;
  /** Is set to be told of data that moves outside of a read or a write. */
  onProgress?(): void;
};

/** How long the waits of a {@linkcode Socket} last. */
export interface SocketOptions {
  /** Milliseconds that one wait for the peer may last; 0 is for ever. */
  timeoutMs: number;
  /** Who is at the other end, for the errors' sentences. */
  peer: "server" | "client";
  /** Cuts the connection, and every wait on it, short. */
  signal?: AbortSignal | undefined;
}

// A close with unread data becomes a reset, which can destroy the last message on its way: so FIN goes first, and
// what still comes is read and dropped for this long. One second covers a round trip to anywhere.
const LINGER_MS = 1000;
const LINGER_BYTES = 64 * 1024;
// How often a timeout looks for silence: it comes no more than a tenth late.
const TICKS = 10;

/** A connection to the peer, with a limit on every watched wait. */
export class Socket implements Disposable {
  /** What the peer sends, as a byte stream. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #conn: Conn;
  readonly #options: SocketOptions;
  readonly #onAbort = (): void => this.#cut(this.#options.signal?.reason);
  // Why the connection was cut from this side; it explains every operation that fails thereafter.
  #cause: unknown;
  #isNoDelay = false;
  #isClosed = false;
  // What fails when the connection is cut.
  readonly #operations = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #waits = 0;
  #progress = 0;

  /** Takes over a connection. */
  constructor(conn: Conn, options: SocketOptions) {
    this.#conn = conn;
    this.#options = options;
    conn.onProgress = (): void => void this.#progress++;
    this.#setNoDelay(true);
    this.readable = new ReadableStream({
      type: "bytes",
      pull: async (controller): Promise<void> => {
        const request = controller.byobRequest!;
        const count = await this.#explained(conn.read(request.view as Uint8Array));
        if (count === null) controller.close();
        request.respond(count ?? 0);
      },
    });
    if (options.timeoutMs > 0) this.#watchSilence(options.timeoutMs);
    options.signal?.addEventListener("abort", this.#onAbort);
    if (options.signal?.aborted) this.#onAbort();
  }

  /**
   * Waits for something of the peer's, such as a whole message, no longer than the timeout. When that has passed, the
   * connection is cut and the wait fails with a {@linkcode ConnectionError}.
   */
  async watch<T>(wait: Promise<T>): Promise<T> {
    this.#waits++;
    this.#progress++;
    try {
      return await wait;
    } finally {
      this.#waits--;
      this.#progress++;
    }
  }

  /** Writes all of `data`, no more than `callBytes` bytes in each call to the kernel. */
  write(data: Uint8Array, callBytes: number = data.length): Promise<void> {
    return this.watch(this.#explained(this.#write(data, callBytes)));
  }

  async #write(data: Uint8Array, callBytes: number): Promise<void> {
    // Many small calls become as few segments as one large call would; what is left of them goes with the next message.
    this.#setNoDelay(data.length <= callBytes);
    for (let start = 0; start < data.length;) {
      start += await this.#conn.write(data.subarray(start, Math.min(start + callBytes, data.length)));
      this.#progress++;
    }
  }

  /** Sends at once what the system holds back of the data so far, in the hope of more. */
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
      // Some systems refuse it on a connection that the peer has reset; the next read or write tells.
    }
  }

  /**
   * Closes after the last message: sends FIN, drops what still comes until the peer closes too or a second has passed,
   * then closes. Never fails: the conversation is over.
   */
  async finish(): Promise<void> {
    using _ = this;
    let timer;
    try {
      await this.watch(this.#conn.closeWrite());
      timer = setTimeout(() => this.#cut(), LINGER_MS);
      const dropped = new Uint8Array(LINGER_BYTES);
      while (await this.#conn.read(dropped) !== null);
    } catch {
      // The peer reset the connection or the second has passed: either ends the wait.
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the connection; what waits on it fails. */
  [Symbol.dispose](): void {
    this.#cut();
  }

  #cut(cause?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cause = cause;
    clearInterval(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#conn.close();
    for (const cut of this.#operations) cut();
  }

  // Looks now and then whether anything has moved: a wait may be as short as a block's write, too short for a clock.
  #watchSilence(timeoutMs: number): void {
    let seen = 0;
    let silentTicks = 0;
    this.#timer = setInterval(() => {
      silentTicks = this.#waits > 0 && this.#progress === seen ? silentTicks + 1 : 0;
      seen = this.#progress;
      if (silentTicks < TICKS) return;
      this.#cut(new ConnectionError(`the ${this.#options.peer} was silent for ${timeoutMs / 1000} seconds`));
    }, timeoutMs / TICKS);
  }

  // Fails with the cause of a cut at once: in Deno 2.5, close() leaves a write that is under way as it is.
  #explained<T>(operation: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cut = (): void => reject(this.#cause ?? new ConnectionError("the connection was closed"));
      this.#operations.add(cut);
      operation.then(resolve, (cause) => {
        if (this.#isClosed) cut();
        else reject(new ConnectionError(`the ${this.#options.peer} broke the connection`, { cause }));
      }).finally(() => this.#operations.delete(cut));
    });
  }
}

/** How a client trusts a server that speaks TLS. */
export interface TlsOptions {
  /** Certificates of authorities in PEM that are trusted beside the usual ones. */
  caCerts?: string[];
}

/** Which server to connect to. */
export interface ConnectOptions {
  /** Milliseconds for the connection to be made; 0 is for ever. A TLS handshake may take longer, as READY may. */
  timeoutMs: number;
  /** The server's name or address. */
  hostname: string;
  /** The server's TCP port. */
  port: number;
  /** Whether the connection is one by TLS, and whom it trusts. */
  tls?: boolean | TlsOptions | undefined;
  /** Ends the attempt. */
  signal?: AbortSignal | undefined;
}

/**
 * Connects to a server, trying every address that its name has. Throws a {@linkcode ConnectionError}, or the signal's
 * reason.
 */
export async function connect({ hostname, port, tls, timeoutMs, signal }: ConnectOptions): Promise<Deno.Conn> {
  signal?.throwIfAborted();
  const timeout = timeoutMs > 0 ? [AbortSignal.timeout(timeoutMs)] : [];
  const ending = AbortSignal.any([...timeout, ...(signal ? [signal] : [])]);
  const failed = (reason: string, cause?: unknown): ConnectionError =>
    new ConnectionError(`cannot connect to ${hostname} port ${port}: ${reason}`, { cause });
  if (!isNetGranted(hostname, port)) throw failed("no permission (run it with --allow-net)");
  const attempt = (address: string): Promise<Deno.TcpConn> => Deno.connect({ hostname: address, port, signal: ending });
  let conn: Deno.TcpConn | undefined;
  try {
    conn = await attempt(hostname);
  } catch (error) {
    for (const address of ending.aborted ? [] : await addresses(hostname)) {
      if (isNetGranted(address, port)) conn = await attempt(address).catch(() => undefined);
      if (conn || ending.aborted) break;
    }
    signal?.throwIfAborted();
    if (!conn && ending.aborted) throw failed(`no answer for ${timeoutMs / 1000} seconds`, error);
    if (!conn) throw failed(systemReason(error), error);
  }
  if (!tls) return conn;
  try {
    return await secure(conn, hostname, tls === true ? {} : tls, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw failed(tlsReason(error), error);
  }
}

// A handshake waits as READY does: the server may be busy with another client.
async function secure(conn: Deno.TcpConn, hostname: string, tls: TlsOptions, signal?: AbortSignal): Promise<Deno.Conn> {
  conn.setNoDelay(true);
  const secured = await Deno.startTls(conn, { hostname, ...tls });
  const cut = (): void => secured.close();
  signal?.addEventListener("abort", cut);
  try {
    await secured.handshake();
    return secured;
  } catch (error) {
    if (!signal?.aborted) secured.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", cut);
  }
}

// What is said of certificates that can't be trusted, in sentences.
const CERTIFICATE_REASONS: [RegExp, string][] = [
  [/unknown ?issuer/, "is by no authority that is trusted here (--ca FILE adds one)"],
  [/caused ?as ?end ?entity/, "is one of an authority (CA:TRUE), and can't be a server's too"],
  [/not ?valid ?for ?name/, "is for another name"],
  [/not ?valid ?yet/, "is not valid yet"],
  [/expired/, "has expired"],
];

function tlsReason(error: unknown): string {
  const text = systemReason(error);
  if (/corrupt ?message|unexpected ?message/.test(text)) return "the server does not speak TLS";
  const [, why] = CERTIFICATE_REASONS.find(([pattern]) => pattern.test(text)) ?? [];
  if (why) return `the server's certificate ${why}`;
  if (/certificate/.test(text)) return `the server's certificate is not trusted (${text})`;
  return `the TLS handshake failed (${text})`;
}

// Before Deno 2.9, connect() tries the first address of a name alone.
async function addresses(hostname: string): Promise<string[]> {
  if (isIpv6(hostname) || /^[\d.]+$/.test(hostname) || !isNetGranted(hostname)) return [];
  const { default: process } = await import("node:process");
  const { noDeprecation } = process as { noDeprecation?: boolean };
  // Before Deno 2.7 a lookup warns of a module that Deno itself uses.
  Object.assign(process, { noDeprecation: true });
  try {
    const { lookup } = await import("node:dns/promises");
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  } finally {
    Object.assign(process, { noDeprecation });
  }
}

/** Whether Deno may use the network so, without asking on a terminal; without a port, any port. */
export function isNetGranted(hostname: string, port?: number): boolean {
  const host = (isIpv6(hostname) ? `[${hostname}]` : hostname) + (port === undefined ? "" : `:${port}`);
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function isIpv6(hostname: string): boolean {
  return hostname.includes(":");
}
