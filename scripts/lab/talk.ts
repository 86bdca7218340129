/** Our side of a conversation with a program under test: what the document has, and a trace of what really passed. */

import { type Bytes, concat, startsWith, writeAll } from "../../lib/bytes.ts";
import { printable } from "../../lib/printable.ts";
import type { Role } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import { Failure } from "./failure.ts";
import { Inbox } from "./inbox.ts";
import { LOOP_HINT, MEMORY_HINT, sentHint, sizeHint, SLOW_HINT, tokenHint } from "./hints.ts";

// After a wrong message this much silence ends it: the rest of it is shown too.
const REST_MS = 200;
// Longer than the pieces that a program writes without a pause are apart, on a busy machine too.
const NOTHING_MS = 100;
// The same at the end, where only a program that does not close takes so long.
const END_MS = 500;
// Enough for two pieces to travel as two segments.
const APART_MS = 5;
const SHOWN = 60;
// Far more than a large file takes on a slow machine; a program that holds it may need hours.
const LARGE_MS = 60_000;

/** Bytes as a report shows them. */
export function shown(bytes: Uint8Array): string {
  if (bytes.length === 0) return "nothing";
  const text = new TextDecoder().decode(bytes.subarray(0, SHOWN));
  const isText = ![...text].some((char) => char === "\ufffd" || (char < " " && !"\t\n\r".includes(char)));
  const hex = [...bytes.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const start = isText ? `"${printable(text.replaceAll("\n", "\\n").replaceAll("\r", "\\r"))}"` : `the bytes ${hex}`;
  const rest = bytes.length - (isText ? SHOWN : 16);
  return rest > 0 ? `${start} and ${rest} more bytes` : start;
}

/** One connection. */
export class Talk implements AsyncDisposable {
  readonly #conn: Deno.TcpConn;
  readonly #self: Role;
  readonly #other: Role;
  readonly #trace: string[];
  readonly #timeoutMs: number;
  readonly #inbox: Inbox;

  constructor(conn: Deno.TcpConn, self: Role, { trace, timeoutMs }: { trace: string[]; timeoutMs: number }) {
    this.#conn = conn;
    this.#self = self;
    this.#other = self === "client" ? "server" : "client";
    this.#trace = trace;
    this.#timeoutMs = timeoutMs;
    conn.setNoDelay(true);
    this.#inbox = new Inbox(conn);
  }

  /** The address of our end, as the server sees it. */
  get address(): string {
    const { hostname, port } = this.#conn.localAddr;
    return `${hostname}:${port}`;
  }

  /** Says a message, or a part of one. */
  async say(step: string, ...parts: Parameters<typeof wire>): Promise<void> {
    const bytes = wire(...parts);
    this.#trace.push(`${step.padEnd(30)} ${this.#self} sent ${shown(bytes)}`);
    try {
      await writeAll(this.#conn, bytes);
    } catch {
      throw new Failure(
        `at step "${step}" the ${this.#other} had closed the connection`,
        "it left before this message, or crashed (its errors stand below)",
      );
    }
  }

  /** Says file data, or a message, in pieces that travel apart. */
  async sayData(step: string, data: Uint8Array, pieceBytes: number): Promise<void> {
    const pieces = Math.ceil(data.length / pieceBytes);
    this.#trace.push(
      `${step.padEnd(30)} ${this.#self} sent ${data.length} bytes in ${pieces} piece${pieces === 1 ? "" : "s"}`,
    );
    try {
      for (let start = 0; start < data.length; start += pieceBytes) {
        await writeAll(this.#conn, data.subarray(start, start + pieceBytes));
        if (pieceBytes < 1024) await new Promise((resolve) => setTimeout(resolve, APART_MS));
      }
    } catch {
      const message = `the ${this.#other} closed the connection before all ${data.length} bytes were sent`;
      throw new Failure(`at step "${step}" ${message}`, LOOP_HINT);
    }
  }

  /** Ends what we say, as a server's close does; the other side may still say something. */
  async end(): Promise<void> {
    // It may have closed already.
    await this.#conn.closeWrite().catch(() => {});
  }

  /** Says so many zeros as file data. */
  async sayZeros(step: string, count: number): Promise<void> {
    const zeros = new Uint8Array(65536);
    const assertFast = this.#limit(step, "took", count);
    this.#trace.push(`${step.padEnd(30)} ${this.#self} sends ${count} bytes`);
    try {
      for (let left = count; left > 0; left -= zeros.length) {
        await writeAll(this.#conn, zeros.subarray(0, Math.min(left, zeros.length)));
        assertFast(left);
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure(
        `at step "${step}" the ${this.#other} closed the connection before all ${count} bytes were sent`,
      );
    }
  }

  /** Hears so many bytes of file data, and keeps none. */
  async skipData(step: string, count: number, hint = MEMORY_HINT): Promise<void> {
    const assertFast = this.#limit(step, "sent", count);
    for (let left = count; left > 0;) {
      assertFast(left);
      const piece = await this.#take(Math.min(left, 65536), () => this.#inbox.received.length === 0);
      if (piece.length === 0) {
        const silence = this.#inbox.isClosed
          ? "and closed the connection"
          : `and then none for ${this.#timeoutMs / 1000} seconds`;
        throw new Failure(
          `at step "${step}" the ${this.#other} sent ${count - left} of ${count} bytes, ${silence}`,
          hint,
        );
      }
      left -= piece.length;
    }
    this.#trace.push(`${step.padEnd(30)} ${this.#other} sent ${count} bytes`);
  }

  #limit(step: string, did: string, count: number): (left: number) => void {
    const start = performance.now();
    return (left) => {
      if (performance.now() - start < LARGE_MS) return;
      const part = `${count - left} of ${count} bytes in ${LARGE_MS / 1000} seconds`;
      throw new Failure(`at step "${step}" the ${this.#other} ${did} only ${part}`, SLOW_HINT);
    };
  }

  /** Reads and drops what still comes, until silence. */
  async drain(): Promise<void> {
    while ((await this.#take(65536, () => this.#inbox.received.length === 0)).length > 0);
  }

  /** This conversation, whose READY has been heard already. */
  goOn(): Talk {
    this.#inbox.putBack(wire("READY"));
    return this;
  }

  /** Hears a token, a command or an error; `silenceHint` is why nothing may come. */
  async hear(step: string, expected: string, silenceHint?: string): Promise<void> {
    const bytes = wire(expected);
    const came = await this.#take(bytes.length, (received) => startsWith(bytes, received.subarray(0, bytes.length)));
    await this.#judge(
      step,
      `"${expected}"`,
      came,
      startsWith(came, bytes) && came.length === bytes.length,
      (all, isClosed) =>
        all.length === 0 && !isClosed && silenceHint
          ? silenceHint
          : tokenHint(expected, all, { isClosed, from: this.#other }),
    );
  }

  /** Whether an error comes next. */
  async isRefusal(): Promise<boolean> {
    const error = wire("ERROR");
    await this.#inbox.wait(
      this.#timeoutMs,
      () => this.#inbox.received.length >= error.length || !startsWith(error, this.#inbox.received),
    );
    return startsWith(this.#inbox.received, error);
  }

  /** Hears a token after which the other side must wait: nothing may follow it. */
  async hearAlone(step: string, expected: string): Promise<void> {
    await this.hear(step, expected);
    if (await this.isSilent()) return;
    const all = concat(wire(expected), this.#inbox.received);
    this.#trace[this.#trace.length - 1] = `${step.padEnd(30)} ${this.#other} sent ${shown(all)}`;
    throw new Failure(
      `at step "${step}" the ${this.#other} should send "${expected}" and then wait; it sent ${shown(all)}`,
      tokenHint(expected, all),
    );
  }

  /** Hears a size. */
  async hearSize(step: string, size: bigint): Promise<void> {
    const expected = wire(size);
    const came = await this.#take(8);
    const isRight = startsWith(came, expected) && came.length === 8;
    await this.#judge(
      step,
      `the size ${size} in 8 bytes, ${shown(expected)}`,
      came,
      isRight,
      (all, isClosed) => sizeHint(size, all, isClosed),
    );
    if (!await this.isSilent()) {
      const all = concat(came, this.#inbox.received);
      throw new Failure(
        `at step "${step}" the ${this.#other} should send 8 bytes and then wait; it sent ${shown(all)}`,
        sizeHint(size, all, this.#inbox.isClosed),
      );
    }
  }

  /** Hears file data. */
  async hearData(step: string, data: Uint8Array): Promise<void> {
    const came = await this.#take(data.length);
    const isRight = came.length === data.length && came.every((byte, index) => byte === data[index]);
    await this.#judge(
      step,
      `the ${data.length} bytes of the file`,
      came,
      isRight,
      (all, isClosed) => sentHint(data, all, isClosed),
      came.length,
    );
  }

  /** Hears nothing: the other side waits for a message of ours. */
  async hearNothing(step: string, awaited: string): Promise<void> {
    if (await this.isSilent()) return;
    throw new Failure(
      `at step "${step}" the ${this.#other} should wait for ${awaited}; it sent ${shown(this.#inbox.received)} before`,
      `call recv() for ${awaited} before anything is sent`,
    );
  }

  /** Hears the other side close, or at least say nothing more. */
  async hearEnd(step: string, hint?: string): Promise<void> {
    if (await this.isSilent(END_MS)) return;
    throw new Failure(
      `after step "${step}" the ${this.#other} should say nothing more; it sent ${shown(this.#inbox.received)}`,
      hint,
    );
  }

  /** Whether the other side says nothing for a moment. */
  async isSilent(ms = NOTHING_MS): Promise<boolean> {
    await this.#inbox.wait(ms, () => this.#inbox.received.length > 0);
    return this.#inbox.received.length === 0;
  }

  /** Whether the other side closes the connection in time. */
  async closes(): Promise<boolean> {
    await this.#inbox.wait(this.#timeoutMs, () => this.#inbox.isClosed);
    return this.#inbox.isClosed;
  }

  /** Says no more. */
  close(): void {
    this.#trace.push(`${"".padEnd(30)} ${this.#self} closed the connection`);
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  async #judge(
    step: string,
    what: string,
    came: Bytes,
    isRight: boolean,
    hint: (all: Bytes, isClosed: boolean) => string | undefined,
    count?: number,
  ): Promise<void> {
    if (isRight) {
      return void this.#trace.push(
        `${step.padEnd(30)} ${this.#other} sent ${count === undefined ? shown(came) : `${count} bytes`}`,
      );
    }
    await this.#inbox.wait(REST_MS, () => false);
    const all = concat(came, this.#inbox.received);
    const end = this.#inbox.isClosed
      ? ", and closed the connection"
      : all.length === 0
      ? ` for ${this.#timeoutMs / 1000} seconds`
      : "";
    this.#trace.push(`${step.padEnd(30)} ${this.#other} sent ${shown(all)}${end}`);
    throw new Failure(
      `at step "${step}" the ${this.#other} should send ${what}; it sent ${shown(all)}${end}`,
      hint(all, this.#inbox.isClosed),
    );
  }

  #take(count: number, isPossible?: (received: Bytes) => boolean): Promise<Bytes> {
    return this.#inbox.take(count, this.#timeoutMs, isPossible);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
    await this.#inbox.ended;
  }
}
