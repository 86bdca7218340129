/** What a session of the server works with, and what it reports. */

import type { FileError } from "./errors.ts";
import type { Root } from "./files/root.ts";
import type { Regulars } from "./regulars.ts";

/** What a session reports, in the order of the lab's printed lines ("The Server"). */
export type SessionEvent =
  /** The whole command, as the client sent it; the beginning of what is none. */
  | { type: "request"; command: string }
  /** The number of bytes that are about to be received. */
  | { type: "receiving"; size: bigint }
  /** The number of bytes that are about to be sent. */
  | { type: "sending"; size: bigint }
  /** The file that is about to be deleted. */
  | { type: "deleting"; name: string }
  /** The client gets this error; its `reason` is for the server's operator. */
  | { type: "refused"; error: FileError }
  /** A file took long to reach the disk, so long that its client may have given up. */
  | { type: "synced"; name: string; ms: number };

/** What a session works with. */
export interface SessionOptions {
  /** The folder that is served. */
  root: Root;
  /** How many 1024-byte blocks go to the kernel in one call. */
  gather: number;
  /** The most bytes that an uploaded file may have. */
  maxBytes?: bigint | undefined;
  /** Whether DONE follows an upload only when file and folder are on disk. */
  fsync: boolean;
  /** The client's address. */
  address: string;
  /** The clients whose commands come whole. */
  regulars: Regulars;
  /** Awaited between READY and the command, for a client that had no turn yet; throws to refuse it. */
  admit?: (() => Promise<void>) | undefined;
  /** Called for each event, and awaited before what is about to happen. */
  onEvent: (event: SessionEvent) => Promise<void>;
  /** Called with the number of bytes of file data that have not moved yet. */
  onLeft: (bytes: bigint) => void;
}
