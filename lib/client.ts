/**
 * The client's side of the lab's protocol: one connection a file, step by step as the lab lists them (PROTOCOL.md).
 * Read next: `server.ts`, the same steps from the other side.
 */

import type { Bytes } from "./bytes.ts";
import { formatCommand } from "./command.ts";
import { dial, type Dialed, type DialOptions } from "./dial.ts";
import { breakOff, ConnectionError, isBroken, ProtocolError } from "./errors.ts";
import { openTarget } from "./files/target.ts";
import { openSource, type Source, type Target, type Written } from "./files/storage.ts";
import { streamSource, streamTarget } from "./files/streams.ts";
import { TIMEOUT_MS } from "./net/connect.ts";
import { checkCommon, checkNumber, defaultGather } from "./options.ts";
import type { Peer } from "./peer.ts";
import { pump, RateLimit, type TransferOptions } from "./transfer.ts";
import { isReady } from "./within.ts";

/** Which server, and how to talk to it. */
export interface ClientOptions extends DialOptions, TransferOptions {
  /** Called when the server has sent its READY; a promise is awaited. */
  onReady?: () => void | Promise<void>;
  /** Called with the file's size in bytes just before its data moves; a promise is awaited. */
  onStart?: (size: bigint) => void | Promise<void>;
}

/** Where `get` puts the file. */
export interface GetOptions extends ClientOptions {
  /** The path of the file, which is created or replaced when all of it has arrived. */
  to: string;
  /** Whether a file that exists there, or appears before all has arrived, stands, and the transfer fails. */
  createNew?: boolean;
  /** Whether the promise is fulfilled only when file and folder are on disk. */
  fsync?: boolean;
  /** The files of a run, to which this one is added; it replaces none that was written under another name. */
  written?: Written | undefined;
}

/** What `put` sends: the file at a path, or a stream and its size in bytes. */
export type PutOptions =
  & ClientOptions
  & ({ from: string; size?: never } | { from: ReadableStream<Uint8Array>; size: bigint });

