/** How a client comes to its READY: one connection, or one after another where the server may have lost it. */

import { ERROR_TEXT_END } from "./framing.ts";
import { ConnectionError, inSeconds } from "./errors.ts";
import { connect, type ConnectOptions, TIMEOUT_MS } from "./net/connect.ts";
import { Socket } from "./net/socket.ts";
import { checkNumber } from "./options.ts";
import { Peer } from "./peer.ts";
import type { Message } from "./trace.ts";
import { isReady, within } from "./within.ts";

/** Which server, and how long to wait for it. */
export interface DialOptions extends ConnectOptions {
  /** Milliseconds to wait for the server's READY; without it, or 0, without a limit. */
  waitMs?: number;
  /** Called with each message of the conversation after it has passed; a promise is awaited. */
  onMessage?: (message: Message) => unknown;
  /** Called when the connection stands, and the wait for READY begins, with the server's address; a promise is awaited. */
  onConnect?: (address: string) => unknown;
}

// A server with the lab's backlog of 0 may lose a client that believes it is connected (PROTOCOL.md, "TCP"). So a client
// that is connected for this long without READY tries a second connection, and a third after twice the time.
const SECOND_TRY_MS = 3000;
const MAX_ATTEMPTS = 3;
// After that it looks this often whether the server's machine still knows one of them: if that was started anew, a
// message to a connection of before breaks it, and another takes its place.
const PROBE_MS = 60_000;
// The first attempt keeps the place in the queue, and the last may be the one that is served.
const PROBED = 1;

// A connection that is no longer needed ends like this: known servers crash when a client leaves without a command, and
// the FIN would bring a lost connection back to life, only to be such a client.
const WITHDRAWAL = "GET .blockferry-withdrawn";
// A server that is idle by now answers in far less. One that has other clients first would crash when it comes to a
// client that has left; so it gets five times as long as it took for READY, and no longer than this.
const WITHDRAW_MS = 120_000;
// Connections that servers have still to take, and to see withdrawn.
const withdrawn = new Set<Promise<void>>();

/** Fulfilled when the connections that are no longer needed have ended. A process that ends earlier breaks them. */
export async function withdrawals(): Promise<void> {
  await Promise.all(withdrawn);
}

const STEP = "a. server: READY";

/** The server's side of a conversation that has its READY; in the end, connections that it did not answer are withdrawn. */
export interface Dialed extends Disposable {
  peer: Peer;
}

/** One connection, and the wait for its READY. */
interface Attempt {
  connected: Promise<Deno.Conn>;
  ready: Promise<Peer>;
  isBroken: boolean;
  /** Whether it has been withdrawn, perhaps to see if it breaks; it must not win then. */
  isWithdrawn: boolean;
  withdraw(): Promise<void>;
  /** Ends it when the server has seen it withdrawn, or after so many milliseconds. */
  end(ms: number): Promise<void>;
  close(): void;
}

function attempt(options: DialOptions, onMessage: (message: Message, attempt: Attempt) => unknown): Attempt {
  const { timeoutMs = TIMEOUT_MS, signal } = options;
  const ending = new AbortController();
  const connected = connect(options, ending);
  let open: Peer | undefined;
  const greet = async (): Promise<Peer> => {
    const conn = await connected;
    const socket = new Socket(conn, { timeoutMs, peer: "server", signal });
    open = new Peer(socket, options.onMessage && ((message): unknown => onMessage(message, made)));
    ending.signal.throwIfAborted();
    const { hostname } = conn.remoteAddr as Deno.NetAddr;
    await open.untilCut(STEP, Promise.resolve(options.onConnect?.(hostname)));
    await open.listen(STEP);
    return open;
  };
  const made: Attempt = {
    connected,
    ready: greet(),
    isBroken: false,
    isWithdrawn: false,
    // Not while it is still being made.
    withdraw: async () => {
      if (!open || made.isWithdrawn) return;
      made.isWithdrawn = true;
      await open.sayText("b. client: GET <filename>", WITHDRAWAL);
    },
    close: () => {
      ending.abort();
      open?.[Symbol.dispose]();
    },
    end: async (ms) => {
      const answer = async (peer: Peer): Promise<unknown> => {
        await made.withdraw();
        await made.ready;
        return await peer.hearText("c. server: OK", ERROR_TEXT_END);
      };
      try {
        if (open && !signal?.aborted) await within(answer(open), ms);
      } catch {
        // The server closed it.
      } finally {
        made.close();
      }
    },
  };
  made.ready.catch(() => {
    made.isBroken = true;
    made.close();
  });
  return made;
}

