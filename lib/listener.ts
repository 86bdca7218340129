/** The server's listening side: the accept loop and the shutdown. Each client is served by server.ts. */

import { delay } from "@std/async";
import { sweepHourly } from "./files/sweep.ts";
import { ConnectionError, isBroken, systemReason, TransferError } from "./errors.ts";
import { Peer } from "./peer.ts";
import type { Reception, ReceptionOptions, Visitor } from "./reception.ts";
import type { Root } from "./files/root.ts";
import { Regulars, type SessionEvent, type SessionOptions } from "./request.ts";
import { serveClient } from "./server.ts";
import { checkNumber, defaultGather } from "./options.ts";
import { Socket } from "./net/socket.ts";
import type { Secure, TlsCredentials } from "./net/tls.ts";
import type { Message } from "./trace.ts";
import { Turns } from "./turns.ts";
import { within } from "./within.ts";

/** What a server reports, in the order of the lab's printed lines ("The Server"). */
export type ServerEvent =
  /** It waits for the next connection. */
  | { type: "waiting"; port: number }
  /** A client has connected. */
  | { type: "connected"; address: Deno.NetAddr }
  | SessionEvent
  /** A connection was closed, since its address is not in `allowFrom`. */
  | { type: "excluded"; address: Deno.NetAddr }
  /**
   * A conversation broke off, of which client if there may be several; or connections can't be accepted, which is reported
   * once, until it has recovered.
   */
  | { type: "failed"; error: Error; address?: Deno.NetAddr | undefined }
  /** Connections are accepted again. */
  | { type: "recovered" };

/** How a server serves. */
export interface ServeOptions extends ReceptionOptions {
  /** The TCP port to listen on; 0 is any free one. */
  port: number;
  /** The address to listen on; all IPv4 addresses by default, `::` is all of both kinds. */
  hostname?: string;
  /** The folder that is served; the working directory by default. */
  root?: string;
  /**
   * Milliseconds without a byte after which a client is given up; 0 and `Infinity` are never. By default 30,000, and
   * 120,000 for file data that it does not take.
   */
  timeoutMs?: number;
  /** How many 1024-byte blocks go to the kernel in one call; by default 1, the lab's way, and 16 inside TLS. */
  gather?: number;
  /** How many clients are served at a time; 1, the lab's number, is the default. */
  clients?: number;
  /** Whether uploads and deletions are refused. */
  readOnly?: boolean;
  /** The most bytes that an uploaded file may have; without it, what the disk has free, where Deno may ask (`statfs`). */
  maxBytes?: bigint;
  /** Whether DONE follows an upload only when file and folder are on disk. */
  fsync?: boolean;
  /** Speaks the protocol inside TLS, with this certificate and key. */
  tls?: TlsCredentials;
  /** Ends the server and its transfers at once. */
  signal?: AbortSignal;
  /** Called with each message of a client's conversation after it has passed. */
  onMessage?: (message: Message, address: Deno.NetAddr) => void;
  /** Called for each event. A promise is awaited before what is about to happen: a transfer of data, or a deletion. */
  onEvent?: (event: ServerEvent) => unknown;
}

// Long enough for a mobile network's worst pauses; a client that is gone holds the lab's one place no longer than that.
const TIMEOUT_MS = 30_000;
// A slow reader is not silent: on loopback the system takes new data only when some 430 kB have left it, which lasts 43
// seconds at 10 kB/s.
const SEND_TIMEOUT_MS = 120_000;
// After a failed accept, as when no descriptor is left: long enough not to burn a core.
const ACCEPT_PAUSE_MS = 100;
// While descriptors are short, each that gets free is taken at once, and the next accept fails again.
const RECOVERY_MS = 1000;
// What accept throws when the client has already left the queue.
const CLIENT_LEFT = [Deno.errors.NotConnected, Deno.errors.ConnectionAborted, Deno.errors.ConnectionReset];
/**
 * Clients that may wait for their turn, and the backlog: far fewer than a process may have descriptors (1,024 by default).
 * With the lab's backlog of 0, Linux loses clients that connect at the same moment (PROTOCOL.md, "TCP").
 */
