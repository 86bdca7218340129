/** The server's side of the lab's protocol: one connection, step by step as the lab lists them (PROTOCOL.md). */

import { delay } from "@std/async";
import { concat, startsWith } from "@std/bytes";
import type { Bytes } from "./bytes.ts";
import { COMMAND_END, completed, MAX_COMMAND_BYTES, parseRequest, parseTwice, type Request } from "./command.ts";
import { excerpt, FileError } from "./errors.ts";
import type { Found, Root } from "./files/root.ts";
import type { Draft } from "./files/draft.ts";
import { freeBytes } from "./files/disk.ts";
import { at, type Peer } from "./peer.ts";
import { ERROR_PREFIX, MAX_NAME_BYTES, REQUEST_STEP, type Step } from "./protocol.ts";
import type { Regulars } from "./regulars.ts";
import { pump } from "./transfer.ts";
import { isReady, within } from "./within.ts";

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

// The rest of a name may be late: known clients that send it in two pieces do so within a millisecond or two.
const LATE_NAME_MS = 50;
// The same for a name that nothing there completes.
const SOON_MS = 8;
// A GET's READY comes a round trip after the rest of its name.
const LATE_READY_MS = 1000;
// The same for the rest of file data that a client sent without waiting for OK.
const LATE_DATA_MS = 50;
// Far less than the 30 and 60 seconds for which the programs wait by default.
const LONG_SYNC_MS = 10_000;
const OWN_DONE = new TextEncoder().encode("DONE");
// Enough for a client of the lab's to read an OK, before DONE follows it.
const EMPTY_FILE_PAUSE_MS = 50;

/** Serves one client. Throws a `TransferError` when the conversation breaks off. */
export async function serveClient(peer: Peer, options: SessionOptions): Promise<void> {
  await peer.say("a. server: READY");
  await options.admit?.();
  const asked = await hearRequest(peer, options);
  let reported: string | undefined;
  const report = ({ text, command }: Request): void => {
    if (text !== reported) void options.onEvent({ type: "request", command: command ? text : excerpt(text) });
    reported = text;
  };
  const verb = asked.request.command?.verb;
  // The rest of the others' names may come after OK.
  if (verb === undefined || verb === "DEL") report(asked.request);
  if (verb === undefined) return await refuseRequest(peer, REQUEST_STEP);
  try {
    await { GET: serveGet, PUT: servePut, DEL: serveDel }[verb](peer, { ...asked, report }, options);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (reported === undefined) report(asked.request);
    void options.onEvent({ type: "refused", error });
    // The lab's errors take the place of an OK or DONE.
    const step = verb === "DEL" ? "c. server: DONE" : error.step ?? "c. server: OK";
    await peer.sayText(step, ERROR_PREFIX + error.message);
  }
}

/** A request, and what its name leads to, if that is known. */
interface Asked {
  request: Request;
  found?: Found;
}

/** The same, and how it is reported. */
interface Reported extends Asked {
  report: (request: Request) => void;
}

function refuseRequest(peer: Peer, step: Step): Promise<void> {
  const expected = `expected GET, PUT or DEL, a space and a file name of up to ${MAX_NAME_BYTES} bytes in UTF-8`;
  return peer.sayText(step, ERROR_PREFIX + expected);
}

/**
 * Step b. A command is what the first read brings, but some programs write a byte a call. So before a file is deleted, or
 * said not to exist, the rest of its name gets a silence to arrive: a short one if no longer name is there, and none if
 * the client has just deleted other files by commands that were whole.
 */
async function hearRequest(
  peer: Peer,
  { root, regulars, address }: SessionOptions,
): Promise<Asked> {
  const bytes = await peer.hearText(REQUEST_STEP, COMMAND_END);
  const request = parseRequest(bytes);
  if (request.command === undefined) return { request };
  const { verb, name } = request.command;
  const isOnePiece = peer.pieces === 1;
  // The rest of its name can still come.
  if (isOnePiece && verb === "PUT") return { request };
  const found = root.find(name);
  if (isOnePiece && verb === "GET" && found?.info.isFile) return { request, found };
  const looking = root.hasLonger(name);
  if (isOnePiece && found && regulars.has(address) && !(await isReady(looking) && await looking)) {
    return { request, found };
  }
  const start = performance.now();
  const [hasLonger, more] = await Promise.all([within(looking, LATE_NAME_MS), peer.peek(REQUEST_STEP, SOON_MS)]);
  const isCut = !isOnePiece || more.length > 0;
  const waitedMs = hasLonger === false ? LATE_NAME_MS : performance.now() - start;
  const silenceMs = isCut ? LATE_NAME_MS : Math.max(LATE_NAME_MS - waitedMs, 0);
  // One byte too many is enough to refuse it.
  const maxBytes = MAX_COMMAND_BYTES + 1 - bytes.length;
  const late = await peer.hearMore(REQUEST_STEP, { silenceMs, maxBytes });
  if (verb === "DEL") regulars.note(address, isOnePiece && late.length === 0);
  const whole = parseRequest(concat([bytes, late]));
  if (verb === "PUT" || (whole.command && root.find(whole.command.name))) return { request: whole };
  return { request: { ...whole, command: parseTwice(whole.text) ?? whole.command } };
}

