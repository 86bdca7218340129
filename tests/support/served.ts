/** Servers and clients in the test's own process. */

import { type ClientOptions, del, get, put, serve, type ServeOptions, type Server } from "../../lib/mod.ts";
import type { Verb } from "../../lib/protocol.ts";
import { Folder } from "../../scripts/support/folder.ts";

/** The address of this machine alone. */
export const HOST = { hostname: "127.0.0.1" };

/** A served folder, its server, and a client's options to reach it. */
export class Served implements AsyncDisposable {
  readonly options: { hostname: string; port: number };

  private constructor(readonly folder: Folder, readonly server: Server) {
    this.options = { ...HOST, port: server.address.port };
  }

  /** Starts a server of an empty folder. */
  static async start(more: Partial<ServeOptions> = {}): Promise<Served> {
    const folder = new Folder();
    return new Served(folder, await serve({ ...HOST, port: 0, root: folder.path, ...more }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** A test of a server in this process. */
export function servedTest(
  name: string,
  work: (served: Served) => Promise<void>,
  more: Partial<ServeOptions> = {},
): void {
  Deno.test(name, async () => {
    await using served = await Served.start(more);
    await work(served);
  });
}

/** A client of this process, whose own file is at a path. */
export async function transfer(verb: Verb, name: string, path: string, options: ClientOptions): Promise<void> {
  if (verb === "GET") await get(name, { ...options, to: path });
  else if (verb === "PUT") await put(name, { ...options, from: path });
  else await del(name, options);
}
