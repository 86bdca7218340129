/** Who comes to the server: from which address, itself or through a load balancer, and whether it may. */

import { ConnectionError, inSeconds, TransferError } from "./errors.ts";
import { networkTest } from "./net/networks.ts";
import { readProxyHeader } from "./net/proxy.ts";
import { within } from "./within.ts";

/** A client that has connected. */
export interface Visitor {
  conn: Deno.TcpConn;
  /** The client's own address, or that of a balancer that names no client. */
  address: Deno.NetAddr;
  /** Whether it is a balancer's own connection as far as the server knows: a health check, perhaps. */
  isBalancer: boolean;
}

/** Which networks a server knows, in CIDR notation. */
export interface ReceptionOptions {
  /** The networks that clients may come from; without it, all. */
  allowFrom?: readonly string[];
  /** The networks of load balancers, which say by the PROXY protocol who their clients are. */
  proxyFrom?: readonly string[];
}

type NetworkTest = (address: string) => boolean;

// A balancer sends its header with the connection.
const PROXY_HEADER_MS = 5000;

/** Receives connections. */
export class Reception implements Disposable {
  // Connections of balancers that have not said yet for whom they are.
  readonly #unnamed = new Set<Deno.TcpConn>();

  private constructor(readonly isAllowed: NetworkTest, readonly isProxy: NetworkTest) {}

  /** Throws a `RangeError` for what is no network. */
  static async open({ allowFrom, proxyFrom }: ReceptionOptions): Promise<Reception> {
    return new Reception(
      allowFrom ? await networkTest("allowFrom", allowFrom) : (): boolean => true,
      proxyFrom ? await networkTest("proxyFrom", proxyFrom) : (): boolean => false,
    );
  }

  /** Whether whoever has this address may ask for something. */
  allows(address: Deno.NetAddr): boolean {
    return this.isAllowed(address.hostname);
  }

  /**
   * Finds out who has connected; `undefined` if the connection ends without a word. Throws a {@linkcode TransferError},
   * and closes the connection, if a balancer does not say for whom it is.
   */
  async receive(conn: Deno.TcpConn): Promise<Visitor | undefined> {
    const address = conn.remoteAddr as Deno.NetAddr;
    if (!this.isProxy(address.hostname)) return { conn, address, isBalancer: false };
    this.#unnamed.add(conn);
    try {
      const header = await within(readProxyHeader(conn), PROXY_HEADER_MS);
      if (!header) throw new ConnectionError(`it sent no PROXY protocol header for ${inSeconds(PROXY_HEADER_MS)}`);
      if (header === "gone" || !this.#unnamed.delete(conn)) return undefined;
      const { client = address } = header;
      // HAProxy's checks name its own address in version 1, which has no word for that.
      return { conn, address: client, isBalancer: unmapped(client.hostname) === unmapped(address.hostname) };
    } catch (cause) {
      // Closed by this side, in the middle of a header.
      if (!this.#unnamed.has(conn)) return undefined;
      if (!(cause instanceof TransferError)) throw cause;
      const message = `a connection from the balancer at ${address.hostname} was refused: ${cause.message}`;
      throw new TransferError(message, { cause });
    } finally {
      if (this.#unnamed.delete(conn)) conn.close();
    }
  }

  /** Closes the connections that are being received. */
  [Symbol.dispose](): void {
    for (const conn of this.#unnamed) conn.close();
    this.#unnamed.clear();
  }
}

// A listener for both kinds shows an IPv4 client as ::ffff:192.0.2.1.
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, "");
}
