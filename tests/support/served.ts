/** A server in the test's own process. */

import { serve, type ServeOptions, type Server } from "../../lib/mod.ts";
import { Folder } from "../../scripts/support/folder.ts";

/** The address of this machine alone. */
export const HOST = { hostname: "127.0.0.1" };

/** What a test of a server has: the served folder, the server, and a client's options to reach it. */
export interface Served {
  folder: Folder;
  server: Server;
  options: { hostname: string; port: number };
}

/** A test of a server in this process. */
export function servedTest(
  name: string,
  work: (served: Served) => Promise<void>,
  more: Partial<ServeOptions> = {},
): void {
  Deno.test(name, async () => {
    await using folder = new Folder();
    await using server = await serve({ ...HOST, port: 0, root: folder.path, ...more });
    await work({ folder, server, options: { ...HOST, port: server.address.port } });
  });
}
