/** The client's side of the lab's protocol: one connection for each file, step by step as the lab lists them. */

import { formatCommand } from "./command.ts";
import { openTarget } from "./files/draft.ts";
import { ConnectionError, ProtocolError } from "./errors.ts";
import { Peer } from "./peer.ts";
import { connect, Socket, type TlsOptions } from "./net/socket.ts";
import { Source, type Target } from "./files/storage.ts";
import { StreamSource, StreamTarget } from "./files/streams.ts";
import { pump, type TransferOptions } from "./transfer.ts";

/** Which server, and how to talk to it. */
export interface ClientOptions extends TransferOptions {
  /** The server's name or address. */
  hostname: string;
  /** The server's TCP port. */
  port: number;
  /** Speaks the protocol inside TLS; `true` trusts the usual authorities. */
  tls?: boolean | TlsOptions;
  /**
   * Milliseconds without a byte after which the transfer fails; 0 is never, 60,000 the default. The server's READY may
   * take any time: the client stands in the queue of a server that serves one client at a time.
   */
  timeoutMs?: number;
  /** How many 1024-byte blocks go to the kernel in one call; 1, the lab's way, is the default. */
  gather?: number;
  /** Ends the transfer; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Is called when the server has sent its READY. */
  onReady?: () => void;
  /** Is called with the file's size in bytes when the data is about to be moved; with 0 before a DEL. */
  onStart?: (size: bigint) => void;
}

/** What `get` needs beside a name to make a file. */
export interface GetOptions extends ClientOptions {
  /** The path of the file that is made, or replaced, when all of it has come. */
  to: string;
}

/** What `put` needs beside a name: the path of a file, or a stream and its size in bytes. */
export type PutOptions =
  & ClientOptions
  & ({ from: string; size?: never } | { from: ReadableStream<Uint8Array>; size: bigint });

/** A file that is coming. */
export interface Download {
  /** Its size in bytes. */
  size: bigint;
  /** Its data; the stream ends without an error only when all of it has come. */
  readable: ReadableStream<Uint8Array<ArrayBuffer>>;
}

const TIMEOUT_MS = 60_000;

/**
 * Fetches the file `name` from the server ("GET <filename>") and makes the file `to` of it; without `to`, hands out its
 * data as a stream as soon as its size is known.
 *
 * Throws a `ServerError` if the server has no such file, a `FileError` if the file can't be created here, a
 * `ConnectionError` or a `ProtocolError` if the conversation breaks off; an old file then stands untouched.
 *
 * @example Usage
 * ```ts
 * import { get, serve } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${root}/f`, "some text");
 * await using server = await serve({ port: 0, hostname: "127.0.0.1", root });
 * const { port } = server.address;
 *
 * await get("f", { hostname: "127.0.0.1", port, to: `${root}/copy` });
 * assertEquals(await Deno.readTextFile(`${root}/copy`), "some text");
 *
 * const { size, readable } = await get("f", { hostname: "127.0.0.1", port });
 * assertEquals(size, 9n);
 * assertEquals(await new Response(readable).text(), "some text");
 * ```
 */
export function get(name: string, options: GetOptions): Promise<void>;
/** Fetches the file `name` as a stream: `get` without `to`. */
export function get(name: string, options: ClientOptions & { to?: never }): Promise<Download>;
export async function get(name: string, options: ClientOptions & { to?: string }): Promise<void | Download> {
  if (options.to === undefined) return await download(name, options);
  // What can't be created is told before the server is asked.
  await using target = await openTarget(options.to);
  await receive(name, options, target);
}

async function receive(name: string, options: ClientOptions, target: Target): Promise<void> {
  const command = formatCommand({ verb: "GET", name });
  using peer = await dial(options);
  await peer.step("a. server: READY").listen("READY");
  options.onReady?.();
  await peer.step("b. client: GET <filename>").say(command);
  await peer.step("c. server: OK").expect("OK");
  await peer.step("d. client: READY").say("READY");
  const size = await peer.step("e. server: <# bytes>").expectSize();
  options.onStart?.(size);
  await peer.step("f. client: OK").say("OK");
  peer.step("g. server: sends bytes");
  await pump({
    ...options,
    size,
    read: (buffer) => peer.receive(buffer),
    write: (piece) => target.write(piece),
  });
  await peer.step("h. server: DONE").expect("DONE");
  await target.commit();
}

