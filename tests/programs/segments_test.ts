import { delay } from "@std/async";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Bytes } from "../../lib/bytes.ts";
import { type Verb, VERBS } from "../../lib/protocol.ts";
import { assertBytes, bytewise, conversation, cut, type Message, Raw, wire } from "../../scripts/support/raw.ts";
import { randomBytes } from "../../scripts/support/folder.ts";
import { testWith, UNIX } from "../support/needs.ts";
import { withinTime } from "../support/net.ts";
import { Pair } from "../../scripts/support/pair.ts";

// A name with a space and with letters of one byte to four.
const NAME = "naïve €😀.bin";
const DATA = randomBytes(10);

/** Where a command can be cut so that its first part shows that there must be more. */
function isEvident({ bytes }: Message, at: number): boolean {
  return at <= "GET ".length || (bytes[at]! & 0xc0) === 0x80;
}

/** Plays the client of a whole conversation, and checks the server's folder afterwards. */
async function play({ folder, server }: Pair, verb: Verb, messages: Message[], name = NAME): Promise<void> {
  const path = folder.at(`served/${name}`);
  await Deno.writeFile(path, verb === "GET" ? DATA : wire("old"));
  using raw = await Raw.connect(server.port);
  await raw.play(messages, "client");
  // DONE says that it is done: nothing has to be waited for.
  assertEquals(await folder.names("served"), verb === "DEL" ? [] : [name]);
  if (verb !== "DEL") assertBytes(await Deno.readFile(path), DATA);
  assertEquals(await raw.rest(), "");
}

/** Sends something in place of a command; all that the server says to it. */
async function answer({ server }: Pair, ...pieces: Bytes[]): Promise<string> {
  using raw = await Raw.connect(server.port);
  await raw.hear("READY".length);
  await raw.play(pieces.map((bytes) => ({ from: "client", bytes })), "client");
  return await raw.rest();
}

Deno.test("the server understands messages cut anywhere, and commands cut evidently", async () => {
  await using pair = await Pair.start();
  for (const verb of VERBS) {
    const messages = conversation(verb, NAME, DATA);
    for (const [index, { from, bytes }] of messages.entries()) {
      if (from === "server") continue;
      for (let at = 1; at < bytes.length; at++) {
        if (index > 1 || isEvident(messages[index]!, at)) await play(pair, verb, cut(messages, index, at));
      }
    }
    const isCuttable = ({ from }: Message, index: number): boolean => from === "client" && index > 1;
    const pieces = messages.flatMap((message, index) => isCuttable(message, index) ? bytewise(message) : [message]);
    await play(pair, verb, pieces);
  }
});

Deno.test("the rest of a missing file's name may be up to 50 ms late", async () => {
  await using pair = await Pair.start();
  for (const verb of ["GET", "DEL"] as const) {
    const messages = conversation(verb, NAME, DATA);
    const { length } = messages[1]!.bytes;
    for (let at = 1; at < length; at++) await withinTime(() => play(pair, verb, cut(messages, 1, at)));
    await withinTime(() => play(pair, verb, cut(cut(messages, 1, length - 1), 1, length - 2)));
  }
});

testWith([UNIX], "what has come while the server was stopped is not late", async () => {
  await using pair = await Pair.start();
  const { child, port } = pair.server;
  await withinTime(async () => {
    for (const name of ["f1", "f10"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), "text");
    using raw = await Raw.connect(port);
    await raw.hear("READY".length);
    await raw.say(wire("DEL f1"));
    await delay(15);
    child.kill("SIGSTOP");
    await raw.say(wire("0"));
    await delay(100);
    child.kill("SIGCONT");
    assertEquals(await raw.rest(), "DONE");
    assertEquals(await pair.folder.names("served"), ["f1"]);
  });
});

Deno.test("a name may be cut after the name of a folder in it", async () => {
  await using pair = await Pair.start();
  await Deno.mkdir(pair.folder.at("served/d"));
  for (const [name, rest] of [["d", "/f"], ["d/.", "/f"], [".", "/d/f"]] as const) {
    await Deno.writeTextFile(pair.folder.at("served/d/f"), "text");
    await withinTime(async () => assertEquals(await answer(pair, wire(`DEL ${name}`), wire(rest)), "DONE"));
  }
});