/** A file that is arriving. */
export interface Download {
  /** Its size in bytes. */
  size: bigint;
  /**
   * Its data; the stream ends without an error only when all of it has arrived. Read it or cancel it: until then the
   * connection stays open, for `timeoutMs` at most.
   */
  readable: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Fetches the file `name` from the server ("GET <filename>") into the file `to`; without `to`, returns its data as a
 * stream as soon as its size is known.
 *
 * Throws a `ServerError` if the server has no such file, a `FileError` if the file can't be created here, a
 * `ConnectionError` or a `ProtocolError` if the conversation breaks off; an old file then stands untouched.
 *
 * @example Usage, with `put` and `del`
 * ```ts
 * import { del, get, put, serve, ServerError } from "./mod.ts";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await using server = await serve({ port: 0, hostname: "127.0.0.1", root });
 * const options = { hostname: "127.0.0.1", port: server.address.port };
 *
 * await put("f", { ...options, from: new Blob(["some text"]).stream(), size: 9n });
 * await get("f", { ...options, to: `${root}/copy` });
 * const { size, readable } = await get("copy", options);
 * assertEquals([size, await new Response(readable).text()], [9n, "some text"]);
 * await del("f", options);
 * await assertRejects(() => del("f", options), ServerError, "f does not exist");
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export function get(name: string, options: GetOptions): Promise<void>;
/** Fetches the file `name` as a stream. */
export function get(name: string, options: ClientOptions & { to?: never }): Promise<Download>;
export async function get(name: string, options: ClientOptions & Partial<GetOptions>): Promise<void | Download> {
  if (options.to === undefined) return await download(name, options);
  // A file that can't be created is an error before the server is asked.
  await using target = await openTarget(options.to, options);
  await receive(name, options, target);
  await target.commit(options);
}

/** Fetches a file into a target, which is then the caller's to commit; throws as {@linkcode get} does. */
export async function receive(
  name: string,
  options: ClientOptions & Partial<GetOptions>,
  target: Target,
  onDialed?: (peer: Peer) => void,
): Promise<void> {
  const command = formatCommand({ verb: "GET", name });
  using dialed = await greet(options);
  const { peer } = dialed;
  onDialed?.(peer);
  await peer.untilCut("b. client: GET <filename>", Promise.resolve(options.onReady?.()));
  await peer.sayText("b. client: GET <filename>", command);
  await peer.hear("c. server: OK");
  await peer.say("d. client: READY");
  const size = await peer.hearSize("e. server: <# bytes>");
  await peer.untilCut("f. client: OK", Promise.resolve(options.onStart?.(size)));
  await peer.say("f. client: OK");
  const step = "g. server: sends bytes";
  const read = (buffer: Bytes): Promise<Bytes> => peer.receive(step, buffer);
  await peer.untilCut(step, pump({ size, step, read, write: (piece) => target.write(piece) }, options));
  await peer.hear("h. server: DONE");
}

function download(name: string, options: ClientOptions): Promise<Download> {
  const { promise, resolve, reject } = Promise.withResolvers<Download>();
  let open: Peer | undefined;
  const target = streamTarget(options.timeoutMs ?? TIMEOUT_MS, () => open?.[Symbol.dispose]());
  const onStart = async (size: bigint): Promise<void> => {
    await options.onStart?.(size);
    resolve({ size, readable: target.readable });
  };
  // The transfer may be waiting for the caller to read, rather than for the server.
  const abort = (): void => target.abort(options.signal!.reason);
  options.signal?.addEventListener("abort", abort);
  receive(name, { ...options, onStart }, target, (peer) => open = peer).then(() => target.commit()).catch((error) => {
    reject(error);
    target.abort(error);
  }).finally(() => options.signal?.removeEventListener("abort", abort));
  return promise;
}

/**
 * Sends a file, or a stream of a known size, to the server, which calls it `name` ("PUT <filename>"). Fulfilled when the
 * server has all of it under that name.
 *
 * Throws a `FileError` if there is no such file here, a `TransferError` if the stream does not end at its size or the
 * protocol can't carry the name, a `ServerError` if the server can't create the file, a `ConnectionError` or a
 * `ProtocolError` if the conversation breaks off. If the stream does not close after its last byte, `put`
 * waits a second for it.
 */
export async function put(name: string, options: PutOptions): Promise<void> {
  if (typeof options.from !== "string" && options.size === undefined) {
    throw new TypeError("size is the stream's number of bytes, a bigint");
  }
  using source = options.size !== undefined
    ? streamSource(options.from, options.size)
    : openSource(options.from, options.from);
  // An empty file is never read, so check here that the stream is empty too.
  if (source.size === 0n) await source.read(new Uint8Array(0));
  const command = formatCommand({ verb: "PUT", name });
  using dialed = await greet(options);
  const { peer } = dialed;
  await peer.untilCut("b. client: PUT <filename>", Promise.resolve(options.onReady?.()));
  await peer.sayText("b. client: PUT <filename>", command);
  await peer.hear("c. server: OK");
  await peer.saySize("d. client: <# bytes>", source.size);
  await peer.hear("e. server: OK");
  await peer.untilCut("f. client: sends bytes", Promise.resolve(options.onStart?.(source.size)));
  await upload(peer, source, options);
}

/** Steps f and g of a PUT. They overlap: the server may say in the middle of an upload why it ends it. */
async function upload(peer: Peer, source: Source, options: PutOptions): Promise<void> {
  const { size } = source;
  const gather = options.gather ?? defaultGather(options);
  let unsent = size;
  const done = peer.listen("g. server: DONE").then(() => {
    if (unsent > 0n) {
      throw new ProtocolError(`DONE after the last ${unsent} bytes`, "DONE", { step: "g. server: DONE" });
    }
  });
  const write = async (piece: Bytes): Promise<void> => {
    // A DONE that has come before the last piece leaves is judged now, while there are bytes to send.
    if (unsent === BigInt(piece.length)) await isReady(done);
    unsent -= BigInt(piece.length);
    await peer.send("f. client: sends bytes", piece, gather);
  };
  const sent = pump({ size, read: (buffer) => source.read(buffer), write }, { ...options, gather }).then(() => {
    peer.flush();
    return peer.watch("g. server: DONE", done);
  });
  try {
    await Promise.all([done, sent]);
  } catch (error) {
    // The server may have said why before it broke the connection.
    if (error instanceof ConnectionError) {
      await peer.watch("g. server: DONE", done).catch((said) => {
        if (!isBroken(said)) throw said;
      });
    }
    if (unsent === 0n) throw error;
    breakOff("f. client: sends bytes", size - unsent, size, error);
  }
}

/**
 * Deletes the file `name` on the server ("DEL <filename>").
 *
 * Throws a `ServerError` if the server has no such file or can't delete it, a `ConnectionError` or a `ProtocolError` if
 * the conversation breaks off.
 */
export async function del(name: string, options: ClientOptions): Promise<void> {
  const command = formatCommand({ verb: "DEL", name });
  using dialed = await greet(options);
  const { peer } = dialed;
  await peer.untilCut("b. client: DEL <filename>", Promise.resolve(options.onReady?.()));
  await peer.sayText("b. client: DEL <filename>", command);
  // Three known servers say OK first, as they do for the other commands.
  await peer.hear("c. server: DONE", { after: "OK" });
}

/** Step a, after a check of the options. */
async function greet(options: ClientOptions): Promise<Dialed> {
  checkCommon(options, { minPort: 1 });
  const { bytesPerSecond } = options;
  if (!(bytesPerSecond instanceof RateLimit)) checkNumber("bytesPerSecond", bytesPerSecond, { min: Number.MIN_VALUE });
  return await dial(options);
}