function download(name: string, options: ClientOptions): Promise<Download> {
  const { promise, resolve, reject } = Promise.withResolvers<Download>();
  const target = new StreamTarget();
  const onStart = (size: bigint): void => {
    options.onStart?.(size);
    resolve({ size, readable: target.readable });
  };
  receive(name, { ...options, onStart }, target).catch((error) => {
    reject(error);
    return target.abort(error);
  });
  return promise;
}

/**
 * Sends a file, or a stream of a known size, to the server, which calls it `name` ("PUT <filename>"). Fulfilled when the
 * server has all of it under that name.
 *
 * Throws a `FileError` if there is no such file here, a `ServerError` if the server can't create it, a
 * `ConnectionError` or a `ProtocolError` if the conversation breaks off.
 *
 * @example Usage
 * ```ts
 * import { put, serve } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await using server = await serve({ port: 0, hostname: "127.0.0.1", root });
 * const { port } = server.address;
 *
 * const from = new Blob(["some text"]).stream();
 * await put("f", { hostname: "127.0.0.1", port, from, size: 9n });
 * assertEquals(await Deno.readTextFile(`${root}/f`), "some text");
 *
 * await put("g", { hostname: "127.0.0.1", port, from: `${root}/f` });
 * assertEquals(await Deno.readTextFile(`${root}/g`), "some text");
 * ```
 */
export async function put(name: string, options: PutOptions): Promise<void> {
  using source = options.size !== undefined
    ? new StreamSource(options.from, options.size)
    : Source.open(options.from, options.from);
  const command = formatCommand({ verb: "PUT", name });
  using peer = await dial(options);
  await peer.step("a. server: READY").listen("READY");
  options.onReady?.();
  await peer.step("b. client: PUT <filename>").say(command);
  await peer.step("c. server: OK").expect("OK");
  await peer.step("d. client: <# bytes>").saySize(source.size);
  await peer.step("e. server: OK").expect("OK");
  options.onStart?.(source.size);

  let unsent = source.size;
  // Listened for from the start: the server may say in the middle of an upload why it ends it.
  const done = peer.step("g. server: DONE").listen("DONE").then(() => {
    if (unsent > 0n) throw new ProtocolError(`DONE after the last ${unsent} bytes`, "DONE");
  });
  peer.step("f. client: sends bytes");
  const sent = pump({
    ...options,
    size: source.size,
    read: (buffer) => source.read(buffer),
    write: (piece) => {
      unsent -= BigInt(piece.length);
      return peer.send(piece, options.gather ?? 1);
    },
  });
  try {
    await Promise.all([
      done,
      sent.then(() => {
        peer.flush();
        return peer.watch(done);
      }),
    ]);
  } catch (error) {
    // Behind a broken connection may stand the server's reason for it.
    if (error instanceof ConnectionError) await peer.watch(done);
    throw error;
  }
}

/**
 * Deletes the file `name` on the server ("DEL <filename>").
 *
 * Throws a `ServerError` if the server has no such file or can't delete it, a `ConnectionError` or a `ProtocolError` if
 * the conversation breaks off.
 *
 * @example Usage
 * ```ts
 * import { del, serve, ServerError } from "./mod.ts";
 * import { assertRejects } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${root}/f`, "some text");
 * await using server = await serve({ port: 0, hostname: "127.0.0.1", root });
 * const { port } = server.address;
 *
 * await del("f", { hostname: "127.0.0.1", port });
 * await assertRejects(() => del("f", { hostname: "127.0.0.1", port }), ServerError, "f does not exist");
 * ```
 */
export async function del(name: string, options: ClientOptions): Promise<void> {
  const command = formatCommand({ verb: "DEL", name });
  using peer = await dial(options);
  await peer.step("a. server: READY").listen("READY");
  options.onReady?.();
  options.onStart?.(0n);
  await peer.step("b. client: DEL <filename>").say(command);
  await peer.step("c. server: DONE").expect("DONE");
}

async function dial(options: ClientOptions): Promise<Peer> {
  const { timeoutMs = TIMEOUT_MS, signal, gather = 1, bytesPerSecond = Infinity } = options;
  if (!(gather >= 1 && bytesPerSecond > 0)) throw new RangeError("gather is 1 or more, and bytesPerSecond above 0");
  return new Peer(new Socket(await connect({ ...options, timeoutMs }), { timeoutMs, peer: "server", signal }));
}
