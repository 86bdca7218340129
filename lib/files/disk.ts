/** What is known of a folder's disk; some of it only with `--allow-sys=statfs`. */

import { FileError } from "../errors.ts";

/** Throws a {@linkcode FileError} if a file of `size` bytes can't be made: for `maxBytes`, or for what the disk has free. */
export async function checkRoom(folder: string, size: bigint, name: string, maxBytes?: bigint): Promise<void> {
  const refused = (limit: string): FileError =>
    new FileError("create", name, { reason: `${size} bytes are more than the ${limit}` });
  if (maxBytes !== undefined && size > maxBytes) throw refused(`${maxBytes} allowed`);
  const { blocks = 0n, bavail = 0n, bsize = 0n } = await statfs(folder) ?? {};
  // Some file systems don't know their own size.
  if (blocks > 0n && size > bavail * bsize) throw refused(`${bavail * bsize} that the disk has free`);
}

// NFS, SMB (two), FUSE, Ceph, AFS, 9P, Coda, AFS in the kernel, Lustre (statfs(2)).
const DEFERRING = [0x6969n, 0xff534d42n, 0xfe534d42n, 0x65735546n, 0xc36400n, 0x5346414fn, 0x1021997n, 0x73757245n]
  .concat(0x6b414653n, 0xbd00bd0n);

/**
 * Whether a folder is known to be of a file system that may take data and fail to store it later: when a file is synced
 * or closed. Those have no disk of their own; `dev` is the device number.
 */
export async function isDeferring(folder: string, dev: number): Promise<boolean> {
  if (Deno.build.os !== "linux" || hasDisk(dev)) return false;
  return DEFERRING.includes((await statfs(folder))?.type ?? 0n);
}

/** Whether a device number is a disk's: Linux gives NFS, FUSE and others the major number 0. */
export function hasDisk(dev: number): boolean {
  return (dev >> 8 & 0xfff) !== 0;
}

// Asked once, as in permissions.ts.
let isGranted: boolean | undefined;
let nodeFs: Promise<typeof import("node:fs")> | undefined;

async function statfs(folder: string): Promise<import("node:fs").BigIntStatsFs | undefined> {
  isGranted ??= Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state === "granted";
  if (!isGranted) return undefined;
  try {
    // Loading it takes 20 ms.
    return (await (nodeFs ??= import("node:fs"))).statfsSync(folder, { bigint: true });
  } catch {
    return undefined;
  }
}
