/** Data whose size is not known before its end, kept in a temporary file until then: the protocol wants the size first. */

import { abortable } from "@std/async";
import { writeAll } from "../bytes.ts";
import { isSystemError, systemReason, TransferError } from "../errors.ts";
import { dirname } from "./path.ts";
import { isGranted } from "./permissions.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Data that can be sent: a stream and its size in bytes. */
export interface Spool extends Disposable {
  size: bigint;
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
 * Reads a stream to its end. Nobody else can open the temporary file, and nothing is left of it, whatever signal ends
 * this process. Throws a {@linkcode TransferError} if the data can't be stored, and the signal's reason.
 */
export async function spool(from: ReadableStream<Uint8Array>, options: SpoolOptions): Promise<Spool> {
  const { name, onProgress, signal } = options;
  const reader = from.getReader();
  using kept = new DisposableStack();
  let folder = "the temporary folder (TMPDIR)";
  const failed = (reason: string): TransferError =>
    new TransferError(`cannot keep ${name} in a file in ${folder}: ${reason}`);
  const unread = (error: unknown): never => {
    throw isSystemError(error) ? new TransferError(`cannot read ${name}: ${systemReason(error)}`) : error;
  };
  try {
    // Where not all is granted, Deno would prompt for another folder that the environment (TMPDIR) names. On Windows the
    // folder is unknown.
    const dir = IS_WINDOWS || (isGranted("read") && isGranted("write")) ? undefined : "/tmp";
    for (const permission of ["read", "write"] as const) {
      if (isGranted(permission, dir)) continue;
      throw failed(`no permission to ${permission} ${dir ?? "it"} (run it with --allow-${permission})`);
    }
    let file: Deno.FsFile;
    try {
      ({ file, folder } = openTemporary(dir, kept));
    } catch (error) {
      // Of an empty TMPDIR, Deno's error is none of the system's.
      throw failed(systemReason(error));
    }
    let size = 0n;
    while (true) {
      const { value } = await abortable(reader.read().catch(unread), signal);
      if (value === undefined) break;
      await writeAll(file, value);
      onProgress(size += BigInt(value.length));
    }
    await file.seek(0, Deno.SeekMode.Start);
    const moved = kept.move();
    return { size, readable: file.readable, [Symbol.dispose]: () => moved.dispose() };
  } catch (error) {
    reader.cancel().catch(() => {});
    throw isSystemError(error) && !(error instanceof DOMException) ? failed(systemReason(error)) : error;
  }
}

/** Opens a temporary file that has no name any more, at once: no signal comes between its making and its removal. */
function openTemporary(dir: string | undefined, kept: DisposableStack): { file: Deno.FsFile; folder: string } {
  const path = Deno.makeTempFileSync({ prefix: "blockferry-", ...(dir && { dir }) });
  // Where an open file needs its name, the file goes with the spool.
  if (IS_WINDOWS) kept.defer(() => Deno.removeSync(path));
  try {
    return { file: kept.use(Deno.openSync(path, { read: true, write: true })), folder: dirname(path) };
  } finally {
    if (!IS_WINDOWS) Deno.removeSync(path);
  }
}
