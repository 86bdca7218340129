/** What PUT sends where that is not a regular file: standard input, or a pipe with a name. */

import { FileError, systemReason } from "../errors.ts";
import { type Spool, spool, type SpoolOptions } from "../files/spool.ts";
import { isGranted } from "../files/storage.ts";

/** Opens such a source, read to its end; `undefined` for a path of anything else. */
export async function openStream(file: string, options: SpoolOptions): Promise<Spool | undefined> {
  if (file === "-") return await openStdin(options);
  if (!isGranted("read", file)) return undefined;
  const info = await Deno.stat(file).catch(() => undefined);
  if (!info?.isFifo && !info?.isCharDevice) return undefined;
  try {
    return await spool((await Deno.open(file)).readable, options);
  } catch (cause) {
    if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
      throw new FileError("missing", file, { reason: systemReason(cause) });
    }
    throw cause;
  }
}

async function openStdin(options: SpoolOptions): Promise<Spool> {
  const { fstatSync } = await import("node:fs");
  const info = fstatSync(0);
  // A file behind standard input has a size already.
  if (!info.isFile() || info.size === 0) return await spool(Deno.stdin.readable, options);
  return { size: BigInt(info.size), readable: Deno.stdin.readable, [Symbol.dispose]: () => {} };
}
