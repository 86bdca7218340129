/**
 * The lab's messages, as one side sends and awaits them. Each names its step, which every error repeats. Read next:
 * `framing.ts`, which finds where a message ends.
 */

import type { Bytes } from "./bytes.ts";
import { ProtocolError, ServerError, TransferError } from "./errors.ts";
import { FrameReader, type TextEnd } from "./framing.ts";
import type { Socket } from "./net/socket.ts";
import { BLOCK_BYTES, type Role, SIZE_BYTES, type Step, type Token, tokenOf, type TokenStep } from "./protocol.ts";
import { type Message, Tracer } from "./trace.ts";

const ENCODER = new TextEncoder();

/** The other side of one conversation. Waits fail with a `TransferError` that names their step. */
export class Peer implements Disposable {
  /** What the other side sends; `watch` the waits on it. */
  readonly frames: FrameReader;
  readonly #socket: Socket;
  readonly #self: Role;
  readonly #tracer: Tracer | undefined;

  /** Takes over a socket, and closes it in the end; `onMessage` is called with each message after it has passed. */
  constructor(socket: Socket, onMessage?: (message: Message) => unknown) {
    this.#socket = socket;
    this.frames = new FrameReader(socket.readable);
    this.#self = socket.peer === "client" ? "server" : "client";
    this.#tracer = onMessage && new Tracer(this.#self, this.frames, onMessage);
  }

  say(step: TokenStep): Promise<void> {
    return this.sayText(step, tokenOf(step));
  }

  /** Sends a text: a command, or an error in place of what the step has. */
  sayText(step: Step, text: string): Promise<void> {
    return this.#send(step, ENCODER.encode(text));
  }

  /** Sends a size: 8 bytes, big-endian, unsigned. */
  saySize(step: Step, size: bigint): Promise<void> {
    return this.#send(step, sizeBytes(size));
  }

  #send(step: Step, bytes: Uint8Array): Promise<void> {
    const sent = this.#socket.write(bytes, undefined, (error) => named(step, error));
    return this.#tracer?.passing(this.#self, step, sent, () => bytes) ?? sent;
  }

  /** Sends file data, `gather` blocks in each call to the kernel; call `flush` after the last of it. */
  send(step: Step, data: Uint8Array, gather: number): Promise<void> {
    this.#tracer?.data(this.#self, step, data);
    return this.#socket.write(data, gather * BLOCK_BYTES, (error) => named(step, error));
  }

  /** Sends at once what the system holds back of the data, waiting for more. */
  flush(): void {
    this.#socket.flush();
  }

  /**
   * Awaits the step's token. Fails with a {@linkcode ServerError} for an `ERROR: …` in its place, with a
   * {@linkcode ProtocolError} for anything else, and with a `ConnectionError` after the socket's timeout. Another token
   * may come before it, once or twice, if it is named as `after`.
   */
  hear(step: TokenStep, options?: { after?: Token }): Promise<void> {
    return this.watch(step, this.#token(step, options));
  }

  /** Awaits the step's token as `hear` does, but without a limit: in the queue of a busy server, or during an upload. */
  listen(step: TokenStep): Promise<void> {
    return this.untilCut(step, this.#token(step));
  }

  #token(step: TokenStep, options?: { after?: Token }): Promise<void> {
    const token = tokenOf(step);
    return this.#traced(step, this.frames.token(token, options), () => ENCODER.encode(token));
  }

  hearSize(step: Step): Promise<bigint> {
    return this.watch(step, this.#traced(step, this.frames.size(), sizeBytes));
  }

  /** Awaits text without a mark at its end, at least a byte of it. */
  async hearText(step: Step, end: TextEnd): Promise<Bytes> {
    const text = await this.watch(step, this.#traced(step, this.frames.text(end), (text) => text));
    if (text.length === 0) throw new ProtocolError("a command", "", { step });
    return text;
  }

  /** Awaits the rest of a text; empty when there is silence instead. */
  hearMore(step: Step, end: { silenceMs: number; maxBytes: number }): Promise<Bytes> {
    return this.watch(step, this.#traced(step, this.frames.more(end), (text) => text));
  }

  /** Awaits file data, at most the buffer's length and at least a byte. */
  async receive(step: Step, buffer: Bytes): Promise<Bytes> {
    const piece = await this.watch(step, this.frames.read(buffer));
    if (piece.length === 0) throw new ProtocolError("file data", "", { step });
    this.#tracer?.data(this.#socket.peer, step, piece);
    return piece;
  }

  #traced<T>(step: Step, wait: Promise<T>, bytesOf: (message: T) => Uint8Array): Promise<T> {
    return this.#tracer?.passing(this.#socket.peer, step, wait, bytesOf) ?? wait;
  }

  /** Awaits anything that depends on the other side, no longer than the socket's timeout. */
  watch<T>(step: Step, wait: Promise<T>): Promise<T> {
    return this.#socket.watch(wait, (error) => named(step, error));
  }

  /** Awaits what this side does meanwhile, without a limit, until the connection is cut. */
  untilCut<T>(step: Step, wait: Promise<T>): Promise<T> {
    return this.#socket.untilCut(wait, (error) => named(step, error));
  }

  /** What the other side has said beyond what was asked for, or says within `ms` milliseconds; it stays to be heard. */
  peek(step: Step, ms?: number): Promise<Bytes> {
    return this.watch(step, this.frames.peek(ms));
  }

  /** Whether this side has cut the connection, as after a timeout. */
  get isCut(): boolean {
    return this.#socket.isCut;
  }

  /** Ends this side's part of the conversation at its last step, when the system has taken all that was said. */
  async end(step: Step): Promise<void> {
    try {
      await this.#socket.end();
    } catch (error) {
      // A client that has left may have reset the connection.
      if (this.isCut) throw named(step, error);
    }
  }

  /** Ends the conversation after the last message, so that nothing is lost on its way. */
  finish(): Promise<void> {
    this.#tracer?.end();
    return this.#socket.finish();
  }

  /** Closes the connection at once. */
  [Symbol.dispose](): void {
    this.#tracer?.end();
    this.#socket[Symbol.dispose]();
  }
}

function sizeBytes(size: bigint): Uint8Array {
  const bytes = new Uint8Array(SIZE_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, size);
  return bytes;
}

/** Awaits what is done at a step: every error of a transfer then names it. */
export async function at<T>(step: Step, wait: Promise<T>): Promise<T> {
  try {
    return await wait;
  } catch (error) {
    throw named(step, error);
  }
}

/** An error of a transfer that names the step at which it happened; an `ERROR: …` becomes a {@linkcode ServerError}. */
function named(step: Step, error: unknown): unknown {
  if (error instanceof ProtocolError && error.received.startsWith("ERROR")) {
    // Some servers end it with a newline or a C string's NUL, and two send OK or DONE right after it.
    const said = error.received.replace(/^ERROR:? ?/, "").replace(/(?<=does not exist)[\r\n\0]*(OK|DONE)$/, "")
      .replace(/[\r\n\0]+$/, "");
    return new ServerError(said, { step, cause: error });
  }
  return error instanceof TransferError && error.step === undefined ? error.at(step) : error;
}
