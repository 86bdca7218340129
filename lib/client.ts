/** The client's side of the lab's protocol: one connection a file, step by step as the lab lists them (PROTOCOL.md). */

import type { Bytes } from "./bytes.ts";
import { formatCommand } from "./command.ts";
import { openTarget } from "./files/draft.ts";
import { ConnectionError, inSeconds, ProtocolError } from "./errors.ts";
import { ERROR_TEXT_END } from "./framing.ts";
import { Peer } from "./peer.ts";
import { connect, type TlsOptions } from "./net/connect.ts";
import { Socket } from "./net/socket.ts";
import { Source, type Target } from "./files/storage.ts";
import { StreamSource, StreamTarget } from "./files/streams.ts";
import { checkCommon, checkNumber } from "./options.ts";
import { pump, type TransferOptions } from "./transfer.ts";
import type { Message } from "./trace.ts";
import { within } from "./within.ts";

/** Which server, and how to talk to it. */
export interface ClientOptions extends TransferOptions {
  /** The server's name or address. */
  hostname: string;
  /** The server's TCP port. */
  port: number;
  /** Speaks the protocol inside TLS; `true` trusts the usual authorities. */
  tls?: boolean | TlsOptions;
  /**
   * Milliseconds without a byte after which the transfer fails; 0 and `Infinity` are never, 60,000 is the default. The
   * wait for the server's READY has no limit: the client stands in the queue of a server that serves one client at a
   * time.
   */
  timeoutMs?: number;
  /** How many 1024-byte blocks go to the kernel in one call; 1, the lab's way, is the default. */
  gather?: number;
  /** Ends the transfer; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds to wait for the server's READY; without it, or 0, for ever. */
  waitMs?: number;
  /** Called with each message of the conversation after it has passed. */
  onMessage?: (message: Message) => void;
  /** Called when the connection stands, and the wait for READY begins. */
  onConnect?: () => void;
  /** Called when the server has sent its READY; a promise is awaited. */
  onReady?: () => void | Promise<void>;
  /** Called with the file's size in bytes just before its data moves; a promise is awaited. */
  onStart?: (size: bigint) => void | Promise<void>;
}

/** Where `get` puts the file. */
export interface GetOptions extends ClientOptions {
  /** The path of the file, which is created or replaced when all of it has arrived. */
  to: string;
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

// Longer than the server's 30 seconds: of two that wait for each other, the server gives up first and says so.
const TIMEOUT_MS = 60_000;

/**
 * Fetches the file `name` from the server ("GET <filename>") into the file `to`; without `to`, returns its data as a
 * stream as soon as its size is known.
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
/** Fetches the file `name` as a stream. */
export function get(name: string, options: ClientOptions & { to?: never }): Promise<Download>;
export async function get(name: string, options: ClientOptions & { to?: string }): Promise<void | Download> {
  if (options.to === undefined) return await download(name, options);
  // A file that can't be created is an error before the server is asked.
  await using target = await openTarget(options.to);
  await receive(name, options, target);
}

async function receive(name: string, options: ClientOptions, target: Target): Promise<void> {
  const command = formatCommand({ verb: "GET", name });
  await using peer = await dial("a. server: READY", options);
  await options.onReady?.();
  await peer.sayText("b. client: GET <filename>", command);
  await peer.hear("c. server: OK");
  await peer.say("d. client: READY");
  const size = await peer.hearSize("e. server: <# bytes>");
  await options.onStart?.(size);
  await peer.say("f. client: OK");
  const read = (buffer: Bytes, busy?: Promise<unknown>): Promise<Bytes> =>
    peer.receive("g. server: sends bytes", buffer, busy);
  await pump({ size, read, write: (piece) => target.write(piece) }, options);
  await peer.hear("h. server: DONE");
  await target.commit();
}

function download(name: string, options: ClientOptions): Promise<Download> {
  const { promise, resolve, reject } = Promise.withResolvers<Download>();
  const target = new StreamTarget(options.timeoutMs ?? TIMEOUT_MS);
  const onStart = async (size: bigint): Promise<void> => {
    await options.onStart?.(size);
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
  if (typeof options.from !== "string" && options.size === undefined) {
    throw new TypeError("size is the stream's number of bytes, a bigint");
  }
  using source = options.size !== undefined
    ? new StreamSource(options.from, options.size)
    : Source.open(options.from, options.from);
  const command = formatCommand({ verb: "PUT", name });
  await using peer = await dial("a. server: READY", options);
  await options.onReady?.();
  await peer.sayText("b. client: PUT <filename>", command);
  await peer.hear("c. server: OK");
  await peer.saySize("d. client: <# bytes>", source.size);
  await peer.hear("e. server: OK");
  await options.onStart?.(source.size);
  await upload(peer, source, options);
}

// Whether the connection ended, rather than the server saying something.
function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ProtocolError && error.received === "");
}