Deno.test("a size of 8 letters is one, when nothing follows it for a second", async () => {
  await using pair = await Pair.start("--max-size", "1M");
  for (const size of ["ABCDEFGH", "\x01\x02\x03\x04\x05\x06\x07\x08", "\x7f".repeat(8)]) {
    using raw = await Raw.connect(pair.server.port);
    await raw.play(conversation("PUT", "f", DATA).slice(0, 3), "client");
    await raw.say(wire(size));
    assertEquals(await raw.rest(), "ERROR: unable to create file f");
  }
});

Deno.test("a command of 512 bytes and more may be cut anywhere after them", async () => {
  await using pair = await Pair.start();
  const name = "./".repeat(400) + "f";
  for (const verb of VERBS) {
    const messages = conversation(verb, name, DATA);
    for (const at of [512, 513, 803, 804]) {
      await withinTime(() => play(pair, verb, cut(messages, 1, at), "f"));
    }
    await withinTime(() => play(pair, verb, cut(cut(messages, 1, 700), 1, 600), "f"));
  }
  // Not the file that the first part names.
  for (const name of ["file", "files"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), name);
  const messages = cut(conversation("GET", `${"./".repeat(252)}files`, wire("files")), 1, 512);
  await withinTime(async () => {
    using raw = await Raw.connect(pair.server.port);
    await raw.play(messages, "client");
  });
});

Deno.test("a name may have 4,096 bytes, and no more", async () => {
  await using pair = await Pair.start();
  const name = "./".repeat(2045) + "file.x";
  const refused = /^ERROR: expected .+ of up to 4096 bytes/;
  for (const verb of VERBS) {
    await withinTime(() => play(pair, verb, conversation(verb, name, DATA), "file.x"));
  }
  await Deno.writeTextFile(pair.folder.at("served/file.xx"), "old");
  for (const verb of VERBS) {
    await withinTime(async () => assertMatch(await answer(pair, wire(`${verb} ${name}x`)), refused));
    assertMatch(await answer(pair, wire(`${verb} ${name.repeat(30)}`)), refused);
  }
  assertEquals(await pair.folder.names("served"), ["file.xx"]);
});

Deno.test("a newline typed after a command is not part of it", async () => {
  await using pair = await Pair.start();
  for (const end of ["\n", "\r\n"]) {
    for (const verb of VERBS) await play(pair, verb, conversation(verb, NAME + end, DATA));
  }
  for (const at of [-1, -2]) {
    const messages = conversation("DEL", `${NAME}\r\n`);
    await withinTime(() => play(pair, "DEL", cut(messages, 1, messages[1]!.bytes.length + at)));
  }
});

Deno.test("a malformed command gets an ERROR and the close, and the next client its turn", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(pair.folder.at("served/f"), "old");
  const invalid = new Uint8Array([0xff]);
  const texts = ["LIST", "X", "get f", " GET f", "GETf", "GET\tf", "GET\n", "DEL \n", "PUT \r\n", "DELETE f", "\n"];
  const cutLetter = wire("DEL ", new Uint8Array([0xc3]), "f");
  const surrogate = wire("DEL ", new Uint8Array([0xed, 0xa0, 0x80]));
  const bytes = [wire(0n), invalid, wire("GET ", invalid), wire("PUT f", invalid), cutLetter, surrogate];
  const wrong = [...texts.map((text) => wire(text)), ...bytes, wire("\ufeffGET f")];
  const refusal = /^ERROR: expected GET, PUT or DEL, a space and a file name/;
  for (const command of wrong) assertMatch(await answer(pair, command), refusal);
  for (const command of [wire("GET "), wire("DE"), wire("PUT ", new Uint8Array([0xe2, 0x82]))]) {
    using raw = await Raw.connect(pair.server.port);
    await raw.play([{ from: "server", bytes: wire("READY") }, { from: "client", bytes: command }], "client");
    await raw.finish();
    assertMatch(await raw.rest(), refusal);
  }
  for (const command of [wire("DEL f"), wire("GET missing")]) {
    await withinTime(async () => {
      await Deno.writeTextFile(pair.folder.at("served/f"), "old");
      assertMatch(await answer(pair, command, invalid), refusal);
      assertEquals(await pair.folder.names("served"), ["f"]);
    });
  }
  await Deno.remove(pair.folder.at("served/f"));
  await play(pair, "GET", conversation("GET", NAME, DATA));
});

