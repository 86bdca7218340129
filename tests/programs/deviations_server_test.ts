import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { concat } from "@std/bytes";
import type { Bytes } from "../../lib/bytes.ts";
import { within } from "../../lib/within.ts";
import { age, randomBytes } from "../../scripts/support/folder.ts";
import { withMounts } from "../support/disk.ts";
import { MOUNTS, testWith, UNIX } from "../support/needs.ts";
import { withinTime } from "../support/net.ts";
import { client, folders, Pair } from "../../scripts/support/pair.ts";
import { command, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation, conversation, LIMIT_MS, Raw, wire } from "../../scripts/support/raw.ts";

const MALFORMED = "ERROR: expected GET, PUT or DEL, a space and a file name of up to 4096 bytes in UTF-8";

Deno.test("a request that is too long is refused whole, in however many pieces", async () => {
  await using pair = await Pair.start();
  for (const name of ["file.x", "file.xyz"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), "text");
  const folder = "./".repeat(2045);
  for (const verb of ["DEL", "GET"]) {
    for (const pauseMs of [0, 20, 40, 60]) {
      using raw = await Raw.connect(pair.server.port);
      await raw.hear("READY".length);
      await raw.say(wire(`${verb} ${folder}`));
      await delay(pauseMs);
      await raw.say(wire("file.xyz"));
      await raw.finish();
      const said = await raw.rest();
      // After 100 ms of silence the shorter name was the whole request.
      assert([MALFORMED, `ERROR: ${folder} does not exist`].includes(said), said.slice(0, 200));
    }
  }
  assertEquals(await pair.folder.names("served"), ["file.x", "file.xyz"]);
});

/** Says a command in pieces, the many of one that comes byte by byte soon after each other, and hears its OK. */
async function ask(port: number, pieces: string[], pauseMs: number): Promise<Raw> {
  const raw = await Raw.connect(port);
  await raw.hear("READY".length);
  for (const piece of pieces) {
    await raw.say(wire(piece));
    await delay(pieces.length > 2 ? 1 : pauseMs);
  }
  await raw.hear("OK".length);
  return raw;
}

Deno.test("a PUT whose name comes in pieces, however late, is made under all of it", async () => {
  await using pair = await Pair.start();
  await Deno.writeTextFile(pair.folder.at("served/tw"), "old");
  await pair.folder.folder("served/sub");
  const cuts = {
    "two.txt": ["PUT tw", "o.txt"],
    "byte.txt": [..."PUT byte.txt"],
    "line.txt": ["PUT line.txt", "\n"],
    "sub/f": ["PUT sub", "/f"],
    "eight8": ["PUT ei", "ght8"],
    "12345678": ["PUT 12345", "678"],
    "x12345678": ["PUT x", "12345678"],
    "aPUT a": ["PUT aPUT a"],
  };
  for (const [name, pieces] of Object.entries(cuts)) {
    for (const pauseMs of [1, 100]) {
      // The rest of a folder's own name must come while an error would.
      if (name === "sub/f" && pauseMs > 1) continue;
      await withinTime(async () => {
        using raw = await ask(pair.server.port, pieces, pauseMs);
        await raw.play(conversation("PUT", name, wire("text")).slice(3), "client");
        assertEquals(await Deno.readTextFile(pair.folder.at(`served/${name}`)), "text", name);
      });
      await Deno.remove(pair.folder.at(`served/${name}`));
      await pair.server.line(new RegExp(`^server receiving request: ${pieces.join("").trim()}$`));
    }
  }
  assertEquals(await pair.folder.names("served"), ["sub", "tw"]);
  assertEquals(await Deno.readTextFile(pair.folder.at("served/tw")), "old");
});

Deno.test("a GET whose name comes in pieces, however late, gets the file that it all names", async () => {
  await using pair = await Pair.start();
  for (const name of ["n", "note"]) await Deno.writeTextFile(pair.folder.at(`served/${name}`), name);
  const get = async (name: string, pieces: string[], said: string): Promise<void> => {
    for (const pauseMs of [1, 100]) {
      using raw = await ask(pair.server.port, pieces, pauseMs);
      await raw.say(wire("READY"));
      assertEquals(new TextDecoder().decode(await raw.hear(said.length)), said);
      await pair.server.line(new RegExp(`^server receiving request: GET ${name}$`));
    }
  };
  await get("note", ["GET n", "ote"], "\0\0\0\0\0\0\0\x04");
  // "no" is no file: what comes more than 50 ms later is not waited for.
  await withinTime(() => get("note", [..."GET note"], "\0\0\0\0\0\0\0\x04"));
  await get("n", ["GET n", "\n"], "\0\0\0\0\0\0\0\x01");
  for (const pauseMs of [1, 100]) {
    using raw = await Raw.connect(pair.server.port);
    await raw.hear("READY".length);
    await raw.say(wire("GET n"));
    await delay(pauseMs);
    await raw.say(wire("o"));
    // On a busy machine both may come together: then there is no OK.
    const said = await raw.hearSome();
    if (said === "OK") await raw.say(wire("READY"));
    assertEquals((said + await raw.rest()).replace(/^OK/, ""), "ERROR: no does not exist");
  }
});

Deno.test("the rest of a PUT's name that no file can have is answered in place of step e", async () => {
  await using pair = await Pair.start();
  const rests = [["/x", "ERROR: unable to create file f/x"], [new Uint8Array([0xff]), MALFORMED]] as const;
  for (const [rest, said] of rests) {
    using raw = await Conversation.start(pair.server.port, "PUT", "f");
    await raw.until("c");
    await raw.say(wire(rest, 4n));
    assertEquals(await raw.rest(), said);
  }
  assertEquals(await pair.folder.names("served"), []);
});

