/** Temporary folders and what is put into them. */

import { Buffer } from "node:buffer";

/** Whether bytes are the same; assertEquals takes seconds for megabytes. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A temporary folder, removed with the test. */
export class Folder implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "blockferry_test_" }));

  /** The path of something in it. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Makes a folder in it. */
  async folder(name: string): Promise<string> {
    await Deno.mkdir(this.at(name));
    return this.at(name);
  }

  /** The names of all that is in it, drafts included, sorted. */
  async names(name = "."): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.at(name)), (entry) => entry.name)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Sets back the times of the files in a folder, so far that a sweep takes drafts among them for abandoned. */
export async function age(path: string): Promise<void> {
  const time = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for await (const { name, isFile } of Deno.readDir(path)) if (isFile) await Deno.utime(`${path}/${name}`, time, time);
}

/** Random bytes, so that no two files are equal by accident. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += 65536) crypto.getRandomValues(bytes.subarray(start, start + 65536));
  return bytes;
}
