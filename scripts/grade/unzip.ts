/** Unpacks zip files of strangers: bounded, and nothing leaves the folder. */

import { configure, type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";

/** How much a zip file may hold. */
export interface Bounds {
  files: number;
  bytes: number;
}

/** A zip file that is not unpacked; the message is the reason. */
export class ZipError extends Error {
  override name = "ZipError";
}

configure({ useWebWorkers: false });

/** Reads a part of a file at a time. */
class PartReader extends Reader<Deno.FsFile> {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super(file);
    this.#file = file;
    this.size = file.statSync().size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, this.size - offset));
    await this.#file.seek(offset, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) {
      const count = await this.#file.read(bytes.subarray(at));
      if (count === null) throw new ZipError("it ends too early");
      at += count;
    }
    return bytes;
  }
}

/** Unpacks a zip file into a folder, which is made; or into none. Throws a {@linkcode ZipError} if it is broken, encrypted or too large. */
export async function unzip(path: string, folder: string, bounds: Bounds): Promise<void> {
  using file = await Deno.open(path);
  const reader = new ZipReader(new PartReader(file), { filenameValidation: "tolerant" });
  let [files, left] = [0, bounds.bytes];
  try {
    for await (const entry of reader.getEntriesGenerator()) {
      if (entry.directory || isLink(entry)) continue;
      const parts = entry.filename.split(/[/\\]+/);
      // One such name is no reason to refuse the others.
      if (!parts.every(isSafe)) continue;
      if (++files > bounds.files) throw new ZipError(`it has more than ${bounds.files} files`);
      if (entry.encrypted) throw new ZipError("it is encrypted");
      const target = `${folder}/${parts.join("/")}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      // Its size is what was written, whatever the zip file says.
      const output = await Deno.open(target, { write: true, createNew: true });
      const counted = new TransformStream<Uint8Array, Uint8Array>({
        transform(bytes, controller): void {
          left -= bytes.length;
          if (left < 0) throw new ZipError(`it has more than ${bounds.bytes >> 20} MB`);
          controller.enqueue(bytes);
        },
      });
      const writing = counted.readable.pipeTo(output.writable);
      await Promise.all([entry.getData(counted.writable), writing]);
    }
  } catch (error) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    if (error instanceof ZipError) throw error;
    throw new ZipError(`it can't be unpacked: ${(error as Error).message}`);
  } finally {
    await reader.close();
  }
}

function isLink({ externalFileAttributes = 0 }: Pick<FileEntry, "externalFileAttributes">): boolean {
  return (externalFileAttributes >>> 16 & 0o170000) === 0o120000;
}

function isSafe(part: string): boolean {
  return part !== "" && part !== "." && part !== ".." && part.length < 200 && !part.includes("\0");
}