Deno.test("a DEL that is sent twice deletes once, however it is cut", async () => {
  await using pair = await Pair.start();
  const [ready, command, done] = conversation("DEL", "f") as [Message, Message, Message];
  const twice: Message = { from: "client", bytes: wire(command.bytes, command.bytes) };
  const del = (...messages: Message[]): Promise<void> => play(pair, "DEL", messages, "f");
  await del(ready, twice, done);
  await del(ready, command, command, done);
  await del(ready, command, done, command);
  for (let at = 1; at < twice.bytes.length; at++) await withinTime(() => del(...cut([ready, twice, done], 1, at)));
  for (const pieces of [[twice.bytes], [command.bytes, command.bytes]]) {
    await withinTime(async () => assertEquals(await answer(pair, ...pieces), "ERROR: f does not exist"));
  }
  // A file may have that name.
  for (const name of ["f", "fDEL f"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), "");
  assertEquals(await answer(pair, twice.bytes), "DONE");
  assertEquals(await pair.folder.names("served"), ["f"]);
  await pair.server.end();
  assertEquals(pair.server.errors, []);
});

/** Makes empty files in the served folder. */
async function make({ folder }: Pair, ...names: string[]): Promise<void> {
  for (const name of names) await Deno.writeTextFile(folder.at(`served/${name}`), "");
}

/** Deletes files, each by a command in one piece: after some the server knows that such are whole. */
async function deleteWhole(pair: Pair, ...names: string[]): Promise<void> {
  for (const name of names) assertEquals(await answer(pair, wire(`DEL ${name}`)), "DONE");
}

Deno.test("a DEL in pieces deletes the file that it names, also after many in one piece", async () => {
  await using pair = await Pair.start();
  for (const others of ["", "123456789"]) {
    await withinTime(async () => {
      await make(pair, "a", "ab", ...others);
      await deleteWhole(pair, ...others);
      assertEquals(await answer(pair, wire("DEL a"), wire("b")), "DONE");
      assertEquals(await pair.folder.names("served"), ["a"]);
    });
  }
});

Deno.test("a DEL in pieces is right too while somebody changes the folder", async () => {
  await using pair = await Pair.start();
  const rounds = 10;
  let right = 0;
  for (let round = 0; round < rounds; round++) {
    await make(pair, "a", "ab", ..."123456789");
    await answer(pair, wire("DEL missing"));
    await deleteWhole(pair, ..."123456789");
    using raw = await Raw.connect(pair.server.port);
    await raw.hear("READY".length);
    // Long enough that the folder's time of change tells of it.
    await delay(10);
    await make(pair, "new");
    await raw.play([wire("DEL a"), wire("b")].map((bytes) => ({ from: "client", bytes })), "client");
    await raw.rest();
    right += Number(String(await pair.folder.names("served")) === "a,new");
    await Deno.remove(pair.folder.at("served/new"));
  }
  // On a busy machine a piece may be too late.
  assert(right >= rounds - 2, `${right} of ${rounds}`);
});

Deno.test("a GET can be typed, a line for each message, and a line end may be late", async () => {
  await using pair = await Pair.start();
  const messages = conversation("GET", NAME, DATA);
  const typed = messages.map(({ from, bytes }) => ({ from, bytes: from === "client" ? wire(bytes, "\n") : bytes }));
  await play(pair, "GET", typed);
  for (const lineEnd of ["\n", "\r\n"]) {
    await play(pair, "GET", messages.toSpliced(3, 1, { from: "client", bytes: wire(lineEnd, "READY") }));
  }
});
