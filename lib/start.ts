/** Starts a server: what is wrong with its options, folder, certificate or port is an error here. */

import { systemReason, TransferError } from "./errors.ts";
import { Root } from "./files/root.ts";
import { MAX_WAITING, type ServeOptions, Server } from "./listener.ts";
import { isNetGranted, netHost } from "./net/connect.ts";
import { credentialsReason, openTls } from "./net/tls.ts";
import { checkCommon, checkNumber, checkSize } from "./options.ts";
import { Reception } from "./reception.ts";

/**
 * Starts a server for one folder. While serving, it removes the drafts that killed servers left there. Throws a
 * {@linkcode TransferError} if it can't listen or there is no such folder, and a `RangeError` for an impossible option.
 *
 * @example Usage
 * ```ts
 * import { put, serve, type ServerEvent } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * const events: ServerEvent["type"][] = [];
 * {
 *   const onEvent = (event: ServerEvent) => events.push(event.type);
 *   await using server = await serve({ port: 0, hostname: "127.0.0.1", root, onEvent });
 *   const from = new Blob(["some text"]).stream();
 *   await put("f", { hostname: "127.0.0.1", port: server.address.port, from, size: 9n });
 * }
 * assertEquals(events.slice(0, 4), ["waiting", "connected", "request", "receiving"]);
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const { hostname = "0.0.0.0", port, clients, readOnly = false, maxBytes } = options;
  checkCommon({ ...options, hostname }, { minPort: 0 });
  checkNumber("clients", clients, { min: 1, isWhole: clients !== Infinity });
  checkSize("maxBytes", maxBytes);
  const root = await Root.open(options.root ?? ".", { readOnly });
  const reception = await Reception.open(options);
  const failed = (reason: string, cause?: unknown): TransferError =>
    new TransferError(`cannot listen on ${hostname} port ${port}: ${reason}`, { cause });
  if (!isNetGranted(hostname, port)) throw failed(`no permission (run it with --allow-net=${netHost(hostname, port)})`);
  if (options.tls && !isNetGranted("127.0.0.1")) throw failed("TLS needs the permission --allow-net=127.0.0.1 too");
  try {
    const secure = options.tls && await openTls(options.tls);
    const listener = Deno.listen({ hostname, port, tcpBacklog: MAX_WAITING });
    return new Server({ listener, secure, root, reception, options });
  } catch (error) {
    if (error instanceof TransferError) throw failed(error.message, error);
    if (error instanceof Deno.errors.AddrInUse) throw failed("the port is in use", error);
    if (error instanceof Deno.errors.PermissionDenied && port > 0 && port < 1024) {
      throw failed("permission denied (ports below 1024 are for root)", error);
    }
    if (options.tls && credentialsReason(error)) throw failed(credentialsReason(error)!, error);
    throw failed(systemReason(error), error);
  }
}
