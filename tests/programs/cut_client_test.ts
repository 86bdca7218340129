// @ts-types="../support/types/assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import { type Verb, VERBS } from "../../lib/protocol.ts";
import { del, get, put, ServerError } from "../../lib/mod.ts";
import { assertBytes, bytewise, conversation, cut, glued, type Message, Raw, wire } from "../support/raw.ts";
import { Folder, randomBytes, runClient, withinTime } from "../support/programs.ts";

// A name with a space and with letters of one byte to four.
const NAME = "naïve €😀.bin";

/** All ways to cut one of the server's messages in two, and all of them byte by byte. */
function everyCut(messages: Message[]): Message[][] {
  const halves = messages.flatMap(({ from, bytes }, index) =>
    from === "server" ? [...bytes.keys()].slice(1).map((at) => cut(messages, index, at)) : []
  );
  return [...halves, messages.flatMap((message) => message.from === "server" ? bytewise(message) : [message])];
}

/** A folder of the client's, and a server of the test's own. */
class Asked implements AsyncDisposable {
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

  /** Plays the server of a whole conversation, and looks at the folder behind it. */
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

Deno.test("the client understands every message that is cut at any byte, DONE apart or glued to the last data", async () => {
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

Deno.test("the client moves an empty file, where the server's OK and DONE arrive glued", async () => {
  await using asked = new Asked();
  for (const verb of ["GET", "PUT"] as const) {
    const messages = conversation(verb, NAME);
    await asked.succeed(verb, messages, wire());
    for (const pieces of everyCut(messages)) await asked.succeed(verb, pieces, wire());
    for (const pieces of everyCut(glued(messages))) await asked.succeed(verb, pieces, wire());
  }
});

Deno.test("the client takes data of any length, cut where buffers and blocks end", async () => {
  await using asked = new Asked();
  for (const length of [1, 1023, 1024, 1025, 2500, 300_000]) {
    const data = randomBytes(length);
    const messages = glued(conversation("GET", NAME, data));
    await asked.succeed("GET", messages, data);
    for (
      const at of [1, 1023, 1024, 1025, 2048, 262_143, 262_144, 262_145, length - 1, length, length + 1, length + 3]
    ) {
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

Deno.test("the client shows the whole of an ERROR in place of any token, cut at any byte", async () => {
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

Deno.test("the client does not wait for the close of a server that has said its ERROR", async () => {
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

Deno.test("the real client gets, puts and deletes with a server that says everything byte by byte", async () => {
  await using asked = new Asked();
  const doing = { GET: "receiving", PUT: "sending", DEL: "deleting" };
  for (const verb of VERBS) {
    await Deno.writeFile(asked.path, verb === "GET" ? wire("old") : asked.data);
    const client = runClient(["127.0.0.1", `${asked.port}`, verb, NAME], { cwd: asked.folder.path });
    await asked.play(everyCut(conversation(verb, NAME, asked.data)).at(-1)!, client);
    const bytes = verb === "DEL" ? "" : " (60 bytes)";
    assertEquals(await client, {
      status: 0,
      stdout: `client ${doing[verb]} file ${NAME}${bytes}\nComplete\n`,
      stderr: "",
    });
    assertBytes(await Deno.readFile(asked.path), asked.data);
    assertEquals(await asked.folder.names(), [NAME]);
  }
});

Deno.test("the real client prints an ERROR that comes byte by byte", async () => {
  await using asked = new Asked();
  await withinTime(async () => {
    const [ready, command] = conversation("DEL", NAME) as [Message, Message];
    const error = bytewise({ from: "server", bytes: wire(`ERROR: ${NAME} does not exist`) });
    const client = runClient(["127.0.0.1", `${asked.port}`, "DEL", NAME], { cwd: asked.folder.path });
    await asked.play([ready, command, ...error], client, { finish: true });
    assertEquals(await client, {
      status: 1,
      stdout: `client deleting file ${NAME}\nserver error: ${NAME} does not exist\n`,
      stderr: "",
    });
  });
});