/** Steps f and g of a PUT. They overlap: the server may say in the middle of an upload why it ends it. */
async function upload(peer: Peer, source: Source | StreamSource, options: PutOptions): Promise<void> {
  const { size } = source;
  let unsent = size;
  const done = peer.listen("g. server: DONE").then(() => {
    if (unsent > 0n) {
      throw new ProtocolError(`DONE after the last ${unsent} bytes`, "DONE", { step: "g. server: DONE" });
    }
  });
  const write = (piece: Bytes): Promise<void> => {
    unsent -= BigInt(piece.length);
    return peer.send("f. client: sends bytes", piece, options.gather ?? 1);
  };
  const sent = pump({ size, read: (buffer) => source.read(buffer), write }, options).then(() => {
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
    if (unsent === 0n || !isBroken(error)) throw error;
    const reason = error instanceof ConnectionError ? error.message : "the server closed the connection";
    const step = "f. client: sends bytes";
    throw new ConnectionError(`${reason} after ${size - unsent} of ${size} bytes`, { step, cause: error });
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
  await using peer = await dial("a. server: READY", options);
  await options.onReady?.();
  await peer.sayText("b. client: DEL <filename>", command);
  // Three known servers say OK first, as they do for the other commands.
  await peer.hear("c. server: DONE", { after: "OK" });
}

// A server whose backlog is 0, as the lab has it, may lose a client that believes it is connected (PROTOCOL.md, "TCP").
// So a client that is connected for this long without READY tries a second connection, anew after twice the time.
const SECOND_TRY_MS = 3000;
const MAX_SECOND_TRY_MS = 60_000;

// A connection that is no longer needed ends like this: known servers crash when a client leaves without a command, and
// the FIN would bring a lost connection back to life, only to be such a client.
const WITHDRAWAL = "GET .blockferry-withdrawn";
// A server that is idle by now answers in far less.
const WITHDRAW_MS = 2000;

/** One connection, and the wait for its READY. */
interface Attempt extends AsyncDisposable {
  connected: Promise<unknown>;
  peer: Promise<Peer>;
  close(): void;
}

function attempt(step: "a. server: READY", options: ClientOptions): Attempt {
  const { timeoutMs = TIMEOUT_MS } = options;
  const ending = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  const connected = connect({ ...options, timeoutMs, signal });
  let open: Peer | undefined;
  const greet = async (): Promise<Peer> => {
    open = new Peer(new Socket(await connected, { timeoutMs, peer: "server", signal }), options.onMessage);
    options.onConnect?.();
    try {
      await open.listen(step);
      return open;
    } catch (error) {
      open[Symbol.dispose]();
      throw error;
    }
  };
  const peer = greet();
  // Another attempt may have won by then.
  peer.catch(() => {});
  const close = (): void => ending.abort();
  const dispose = async (): Promise<void> => {
    try {
      if (!open || signal.aborted) return;
      await open.sayText("b. client: GET <filename>", WITHDRAWAL);
      if (await within(peer, WITHDRAW_MS)) await within(open.hearText("c. server: OK", ERROR_TEXT_END), WITHDRAW_MS);
    } catch {
      // The server closed it.
    } finally {
      close();
    }
  };
  return { connected, peer, close, [Symbol.asyncDispose]: dispose };
}

/** Connects, and awaits READY for as long as it takes, on whichever connection the server answers. */
async function dial(step: "a. server: READY", options: ClientOptions): Promise<Peer> {
  checkCommon(options);
  checkNumber("bytesPerSecond", options.bytesPerSecond, { min: Number.MIN_VALUE });
  checkNumber("waitMs", options.waitMs, { min: 0 });
  const attempts: Attempt[] = [];
  try {
    const winner = await within(race(attempts, step, options), options.waitMs || Infinity);
    if (!winner) throw new ConnectionError(`the server has not said READY for ${inSeconds(options.waitMs!)}`, { step });
    winner.peer.follow(attempts.filter((attempt) => attempt !== winner.attempt));
    return winner.peer;
  } catch (error) {
    for (const { close } of attempts) close();
    throw error;
  }
}

interface Winner {
  attempt: Attempt;
  peer: Peer;
}

/** Adds one attempt after another to a list, until one of them has its READY. */
async function race(attempts: Attempt[], step: "a. server: READY", options: ClientOptions): Promise<Winner> {
  const ready: Promise<Winner>[] = [];
  for (let ms = SECOND_TRY_MS;; ms = Math.min(2 * ms, MAX_SECOND_TRY_MS)) {
    const isFirst = attempts.length === 0;
    const next = attempt(step, options);
    attempts.push(next);
    const won = next.peer.then((peer) => ({ attempt: next, peer }));
    // Only the first one's failure counts: another may be refused for not being the first.
    ready.push(isFirst ? won : won.catch(() => new Promise<never>(() => {})));
    // A connection that is still being made is not a lost one; if it fails, so does the wait below.
    if (isFirst) await next.connected.catch(() => {});
    const winner = await within(Promise.race(ready), ms);
    if (winner) return winner;
  }
}
