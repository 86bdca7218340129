import { assertEquals, assertMatch } from "@std/assert";
import { type Verb, VERBS } from "../../lib/protocol.ts";
import { assertBytes, bytewise, conversation, cut, type Message, Raw, wire } from "../../scripts/support/raw.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { withinTime } from "../support/net.ts";
import { ServerProcess } from "../../scripts/support/programs.ts";

// A name with a space and with letters of one byte to four.
const NAME = "naïve €😀.bin";

/** Where a command can be cut so that its first part shows that there must be more. */
function isEvident({ bytes }: Message, at: number): boolean {
  return at <= "GET ".length || (bytes[at]! & 0xc0) === 0x80;
}

/** A served folder with an old file, and a client of the test's own. */
class Served implements AsyncDisposable {
  readonly data = randomBytes(10);
  private constructor(readonly folder: Folder, readonly server: ServerProcess) {}

  static async start(): Promise<Served> {
    const folder = new Folder();
    return new Served(folder, await ServerProcess.start([], { cwd: folder.path }));
  }

  /** Plays the client of a whole conversation, and checks the folder afterwards. */
  async play(verb: Verb, messages: Message[], { data = this.data, name = NAME, pauseMs = 3 } = {}): Promise<void> {
    const path = this.folder.at(name);
    await Deno.writeFile(path, verb === "GET" ? data : wire("old"));
    using raw = await Raw.connect(this.server.port);
    await raw.play(messages, "client", pauseMs);
    // DONE says that it is done: nothing has to be waited for.
    assertEquals(await this.folder.names(), verb === "DEL" ? [] : [name]);
    if (verb !== "DEL") assertBytes(await Deno.readFile(path), data);
    assertEquals(await raw.rest(), "");
  }

