/**
 * TLS on the server's side. Deno's TLS connection stays open, even after `close()`, for as long as its handshake or its
 * last bytes wait for the peer: a silent peer would hold a descriptor without a limit. So TLS runs over a second connection,
 * within this machine, and its bytes are copied to and from the peer's own connection, which can be closed at any time.
 */

import { writeAll } from "../bytes.ts";
import { inSeconds, systemReason, TransferError } from "../errors.ts";
import { within } from "../within.ts";
import type { Conn } from "./socket.ts";

const HOSTNAME = "127.0.0.1";
// Two round trips to anywhere, with a lost packet.
const HELLO_MS = 2000;
const PASSED_BYTES = 64 * 1024;
// Within a machine a connection takes far less, unless something drops it.
const LOOPBACK_MS = 5000;
const NO_CONNECTION = `TLS needs connections within this machine, to ${HOSTNAME}`;

/** A server's certificate chain and its private key, both in PEM. */
export interface TlsCredentials {
  /** The certificate chain. */
  cert: string;
  /** The private key. */
  key: string;
}

const CREDENTIALS_REASONS: [RegExp, string][] = [
  [/KeyMismatch/i, "the private key does not belong to the first certificate, which must be the server's own"],
  [
    /UnsupportedCertVersion/i,
    "the certificate is of X.509 version 1, without extensions such as subjectAltName; version 3 is needed",
  ],
  [
    /private key/i,
    "the private key can't be read, or is none that TLS takes (RSA from 2048 bits, P-256, P-384, Ed25519)",
  ],
];

/** Why credentials can't be used, if an error of {@linkcode openTls} says so. */
export function credentialsReason(error: unknown): string | undefined {
  return CREDENTIALS_REASONS.find(([pattern]) => pattern.test(String(error)))?.[1];
}

/** Two ends of a connection within this machine; the second speaks TLS. */
type Pair = [near: Deno.TcpConn, far: Deno.TlsConn];

/** Speaks TLS over a client's connection, which is closed with the returned one. */
export type Secure = (client: Deno.TcpConn) => Conn;

/**
 * Prepares to speak TLS for a server. Throws Deno's error for credentials that can't be used, and a
 * {@linkcode TransferError} if this machine can't be connected to from within, as in a container whose loopback interface
 * is down.
 */
export async function openTls(credentials: TlsCredentials): Promise<Secure> {
  listen(credentials).close();
  const pair = await within(connectPair(credentials), LOOPBACK_MS);
  if (!pair) throw new TransferError(`${NO_CONNECTION}: no answer for ${inSeconds(LOOPBACK_MS)}`);
  for (const conn of pair) conn.close();
  return (client) => secure(client, credentials);
}

function secure(client: Deno.TcpConn, credentials: TlsCredentials): Conn {
  const conns = new DisposableStack();
  conns.use(client);
  const close = (): void => conns.dispose();
  const pair = connectPair(credentials).then((pair) => {
    for (const conn of pair) conns.disposed ? conn.close() : conns.use(conn);
    return pair;
  });
  const near = pair.then(([near]) => near);
  const far = pair.then(([, far]) => far);
  far.catch(() => {});
  const pass = async (from: Promise<Deno.Conn>, to: Promise<Deno.Conn>, onPiece: () => void): Promise<void> => {
    try {
      const [source, sink] = await Promise.all([from, to]);
      const buffer = new Uint8Array(PASSED_BYTES);
      for (let count; (count = await source.read(buffer)) !== null;) {
        await writeAll(sink, buffer.subarray(0, count));
        onPiece();
      }
      await sink.closeWrite();
    } catch {
      // The next read or write fails.
      close();
    }
  };
  // A client that speaks TLS begins as soon as it is connected; one that waits for READY does not.
  let silence: TransferError | undefined;
  const { promise: begun, resolve: begin } = Promise.withResolvers<true>();
  conns.defer(() => begin(true));
  // Not before: on a busy machine this pair of connections may take longer than the client.
  near.then(async () => {
    if (await within(begun, HELLO_MS)) return;
    silence = new TransferError(`the client sent nothing for ${inSeconds(HELLO_MS)}: it does not speak TLS`);
    close();
  }, () => {});
  const onProgress = (): void => conn.onProgress?.();
  void pass(Promise.resolve(client), near, () => {
    begin(true);
    onProgress();
  });
  const sent = pass(near, Promise.resolve(client), onProgress);
  const conn: Conn = {
    read: async (buffer) => await (await far).read(buffer),
    write: async (data) => await (await far).write(data),
    // Done when the system has taken all that was written.
    closeWrite: async () => {
      await (await far).closeWrite();
      await sent;
    },
    close,
    explain: (cause) => silence ?? handshakeFailure(cause),
    setNoDelay: (isOn) => client.setNoDelay(isOn),
  };
  return conn;
}

function listen(credentials: TlsCredentials): Deno.TlsListener {
  return Deno.listenTls({ hostname: HOSTNAME, port: 0, ...credentials });
}

// A listener for each pair takes a fraction of a handshake's time: pairs can't be mixed up, and no port stays open to
// other programs on this machine.
async function connectPair(credentials: TlsCredentials): Promise<Pair> {
  let near: Deno.TcpConn | undefined;
  try {
    using listener = listen(credentials);
    near = await Deno.connect({ hostname: HOSTNAME, port: listener.addr.port });
    near.setNoDelay(true);
    const { hostname, port } = near.localAddr as Deno.NetAddr;
    while (true) {
      const far = await listener.accept();
      const { hostname: from, port: fromPort } = far.remoteAddr as Deno.NetAddr;
      if (from === hostname && fromPort === port) return [near, far];
      // Another program's.
      far.close();
    }
  } catch (cause) {
    near?.close();
    throw new TransferError(`${NO_CONNECTION}: ${systemReason(cause)}`, { cause });
  }
}

// A client whose handshake fails is no client that has left: the server's operator may want to know.
function handshakeFailure(cause: unknown): TransferError | undefined {
  if (cause instanceof TransferError) return cause;
  if (!(cause instanceof Deno.errors.InvalidData)) return undefined;
  const reason = /alert: .*(CA|certificate)/i.test(cause.message)
    ? "the client does not trust the certificate"
    : /corrupt ?message/i.test(cause.message)
    ? "the client does not speak TLS"
    : `TLS failed: ${cause.message}`;
  return new TransferError(reason, { cause });
}