export const MAX_WAITING = 511;
// Finished sessions may keep that many descriptors while their connections close.
const MAX_CLOSING = 100;
// More than a command waits for the rest of its name.
const COMMAND_MS = 200;
// What a transfer of a few megabytes needs to finish.
const GRACE_MS = 5000;

/** What a server works with. */
export interface ServerParts {
  listener: Deno.TcpListener;
  secure: Secure | undefined;
  root: Root;
  reception: Reception;
  options: ServeOptions;
}

/** A client's conversation. */
interface Session {
  peer: Peer;
  /** Whether its request has not been reported yet. */
  isIdle: boolean;
  /** How many bytes of file data have still to move. */
  bytesLeft: bigint;
}

/** A running server; end it with `await using`, or with `shutdown`. */
export class Server implements AsyncDisposable {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  /** Fulfilled when the server has ended and all of its connections are closed. */
  readonly finished: Promise<void>;
  readonly #parts: ServerParts;
  readonly #turns: Turns;
  readonly #regulars = new Regulars();
  // Aborted when no more clients are taken, and when those that are served are cut.
  readonly #ending = new AbortController();
  readonly #cut = new AbortController();
  // Every connection from its accept to its close.
  readonly #connections = new Set<Promise<void>>();
  // Resolved when one of them has ended; a Promise.race of all would pile up reactions on those that last.
  #oneLeft = Promise.withResolvers<void>();
  readonly #sessions = new Set<Session>();
  // Finished sessions whose connection is still closing: they do not keep the next client waiting.
  readonly #closing = new Set<Peer>();
  #cutCount = 0;

