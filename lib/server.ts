/**
 * The server's side of the lab's protocol: one connection, step by step as the lab lists them (PROTOCOL.md). Read next:
 * `peer.ts`, which says and hears each message.
 */

import { delay } from "@std/async";
import type { Bytes } from "./bytes.ts";
import type { Request } from "./command.ts";
import { excerpt, FileError } from "./errors.ts";
import { checkRoom } from "./files/disk.ts";
import type { Draft } from "./files/draft.ts";
import { skipLineEnds } from "./late.ts";
import { at, type Peer } from "./peer.ts";
import { ERROR_PREFIX, MAX_NAME_BYTES, REQUEST_STEP, type Step, STEPS } from "./protocol.ts";
import { checkEnd, hearLate, hearRequest, hearRest, type Reported, type SessionOptions } from "./request.ts";
import { pump, type Transfer } from "./transfer.ts";

// Far less than the 30 and 60 seconds for which the programs wait by default.
const LONG_SYNC_MS = 10_000;
// Enough for a client of the lab's to read an OK, before DONE follows it.
const EMPTY_FILE_PAUSE_MS = 50;

/** Serves one client. Throws a `TransferError` when the conversation breaks off. */
export async function serveClient(peer: Peer, options: SessionOptions): Promise<void> {
  await peer.say("a. server: READY");
  const asked = await hearRequest(peer, options);
  if (options.admit) {
    await options.admit();
    // That may have taken a while.
    delete asked.found;
  }
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
    if (reported === undefined) report(asked.request);
    if (!(error instanceof FileError)) throw error;
    void options.onEvent({ type: "refused", error });
    // The lab's errors take the place of an OK or DONE.
    const step = verb === "DEL" ? "c. server: DONE" : error.step ?? "c. server: OK";
    await peer.sayText(step, ERROR_PREFIX + error.message);
  }
  await peer.end(STEPS[verb].at(-1)!);
}

function refuseRequest(peer: Peer, step: Step): Promise<void> {
  const expected = `expected GET, PUT or DEL, a space and a file name of up to ${MAX_NAME_BYTES} bytes in UTF-8`;
  return peer.sayText(step, ERROR_PREFIX + expected);
}

async function serveGet(peer: Peer, asked: Reported, options: SessionOptions): Promise<void> {
  const { root, onEvent } = options;
  using sources = new DisposableStack();
  const { name: nameSoFar } = asked.request.command!;
  let source = sources.use(root.read(nameSoFar, asked.found));
  await peer.say("c. server: OK");
  const { command } = await hearRest(peer, asked, "d. client: READY");
  await peer.hear("d. client: READY");
  if (command === undefined) return await refuseRequest(peer, "e. server: <# bytes>");
  if (command.name !== nameSoFar) {
    source = sources.use(await at("e. server: <# bytes>", Promise.try(() => root.read(command.name))));
  }
  const { size } = source;
  await peer.saySize("e. server: <# bytes>", size);
  await peer.watch("f. client: OK", skipLineEnds(peer.frames));
  await peer.hear("f. client: OK");
  await peer.untilCut("g. server: sends bytes", onEvent({ type: "sending", size }));
  const write = (piece: Bytes): Promise<void> => peer.send("g. server: sends bytes", piece, options.gather);
  await move({ size, read: (buffer) => source.read(buffer), write }, options);
  await peer.say("h. server: DONE");
}

async function servePut(peer: Peer, asked: Reported, options: SessionOptions): Promise<void> {
  await using drafts = new AsyncDisposableStack();
  let { request } = asked;
  const create = (): Draft => drafts.use(options.root.create(request.command!.name));
  let draft: Draft;
  try {
    draft = create();
  } catch (error) {
    // A folder's name may go on to be that of a file in it.
    const late = await hearLate(peer, asked);
    if (late?.command === undefined) throw error;
    request = late;
    draft = create();
  }
  const { name: nameSoFar } = request.command!;
  await peer.say("c. server: OK");
  request = await hearRest(peer, { ...asked, request }, "d. client: <# bytes>");
  if (request.command === undefined) return await refuseRequest(peer, "e. server: OK");
  const { name } = request.command;
  if (name !== nameSoFar) {
    await draft[Symbol.asyncDispose]();
    draft = await at("e. server: OK", Promise.try(create));
  }
  const size = await peer.hearSize("d. client: <# bytes>");
  const isEager = peer.frames.rest.length > 0;
  await at("e. server: OK", checkRoom(draft.folder, size, name, options.maxBytes));
  await peer.untilCut("e. server: OK", options.onEvent({ type: "receiving", size }));
  await peer.say("e. server: OK");
  // Without a pause DONE would arrive together with OK, and a client with one recv() a message would read both as one.
  if (size === 0n) await delay(EMPTY_FILE_PAUSE_MS);
  const read = (buffer: Bytes): Promise<Bytes> => peer.receive("f. client: sends bytes", buffer);
  const write = (piece: Bytes): Promise<void> => at("g. server: DONE", draft.write(piece));
  await move({ size, read, write }, options);
  await checkEnd(peer, size, name, isEager);
  const start = performance.now();
  await at("g. server: DONE", draft.commit({ fsync: options.fsync }));
  const ms = performance.now() - start;
  if (ms > LONG_SYNC_MS) void options.onEvent({ type: "synced", name, ms });
  await peer.say("g. server: DONE");
}

function move(transfer: Transfer, { gather, onLeft }: SessionOptions): Promise<void> {
  onLeft(transfer.size);
  return pump(transfer, { gather, onProgress: (moved) => onLeft(transfer.size - moved) });
}

async function serveDel(peer: Peer, { request, found }: Reported, { root, onEvent }: SessionOptions): Promise<void> {
  const { name } = request.command!;
  found ??= root.find(name);
  if (!found) throw root.missing(name);
  if (!root.readOnly) await peer.untilCut("c. server: DONE", onEvent({ type: "deleting", name }));
  await root.remove(name, found);
  await peer.say("c. server: DONE");
}
