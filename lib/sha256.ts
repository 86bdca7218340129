/** SHA-256 sums (FIPS 180-4) of what was moved, to compare with what a server stored. */

import { type ClientOptions, get } from "./client.ts";
import { isSystemError, systemReason, TransferError } from "./errors.ts";

/** A running sum. */
export interface Sum {
  /** Adds a piece of data. */
  update(piece: Uint8Array): void;
  /** The sum of all pieces, as 64 hexadecimal digits. */
  hex(): string;
}

/** Starts a SHA-256 sum; pass its `update` to a transfer as `onData`. */
export async function sha256(): Promise<Sum> {
  // Loading it takes 10 ms.
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  return { update: (piece) => void hash.update(piece), hex: () => hash.digest("hex") };
}

/**
 * Fetches a file only to compute its SHA-256 sum, as 64 hexadecimal digits. Throws as {@linkcode get} does.
 *
 * @example Usage
 * ```ts
 * import { remoteSum, put, serve, sha256 } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await using server = await serve({ port: 0, hostname: "127.0.0.1", root });
 * const options = { hostname: "127.0.0.1", port: server.address.port };
 *
 * const sent = await sha256();
 * const onData = (piece: Uint8Array) => sent.update(piece);
 * await put("f", { ...options, from: new Blob(["some text"]).stream(), size: 9n, onData });
 * assertEquals(await remoteSum("f", options), sent.hex());
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function remoteSum(name: string, options: ClientOptions): Promise<string> {
  return await sumOf((await get(name, options)).readable);
}

/**
 * The SHA-256 sum of a file on this machine, as 64 hexadecimal digits; `undefined` if it is not a regular file. Throws a
 * {@linkcode TransferError} if it can't be read.
 */
export async function fileSum(path: string): Promise<string | undefined> {
  try {
    return (await Deno.stat(path)).isFile ? await sumOf((await Deno.open(path)).readable) : undefined;
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new TransferError(`cannot read ${path} to verify it: ${systemReason(cause)}`, { cause });
  }
}

async function sumOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const sum = await sha256();
  for await (const piece of stream) sum.update(piece);
  return sum.hex();
}
