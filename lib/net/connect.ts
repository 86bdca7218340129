/** How a client reaches a server: every address of its name, and TLS. */

import { abortable } from "@std/async";
import { ConnectionError, inSeconds, systemReason } from "../errors.ts";
import { lookupAll } from "../older_deno.ts";
import { MAX_TIMER_MS } from "../within.ts";

/** The default timeout. The server's is 30 seconds: of two that wait for each other, it gives up first and says so. */
export const TIMEOUT_MS = 60_000;

/** How a client trusts a server that speaks TLS. */
export interface TlsOptions {
  /** Certificates of authorities, in PEM, that are trusted besides the usual ones. */
  caCerts?: string[];
}

/** Which server to connect to. */
export interface ConnectOptions {
  /** The server's name or address. */
  hostname: string;
  /** The server's TCP port. */
  port: number;
  /** The name's address, if that has been found before: it is tried first. */
  address?: string | undefined;
  /** Speaks the protocol inside TLS; `true` trusts the usual authorities. */
  tls?: boolean | TlsOptions;
  /**
   * Milliseconds for the connection to be made, by default as many as the system takes, some two minutes; and of the
   * server's silence after which a transfer fails, by default 60,000. 0 and `Infinity` are never. A TLS handshake, and the
   * wait for READY, have no limit: the client stands in the queue of a server that serves one client at a time. With the
   * lab's backlog of 0 such a queue may let nobody connect for a while.
   */
  timeoutMs?: number;
  /** Ends the attempt, or the transfer; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Connects to a server, trying every address of its name. `ending` is aborted when the time is over, and ends the attempt
 * whoever aborts it. Throws a {@linkcode ConnectionError}, or the signal's reason.
 */
export async function connect(options: ConnectOptions, ending: AbortController): Promise<Deno.Conn> {
  const { hostname, port, tls, timeoutMs = 0, signal } = options;
  signal?.throwIfAborted();
  const failed = (reason: string, cause?: unknown): ConnectionError =>
    new ConnectionError(`cannot connect to ${hostname} port ${port}: ${reason}`, { cause });
  if (!isNetGranted(hostname, port)) throw failed(`no permission (run it with --allow-net=${netHost(hostname, port)})`);
  // One for all that ends the wait: signals made of others cost as much as the connection.
  const end = (): void => ending.abort();
  const timer = timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS ? setTimeout(end, timeoutMs) : undefined;
  signal?.addEventListener("abort", end);
  try {
    const conn = await reach(options, ending.signal).catch((error) => {
      throw failed(ending.signal.aborted ? `no answer within ${inSeconds(timeoutMs)}` : systemReason(error), error);
    });
    clearTimeout(timer);
    if (!tls) return conn;
    return await secure(conn, { hostname, ...(tls === true ? {} : tls) }, ending.signal).catch((error) => {
      throw failed(tlsReason(error), error);
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

async function secure(conn: Deno.TcpConn, options: Deno.StartTlsOptions, signal: AbortSignal): Promise<Deno.TlsConn> {
  conn.setKeepAlive(true);
  // After this, Deno's TLS connection can no longer switch the delay.
  conn.setNoDelay(true);
  const secured = await Deno.startTls(conn, options).catch((error) => {
    conn.close();
    throw error;
  });
  try {
    // It may take as long as READY: the server may be busy with another client.
    await abortable(secured.handshake(), signal);
    return secured;
  } catch (error) {
    secured.close();
    throw error;
  }
}

// A connection that is aborted in the moment in which it is made is lost by Deno: it stays open, and nobody has it. So an
// abort waits for that moment, which is soon where anybody answers.
const MOMENT_MS = 200;

async function connectTo(hostname: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => void (timer = setTimeout(() => late.abort(), MOMENT_MS));
  signal.addEventListener("abort", end);
  try {
    const conn = await Deno.connect({ hostname, port, signal: late.signal });
    if (signal.aborted) conn.close();
    signal.throwIfAborted();
    return conn;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

async function reach(options: ConnectOptions, signal: AbortSignal): Promise<Deno.TcpConn> {
  const { hostname, port, address = hostname } = options;
  const attempt = (address: string): Promise<Deno.TcpConn> => connectTo(address, port, signal);
  try {
    return await attempt(isNetGranted(address, port) ? address : hostname);
  } catch (error) {
    // An address may have lost what its name says, such as a link-local one's interface.
    if (address !== hostname) return await reach({ ...options, address: hostname }, signal);
    for (const address of isNetGranted(hostname) && !signal.aborted ? await lookupAll(hostname) : []) {
      const conn = isNetGranted(address, port) ? await attempt(address).catch(() => undefined) : undefined;
      if (conn) return conn;
    }
    throw error;
  }
}

// What Deno says of a certificate that it does not trust, as sentences.
const CERTIFICATE_REASONS: [RegExp, string][] = [
  [/unknown ?issuer/, "is signed by no authority that is trusted here (--ca FILE adds one)"],
  [/caused ?as ?end ?entity/, "belongs to an authority (CA:TRUE), so it can't be a server's too"],
  [/not ?valid ?for ?any/, "has no subjectAltName, so it is for no name: a common name (CN) does not count"],
  [/not ?valid ?for ?name/, "is for another name"],
  [/bad ?signature/, "was not signed by the authority of that name (it may be newer than the one of --ca)"],
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

// Asked once, since each look costs as much as a message; nothing here changes what is granted.
let isAllGranted: boolean | undefined;

/** Whether Deno may use the network so, without a prompt on the terminal; without a port, any port. */
export function isNetGranted(hostname: string, port?: number): boolean {
  const { state, partial } = isAllGranted === undefined ? Deno.permissions.querySync({ name: "net" }) : {};
  isAllGranted ??= state === "granted" && !partial;
  try {
    return isAllGranted ||
      Deno.permissions.querySync({ name: "net", host: netHost(hostname, port) }).state === "granted";
  } catch {
    // That can't be the name of a machine, as connecting to it says; nothing else is tried with it.
    return port !== undefined;
  }
}

/** An address as `--allow-net` takes it. */
export function netHost(hostname: string, port?: number): string {
  return (hostname.includes(":") ? `[${hostname}]` : hostname) + (port === undefined ? "" : `:${port}`);
}