/**
 * The request with what comes of its name after OK: that is needed only when data is sent, or when the draft takes its
 * name, so nothing waits for it. The lab's line has the whole command, unless the client is slow to go on.
 */
async function hearRest(begun: Request, rest: Promise<Bytes>, report: Reported["report"]): Promise<Request> {
  const soon = await within(rest.catch(() => undefined), SOON_MS);
  report(soon ? completed(begun, soon) : begun);
  const request = completed(begun, await rest);
  report(request);
  return request;
}

async function serveGet(peer: Peer, { request, found, report }: Reported, options: SessionOptions): Promise<void> {
  const { root, gather, onEvent, onLeft } = options;
  using sources = new DisposableStack();
  const { name: nameSoFar } = request.command!;
  let source = sources.use(root.read(nameSoFar, found));
  await peer.say("c. server: OK");
  const { command } = await hearRest(request, peer.hearBefore("d. client: READY", LATE_READY_MS), report);
  await peer.hear("d. client: READY");
  if (command === undefined) return await refuseRequest(peer, "e. server: <# bytes>");
  if (command.name !== nameSoFar) {
    source = sources.use(await at("e. server: <# bytes>", Promise.try(() => root.read(command.name))));
  }
  const { size } = source;
  await peer.saySize("e. server: <# bytes>", size);
  await peer.skipLineEnds("f. client: OK");
  await peer.hear("f. client: OK");
  await onEvent({ type: "sending", size });
  const write = (piece: Bytes): Promise<void> => peer.send("g. server: sends bytes", piece, gather);
  const onProgress = (moved: bigint): void => onLeft(size - moved);
  await pump({ size, read: (buffer) => source.read(buffer), write }, { gather, onProgress });
  await peer.say("h. server: DONE");
}

async function servePut(peer: Peer, { request: begun, report }: Reported, options: SessionOptions): Promise<void> {
  await using drafts = new AsyncDisposableStack();
  let request = begun;
  const create = (): Draft => drafts.use(options.root.create(request.command!.name));
  let draft: Draft;
  try {
    draft = create();
  } catch (error) {
    // A folder's name may go on to be that of a file in it.
    const late = await peer.hearMore(REQUEST_STEP, { silenceMs: LATE_NAME_MS, maxBytes: MAX_COMMAND_BYTES });
    request = completed(begun, late);
    report(request);
    if (late.length === 0 || request.command === undefined) throw error;
    draft = create();
  }
  const { name: nameSoFar } = request.command!;
  await peer.say("c. server: OK");
  request = await hearRest(request, peer.hearBeforeSize("d. client: <# bytes>", LATE_NAME_MS), report);
  if (request.command === undefined) return await refuseRequest(peer, "e. server: OK");
  const { name } = request.command;
  if (name !== nameSoFar) {
    await draft[Symbol.asyncDispose]();
    draft = await at("e. server: OK", Promise.try(create));
  }
  const size = await peer.hearSize("d. client: <# bytes>");
  const isEager = peer.hasMore;
  await checkRoom(size, draft.folder, name, options);
  await options.onEvent({ type: "receiving", size });
  await peer.say("e. server: OK");
  // Without a pause DONE would arrive together with OK, and a client with one recv() a message would read both as one.
  if (size === 0n) await delay(EMPTY_FILE_PAUSE_MS);
  const read = (buffer: Bytes): Promise<Bytes> => peer.receive("f. client: sends bytes", buffer);
  const write = (piece: Bytes): Promise<void> => at("g. server: DONE", draft.write(piece));
  const onProgress = (moved: bigint): void => options.onLeft(size - moved);
  await pump({ size, read, write }, { gather: options.gather, onProgress });
  await checkEnd(peer, size, name, isEager);
  const start = performance.now();
  await at("g. server: DONE", draft.commit({ fsync: options.fsync }));
  const ms = performance.now() - start;
  if (ms > LONG_SYNC_MS) void options.onEvent({ type: "synced", name, ms });
  await peer.say("g. server: DONE");
}

/** Refuses a file that can't fit before any of it is sent. */
async function checkRoom(size: bigint, folder: string, name: string, { maxBytes }: SessionOptions): Promise<void> {
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
async function checkEnd(peer: Peer, size: bigint, name: string, isEager: boolean): Promise<void> {
  const maxBytes = OWN_DONE.length + 1;
  // A client that did not wait for OK may still be sending.
  const surplus = isEager
    ? await peer.hearMore("f. client: sends bytes", { silenceMs: LATE_DATA_MS, maxBytes })
    : await peer.peek("f. client: sends bytes");
  if (startsWith(OWN_DONE, surplus)) return;
  const reason = `the client sent more than the ${size} bytes that it announced`;
  throw new FileError("create", name, { step: "g. server: DONE", reason });
}

async function serveDel(peer: Peer, { request, found }: Reported, { root, onEvent }: SessionOptions): Promise<void> {
  const { name } = request.command!;
  found ??= root.find(name);
  if (!found) throw new FileError("missing", name);
  if (!root.readOnly) await onEvent({ type: "deleting", name });
  await root.remove(name, found);
  await peer.say("c. server: DONE");
}
