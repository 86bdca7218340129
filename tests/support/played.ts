/** A server in the test's hands, for one run of the real client. */

import type { Folder } from "../../scripts/support/folder.ts";
import { type Output, runClient } from "../../scripts/support/programs.ts";
import { Raw } from "../../scripts/support/raw.ts";

/** Runs the client in a folder, with what it asks its server for in `args`; that stays connected until it has ended. */
export async function withServer(
  args: string[],
  folder: Folder,
  serve: (raw: Raw) => Promise<void>,
): Promise<Output> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = runClient(["127.0.0.1", `${listener.addr.port}`, ...args], { cwd: folder.path });
  const unconnected = client.then((output) => {
    throw new Error(`the client made no connection: ${JSON.stringify(output)}`);
  });
  using raw = new Raw(await Promise.race([listener.accept(), unconnected]));
  await serve(raw);
  return await client;
}
