import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { get, type Message as Passed, ProtocolError, put, ServerError } from "../../lib/mod.ts";
import { type Verb, VERBS } from "../../lib/protocol.ts";
import {
  assertBytes,
  bytewise,
  conversation,
  cut,
  glued,
  type Message,
  Raw,
  SIZE_5,
  spoken,
  wire,
} from "../../scripts/support/raw.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { withinTime } from "../support/net.ts";
import { HOST, transfer } from "../support/served.ts";

/** A name with a space and with characters of one byte to four. */
const NAME = "naïve €😀.bin";

/** All ways to cut one of the server's messages in two, and all of them byte by byte. */
function everyCut(messages: Message[]): Message[][] {
  const halves = messages.flatMap(({ from, bytes }, index) =>
    from === "server" ? [...bytes.keys()].slice(1).map((at) => cut(messages, index, at)) : []
  );
  return [...halves, messages.flatMap((message) => message.from === "server" ? bytewise(message) : [message])];
}

/** A client's folder, and the server that it asks. */
class Asked implements AsyncDisposable {
  readonly data = randomBytes(60);
  readonly folder = new Folder();
  readonly #listener = Deno.listen({ ...HOST, port: 0 });
  /** How the client reaches the server. */
  readonly options = { ...HOST, port: this.#listener.addr.port };

  /** The client's file. */
  get path(): string {
    return this.folder.at(NAME);
  }

  /** Awaits a client, whose server the test then plays itself. */
  async accept(): Promise<Raw> {
    return new Raw(await this.#listener.accept());
  }

  /** Plays the server while a client does its work; it closes nothing before the client has ended, unless asked. */
  async play(messages: Message[], client: Promise<unknown>, { finish = false } = {}): Promise<void> {
    // A client that fails says more than the server that it leaves.
    const heard = Promise.withResolvers<void>();
    const playing = (async (): Promise<void> => {
      using raw = await this.accept();
      await raw.play(messages, "server");
      if (finish) await raw.finish();
      await heard.promise;
      assertEquals(await raw.rest(), "");
    })();
    playing.catch(() => {});
    await client.finally(() => heard.resolve());
    await playing;
  }

  /** Our client. */
  ask(verb: Verb): Promise<void> {
    return transfer(verb, NAME, this.path, this.options);
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

Deno.test("the client understands every message cut at any byte", async () => {
  await using asked = new Asked();
  for (const verb of VERBS) {
    const messages = conversation(verb, NAME, asked.data);
    await asked.succeed(verb, messages);
    await asked.succeed(verb, glued(messages));
    for (const pieces of everyCut(messages)) await asked.succeed(verb, pieces);
    if (verb !== "GET") continue;
    for (const pieces of everyCut(glued(messages))) await asked.succeed(verb, pieces);
  }
});

Deno.test("the client moves an empty file whose OK and DONE arrive together", async () => {
  await using asked = new Asked();
  for (const verb of ["GET", "PUT"] as const) {
    const messages = conversation(verb, NAME);
    await asked.succeed(verb, messages, wire());
    for (const pieces of everyCut(messages)) await asked.succeed(verb, pieces, wire());
    for (const pieces of everyCut(glued(messages))) await asked.succeed(verb, pieces, wire());
  }
});

Deno.test("a message after file data is not called glued to one before it", async () => {
  await using asked = new Asked();
  const glued: string[] = [];
  const onMessage = ({ step, isGlued }: Passed): void => void (isGlued && glued.push(step));
  const client = get(NAME, { ...asked.options, to: asked.path, onMessage });
  using raw = await asked.accept();
  for (const text of ["READY", "OK", `${SIZE_5}hello`]) {
    await raw.say(wire(text));
    await raw.hearSome();
  }
  await raw.say(wire("DONE"));
  await client;
  assertEquals(glued, []);
});

Deno.test("a DONE that comes before the data of a PUT is no success", async () => {
  await using asked = new Asked();
  await Deno.writeFile(asked.path, asked.data);
  for (const texts of [["READYOKOKDONE"], ["READY", "OK", "OKDONE"], ["READY", "OKOKDONE"]]) {
    // Whoever watches messages hears of each a little later.
    const onMessage = (): void => {};
    const options = { ...asked.options, from: asked.path, onMessage };
    const client = assertRejects(() => put(NAME, options), ProtocolError, "expected DONE after the last 60 bytes");
    using raw = await asked.accept();
    for (const text of texts) {
      await raw.say(wire(text));
      await raw.hearSome();
    }
    assertEquals((await client).step, "g. server: DONE");
  }
});

Deno.test("the client takes data of any length, cut where buffers and blocks end", async () => {
  await using asked = new Asked();
  for (const length of [1, 1023, 1024, 1025, 2500, 300_000]) {
    const data = randomBytes(length);
    const messages = glued(conversation("GET", NAME, data));
    await asked.succeed("GET", messages, data);
    const borders = [1, 1023, 1024, 1025, 2048, 262_143, 262_144, 262_145, length - 1, length, length + 1, length + 3];
    for (const at of borders) {
      if (at < length + 4) await asked.succeed("GET", cut(messages, 6, at), data);
    }
    await asked.succeed("PUT", conversation("PUT", NAME, data), data);
  }
});

/** The conversations in which the server says an ERROR in place of one of its tokens. */
function refusals(verb: Verb, data: Uint8Array, error: Message): Message[][] {
  const messages = conversation(verb, NAME, data);
  const isToken = ({ from, bytes }: Message): boolean =>
    from === "server" && /^(OK|DONE|READY)$/.test(new TextDecoder().decode(bytes));
  return messages.flatMap((message, index) => isToken(message) ? [[...messages.slice(0, index), error]] : []);
}

Deno.test("the client shows all of an ERROR in place of any token, cut at any byte", async () => {
  await using asked = new Asked();
  const said = "naïve €";
  const error: Message = { from: "server", bytes: wire(`ERROR: ${said}`) };
  for (const verb of VERBS) {
    await Deno.writeFile(asked.path, asked.data);
    for (const messages of refusals(verb, asked.data, error)) {
      for (const pieces of everyCut(messages).filter((pieces) => pieces.at(-2)?.from === "server")) {
        await withinTime(async () => {
          const client = assertRejects(() => asked.ask(verb), ServerError);
          await asked.play(pieces, client, { finish: true });
          assertEquals((await client).said, said);
        });
      }
    }
    assertBytes(await Deno.readFile(asked.path), asked.data);
    assertEquals(await asked.folder.names(), [NAME]);
  }
});

Deno.test("the client does not wait for a server to close after its ERROR", async () => {
  await using asked = new Asked();
  await Deno.writeFile(asked.path, asked.data);
  for (const verb of VERBS) {
    for (const messages of refusals(verb, asked.data, { from: "server", bytes: wire("ERROR: not today") })) {
      const client = assertRejects(() => asked.ask(verb), ServerError);
      await asked.play(messages, client);
      assertEquals((await client).said, "not today");
    }
  }
});

Deno.test("OK before the answer to a DEL, and after an ERROR, is let pass; long text is cut", async () => {
  await using asked = new Asked();
  const answered = async (verb: Verb, answer: string): Promise<unknown> => {
    const outcome = asked.ask(verb).catch((error) => error);
    await asked.play(spoken("READY", `${verb} ${NAME}`, answer), outcome, { finish: true });
    return outcome;
  };
  for (const answer of ["OKDONE", "OKOKDONE"]) assertEquals(await answered("DEL", answer), undefined);
  assertInstanceOf(await answered("DEL", "OKOKOKDONE"), ProtocolError);
  assertEquals((await answered("DEL", "OKERROR: gone") as ServerError).said, "gone");
  for (const token of ["OK", "DONE", "\nOK"]) {
    const { said } = await answered("GET", `ERROR: g does not exist${token}`) as ServerError;
    assertEquals(said, "g does not exist");
  }
  const { message } = await answered("GET", "x".repeat(3000)) as ProtocolError;
  assertEquals(message, `expected OK, but received "${"x".repeat(100)}…"`);
});
