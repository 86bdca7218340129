/** A file that can be written, but not replaced, such as a mount point, gets the content of a whole draft. */

import { writeAll } from "../bytes.ts";
import { FileError, systemReason } from "../errors.ts";
import { printable } from "../printable.ts";
import { checkStored, lockAlone } from "./storage.ts";

const PIECE_BYTES = 256 * 1024;

// What is done for the copies under way when the program ends at once, as two seconds after a Ctrl-C.
const endings = new Set<() => void>();
globalThis.addEventListener("unload", () => {
  for (const end of endings) end();
});

/**
 * Copies a draft into the old file `target`, and removes it. What is longer than the old file comes first: where there is
 * no room for it, or `signal` is aborted, the old file stands. What breaks off later, or ends this process, leaves the draft
 * under a name that no sweep takes for a draft's. Throws a {@linkcode FileError} for `name`, the system's error, or the
 * signal's reason.
 */
export async function copyOver(draft: string, target: string, name: string, signal?: AbortSignal): Promise<void> {
  using from = await Deno.open(draft);
  using to = await Deno.open(target, { write: true });
  await lockAlone(to, name);
  const [{ size }, { size: oldSize }] = await Promise.all([from.stat(), to.stat()]);
  const kept = draft.replace(/part$/, "whole");
  const undo = (): void => {
    to.truncateSync(oldSize);
    Deno.removeSync(kept);
  };
  const say = (): void => console.error(printable(`${name} is half copied; all of its content is in ${kept}`));
  await Deno.rename(draft, kept);
  endings.add(undo);
  try {
    await copy(from, to, oldSize, size, signal);
    await to.sync();
    signal?.throwIfAborted();
  } catch (error) {
    try {
      undo();
    } catch (cause) {
      const where = `its end may be of its new content, which is whole in ${kept}`;
      const reason = `${systemReason(error)}; ${where}`;
      throw new FileError("create", name, { reason, cause });
    }
    throw error;
  } finally {
    endings.delete(undo);
  }
  endings.add(say);
  try {
    await copy(from, to, 0, Math.min(oldSize, size));
    await to.truncate(size);
    await to.sync();
    checkStored(size, target, name);
  } catch (cause) {
    const reason = `${systemReason(cause)}; its old content may be lost, and its new content is in ${kept}`;
    throw new FileError("create", name, { reason, cause });
  } finally {
    endings.delete(say);
  }
  await Deno.remove(kept);
}

/** Copies the bytes from one position to another. */
async function copy(
  from: Deno.FsFile,
  to: Deno.FsFile,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<void> {
  const buffer = new Uint8Array(PIECE_BYTES);
  await Promise.all([from.seek(start, Deno.SeekMode.Start), to.seek(start, Deno.SeekMode.Start)]);
  for (let left = end - start; left > 0;) {
    signal?.throwIfAborted();
    const count = await from.read(buffer.subarray(0, Math.min(buffer.length, left))) ?? 0;
    if (count === 0) throw new Error("the draft became shorter");
    await writeAll(to, buffer.subarray(0, count));
    left -= count;
  }
}
