/** Blocks and memory of a program under test. */

import type { Role } from "../../lib/protocol.ts";
import { STRACE } from "../../tests/support/needs.ts";
import { Failure } from "./failure.ts";
import type { Program } from "./program.ts";

/** A file that no program should hold in memory: all holes, so it takes no room on the disk. */
export const SPARSE_BYTES = 300 * 1024 * 1024;
/** How long such a file may take a program that holds it in memory, or waits until a slow disk has stored it. */
export const SPARSE_MS = 30_000;
// Half of the file: far more than any interpreter and its buffers, far less than the file.
const MAX_KIB = SPARSE_BYTES / 1024 / 2;

/** The calls to the system that can send file data. */
export const SENDING_CALLS = "sendto,sendmsg,write,writev,sendfile";
/** Starts a program with little memory for what Java would collect some time later. */
export const CAPPED = "JAVA_TOOL_OPTIONS=-Xmx100m ";

/** Why calls to the system can't be watched here, if so. */
export function noStrace(): string | undefined {
  return STRACE.isMet() ? undefined : "strace is not installed";
}

/** Why a program's memory can't be looked at here, if so. */
export function noProc(): string | undefined {
  return Deno.build.os === "linux" ? undefined : "it reads Linux's /proc";
}

/** Fails unless the calls in the trace sent `size` bytes of file data to a socket, 1024 bytes each but for the last. */
export function assertBlocks(program: Role, calls: string[], size: number): void {
  const write = /^(?:sendto|write|writev|sendmsg|sendfile)\(\d+<(?:socket|TCP).*\) += (\d+)$/;
  const lengths = calls.flatMap((call) => write.exec(call)?.slice(1) ?? []).map(Number);
  const largest = Math.max(0, ...lengths);
  const blocks = lengths.filter((length) => length === 1024).length;
  // What strace has not seen at all, another process may have sent. A full buffer may cut a block now and then.
  if (lengths.length === 0 || (largest <= 1024 && blocks >= 0.9 * Math.floor(size / 1024))) return;
  throw new Failure(
    largest > 1024
      ? `the ${program} should send file data in 1024-byte blocks; one call sent ${largest} bytes`
      : `the ${program} should send ${size} bytes in 1024-byte blocks; ${blocks} calls sent 1024 bytes, the others less`,
    "read 1024 bytes of the file at a time and send each with sendall(), not the whole file with one call or sendfile()",
  );
}

/** Fails if a program's memory has been larger than half of the large file. */
export async function memoryOf(program: Program, name: Role): Promise<void> {
  const peak = await program.peakKib();
  if (peak <= MAX_KIB) return;
  throw new Failure(
    `the ${name}'s memory grew to ${Math.round(peak / 1024)} MiB with a file of ${SPARSE_BYTES / 1024 / 1024} MiB`,
    "read and send, or receive and write, a block at a time: read() without a size, or a list of blocks, holds all of it",
  );
}
