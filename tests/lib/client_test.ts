import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { get, ProtocolError, put, ServerError } from "../../lib/mod.ts";
import { type Verb, VERBS } from "../../lib/protocol.ts";
import { Asked, everyCut, NAME } from "../support/asked.ts";
import {
  assertBytes,
  conversation,
  cut,
  glued,
  type Message,
  Raw,
  SIZE_5,
  spoken,
  wire,
} from "../../scripts/support/raw.ts";
import { randomBytes } from "../../scripts/support/folder.ts";
import { withinTime } from "../support/net.ts";

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
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const glued: string[] = [];
  const client = get(NAME, {
    hostname: "127.0.0.1",
    port: listener.addr.port,
    to: asked.path,
    onMessage: ({ step, isGlued }) => void (isGlued && glued.push(step)),
  });
  using raw = new Raw(await listener.accept());
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
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    // Whoever watches messages hears of each a little later.
    const onMessage = (): void => {};
    const options = { hostname: "127.0.0.1", port: listener.addr.port, from: asked.path, onMessage };
    const client = assertRejects(() => put(NAME, options), ProtocolError, "expected DONE after the last 60 bytes");
    using raw = new Raw(await listener.accept());
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
