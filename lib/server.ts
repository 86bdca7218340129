/** The server's side of the lab's protocol: one connection, step by step as the lab lists them. */

import type { Draft } from "./files/draft.ts";
import { COMMAND_END, MAX_COMMAND_BYTES, parseRequest, parseTwice } from "./command.ts";
import { FileError, ProtocolError } from "./errors.ts";
import { type Bytes, ERROR_PREFIX } from "./framing.ts";
import type { Peer } from "./peer.ts";
import type { FoundFile, Root } from "./files/root.ts";
import { freeBytes, type Source } from "./files/storage.ts";
import { pump } from "./transfer.ts";

/** What a session tells of its course, in the order of the lab's printed lines ("The Server"). */
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
  /** Is told of the session's course. */
  onEvent: (event: SessionEvent) => void;
}

const REQUEST_STEP = "b. client: GET, PUT or DEL <filename>";
// In case the rest of a name was late, before the file is said not to exist, or deleted.
const LATE_NAME_MS = 50;
// Enough for a client of the lab's to read an OK.
const EMPTY_FILE_PAUSE_MS = 50;

/** Serves one client, step by step. Throws a `TransferError` when the conversation breaks off. */
export async function serveClient(peer: Peer, options: SessionOptions): Promise<void> {
  await peer.step("a. server: READY").say("READY");
  const bytes = await peer.step(REQUEST_STEP).watch(peer.frames.text(COMMAND_END));
  if (bytes.length === 0) throw new ProtocolError("a command", "", { step: REQUEST_STEP });
  const { text, command } = parseRequest(bytes);
  try {
    if (command === undefined) {
      options.onEvent({ type: "request", command: text });
      await peer.say(`${ERROR_PREFIX}expected GET, PUT or DEL, a space and a file name of up to 4096 bytes in UTF-8`);
    } else if (command.verb === "GET") {
      await serveGet(peer, options, await find(peer, options, bytes, (name) => options.root.read(name)));
    } else if (command.verb === "PUT") {
      options.onEvent({ type: "request", command: text });
      await servePut(peer, options, command.name, await options.root.create(command.name));
    } else {
      // A deletion can't be taken back: the rest of a name may be late for it, too.
      const whole = await completed(peer, bytes);
      const open = (name: string): FoundFile => options.root.find(name);
      await serveDel(peer, options, await find(peer, options, whole, open, { isWhole: true }));
    }
  } catch (error) {
    // The lab's errors go in place of the OK or DONE of their step.
    if (!(error instanceof FileError)) throw error;
    await peer.say(ERROR_PREFIX + error.message);
  }
}

async function serveGet(peer: Peer, { gather, onEvent }: SessionOptions, opened: Source): Promise<void> {
  using source = opened;
  await peer.step("c. server: OK").say("OK");
  await peer.step("d. client: READY").watch(peer.frames.skipLineEnds());
  await peer.expect("READY");
  await peer.step("e. server: <# bytes>").saySize(source.size);
  await peer.step("f. client: OK").watch(peer.frames.skipLineEnds());
  await peer.expect("OK");
  onEvent({ type: "sending", size: source.size });
  peer.step("g. server: sends bytes");
  await pump({
    size: source.size,
    read: (buffer) => source.read(buffer),
    write: (piece) => peer.send(piece, gather),
  });
  await peer.step("h. server: DONE").say("DONE");
}

async function servePut(peer: Peer, options: SessionOptions, name: string, created: Draft): Promise<void> {
  await using draft = created;
  await peer.step("c. server: OK").say("OK");
  const size = await peer.step("d. client: <# bytes>").expectSize();
  // What can't fit is refused before any of it is sent.
  const room = await freeBytes(draft.folder);
  if ((room !== undefined && size > room) || (options.maxBytes !== undefined && size > options.maxBytes)) {
    throw new FileError("create", name);
  }
  options.onEvent({ type: "receiving", size });
  await peer.step("e. server: OK").say("OK");
  // Else DONE would follow OK at once, and a client with one recv() for each message would read both as one.
  if (size === 0n) await new Promise((resolve) => setTimeout(resolve, EMPTY_FILE_PAUSE_MS));
  peer.step("f. client: sends bytes");
  await pump({
    size,
    read: (buffer) => peer.receive(buffer),
    write: (piece) => draft.write(piece),
  });
  await draft.commit({ isDurable: options.isDurable });
  await peer.step("g. server: DONE").say("DONE");
}

async function serveDel(peer: Peer, { onEvent }: SessionOptions, file: FoundFile): Promise<void> {
  onEvent({ type: "deleting", name: file.name });
  await file.remove();
  await peer.step("c. server: DONE").say("DONE");
}

/**
 * Opens what a GET or DEL names, and tells of the request. Before a file is said not to exist, one more silence: the
 * rest of its name may be late, or the command come a second time.
 */
async function find<T>(
  peer: Peer,
  { onEvent }: SessionOptions,
  bytes: Bytes,
  open: (name: string) => T,
  { isWhole = false } = {},
): Promise<T> {
  let { text, command } = parseRequest(bytes);
  try {
    return open(command?.name ?? "");
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (!isWhole) ({ text, command } = parseRequest(await completed(peer, bytes)));
    return open((parseTwice(text) ?? command)?.name ?? "");
  } finally {
    onEvent({ type: "request", command: text });
  }
}

// A command, and what comes behind it before a silence.
async function completed(peer: Peer, bytes: Bytes): Promise<Bytes> {
  const maxBytes = MAX_COMMAND_BYTES - bytes.length;
  const late = await peer.watch(peer.frames.more({ silenceMs: LATE_NAME_MS, maxBytes }));
  return new Uint8Array([...bytes, ...late]);
}
