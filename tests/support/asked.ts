/** A server in the test's hands, and a client that asks it for a file. */

import { assertEquals } from "@std/assert";
import { del, get, put } from "../../lib/mod.ts";
import type { Verb } from "../../lib/protocol.ts";
import { assertBytes, bytewise, cut, type Message, Raw, wire } from "../../scripts/support/raw.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";

/** A name with a space and with characters of one byte to four. */
export const NAME = "naïve €😀.bin";

/** All ways to cut one of the server's messages in two, and all of them byte by byte. */
export function everyCut(messages: Message[]): Message[][] {
  const halves = messages.flatMap(({ from, bytes }, index) =>
    from === "server" ? [...bytes.keys()].slice(1).map((at) => cut(messages, index, at)) : []
  );
  return [...halves, messages.flatMap((message) => message.from === "server" ? bytewise(message) : [message])];
}

/** A client's folder, and the server that it asks. */
export class Asked implements AsyncDisposable {
  readonly data = randomBytes(60);
  readonly folder = new Folder();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#listener.addr.port;

  /** The client's file. */
  get path(): string {
    return this.folder.at(NAME);
  }

  /** Plays the server while a client does its work; it closes nothing before the client has ended, unless asked. */
  async play(messages: Message[], client: Promise<unknown>, { finish = false } = {}): Promise<void> {
    // A client that fails says more than the server that it leaves.
    const heard = Promise.withResolvers<void>();
    const playing = (async (): Promise<void> => {
      using raw = new Raw(await this.#listener.accept());
      await raw.play(messages, "server");
      if (finish) await raw.finish();
      await heard.promise;
      assertEquals(await raw.rest(), "");
    })();
    playing.catch(() => {});
    await client.finally(() => heard.resolve());
    await playing;
  }

  /** Our client, in this process. */
  async ask(verb: Verb): Promise<void> {
    const options = { hostname: "127.0.0.1", port: this.port };
    if (verb === "GET") await get(NAME, { ...options, to: this.path });
    else if (verb === "PUT") await put(NAME, { ...options, from: this.path });
    else await del(NAME, options);
  }

  /** Plays the server of a whole conversation, and checks the folder afterwards. */
  async succeed(verb: Verb, messages: Message[], data = this.data): Promise<void> {
    await Deno.writeFile(this.path, verb === "GET" ? wire("old") : data);
    await this.play(messages, this.ask(verb));
    assertBytes(await Deno.readFile(this.path), data);
    assertEquals(await this.folder.names(), [NAME]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.folder[Symbol.asyncDispose]();
  }
}
