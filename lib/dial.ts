/** How a client comes to its READY: one connection, or one after another where the server may have lost it. */

import { ERROR_TEXT_END } from "./framing.ts";
import { ConnectionError, inSeconds } from "./errors.ts";
import { connect, type ConnectOptions, type TlsOptions } from "./net/connect.ts";
import { Socket } from "./net/socket.ts";
import { checkNumber } from "./options.ts";
import { Peer } from "./peer.ts";
import type { Message } from "./trace.ts";
import { isReady, within } from "./within.ts";

/** Which server, and how long to wait for it. */
export interface DialOptions {
  /** The server's name or address. */
  hostname: string;
  /** The server's TCP port. */
  port: number;
  /** Speaks the protocol inside TLS; `true` trusts the usual authorities. */
  tls?: boolean | TlsOptions;
  /**
   * Milliseconds of the server's silence after which the transfer fails; 0 and `Infinity` are never, 60,000 is the
   * default. The wait for the server's READY has no limit: the client stands in the queue of a server that serves one
   * client at a time.
   */
  timeoutMs?: number;
  /** Ends the transfer; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds to wait for the server's READY; without it, or 0, for ever. */
  waitMs?: number;
  /** Called with each message of the conversation after it has passed. */
  onMessage?: (message: Message) => void;
  /** Called when the connection stands, and the wait for READY begins. */
  onConnect?: () => void;
}

/** The same, with what the caller knows of the transfer. */
export type TransferDialOptions = DialOptions & Pick<ConnectOptions, "isBulk">;

/** The default timeout. The server's is 30 seconds: of two that wait for each other, it gives up first and says so. */
export const TIMEOUT_MS = 60_000;

// A server whose backlog is 0, as the lab has it, may lose a client that believes it is connected (PROTOCOL.md, "TCP").
// So a client that is connected for this long without READY tries a second connection, anew after twice the time.
const SECOND_TRY_MS = 3000;
const MAX_SECOND_TRY_MS = 60_000;
// So many lost ones are no accident, and each may hold a place in the queue.
const MAX_ATTEMPTS = 10;

// A connection that is no longer needed ends like this: known servers crash when a client leaves without a command, and
// the FIN would bring a lost connection back to life, only to be such a client.
const WITHDRAWAL = "GET .blockferry-withdrawn";
// A server that is idle by now answers in far less.
const WITHDRAW_MS = 2000;

/** One connection, and the wait for its READY. */
interface Attempt extends AsyncDisposable {
  connected: Promise<unknown>;
  peer: Promise<Peer>;
  close(): void;
}

type Callbacks = Pick<DialOptions, "onConnect" | "onMessage">;

function attempt(step: "a. server: READY", options: TransferDialOptions, callbacks: Callbacks): Attempt {
  const { timeoutMs = TIMEOUT_MS } = options;
  const ending = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  const connected = connect({ ...options, timeoutMs, signal });
  let open: Peer | undefined;
  const greet = async (): Promise<Peer> => {
    open = new Peer(new Socket(await connected, { timeoutMs, peer: "server", signal }), callbacks.onMessage);
    callbacks.onConnect?.();
    try {
      await open.listen(step);
      return open;
    } catch (error) {
      open[Symbol.dispose]();
      throw error;
    }
  };
  const peer = greet();
  // Another attempt may have won by then.
  peer.catch(() => {});
  const close = (): void => ending.abort();
  const dispose = async (): Promise<void> => {
    try {
      if (!open || signal.aborted) return;
      await open.sayText("b. client: GET <filename>", WITHDRAWAL);
      if (await within(peer, WITHDRAW_MS)) await within(open.hearText("c. server: OK", ERROR_TEXT_END), WITHDRAW_MS);
    } catch {
      // The server closed it.
    } finally {
      close();
    }
  };
  return { connected, peer, close, [Symbol.asyncDispose]: dispose };
}

/** Connects, and awaits READY for as long as it takes, on whichever connection the server answers. */
export async function dial(step: "a. server: READY", options: TransferDialOptions): Promise<Peer> {
  checkNumber("waitMs", options.waitMs, { min: 0 });
  const attempts: Attempt[] = [];
  try {
    const winner = await within(race(attempts, step, options), options.waitMs || Infinity);
    if (!winner) throw await unanswered(attempts[0], step, options);
    winner.peer.follow(attempts.filter((attempt) => attempt !== winner.attempt));
    return winner.peer;
  } catch (error) {
    for (const { close } of attempts) close();
    throw error;
  }
}

/** The error of a wait that was as long as the caller allows. */
async function unanswered(first: Attempt | undefined, step: "a. server: READY", options: DialOptions): Promise<Error> {
  const seconds = inSeconds(options.waitMs!);
  // A TLS handshake waits in a busy server's queue, as READY does.
  if (options.tls || (first && await isReady(first.connected))) {
    return new ConnectionError(`the server has not said READY for ${seconds}`, { step });
  }
  return new ConnectionError(`cannot connect to ${options.hostname} port ${options.port}: no answer for ${seconds}`);
}

interface Winner {
  attempt: Attempt;
  peer: Peer;
}

/** Adds one attempt after another to a list, until one of them has its READY. */
async function race(attempts: Attempt[], step: "a. server: READY", options: TransferDialOptions): Promise<Winner> {
  const ready: Promise<Winner>[] = [];
  // Callers hear of one conversation: the one that gets READY.
  let told: number | undefined;
  const callbacks = (index: number): Callbacks => ({
    ...(options.onConnect && index === 0 && { onConnect: options.onConnect }),
    ...(options.onMessage && {
      onMessage: (message) => {
        if (index > 0 && message.expected !== undefined && told === undefined) return;
        told ??= index;
        if (told === index) options.onMessage!(message);
      },
    }),
  });
  for (let ms = SECOND_TRY_MS;; ms = Math.min(2 * ms, MAX_SECOND_TRY_MS)) {
    const isFirst = attempts.length === 0;
    const next = attempt(step, options, callbacks(attempts.length));
    attempts.push(next);
    const won = next.peer.then((peer) => ({ attempt: next, peer }));
    // Only the first one's failure counts: another may be refused for not being the first.
    ready.push(isFirst ? won : won.catch(() => new Promise<never>(() => {})));
    // A connection that is still being made is not a lost one; if it fails, so does the wait below.
    if (isFirst) await next.connected.catch(() => {});
    const winner = await within(Promise.race(ready), attempts.length < MAX_ATTEMPTS ? ms : Infinity);
    if (winner) return winner;
  }
}
