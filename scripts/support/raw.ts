/** The lab's conversations as lists of messages, and a raw TCP connection that plays one side of them byte by byte. */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { Role, Verb } from "../../lib/protocol.ts";
import { concat } from "@std/bytes";
import type { Bytes } from "../../lib/bytes.ts";

/** One message of a conversation, or a part of one. */
export interface Message {
  from: Role;
  bytes: Bytes;
}

/** Bytes as they are on the wire: text in UTF-8, sizes in 8 bytes. */
export function wire(...parts: (string | bigint | Uint8Array)[]): Bytes {
  const pieces = parts.map((part) => {
    if (typeof part === "string") return new TextEncoder().encode(part);
    if (typeof part !== "bigint") return part;
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, part);
    return size;
  });
  return concat(pieces);
}

/** What both sides say, in the lab's order ("The Protocol"): a message for each letter of its list. */
function lettered(verb: Verb, name: string, data: Uint8Array): Message[] {
  const client = (...parts: Parameters<typeof wire>): Message => ({ from: "client", bytes: wire(...parts) });
  const server = (...parts: Parameters<typeof wire>): Message => ({ from: "server", bytes: wire(...parts) });
  const size = BigInt(data.length);
  return {
    GET: [
      server("READY"),
      client(`GET ${name}`),
      server("OK"),
      client("READY"),
      server(size),
      client("OK"),
      server(data),
      server("DONE"),
    ],
    PUT: [
      server("READY"),
      client(`PUT ${name}`),
      server("OK"),
      client(size),
      server("OK"),
      client(data),
      server("DONE"),
    ],
    DEL: [server("READY"), client(`DEL ${name}`), server("DONE")],
  }[verb];
}

/** What both sides say; file data of no bytes is no message. */
export function conversation(verb: Verb, name: string, data: Uint8Array = wire()): Message[] {
  return lettered(verb, name, data).filter(({ bytes }) => bytes.length > 0);
}

/** The size 5 as text. */
export const SIZE_5 = "\0\0\0\0\0\0\0\x05";

/** Texts that server and client say in turn; the server begins. An empty one is nothing to say. */
export function spoken(...texts: string[]): Message[] {
  return texts.map((text, index) => ({ from: index % 2 === 0 ? "server" : "client", bytes: wire(text) }));
}

const DATA_LETTER = { GET: "g", PUT: "f", DEL: undefined };

/** The same by the letters of the lab's list, where `half` is the first half of the file's bytes. */
function steps(verb: Verb, name: string, data: Uint8Array): [letter: string, Message][] {
  return lettered(verb, name, data).flatMap((message, index) => {
    const letter = "abcdefgh"[index]!;
    if (letter !== DATA_LETTER[verb]) return [[letter, message]];
    const [first, second] = cut([message], 0, message.bytes.length >> 1);
    return [["half", first!], [letter, second!]];
  });
}

/** The letters of a command's steps, in order. */
export function letters(verb: Verb): string[] {
  return steps(verb, "", wire()).map(([letter]) => letter);
}

/** The conversation with one message cut in two. */
export function cut(messages: Message[], index: number, at: number): Message[] {
  const { from, bytes } = messages[index]!;
  const halves = [{ from, bytes: bytes.slice(0, at) }, { from, bytes: bytes.slice(at) }];
  return messages.toSpliced(index, 1, ...halves);
}

/** A message in pieces of one byte. */
export function bytewise({ from, bytes }: Message): Message[] {
  return [...bytes].map((byte) => ({ from, bytes: new Uint8Array([byte]) }));
}

/** The conversation with what one side says without waiting in one piece. */
export function glued(messages: Message[]): Message[] {
  return messages.reduce<Message[]>((joined, { from, bytes }) => {
    const last = joined.at(-1);
    if (last?.from !== from) return [...joined, { from, bytes }];
    return [...joined.slice(0, -1), { from, bytes: wire(last.bytes, bytes) }];
  }, []);
}

