/**
 * How the server hears a request. Its text has no mark at its end, and some programs send it a byte a call, so the rest of a
 * name may be late (PROTOCOL.md, "What the server does about deviations"); a command that comes in one piece waits for
 * nothing.
 */

import { concat, startsWith } from "@std/bytes";
import { COMMAND_END, completed, MAX_COMMAND_BYTES, parseRequest, parseTwice, type Request } from "./command.ts";
import { FileError } from "./errors.ts";
import type { Found, Root } from "./files/root.ts";
import { textBefore, textBeforeSize } from "./late.ts";
import type { Peer } from "./peer.ts";
import { REQUEST_STEP } from "./protocol.ts";
import { isReady, within } from "./within.ts";

// Known clients that send a name in two pieces do so within a millisecond or two; file data sent without waiting for OK
// may be as late.
const LATE_MS = 50;
// The same for a name that nothing there completes.
const SOON_MS = 3;
const OWN_DONE = new TextEncoder().encode("DONE");
// A GET's READY, and a PUT's size, come a round trip after the rest of the name.
const LATE_READY_MS = 1000;

// So many whole commands in a row are no chance: of a program that writes a byte a call, one in four arrives whole.
const ENOUGH = 8;
// One command of a program that deletes many files follows the last within a few milliseconds.
const PAUSE_MS = 100;
// More addresses than send commands in the same tenth of a second.
const MAX_ADDRESSES = 1000;

/** Remembers for a moment from which addresses commands come whole, one right after the other. */
export class Regulars {
  readonly #rows = new Map<string, { count: number; time: number }>();

  /** Whether the address has sent enough whole commands in a row; then this one counts too. */
  has(address: string): boolean {
    const isRegular = this.#count(address) >= ENOUGH;
    if (isRegular) this.note(address, true);
    return isRegular;
  }

  /** Counts a command; one that came in pieces ends the row. */
  note(address: string, isWhole: boolean): void {
    const count = isWhole ? this.#count(address) + 1 : 0;
    if (this.#rows.size >= MAX_ADDRESSES) this.#rows.clear();
    this.#rows.set(address, { count, time: performance.now() });
  }

  #count(address: string): number {
    const row = this.#rows.get(address);
    return row && performance.now() - row.time <= PAUSE_MS ? row.count : 0;
  }
}

/** Where the server looks for what is asked for, and who asks. */
export interface Asker {
  /** The folder that is served. */
  root: Root;
  /** The client's address. */
  address: string;
  /** The clients whose commands come whole. */
  regulars: Regulars;
}

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

/** What a session works with; most of it is the server's (`ServeOptions`). */
export interface SessionOptions extends Asker {
  gather: number;
  maxBytes: bigint | undefined;
  fsync: boolean;
  /** Awaited before what was asked for is done; throws to refuse the client. */
  admit?: (() => Promise<void>) | undefined;
  /** Called for each event, and awaited before what is about to happen. */
  onEvent: (event: SessionEvent) => Promise<void>;
  /** Called with the number of bytes of file data that have not moved yet. */
  onLeft: (bytes: bigint) => void;
}

/** A request, and what its name leads to, if that is known. */
export interface Asked {
  request: Request;
  found?: Found;
}

/** The same, and how it is reported, unless it has been reported as it is. */
export interface Reported extends Asked {
  report: (request: Request) => void;
}

/**
 * Step b. A command is what the first read brings, but some programs write a byte a call. So before a file is deleted, or
 * said not to exist, the rest of its name gets a silence to arrive: a short one if no longer name is there, and none if
 * the address has just deleted other files by commands that were whole.
 */
export async function hearRequest(peer: Peer, { root, address, regulars }: Asker): Promise<Asked> {
  const bytes = await peer.hearText(REQUEST_STEP, COMMAND_END);
  const request = parseRequest(bytes);
  if (request.command === undefined) return { request };
  const { verb, name } = request.command;
  const isOnePiece = peer.frames.reads === 1;
  // The rest of its name can still come.
  if (isOnePiece && verb === "PUT") return { request };
  const found = root.find(name);
  if (isOnePiece && verb === "GET" && found?.info.isFile) return { request, found };
  const isQuick = isOnePiece && found !== undefined && regulars.has(address);
  const looking = root.hasLonger(name, found, { isQuick });
  // Of a folder that has just been changed, nobody knows yet.
  if (isQuick && await isReady(looking) && [false, "too many"].includes(await looking)) return { request, found };
  const [hasLonger, more] = await Promise.all([within(looking, LATE_MS), peer.peek(REQUEST_STEP, SOON_MS)]);
  const isCut = !isOnePiece || more.length > 0;
  const silenceMs = isCut || hasLonger !== false ? LATE_MS : 0;
  // One byte too many is enough to refuse it.
  const maxBytes = MAX_COMMAND_BYTES + 1 - bytes.length;
  const late = await peer.hearMore(REQUEST_STEP, { silenceMs, maxBytes });
  if (verb === "DEL") regulars.note(address, isOnePiece && late.length === 0);
  const whole = parseRequest(concat([bytes, late]));
  // A DEL that is sent twice is one, unless a file has such a name.
  if (whole.command && root.find(whole.command.name)) return { request: whole };
  return { request: { ...whole, command: parseTwice(whole.text) ?? whole.command } };
}

/**
 * The request with what comes of its name after OK: that is needed only when data is sent, or when the draft takes its
 * name, so nothing waits for it. The lab's line has the whole command, unless the client is slow to go on.
 */
export async function hearRest(
  peer: Peer,
  { request: begun, report }: Reported,
  step: "d. client: READY" | "d. client: <# bytes>",
): Promise<Request> {
  const rest = peer.watch(
    step,
    step === "d. client: READY"
      ? textBefore(peer.frames, "READY", LATE_READY_MS)
      : textBeforeSize(peer.frames, { silenceMs: LATE_MS, textMs: LATE_READY_MS }),
  );
  const soon = await within(rest.catch(() => undefined), SOON_MS);
  report(soon ? completed(begun, soon) : begun);
  const request = completed(begun, await rest);
  report(request);
  return request;
}

/** The request with what comes of its name before OK, which is not said yet; `undefined` if nothing comes. */
export async function hearLate(peer: Peer, { request: begun, report }: Reported): Promise<Request | undefined> {
  const late = await peer.hearMore(REQUEST_STEP, { silenceMs: LATE_MS, maxBytes: MAX_COMMAND_BYTES });
  const request = completed(begun, late);
  report(request);
  return late.length === 0 ? undefined : request;
}

/**
 * Refuses an upload with more bytes than were announced: the size was wrong, so the file is not what the client meant.
 * Known clients send a size in another format, part of which then counts as data. A `DONE` of the client's own passes.
 */
export async function checkEnd(peer: Peer, size: bigint, name: string, isEager: boolean): Promise<void> {
  const end = { silenceMs: LATE_MS, maxBytes: OWN_DONE.length + 1 };
  const step = "f. client: sends bytes";
  const surplus = await (isEager ? peer.hearMore(step, end) : peer.peek(step));
  if (startsWith(OWN_DONE, surplus)) return;
  const reason = `the client sent more than the ${size} bytes that it announced`;
  throw new FileError("create", name, { step: "g. server: DONE", reason });
}
