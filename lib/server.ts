/** The server's side of the lab's protocol: one connection, step by step as the lab lists them (PROTOCOL.md). */

import { type Bytes, concat } from "./bytes.ts";
import { COMMAND_END, MAX_COMMAND_BYTES, parseRequest, parseTwice, type Request } from "./command.ts";
import { FileError } from "./errors.ts";
import type { Root } from "./files/root.ts";
import { freeBytes } from "./files/storage.ts";
import type { Peer } from "./peer.ts";
import { ERROR_PREFIX, MAX_NAME_BYTES, REQUEST_STEP } from "./protocol.ts";
import { pump } from "./transfer.ts";

/** What a session reports, in the order of the lab's printed lines ("The Server"). */
export type SessionEvent =
  /** The whole command, as the client sent it. */
  | { type: "request"; command: string }
  /** The number of bytes that are about to be received. */
  | { type: "receiving"; size: bigint }
  /** The number of bytes that are about to be sent. */
  | { type: "sending"; size: bigint }
  /** The file that is about to be deleted. */
  | { type: "deleting"; name: string };

/** What a session works with. */
export interface SessionOptions {
  /** The folder that is served. */
  root: Root;
  /** How many 1024-byte blocks go to the kernel in one call. */
  gather: number;
  /** The most bytes that an uploaded file may have. */
  maxBytes?: bigint | undefined;
  /** Whether DONE follows an upload only when file and folder are on disk. */
  isDurable: boolean;
  /** Called for each event. */
  onEvent: (event: SessionEvent) => void;
}

// The rest of a name may be late; known clients that send it in two pieces do so within a millisecond or two.
const LATE_NAME_MS = 50;
// Enough for a client of the lab's to read an OK, before DONE follows it.
const EMPTY_FILE_PAUSE_MS = 50;

/** Serves one client. Throws a `TransferError` when the conversation breaks off. */
export async function serveClient(peer: Peer, options: SessionOptions): Promise<void> {
  await peer.say("a. server: READY");
  const { text, command } = await hearRequest(peer, options.root);
  options.onEvent({ type: "request", command: text });
  if (command === undefined) {
    const expected = `expected GET, PUT or DEL, a space and a file name of up to ${MAX_NAME_BYTES} bytes in UTF-8`;
    return await peer.sayText(REQUEST_STEP, ERROR_PREFIX + expected);
  }
  const serve = { GET: serveGet, PUT: servePut, DEL: serveDel }[command.verb];
  try {
    await serve(peer, command.name, options);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    // The lab's errors take the place of the OK or DONE after the command.
    await peer.sayText("c. server: OK", ERROR_PREFIX + error.message);
  }
}

/**
 * Step b. A command is what the first read brings, but before a file is said not to exist, and before any is deleted,
 * the rest of its name gets one silence to arrive.
 */
async function hearRequest(peer: Peer, root: Root): Promise<Request> {
  const bytes = await peer.hearText(REQUEST_STEP, COMMAND_END);
  const request = parseRequest(bytes);
  const { command } = request;
  if (command === undefined || command.verb === "PUT") return request;
  if (command.verb === "GET" && root.find(command.name)?.isFile) return request;
  const maxBytes = MAX_COMMAND_BYTES - bytes.length;
  const late = await peer.hearMore(REQUEST_STEP, { silenceMs: LATE_NAME_MS, maxBytes });
  const whole = parseRequest(concat(bytes, late));
  if (whole.command && root.find(whole.command.name)) return whole;
  return { text: whole.text, command: parseTwice(whole.text) ?? whole.command };
}

async function serveGet(peer: Peer, name: string, { root, gather, onEvent }: SessionOptions): Promise<void> {
  using source = root.read(name);
  const { size } = source;
  await peer.say("c. server: OK");
  await peer.skipLineEnds("d. client: READY");
  await peer.hear("d. client: READY");
  await peer.saySize("e. server: <# bytes>", size);
  await peer.skipLineEnds("f. client: OK");
  await peer.hear("f. client: OK");
  onEvent({ type: "sending", size });
  const write = (piece: Bytes): Promise<void> => peer.send("g. server: sends bytes", piece, gather);
  await pump({ size, read: (buffer) => source.read(buffer), write });
  await peer.say("h. server: DONE");
}

async function servePut(peer: Peer, name: string, options: SessionOptions): Promise<void> {
  await using draft = await options.root.create(name);
  await peer.say("c. server: OK");
  const size = await peer.hearSize("d. client: <# bytes>");
  // A file that can't fit is refused before any of it is sent.
  const room = await freeBytes(draft.folder);
  if ((room !== undefined && size > room) || (options.maxBytes !== undefined && size > options.maxBytes)) {
    throw new FileError("create", name);
  }
  options.onEvent({ type: "receiving", size });
  await peer.say("e. server: OK");
  // Without a pause DONE would arrive together with OK, and a client with one recv() a message would read both as one.
  if (size === 0n) await new Promise((resolve) => setTimeout(resolve, EMPTY_FILE_PAUSE_MS));
  const read = (buffer: Bytes): Promise<Bytes> => peer.receive("f. client: sends bytes", buffer);
  await pump({ size, read, write: (piece) => draft.write(piece) });
  await draft.commit({ isDurable: options.isDurable });
  await peer.say("g. server: DONE");
}

async function serveDel(peer: Peer, name: string, { root, onEvent }: SessionOptions): Promise<void> {
  if (!root.find(name)) throw new FileError("missing", name);
  onEvent({ type: "deleting", name });
  await root.remove(name);
  await peer.say("c. server: DONE");
}