  /** Sends something in place of a command; all that the server says to it. */
  async answer(...pieces: Uint8Array[]): Promise<string> {
    using raw = await Raw.connect(this.server.port);
    await raw.play(
      [
        { from: "server", bytes: wire("READY") },
        ...pieces.map((bytes) => ({ from: "client", bytes: wire(bytes) }) as const),
      ],
      "client",
    );
    return await raw.rest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

Deno.test("the server understands messages cut anywhere, and commands cut evidently", async () => {
  await using served = await Served.start();
  for (const verb of VERBS) {
    const messages = conversation(verb, NAME, served.data);
    for (const [index, { from, bytes }] of messages.entries()) {
      if (from === "server") continue;
      for (let at = 1; at < bytes.length; at++) {
        if (index > 1 || isEvident(messages[index]!, at)) await served.play(verb, cut(messages, index, at));
      }
    }
    const isCuttable = ({ from }: Message, index: number): boolean => from === "client" && index > 1;
    await served.play(
      verb,
      messages.flatMap((message, index) => isCuttable(message, index) ? bytewise(message) : [message]),
    );
  }
});

Deno.test("the rest of a missing file's name may be up to 50 ms late", async () => {
  await using served = await Served.start();
  for (const verb of ["GET", "DEL"] as const) {
    const messages = conversation(verb, NAME, served.data);
    const { length } = messages[1]!.bytes;
    for (let at = 1; at < length; at++) await withinTime(() => served.play(verb, cut(messages, 1, at)));
    await withinTime(() => served.play(verb, cut(cut(messages, 1, length - 1), 1, length - 2)));
  }
});

Deno.test("a command of 512 bytes and more may be cut anywhere after them", async () => {
  await using served = await Served.start();
  const name = "./".repeat(400) + "f";
  for (const verb of VERBS) {
    const messages = conversation(verb, name, served.data);
    for (const at of [512, 513, 803, 804]) {
      await withinTime(() => served.play(verb, cut(messages, 1, at), { name: "f" }));
    }
    await withinTime(() => served.play(verb, cut(cut(messages, 1, 700), 1, 600), { name: "f" }));
  }
});

Deno.test("a GET that is cut after 512 bytes never gets the file that its first part names", async () => {
  await using served = await Served.start();
  const name = "./".repeat(252) + "file";
  await Deno.writeTextFile(served.folder.at("file"), "short");
  await Deno.writeTextFile(served.folder.at("files"), "long");
  const messages = cut(conversation("GET", `${name}s`, wire("long")), 1, 512);
  await withinTime(async () => {
    using raw = await Raw.connect(served.server.port);
    await raw.play(messages, "client");
  });
});

Deno.test("a name may have 4,096 bytes, and no more", async () => {
  await using served = await Served.start();
  const name = "./".repeat(2045) + "file.x";
  const refused = /^ERROR: expected .+ of up to 4096 bytes/;
  for (const verb of VERBS) {
    await withinTime(() => served.play(verb, conversation(verb, name, served.data), { name: "file.x" }));
  }
  await Deno.writeTextFile(served.folder.at("file.xx"), "old");
  for (const verb of VERBS) {
    await withinTime(async () => assertMatch(await served.answer(wire(`${verb} ${name}x`)), refused));
    assertMatch(await served.answer(wire(`${verb} ${name.repeat(30)}`)), refused);
  }
  assertEquals(await served.folder.names(), ["file.xx"]);
});

Deno.test("a newline typed after a command is not part of it", async () => {
  await using served = await Served.start();
  for (const end of ["\n", "\r\n"]) {
    for (const verb of VERBS) await served.play(verb, conversation(verb, NAME + end, served.data));
  }
  for (const at of [-1, -2]) {
    const messages = conversation("DEL", `${NAME}\r\n`);
    await withinTime(() => served.play("DEL", cut(messages, 1, messages[1]!.bytes.length + at)));
  }
});

Deno.test("a malformed command gets an ERROR and the close, and the next client its turn", async () => {
  await using served = await Served.start();
  await Deno.writeTextFile(served.folder.at("f"), "old");
  const invalid = new Uint8Array([0xff]);
  const texts = ["LIST", "X", "get f", " GET f", "GETf", "GET\tf", "GET\n", "DEL \n", "PUT \r\n", "DELETE f", "\n"];
  const wrong = [
    ...texts.map((text) => wire(text)),
    wire(0n),
    invalid,
    wire("GET ", invalid),
    wire("PUT f", invalid),
    wire("DEL ", new Uint8Array([0xc3]), "f"),
    wire("DEL ", new Uint8Array([0xed, 0xa0, 0x80])),
    wire("\ufeffGET f"),
  ];
  const refusal = /^ERROR: expected GET, PUT or DEL, a space and a file name/;
  for (const command of wrong) assertMatch(await served.answer(command), refusal);
  for (const command of [wire("GET "), wire("DE"), wire("PUT ", new Uint8Array([0xe2, 0x82]))]) {
    using raw = await Raw.connect(served.server.port);
    await raw.hear("READY".length);
    await raw.say(command);
    await raw.finish();
    assertMatch(await raw.rest(), refusal);
  }
  for (const command of [wire("DEL f"), wire("GET missing")]) {
    await withinTime(async () => {
      await Deno.writeTextFile(served.folder.at("f"), "old");
      assertMatch(await served.answer(command, invalid), refusal);
      assertEquals(await served.folder.names(), ["f"]);
    });
  }
  await Deno.remove(served.folder.at("f"));
  await served.play("GET", conversation("GET", NAME, served.data));
});

Deno.test("a client that is still sending when it is refused learns why", async () => {
  await using served = await Served.start();
  // More than the two sockets hold between them.
  const flood = wire("LIST ", new Uint8Array(2 ** 24));
  await withinTime(async () => assertMatch(await served.answer(flood), /^ERROR: expected GET/));
});

Deno.test("a DEL that is sent twice deletes once, however it is cut", async () => {
  await using served = await Served.start();
  const [ready, command, done] = conversation("DEL", "f") as [Message, Message, Message];
  const twice: Message = { from: "client", bytes: wire(command.bytes, command.bytes) };
  const play = (...messages: Message[]): Promise<void> => served.play("DEL", messages, { name: "f" });
  await play(ready, twice, done);
  await play(ready, command, command, done);
  await play(ready, command, done, command);
  for (let at = 1; at < twice.bytes.length; at++) await withinTime(() => play(...cut([ready, twice, done], 1, at)));
  for (const pieces of [[twice.bytes], [command.bytes, command.bytes]]) {
    await withinTime(async () => assertEquals(await served.answer(...pieces), "ERROR: f does not exist"));
  }
  // A file may have that name.
  for (const name of ["f", "fDEL f"]) await Deno.writeTextFile(served.folder.at(name), "");
  assertEquals(await served.answer(twice.bytes), "DONE");
  assertEquals(await served.folder.names(), ["f"]);
  await served.server.end();
  assertEquals(served.server.errors, []);
});

Deno.test("a DEL in pieces deletes the file that it names, also after many in one piece", async () => {
  await using served = await Served.start();
  for (const others of ["", "123456"]) {
    await withinTime(async () => {
      for (const name of ["a", "ab", ...others]) await Deno.writeTextFile(served.folder.at(name), "");
      for (const name of others) assertEquals(await served.answer(wire(`DEL ${name}`)), "DONE");
      assertEquals(await served.answer(wire("DEL a"), wire("b")), "DONE");
      assertEquals(await served.folder.names(), ["a"]);
    });
  }
});

Deno.test("a GET can be typed, a line for each message, and a line end may be late", async () => {
  await using served = await Served.start();
  const messages = conversation("GET", NAME, served.data);
  const typed = messages.map(({ from, bytes }) => ({ from, bytes: from === "client" ? wire(bytes, "\n") : bytes }));
  await served.play("GET", typed);
  for (const lineEnd of ["\n", "\r\n"]) {
    await served.play("GET", messages.toSpliced(3, 1, { from: "client", bytes: wire(lineEnd, "READY") }));
  }
});
