/** The lab's protocol spoken by hand, for tests that stop in the middle of it. */

// @ts-types="../lib/types/streams.d.ts"
import { toText } from "@std/streams/to-text";
import type { Verb } from "../lib/command.ts";
import { within } from "../lib/within.ts";

// Longer than any answer takes; a test that waits for one that never comes is to fail.
const LIMIT_MS = 20_000;

/** Who speaks. */
export type Role = "client" | "server";

interface Step {
  /** The step's letter in the lab's list; `half` is the first half of the file's bytes. */
  letter: string;
  from: Role;
  bytes: Uint8Array;
}

/** The lab's list of steps ("The Protocol") for one file. */
function steps(verb: Verb, name: string, data: Uint8Array): Step[] {
  const text = (letter: string, from: Role, text: string): Step => ({
    letter,
    from,
    bytes: new TextEncoder().encode(text),
  });
  const size = (letter: string, from: Role): Step => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(data.length));
    return { letter, from, bytes };
  };
  const middle = data.length >> 1;
  const bytes = (letter: string, from: Role): Step[] => [
    { letter: "half", from, bytes: data.subarray(0, middle) },
    { letter, from, bytes: data.subarray(middle) },
  ];
  const start = [text("a", "server", "READY"), text("b", "client", `${verb} ${name}`)];
  switch (verb) {
    case "GET":
      return [
        ...start,
        text("c", "server", "OK"),
        text("d", "client", "READY"),
        size("e", "server"),
        text("f", "client", "OK"),
        ...bytes("g", "server"),
        text("h", "server", "DONE"),
      ];
    case "PUT":
      return [
        ...start,
        text("c", "server", "OK"),
        size("d", "client"),
        text("e", "server", "OK"),
        ...bytes("f", "client"),
        text("g", "server", "DONE"),
      ];
    case "DEL":
      return [...start, text("c", "server", "DONE")];
  }
}

/** The letters of a command's steps, in order. */
export function letters(verb: Verb): string[] {
  return steps(verb, "", new Uint8Array()).map(({ letter }) => letter);
}

/** One side of one command's conversation, which goes on as far as it is told to. */
export class Conversation implements Disposable {
  readonly conn: Deno.Conn;
  readonly #role: Role;
  readonly #steps: Step[];

  /** Plays a role over a connection; `data` is the file's content, on whichever side it is. */
  constructor(conn: Deno.Conn, role: Role, verb: Verb, name: string, data: Uint8Array = new Uint8Array()) {
    this.conn = conn;
    this.#role = role;
    this.#steps = steps(verb, name, data);
  }

  /** Connects to a server on this machine, to play the client. */
  static async connect(port: number, verb: Verb, name: string, data?: Uint8Array): Promise<Conversation> {
    return new Conversation(await Deno.connect({ hostname: "127.0.0.1", port }), "client", verb, name, data);
  }

  /** Awaits a client, to play the server. */
  static async accept(listener: Deno.Listener, verb: Verb, name: string, data?: Uint8Array): Promise<Conversation> {
    return new Conversation(await listener.accept(), "server", verb, name, data);
  }

  /** Goes on until a step is done. Throws when the other side does not say what the lab has there. */
  async until(letter: string): Promise<void> {
    while (true) {
      const step = this.#steps.shift();
      if (step === undefined) throw new Error(`there is no step ${letter} any more`);
      if (step.from === this.#role) await this.#say(step.bytes);
      else await this.#hear(step);
      if (step.letter === letter) return;
    }
  }

  /** What the other side still says before it closes. */
  async rest(): Promise<string> {
    const said = await within(toText(this.conn.readable), LIMIT_MS);
    if (said === undefined) throw new Error("the connection was not closed");
    return said;
  }

  async #say(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) start += await this.conn.write(bytes.subarray(start));
  }

  async #hear({ letter, bytes: expected }: Step): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    for (let start = 0; start < expected.length;) {
      const length = Math.min(buffer.length, expected.length - start);
      const count = await within(this.conn.read(buffer.subarray(0, length)), LIMIT_MS);
      if (count === undefined) throw new Error(`nothing came at step ${letter}, ${start} bytes into it`);
      if (count === null) throw new Error(`the connection was closed at step ${letter}, ${start} bytes into it`);
      if (!buffer.subarray(0, count).every((byte, index) => byte === expected[start + index])) {
        const said = new TextDecoder().decode(buffer.subarray(0, Math.min(count, 80)));
        throw new Error(`something else than expected came at step ${letter}: ${JSON.stringify(said)}`);
      }
      start += count;
    }
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Its readable side, read to the end, has closed it.
    }
  }
}
