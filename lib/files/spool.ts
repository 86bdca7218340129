/** Data whose size is not known before its end, kept in a temporary file until then: the protocol wants the size first. */

import { abortable } from "@std/async";
import { writeAll } from "../bytes.ts";
import { isSystemError, systemReason, TransferError } from "../errors.ts";
import { isGranted } from "./permissions.ts";

const IS_WINDOWS = Deno.build.os === "windows";
// On Windows it is unknown, so all must be granted.
const TEMPORARY_FOLDER = IS_WINDOWS ? undefined : "/tmp";

/** Data that can be sent: a stream and its size in bytes. */
export interface Spool extends Disposable {
  /** The number of bytes. */
  size: bigint;
  /** The bytes. */
  readable: ReadableStream<Uint8Array>;
}

/** How a stream is spooled. */
export interface SpoolOptions {
  /** What the stream is called in errors. */
  name: string;
  /** Called with the number of bytes read so far. */
  onProgress: (bytes: bigint) => void;
  /** Ends the reading. */
  signal: AbortSignal;
}

/**
 * Reads a stream to its end. Nobody else can open the temporary file, and nothing is left of it, however this process
 * ends. Throws a {@linkcode TransferError} if the data can't be stored, and the signal's reason.
 */
export async function spool(from: ReadableStream<Uint8Array>, options: SpoolOptions): Promise<Spool> {
  const { name, onProgress, signal } = options;
  const reader = from.getReader();
  const unread = (error: unknown): never => {
    throw isSystemError(error) ? new TransferError(`cannot read ${name}: ${systemReason(error)}`) : error;
  };
  let close = (): void => {};
  try {
    // Where not all is granted, Deno would prompt for another folder that the environment (TMPDIR) names.
    const dir = isGranted("read") && isGranted("write") ? undefined : TEMPORARY_FOLDER;
    for (const permission of ["read", "write"] as const) {
      if (isGranted(permission, dir)) continue;
      throw failed(name, `no permission to ${permission} ${dir ?? "it"} (run it with --allow-${permission})`);
    }
    const path = await Deno.makeTempFile({ prefix: "blockferry-", ...(dir && { dir }) });
    const file = await Deno.open(path, { read: true, write: true });
    close = (): void => file.close();
    // An open file needs no name; where it does, the file goes with the spool.
    if (IS_WINDOWS) close = (): void => (file.close(), Deno.removeSync(path));
    else await Deno.remove(path);
    let size = 0n;
    while (true) {
      const { value } = await abortable(reader.read().catch(unread), signal);
      if (value === undefined) break;
      await writeAll(file, value);
      onProgress(size += BigInt(value.length));
    }
    await file.seek(0, Deno.SeekMode.Start);
    const readable = new ReadableStream<Uint8Array>({
      pull: async (controller): Promise<void> => {
        const buffer = new Uint8Array(PIECE_BYTES);
        const count = await file.read(buffer);
        if (count === null) controller.close();
        else controller.enqueue(buffer.subarray(0, count));
      },
    });
    return { size, readable, [Symbol.dispose]: close };
  } catch (error) {
    close();
    reader.cancel().catch(() => {});
    throw isSystemError(error) && !(error instanceof DOMException) ? failed(name, systemReason(error)) : error;
  }
}

const PIECE_BYTES = 64 * 1024;

function failed(name: string, reason: string): TransferError {
  return new TransferError(`cannot keep ${name} in a temporary file: ${reason}`);
}