/** Compares bytes, large ones too. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, message?: string): void {
  assertEquals(actual.length, expected.length, message);
  assertEquals(actual.findIndex((byte, index) => byte !== expected[index]), -1, message);
}

/** What a raw connection needs of one of Deno's. */
export type Conn = Pick<Deno.TcpConn, "read" | "write" | "close" | "closeWrite" | "setNoDelay">;

/** Long enough that two halves travel as two segments, and short for a rest that may be late for 50 ms. */
const PAUSE_MS = 3;
/** A test that would never end fails instead. */
export const LIMIT_MS = 60_000;

/** A connection in the test's own hands. */
export class Raw implements Disposable {
  readonly #conn: Conn;
  readonly #timer = setTimeout(() => this.#conn.close(), LIMIT_MS);

  constructor(conn: Conn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  /** Connects to a server. */
  static async connect(port: number): Promise<Raw> {
    return new Raw(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Says one side's messages as they stand, with a pause after those that are not answered, and hears the other's. */
  async play(messages: Message[], role: Role, pauseMs = PAUSE_MS): Promise<void> {
    for (const [index, { from, bytes }] of messages.entries()) {
      if (from !== role) {
        assertBytes(await this.hear(bytes.length), bytes);
        continue;
      }
      if (messages[index - 1]?.from === role) await delay(pauseMs);
      await this.say(bytes);
    }
  }

  /** Sends all of the bytes. */
  async say(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) start += await this.#conn.write(bytes.subarray(start));
  }

  /** Reads so many bytes. */
  async hear(count: number): Promise<Bytes> {
    const bytes = new Uint8Array(count);
    for (let length = 0; length < count;) {
      const read = await this.#conn.read(bytes.subarray(length));
      if (read === null) throw new Error(`closed after ${length} of ${count} bytes`);
      length += read;
    }
    return bytes;
  }

  /** Reads what one read brings. */
  async hearSome(): Promise<string> {
    const buffer = new Uint8Array(65536);
    return new TextDecoder().decode(buffer.subarray(0, await this.#conn.read(buffer) ?? 0));
  }

  /** Reads to the other side's FIN. */
  async rest(): Promise<string> {
    const pieces: Uint8Array[] = [];
    const buffer = new Uint8Array(65536);
    for (let count; (count = await this.#conn.read(buffer)) !== null;) pieces.push(buffer.slice(0, count));
    return new TextDecoder().decode(wire(...pieces));
  }

  /** Says no more. */
  finish(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Closes. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    try {
      this.#conn.close();
    } catch {
      // The limit has closed it.
    }
  }
}

/** One side's part in a conversation, up to the step that the test asks for. */
export class Conversation extends Raw {
  readonly #role: Role;
  readonly #steps: [letter: string, Message][];

  /** Plays a role over a connection; `data` is the file's content, on whichever side it is. */
  constructor(conn: Conn, role: Role, verb: Verb, name: string, data: Uint8Array = wire()) {
    super(conn);
    this.#role = role;
    this.#steps = steps(verb, name, data);
  }

  /** Connects to a server on this machine, to play the client. */
  static async start(port: number, verb: Verb, name: string, data?: Uint8Array): Promise<Conversation> {
    return new Conversation(await Deno.connect({ hostname: "127.0.0.1", port }), "client", verb, name, data);
  }

  /** Awaits a client, to play the server. */
  static async accept(listener: Deno.TcpListener, verb: Verb, name: string, data?: Uint8Array): Promise<Conversation> {
    return new Conversation(await listener.accept(), "server", verb, name, data);
  }

  /** Goes on until a step is done. Throws when the other side does not say what the lab has there. */
  async until(letter: string): Promise<void> {
    while (true) {
      const [step, message] = this.#steps.shift() ?? [];
      if (!message) throw new Error(`there is no step ${letter} any more`);
      if (message.from === this.#role) await this.say(message.bytes);
      else assertBytes(await this.hear(message.bytes.length), message.bytes, `at step ${step}`);
      if (step === letter) return;
    }
  }
}
