/**
 * TLS on the server's side. Deno's TLS connection stays open, even after `close()`, for as long as its handshake or its
 * last bytes wait for the peer: a silent peer would hold a descriptor for ever. So TLS runs over a second connection,
 * within this machine, and its bytes are copied to and from the peer's own connection, which can be closed at any time.
 */

import { writeAll } from "../bytes.ts";
import { ConnectionError, systemReason, TransferError } from "../errors.ts";
import type { Conn } from "./socket.ts";

const HOSTNAME = "127.0.0.1";
const PASSED_BYTES = 64 * 1024;
const ACCEPT_PAUSE_MS = 100;

/** A server's certificate chain and its private key, both in PEM. */
export interface TlsCredentials {
  /** The certificate chain. */
  cert: string;
  /** The private key. */
  key: string;
}

/** Why credentials can't be used, if an error of {@linkcode TlsServer} says so. */
export function credentialsReason(error: unknown): string | undefined {
  const text = String(error);
  if (/KeyMismatch/i.test(text)) {
    return "the private key does not belong to the first certificate, which must be the server's own";
  }
  if (/UnsupportedCertVersion/i.test(text)) {
    return "the certificate is of X.509 version 1, without extensions such as subjectAltName; version 3 is needed";
  }
  if (/private key/i.test(text)) return "the private key can't be read";
  return undefined;
}

/** Two ends of a connection within this machine; the far one speaks TLS. */
interface Pair {
  near: Deno.TcpConn;
  far: Deno.TlsConn;
}

/** Speaks TLS for a server. */
export class TlsServer implements Disposable {
  readonly #listener: Deno.TlsListener;
  // By the near end's port: near ends that wait for their far ends, and far ends of which no near end is known.
  readonly #waiting = new Map<number, PromiseWithResolvers<Deno.TlsConn>>();
  readonly #unknown = new Map<number, Deno.TlsConn>();
  #connecting = 0;
  #isClosed = false;

  /** Throws Deno's error for credentials that can't be used. */
  constructor(credentials: TlsCredentials) {
    this.#listener = Deno.listenTls({ hostname: HOSTNAME, port: 0, ...credentials });
    void this.#accept();
  }

  /** Speaks TLS over a client's connection, which is closed with the returned one. */
  secure(client: Deno.TcpConn): Conn {
    const pair = this.#pair();
    pair.catch(() => {});
    let isClosed = false;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      client.close();
      pair.then(({ near, far }) => {
        near.close();
        far.close();
      }, () => {});
    };
    const pass = async (passOn: (near: Deno.TcpConn) => Promise<void>): Promise<void> => {
      try {
        await passOn((await pair).near);
      } catch {
        // The next read or write fails.
        close();
      }
    };
    const onProgress = (): void => conn.onProgress?.();
    pass((near) => copy(client, near, onProgress));
    const sent = pass((near) => copy(near, client, onProgress));
    const conn: Conn = {
      read: (buffer) => pair.then(({ far }) => far.read(buffer)),
      write: (data) => pair.then(({ far }) => far.write(data)),
      // Done when the system has taken all that was written.
      closeWrite: async () => {
        await (await pair).far.closeWrite();
        await sent;
      },
      close,
      explain: handshakeFailure,
      setNoDelay: (isOn) => client.setNoDelay(isOn),
    };
    return conn;
  }

  async #pair(): Promise<Pair> {
    let near: Deno.TcpConn | undefined;
    try {
      near = await this.#connect();
      near.setNoDelay(true);
      const { port } = near.localAddr as Deno.NetAddr;
      const far = Promise.withResolvers<Deno.TlsConn>();
      this.#waiting.set(port, far);
      this.#match();
      return { near, far: await far.promise };
    } catch (cause) {
      near?.close();
      if (this.#isClosed) throw new ConnectionError("the server was closed", { cause });
      throw new TransferError(`TLS has no connection within this machine: ${systemReason(cause)}`, { cause });
    }
  }

  async #connect(): Promise<Deno.TcpConn> {
    this.#connecting++;
    try {
      return await Deno.connect({ hostname: HOSTNAME, port: this.#listener.addr.port });
    } finally {
      this.#connecting--;
    }
  }

  // All the time, not once a pair: other programs on this machine can fill the queue, and then no connect would end.
  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const far = await this.#listener.accept();
        this.#unknown.set((far.remoteAddr as Deno.NetAddr).port, far);
        this.#match();
      } catch {
        // No descriptor is left, perhaps.
        if (!this.#isClosed) await new Promise((resume) => setTimeout(resume, ACCEPT_PAUSE_MS));
      }
    }
  }

  #match(): void {
    for (const [port, { resolve }] of this.#waiting) {
      const far = this.#unknown.get(port);
      if (!far) continue;
      resolve(far);
      this.#waiting.delete(port);
      this.#unknown.delete(port);
    }
    // Only a near end that is still being made may belong to one of these; the others are other programs'.
    if (this.#connecting > 0) return;
    for (const far of this.#unknown.values()) far.close();
    this.#unknown.clear();
  }

  /** Takes no more clients. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#listener.close();
    for (const { reject } of this.#waiting.values()) reject(new Error("the server was closed"));
    this.#waiting.clear();
    for (const far of this.#unknown.values()) far.close();
    this.#unknown.clear();
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

async function copy(from: Deno.Conn, to: Deno.Conn, onProgress: () => void): Promise<void> {
  const buffer = new Uint8Array(PASSED_BYTES);
  for (let count; (count = await from.read(buffer)) !== null;) {
    await writeAll(to, buffer.subarray(0, count));
    onProgress();
  }
  await to.closeWrite();
}
