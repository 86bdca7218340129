/** What the server refuses of an upload: a file that can't fit, and more bytes than were announced. */

import { startsWith } from "@std/bytes";
import { FileError } from "./errors.ts";
import { freeBytes } from "./files/disk.ts";
import type { Peer } from "./peer.ts";

// The rest of file data may be late, if a client sent some without waiting for OK.
const LATE_DATA_MS = 50;
const OWN_DONE = new TextEncoder().encode("DONE");

/** Refuses a file that can't fit before any of it is sent. */
export async function checkRoom(
  size: bigint,
  folder: string,
  name: string,
  maxBytes: bigint | undefined,
): Promise<void> {
  const refused = (reason: string): FileError => new FileError("create", name, { step: "e. server: OK", reason });
  if (maxBytes !== undefined && size > maxBytes) throw refused(`${size} bytes are more than the ${maxBytes} allowed`);
  const room = await freeBytes(folder);
  if (room !== undefined && size > room) {
    throw refused(`${size} bytes are more than the ${room} that the disk has free`);
  }
}

/**
 * Refuses an upload with more bytes than were announced: the size was wrong, so the file is not what the client meant.
 * Known clients send a size in another format, part of which then counts as data. A `DONE` of the client's own passes.
 */
export async function checkEnd(peer: Peer, size: bigint, name: string, isEager: boolean): Promise<void> {
  const maxBytes = OWN_DONE.length + 1;
  // A client that did not wait for OK may still be sending.
  const surplus = isEager
    ? await peer.hearMore("f. client: sends bytes", { silenceMs: LATE_DATA_MS, maxBytes })
    : await peer.peek("f. client: sends bytes");
  if (startsWith(OWN_DONE, surplus)) return;
  const reason = `the client sent more than the ${size} bytes that it announced`;
  throw new FileError("create", name, { step: "g. server: DONE", reason });
}
