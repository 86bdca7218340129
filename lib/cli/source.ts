/** What PUT sends where that is not a regular file: standard input, or a pipe with a name. */

import { FileError, isSystemError, systemReason } from "../errors.ts";
import { type Spool, spool, type SpoolOptions } from "../files/spool.ts";
import { found } from "../files/storage.ts";
import { printer } from "./output.ts";

/** Opens such a source, read to its end; `undefined` for a path of anything else. */
export async function openStream(file: string, options: SpoolOptions): Promise<Spool | undefined> {
  // A file behind it may have been read in part, or grow: only its end tells its size.
  if (file === "-") {
    if (Deno.stdin.isTerminal()) printer.warn("client: reads the keyboard until Ctrl-D\n");
    return await spool(Deno.stdin.readable, options);
  }
  const info = found(file);
  if (!info?.isFifo && !info?.isCharDevice) return undefined;
  try {
    return await spool((await Deno.open(file)).readable, options);
  } catch (cause) {
    throw isSystemError(cause) ? new FileError("missing", file, { reason: systemReason(cause) }) : cause;
  }
}