/** Connects, and awaits READY for as long as it takes, on whichever connection the server answers. */
export async function dial(options: DialOptions): Promise<Dialed> {
  checkNumber("waitMs", options.waitMs, { min: 0 });
  const attempts: Attempt[] = [];
  const start = performance.now();
  try {
    const winner = await within(race(attempts, options), options.waitMs || Infinity);
    if (!winner) throw await unanswered(attempts[0]!, options);
    const ms = Math.min(5 * (performance.now() - start), WITHDRAW_MS);
    const peer = await winner.ready;
    const end = (): void => {
      peer[Symbol.dispose]();
      for (const other of attempts) {
        if (other === winner) continue;
        const ended = other.end(ms).finally(() => withdrawn.delete(ended));
        withdrawn.add(ended);
      }
    };
    return { peer, [Symbol.dispose]: end };
  } catch (error) {
    for (const { close } of attempts) close();
    throw error;
  }
}

/** The error of a wait that was as long as the caller allows. */
async function unanswered(first: Attempt, options: DialOptions): Promise<Error> {
  const seconds = inSeconds(options.waitMs!);
  // A TLS handshake waits in a busy server's queue, as READY does.
  if (options.tls || await isReady(first.connected)) {
    return new ConnectionError(`the server did not send READY within ${seconds}`, { step: STEP });
  }
  return new ConnectionError(`cannot connect to ${options.hostname} port ${options.port}: no answer within ${seconds}`);
}

/** Adds one attempt after another to a list, until one of them has its READY. */
async function race(attempts: Attempt[], options: DialOptions): Promise<Attempt> {
  // Callers hear of one conversation: the one that gets READY, or the first one's failure.
  let shown: Attempt | undefined;
  const onMessage = (message: Message, attempt: Attempt): unknown => {
    if (message.step === STEP && message.expected === undefined && !attempt.isWithdrawn) shown ??= attempt;
    return attempt === (shown ?? attempts[0]) ? options.onMessage?.(message) : undefined;
  };
  const winner = async (tried: Attempt): Promise<Attempt> => {
    try {
      await tried.ready;
      if (!tried.isWithdrawn) return tried;
    } catch (error) {
      // Only the first one's failure counts: another may be refused for not being the first.
      if (tried === attempts[0]) throw error;
    }
    return await new Promise(() => {});
  };
  const { onConnect: _, ...quiet } = options;
  let count = 0;
  for (let ms = SECOND_TRY_MS;; ms = attempts.length < MAX_ATTEMPTS ? 2 * ms : PROBE_MS) {
    const index = attempts.length < MAX_ATTEMPTS ? attempts.length : attempts.findIndex(({ isBroken }) => isBroken);
    const probed = attempts[PROBED]!;
    if (index >= 0) attempts[index] = attempt(count++ === 0 ? options : quiet, onMessage);
    else probed.withdraw().catch(() => probed.isBroken = true);
    // A connection that is still being made is not a lost one; if it fails, so does the wait below.
    const first = await attempts[0]!.connected.catch(() => undefined) as Partial<Deno.TcpConn> | undefined;
    // A server's machine that is gone is noticed after some hours, even where nobody says anything. Inside TLS this is on
    // from the start, since Deno can't switch it there later.
    if (count === 2) first?.setKeepAlive?.(true);
    const won = await within(Promise.race(attempts.map(winner)), ms);
    if (won) return won;
  }
}
