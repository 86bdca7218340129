/** Unpacks zip files of strangers: bounded, and nothing leaves the folder. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { configure, Reader, ZipReader } from "@zip.js/zip.js";

/** How much a zip file, or several together, may still hold. */
export interface Bounds {
  files: number;
  bytes: number;
}

/** A zip file that is not unpacked; the message is the reason. */
export class ZipError extends Error {
  override name = "ZipError";
}

configure({ useWebWorkers: false });

/** What systems and tools leave in a folder, and no student has written. */
export const NOT_THEIRS = /^(__MACOSX|\..*|__pycache__|node_modules|v?env)$|_assignsubmission_onlinetext/;

// Folders in folders, more than anyone makes, and a path that the system takes.
export const MAX_PARTS = 20;

/** Reads an open file, a part at a time. */
class FileReader extends Reader<number> {
  readonly #file: number;

  constructor(file: number) {
    super(file);
    this.#file = file;
    this.size = fstatSync(file).size;
  }

  override readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, this.size - offset));
    return Promise.resolve(bytes.subarray(0, readSync(this.#file, bytes, 0, bytes.length, offset)));
  }
}

/**
 * Unpacks a zip file into a folder, which is made; or into none, if it is broken, encrypted or too large. With
 * `onLeftOut`, which hears of names that can't be used, a name that comes twice is one.
 */
export async function unzip(
  path: string,
  folder: string,
  bounds: Bounds,
  onLeftOut?: (name: string) => void,
): Promise<void> {
  const file = openSync(path, "r");
  const reader = new ZipReader(new FileReader(file), { filenameValidation: "tolerant", checkSignature: true });
  const { files, bytes } = bounds;
  let name = "";
  try {
    for await (const entry of reader.getEntriesGenerator()) {
      if (entry.symlink) continue;
      name = entry.filename.replace(/[/\\]+$/, "");
      const parts = name.split(/[/\\]+/);
      if (parts.some((part) => NOT_THEIRS.test(part))) continue;
      const target = `${folder}/${parts.join("/")}`;
      // One such name is no reason to refuse the others.
      const isUsable = parts.length <= MAX_PARTS && parts.every(isSafe);
      if (!isUsable || onLeftOut && !entry.directory && await isThere(target)) {
        onLeftOut?.(name);
        continue;
      }
      if (--bounds.files < 0) throw new ZipError(`it has more than ${files} files`);
      if (entry.encrypted) throw new ZipError(`${name} in it is encrypted`);
      // An empty one is a hand-in without a program.
      await Deno.mkdir(entry.directory ? target : target.slice(0, target.lastIndexOf("/")), { recursive: true });
      if (entry.directory) continue;
      // Its size is what was written, whatever the zip file says.
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller): void {
          bounds.bytes -= piece.length;
          if (bounds.bytes < 0) throw new ZipError(`it has more than ${bytes >> 20} MB`);
          controller.enqueue(piece);
        },
      });
      await Promise.all([entry.getData(writable), Deno.writeFile(target, readable, { createNew: true })]);
    }
  } catch (error) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    if (error instanceof ZipError) throw error;
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ZipError(`${name} in it would replace another of its files`);
    }
    throw new ZipError(`${name || "it"} can't be unpacked: ${(error as Error).message}`);
  } finally {
    await reader.close();
    closeSync(file);
  }
}

function isThere(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => true, () => false);
}

function isSafe(part: string): boolean {
  return !/^\.{0,2}$|\0/.test(part) && new TextEncoder().encode(part).length < 256;
}
