/** The client's side of the lab's protocol: one connection for each file, step by step as the lab lists them. */

// @ts-types="./types/path.d.ts"
import { dirname } from "@std/path/dirname";
import { ConnectionError, FileError, ProtocolError } from "./errors.ts";
import { Peer } from "./peer.ts";
import { connect, Socket } from "./socket.ts";
import { Draft, Overwrite, Source, sweep, type Target } from "./storage.ts";
import { pump } from "./transfer.ts";

/** Which server, and how to talk to it. */
export interface ClientOptions {
  /** The server's name or address. */
  hostname: string;
  /** The server's TCP port. */
  port: number;
  /**
   * Milliseconds without a byte after which the transfer fails; 0 is never, 60,000 the default. The server's READY may
   * take any time: it stands in the queue of a server that serves one client at a time.
   */
  timeoutMs?: number;
  /** How many 1024-byte blocks go to the kernel in one call; 1, the lab's way, is the default. */
  gather?: number;
  /** Ends the transfer; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Is called when the server has sent its READY. */
  onReady?: () => void;
  /** Is called with the file's size in bytes when the data is about to be moved. */
  onStart?: (size: bigint) => void;
  /** Is called with the number of bytes moved so far. */
  onProgress?: (bytes: bigint) => void;
}

/** What `get` needs beside a name. */
export interface GetOptions extends ClientOptions {
  /** The path of the file that is made, or replaced, when all of it has come. */
  to: string;
}

/** What `put` needs beside a name. */
export interface PutOptions extends ClientOptions {
  /** The path of the file that is sent. */
  from: string;
}

const TIMEOUT_MS = 60_000;

/** Fetches the file `name` from the server ("GET <filename>"). */
export async function get(name: string, options: GetOptions): Promise<void> {
  // What can't be created is told before the server is asked.
  await using target = await openTarget(options.to);
  using peer = await dial(options);
  await peer.step("a. server: READY").listen("READY");
  options.onReady?.();
  await peer.step("b. client: GET <filename>").say(`GET ${name}`);
  await peer.step("c. server: OK").expect("OK");
  await peer.step("d. client: READY").say("READY");
  const size = await peer.step("e. server: <# bytes>").expectSize();
  options.onStart?.(size);
  await peer.step("f. client: OK").say("OK");
  peer.step("g. server: sends bytes");
  await pump({
    size,
    read: (buffer) => peer.receive(buffer),
    write: (piece) => target.write(piece),
    onProgress: options.onProgress,
  });
  await peer.step("h. server: DONE").expect("DONE");
  await target.commit();
}

/** Sends a file to the server, which calls it `name` ("PUT <filename>"). */
export async function put(name: string, options: PutOptions): Promise<void> {
  using source = await Source.open(options.from, options.from);
  using peer = await dial(options);
  await peer.step("a. server: READY").listen("READY");
  options.onReady?.();
  await peer.step("b. client: PUT <filename>").say(`PUT ${name}`);
  await peer.step("c. server: OK").expect("OK");
  await peer.step("d. client: <# bytes>").saySize(source.size);
  await peer.step("e. server: OK").expect("OK");
  options.onStart?.(source.size);

  let unsent = source.size;
  // Listened for from the start: the server may say in the middle of an upload why it ends it.
  const done = peer.step("g. server: DONE").listen("DONE").then(() => {
    if (unsent > 0n) throw new ProtocolError("DONE after all the data", `DONE before the last ${unsent} bytes`);
  });
  peer.step("f. client: sends bytes");
  const sent = pump({
    size: source.size,
    read: (buffer) => source.read(buffer),
    write: (piece) => {
      unsent -= BigInt(piece.length);
      return peer.send(piece, options.gather ?? 1);
    },
    onProgress: options.onProgress,
  });
  try {
    await Promise.all([done, sent.then(() => peer.watch(done))]);
  } catch (error) {
    // Behind a broken connection may stand the server's reason for it.
    if (error instanceof ConnectionError) await peer.watch(done);
    throw error;
  }
}

/** Deletes the file `name` on the server ("DEL <filename>"). */
export async function del(name: string, options: ClientOptions): Promise<void> {
  using peer = await dial(options);
  await peer.step("a. server: READY").listen("READY");
  options.onReady?.();
  options.onStart?.(0n);
  await peer.step("b. client: DEL <filename>").say(`DEL ${name}`);
  await peer.step("c. server: DONE").expect("DONE");
}

async function dial(options: ClientOptions): Promise<Peer> {
  const { hostname, port, timeoutMs = TIMEOUT_MS, signal } = options;
  return new Peer(new Socket(await connect(hostname, port, signal), { timeoutMs, peer: "server", signal }));
}

async function openTarget(path: string): Promise<Target> {
  try {
    await sweep(dirname(path), { recursive: false });
    return await Draft.create(path, path);
  } catch (error) {
    if (error instanceof FileError) return await Overwrite.open(path, path);
    throw error;
  }
}
