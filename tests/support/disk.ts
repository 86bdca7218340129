/** Disks of the tests' own. */

import { assertEquals } from "@std/assert";
import { fusePython } from "./needs.ts";
import { waitFor } from "./net.ts";
import { Process, run } from "../../scripts/support/programs.ts";

const STRANGE_DISK = `${import.meta.dirname}/strange_disk.py`;

/** The size of a small disk. */
export const DISK_BYTES = 2 * 1024 * 1024;

/** A small disk of its own, in memory. */
export class Disk implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Mounts it at `path`. */
  static async mount(path: string): Promise<Disk> {
    const words = ["mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", path];
    assertEquals((await run(words, { cwd: "/" })).status, 0);
    return new Disk(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: so it goes even where something still has a file of it open.
    await run(["umount", "--lazy", this.path], { cwd: "/" });
  }
}

/** The command line that runs `words` where a script has mounted something, which nobody else sees. */
export function withMounts(script: string, words: string[]): string[] {
  return ["unshare", "--mount", "bash", "-c", `${script} && exec "$@"`, "bash", ...words];
}

/** A disk that has a fault, mounted over a folder; what it keeps is in another one. */
export class StrangeDisk implements AsyncDisposable {
  readonly #process: Process;
  readonly #path: string;

  private constructor(process: Process, path: string) {
    this.#process = process;
    this.#path = path;
  }

  /** Mounts the disk at `path`; strange_disk.py says which faults there are. */
  static async mount(path: string, kept: string, fault: "quota" | "hole" | "zeros" | "caseless"): Promise<StrangeDisk> {
    const { dev } = await Deno.stat(path);
    const disk = new StrangeDisk(new Process([fusePython()!, STRANGE_DISK, kept, path, fault], { cwd: "/" }), path);
    await waitFor(async () => (await Deno.stat(path)).dev !== dev, () => disk.#process.errors.join("\n"));
    return disk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["umount", "--lazy", this.#path], { cwd: "/" });
    await this.#process[Symbol.asyncDispose]();
  }
}
