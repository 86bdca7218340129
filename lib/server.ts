/** The server: listens, and serves its clients one after another. */

import { Peer } from "./peer.ts";
import { Root } from "./root.ts";
import { serveClient, type SessionEvent } from "./session.ts";
import { Socket } from "./socket.ts";
import { sweep } from "./storage.ts";

/** What a server tells of its course, in the order of the lab's printed lines ("The Server"). */
export type ServerEvent =
  /** It listens for the next connection. */
  | { type: "waiting"; port: number }
  /** A client has connected. */
  | { type: "connected"; address: Deno.NetAddr }
  | SessionEvent
  /** A conversation broke off. */
  | { type: "failed"; error: Error };

/** How a server serves. */
export interface ServeOptions {
  /** The TCP port to listen on; 0 is any free one. */
  port: number;
  /** The address to listen on; all IPv4 addresses by default. */
  hostname?: string;
  /** The folder that is served; the working directory by default. */
  root?: string;
  /** Milliseconds without a byte after which a client is given up; 0 is never, 30,000 the default. */
  timeoutMs?: number;
  /** How many 1024-byte blocks go to the kernel in one call; 1, the lab's way, is the default. */
  gather?: number;
  /** Ends the server and its transfers at once. */
  signal?: AbortSignal;
  /** Is told of the server's course. */
  onEvent?: (event: ServerEvent) => void;
}

const TIMEOUT_MS = 30_000;
// After a failed accept, such as one for which no descriptor is left: long enough not to burn a core.
const ACCEPT_PAUSE_MS = 100;

/** A server at work; end it with `await using`. */
export class Server implements AsyncDisposable {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  /** Is fulfilled when the server has ended and all of its connections are closed. */
  readonly finished: Promise<void>;
  readonly #listener: Deno.Listener<Deno.TcpConn>;
  readonly #root: Root;
  readonly #options: ServeOptions;
  readonly #ending = new AbortController();
  // Conversations that are over but for the close: they do not keep the next client waiting.
  readonly #closing = new Set<Promise<void>>();

  /** Serves what comes to a listener. */
  constructor(listener: Deno.Listener<Deno.TcpConn>, root: Root, options: ServeOptions) {
    this.#listener = listener;
    this.#root = root;
    this.#options = options;
    this.address = listener.addr as Deno.NetAddr;
    const end = (): void => this.#end(options.signal?.reason);
    options.signal?.addEventListener("abort", end, { once: true });
    this.finished = this.#run().finally(() => options.signal?.removeEventListener("abort", end));
    if (options.signal?.aborted) end();
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      this.#tell({ type: "waiting", port: this.address.port });
      try {
        await this.#serve(await this.#listener.accept());
      } catch (error) {
        if (this.#ending.signal.aborted) break;
        this.#tell({ type: "failed", error: error as Error });
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
    await Promise.all(this.#closing);
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const { timeoutMs = TIMEOUT_MS, gather = 1 } = this.#options;
    this.#tell({ type: "connected", address: conn.remoteAddr });
    const peer = new Peer(new Socket(conn, { timeoutMs, peer: "client", signal: this.#ending.signal }));
    try {
      await serveClient(peer, { root: this.#root, gather, onEvent: (event) => this.#tell(event) });
    } catch (error) {
      this.#tell({ type: "failed", error: error as Error });
    }
    const closed = peer.finish().then(() => void this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #tell(event: ServerEvent): void {
    this.#options.onEvent?.(event);
  }

  #end(reason: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#listener.close();
    this.#ending.abort(reason);
  }

  /** Ends the server and its transfers at once, and waits until nothing of them is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new DOMException("the server was closed", "AbortError"));
    await this.finished;
  }
}

/**
 * Starts a server for one folder. What servers that were killed have left there is swept first. Throws the system's
 * error if it can't listen or there is no such folder.
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const root = await Root.open(options.root ?? ".");
  // A backlog of 0 is the lab's: one client is served, the next may wait.
  const listener = Deno.listen({ hostname: options.hostname ?? "0.0.0.0", port: options.port, tcpBacklog: 0 });
  await sweep(root.path, { recursive: true });
  return new Server(listener, root, options);
}