  /** Serves the clients of a listener; `serve` makes one. */
  constructor(parts: ServerParts) {
    this.#parts = parts;
    const { listener, root, options: { signal, clients = 1, readOnly } } = parts;
    const { port } = this.address = listener.addr as Deno.NetAddr;
    this.#turns = new Turns(clients, () => void this.#report({ type: "waiting", port }));
    const end = (): void => void this[Symbol.asyncDispose]();
    signal?.addEventListener("abort", end);
    // While clients are served: a large folder, or a slow disk, must not keep them waiting.
    const swept = readOnly ? undefined : sweepHourly(root.path, this.#ending.signal);
    this.finished = this.#run().then(async () => {
      await swept;
      signal?.removeEventListener("abort", end);
    });
    if (signal?.aborted) end();
  }

  async #run(): Promise<void> {
    // When the last accept failed, if that was reported.
    let failedAt: number | undefined;
    while (!this.#ending.signal.aborted) {
      try {
        const conn = await this.#parts.listener.accept();
        if (failedAt !== undefined && performance.now() - failedAt >= RECOVERY_MS) {
          failedAt = undefined;
          void this.#report({ type: "recovered" });
        }
        const served = this.#receive(conn).finally(() => {
          this.#connections.delete(served);
          this.#oneLeft.resolve();
          this.#oneLeft = Promise.withResolvers();
        });
        this.#connections.add(served);
      } catch (cause) {
        if (this.#ending.signal.aborted) break;
        // A client that reset its connection in the queue is gone, and must not delay the next one.
        if (CLIENT_LEFT.some((type) => cause instanceof type)) continue;
        const error = new ConnectionError(`connections are not accepted: ${systemReason(cause)}`, { cause });
        if (failedAt === undefined) void this.#report({ type: "failed", error });
        failedAt = performance.now();
        await delay(ACCEPT_PAUSE_MS);
      }
      while (this.#connections.size - this.#turns.taken - this.#closing.size >= MAX_WAITING) {
        await this.#oneLeft.promise;
      }
    }
    await Promise.all(this.#connections);
  }

  async #receive(conn: Deno.TcpConn): Promise<void> {
    try {
      const visitor = await this.#parts.reception.receive(conn);
      if (visitor) await this.#serve(visitor);
    } catch (error) {
      void this.#report({ type: "failed", error: error as Error });
    }
  }

  async #serve({ conn, address, isBalancer }: Visitor): Promise<void> {
    let hasTurn = false;
    const admit = async (): Promise<void> => {
      if (!this.#parts.reception.allows(address)) {
        void this.#report({ type: "excluded", address });
        throw new ConnectionError("its address is not allowed");
      }
      await this.#turns.take();
      hasTurn = true;
      void this.#report({ type: "connected", address });
    };
    try {
      this.#ending.signal.throwIfAborted();
      // A health check wants to know whether the server is there, not whether it is busy: READY comes first.
      if (!isBalancer) await admit();
    } catch {
      return conn.close();
    }
    const { secure, root, options } = this.#parts;
    const { timeoutMs, onMessage, gather = defaultGather(options), maxBytes, fsync = false } = options;
    const socket = new Socket(secure?.(conn) ?? conn, {
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
      sendTimeoutMs: timeoutMs ?? SEND_TIMEOUT_MS,
      peer: "client",
      signal: this.#cut.signal,
    });
    const peer = new Peer(socket, onMessage && ((message): void => void guarded(() => onMessage(message, address))));
    await this.#converse(peer, (options.clients ?? 1) > 1 ? address : undefined, {
      root,
      gather,
      maxBytes,
      fsync,
      address: address.hostname,
      regulars: this.#regulars,
      admit: isBalancer ? admit : undefined,
    });
    this.#closing.add(peer);
    if (hasTurn) this.#turns.leave();
    for (const oldest of this.#closing) {
      if (this.#closing.size <= MAX_CLOSING) break;
      oldest[Symbol.dispose]();
      this.#closing.delete(oldest);
    }
    await peer.finish();
    this.#closing.delete(peer);
  }

  async #converse(
    peer: Peer,
    address: Deno.NetAddr | undefined,
    options: Omit<SessionOptions, "onEvent" | "onLeft">,
  ): Promise<void> {
    const session: Session = { peer, isIdle: true, bytesLeft: 0n };
    this.#sessions.add(session);
    const onLeft = (bytes: bigint): void => void (session.bytesLeft = bytes);
    const onEvent = (event: SessionEvent): Promise<void> => {
      session.isIdle = false;
      return this.#report(event);
    };
    try {
      await serveClient(peer, { ...options, onEvent, onLeft });
    } catch (error) {
      // A client that disconnects without a request, as a health check does, is not an error; nor is one that had not
      // asked for anything when the server ended.
      const hasLeft = session.isIdle && isBroken(error) && (this.#ending.signal.aborted || !peer.isCut);
      if (this.#cut.signal.aborted) this.#cutCount++;
      if (!hasLeft) void this.#report({ type: "failed", error: error as Error, address });
    }
    this.#sessions.delete(session);
  }

  #report(event: ServerEvent): Promise<void> {
    return guarded(() => this.#parts.options.onEvent?.(event));
  }

  /** How many clients that have asked for something are being served. */
  get active(): number {
    return this.#sessions.values().reduce((sum, { isIdle }) => sum + Number(!isIdle), 0);
  }

  /** How many bytes of file data the running transfers have still to move. */
  get bytesLeft(): bigint {
    return this.#sessions.values().reduce((sum, { bytesLeft }) => sum + bytesLeft, 0n);
  }

  #stopListening(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#parts.listener.close();
    this.#parts.reception[Symbol.dispose]();
    this.#turns.close();
    void this.#closeIdle();
  }

  /** Closes the connections of clients that ask for nothing. One that has begun to ask may finish its command. */
  async #closeIdle(): Promise<void> {
    const close = ({ peer, isIdle }: Session): void => isIdle ? peer[Symbol.dispose]() : undefined;
    for (const session of this.#sessions) if (session.peer.frames.reads === 0) close(session);
    await within(Promise.all(this.#connections), COMMAND_MS);
    for (const session of this.#sessions) close(session);
  }

  /**
   * Ends the server: takes no new client, lets running transfers finish for `graceMs` milliseconds (5,000 by default),
   * then cuts them; `Infinity` waits for all. Returns how many were cut.
   */
  async shutdown({ graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<number> {
    checkNumber("graceMs", graceMs, { min: 0 });
    this.#stopListening();
    await within(Promise.all(this.#connections), graceMs);
    await this[Symbol.asyncDispose]();
    return this.#cutCount;
  }

  /** Ends the server and its transfers at once, and waits until they have cleaned up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    this.#cut.abort(new TransferError("the server was closed"));
    await this.finished;
  }
}

/** Calls a caller's function, whose bugs must not end the session. */
async function guarded(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    reportError(error);
  }
}
