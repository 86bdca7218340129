/**
 * The lab's messages, as one side sends them to the other and awaits them: tokens, sizes, errors, file data. Each is
 * said at a step of the lab's list ("The Protocol"), which the code and every error name in the lab's words.
 */

import { ProtocolError, ServerError, TransferError } from "./errors.ts";
import { type Bytes, FrameReader } from "./framing.ts";
import type { Socket } from "./net/socket.ts";

/** The size of a block of file data, in bytes ("for PUT and GET you must only send file data in 1024-byte blocks"). */
export const BLOCK_BYTES = 1024;

/** The messages that stand alone. */
export type Token = "READY" | "OK" | "DONE";

/** The other side of one conversation. */
export class Peer implements Disposable {
  /** What the other side sends. */
  readonly frames: FrameReader;
  readonly #socket: Socket;
  #step = "";

  /** Speaks over a socket, and closes it in the end. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.frames = new FrameReader(socket.readable);
  }

  /** Enters a step of the lab's list, such as `c. server: OK`; an error from here on names it. */
  step(step: string): this {
    this.#step = step;
    return this;
  }

  /** Sends a text: a token, a command or an error. */
  async say(text: string): Promise<void> {
    await this.#named(this.#socket.write(new TextEncoder().encode(text)));
  }

  /** Sends a number of bytes: 8 bytes, big-endian, unsigned. */
  async saySize(size: bigint): Promise<void> {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, size);
    await this.#named(this.#socket.write(bytes));
  }

  /** Sends file data, `gather` blocks in each call to the kernel; call `flush` behind the last of it. */
  send(data: Uint8Array, gather: number): Promise<void> {
    return this.#named(this.#socket.write(data, gather * BLOCK_BYTES));
  }

  /** Lets nothing of the data sent wait for more. */
  flush(): void {
    this.#socket.flush();
  }

  /**
   * Awaits a token. Throws a {@linkcode ServerError} for an `ERROR: …` in its place, a {@linkcode ProtocolError} for
   * anything else, and a `ConnectionError` when the wait is over.
   */
  expect(token: Token): Promise<void> {
    return this.#socket.watch(this.listen(token));
  }

  /** Awaits a token as `expect` does, but for any time: in the queue of a busy server, or beside an upload. */
  listen(token: Token): Promise<void> {
    return this.#named(this.frames.token(token));
  }

  /** Awaits a number of bytes. */
  expectSize(): Promise<bigint> {
    return this.watch(this.frames.size());
  }

  /** Awaits file data, as much as comes up to the buffer's length and at least a byte. */
  async receive(buffer: Bytes): Promise<Bytes> {
    const piece = await this.watch(this.frames.read(buffer));
    if (piece.length === 0) throw new ProtocolError("file data", "", { step: this.#step });
    return piece;
  }

  /** Awaits anything of the other side's, no longer than the socket's timeout. */
  watch<T>(wait: Promise<T>): Promise<T> {
    return this.#named(this.#socket.watch(wait));
  }

  /** Ends the conversation behind the last message: nothing that was said is lost on its way. */
  finish(): Promise<void> {
    return this.#socket.finish();
  }

  /** Closes the connection at once. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  // Puts the step into an error that has none yet, and tells an ERROR from other surprises.
  async #named<T>(wait: Promise<T>): Promise<T> {
    const step = this.#step;
    try {
      return await wait;
    } catch (error) {
      if (error instanceof ProtocolError && error.received.startsWith("ERROR")) {
        // Some servers end it with a line end, or with C's NUL.
        const said = error.received.replace(/^ERROR:? ?/, "").replace(/[\r\n\0]+$/, "");
        throw new ServerError(said, { step, cause: error });
      }
      if (error instanceof TransferError) error.step ??= step;
      throw error;
    }
  }
}