Deno.test("a size that follows a PUT at once is no part of its name", async () => {
  await using pair = await Pair.start();
  for (let round = 0; round < 10; round++) {
    using raw = await Raw.connect(pair.server.port);
    await raw.hear("READY".length);
    await raw.say(wire("PUT f"));
    await delay(1);
    await raw.say(wire(4n));
    await raw.hear("OKOK".length);
    await raw.say(wire("text"));
    await raw.hear("DONE".length);
  }
  assertEquals(await pair.folder.names("served"), ["f"]);
});

Deno.test("every byte counts as life, in the middle of a message too", async () => {
  await using pair = await Pair.start("--timeout", "2", "--clients", "4");
  await Deno.writeTextFile(pair.folder.at("served/f"), "text");
  /** Plays a conversation whose message at a step comes in pieces, which together are later than the timeout. */
  const play = async (verb: "GET" | "PUT", last: string, message: Bytes, rest: string): Promise<void> => {
    using conversation = await Conversation.start(pair.server.port, verb, verb === "GET" ? "f" : "g", wire("text"));
    await conversation.until(last);
    for (const at of [0, 1, 2]) {
      await conversation.say(message.slice(at, at + 1));
      await delay(800);
    }
    await conversation.say(message.slice(3));
    assertEquals(new TextDecoder().decode(await conversation.hear(rest.length)), rest);
  };
  await Promise.all([
    withinTime(() => play("PUT", "c", wire(4n), "OK")),
    withinTime(() => play("PUT", "e", wire("text"), "DONE")),
    withinTime(() => play("GET", "c", wire("READY"), "\0\0\0\0\0\0\0\x04")),
    // Evidently incomplete until the name begins.
    withinTime(() => play("GET", "a", wire("GET f"), "OK")),
  ]);
});

Deno.test("bytes beyond the announced size leave the old file, except a DONE", async () => {
  await using pair = await Pair.start();
  const old = "the file that stands!";
  const data = randomBytes(5000);
  const put = async (beforeOk: Bytes, afterOk: Bytes): Promise<string> => {
    await Deno.writeTextFile(pair.folder.at("served/f"), old);
    using conversation = await Conversation.start(pair.server.port, "PUT", "f", data);
    await conversation.until("c");
    await conversation.say(beforeOk);
    await conversation.hear("OK".length);
    await conversation.say(afterOk);
    await conversation.finish();
    return await conversation.rest();
  };
  const refused = "ERROR: unable to create file f";
  // A size of bit_length() bytes, one of 16 digits, and one that is too small.
  assertEquals(await put(new Uint8Array([...Array(11).fill(0), 0x13, 0x88]), data), refused);
  assertEquals(await put(wire("\0\0\0\0\0\0\0\0" + "00001388"), wire()), refused);
  assertEquals(await put(wire(5n), data), refused);
  assertEquals(await Deno.readTextFile(pair.folder.at("served/f")), old);
  for (const own of ["", "DONE"]) {
    // Two known clients do not wait for OK, two append a DONE of their own.
    assertEquals(await put(concat([wire(5000n), data, wire(own)]), wire()), "DONE");
    assertEquals(await put(wire(5000n), concat([data, wire(own)])), "DONE");
    assertEquals(await Deno.readFile(pair.folder.at("served/f")), data);
  }
  await pair.server.end();
  const reason = "server: unable to create file f: the client sent more than the 0 bytes that it announced";
  assertEquals(pair.server.errors.at(0), reason);
});

testWith([UNIX], "with -v and nobody who reads, clients are served and signals end the server", async () => {
  await using folder = await folders({ "served/f": "text" });
  const [program, ...args] = [...command("server"), "0", "-v"];
  const child = new Deno.Command(program!, { args, cwd: folder.at("served"), stdout: "piped", stderr: "null" }).spawn();
  try {
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    const port = Number(new TextDecoder().decode(value).match(/port (\d+)/)![1]);
    // Far more than a pipe holds: 64 KiB on Linux.
    const name = `${"./".repeat(2000)}f`;
    for (let count = 0; count < 40; count++) {
      using conversation = await Conversation.start(port, "GET", name, wire("text"));
      await conversation.until("h");
    }
    child.kill("SIGTERM");
    assertEquals((await within(child.status, LIMIT_MS))?.code, 0);
    await reader.cancel();
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // Ended.
    }
  }
});

testWith([MOUNTS], "a file that says 0 bytes and has content is not sent as empty", async () => {
  await using folder = await folders({ "served/version": "" });
  const words = withMounts("mount --bind /proc/version version", [...command("server"), "0", "-v"]);
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  const { status, stdout } = await client(folder, server.port, "GET", "version");
  assertEquals([status, stdout], [1, "server error: version does not exist\n"]);
  await server.end();
  assert(server.errors[0]!.includes("its size is 0, but it has content"), server.errors[0]);
  assertEquals(await folder.names("mine"), []);
});

testWith([UNIX], "drafts are swept while clients are served, and a shutdown waits for no more", async () => {
  await withinTime(async () => {
    await using folder = await folders({ "served/f": "text" });
    // Each takes an open, a lock and a removal: a thousand take longer than a GET and a signal.
    const names = Array.from({ length: 1000 }, () => `.blockferry-${crypto.randomUUID()}.part`);
    await Promise.all(names.map((name) => Deno.writeTextFile(folder.at(`served/${name}`), "")));
    await age(folder.at("served"));
    await using server = await ServerProcess.start([], { cwd: folder.at("served") });
    using conversation = await Conversation.start(server.port, "GET", "f", wire("text"));
    await conversation.until("h");
    assertEquals(await server.end(), 0);
    const left = (await folder.names("served")).length;
    assert(left > 1 && left < names.length + 1, `${left} files are left`);
  });
});
