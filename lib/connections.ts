/** Connections to one server for several transfers: the next is made while a transfer ends. */

import { connect, type ConnectOptions } from "./net/connect.ts";

/**
 * Gives each transfer its connection. A name is looked up once.
 *
 * @example Usage
 * ```ts
 * import { Connections, put, serve } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await using server = await serve({ port: 0, hostname: "127.0.0.1", root });
 * const options = { hostname: "127.0.0.1", port: server.address.port };
 * const connections = new Connections(options);
 *
 * const from = (text: string) => ({ ...options, connections, from: new Blob([text]).stream(), size: BigInt(text.length) });
 * await put("a", { ...from("one"), onEnding: () => connections.prepare() });
 * await put("b", from("two"));
 * assertEquals([...Deno.readDirSync(root)].length, 2);
 * ```
 */
export class Connections {
  readonly #options: ConnectOptions;
  #prepared: Promise<Deno.Conn> | undefined;
  #address: string | undefined;

  /** Connects as the options say. */
  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /** Whether a connection has been prepared that nobody has taken. */
  get hasPrepared(): boolean {
    return this.#prepared !== undefined;
  }

  /** Makes the connection that the next transfer takes. */
  prepare(): void {
    this.#prepared ??= this.#connect();
    this.#prepared.catch(() => {});
  }

  /** The prepared connection, or a new one. Throws as {@linkcode connect} does. */
  async take(): Promise<Deno.Conn> {
    const prepared = await this.#prepared?.catch(() => undefined).finally(() => this.#prepared = undefined);
    return prepared ?? await this.#connect();
  }

  async #connect(): Promise<Deno.Conn> {
    const conn = await connect(this.#options, this.#address);
    this.#address = (conn.remoteAddr as Deno.NetAddr).hostname;
    return conn;
  }
}
