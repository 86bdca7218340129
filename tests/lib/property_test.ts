/** Properties that hold for every input, tried on many random ones; fast-check shrinks an input that fails. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { COMMAND_END, MAX_COMMAND_BYTES, parseRequest, parseTwice } from "../../lib/command.ts";
import { FileError, ProtocolError } from "../../lib/errors.ts";
import type { Bytes } from "../../lib/bytes.ts";
import { ERROR_TEXT_END, FrameReader } from "../../lib/framing.ts";
import { wire } from "../../scripts/support/raw.ts";
import { RootFolder } from "../support/root_folder.ts";

// The same inputs on every run: a failure that comes and goes teaches people to run the tests again.
const RUNS = { seed: 1024, numRuns: 300 };

const bytes = (options: fc.IntArrayConstraints): fc.Arbitrary<Bytes> =>
  fc.uint8Array(options).map((bytes) => new Uint8Array(bytes));
const unicode = (options: fc.StringConstraints = {}): fc.Arbitrary<string> => fc.string({ unit: "binary", ...options });

/** A stream that hands out bytes as a connection does: in pieces of its own choice, cut again by the read's buffer. */
function streamOf(whole: Bytes, cuts: readonly number[], { isEndless = false } = {}): {
  stream: ReadableStream<Bytes>;
  taken: Bytes[];
} {
  const borders = [...new Set(cuts.map((cut) => cut % (whole.length + 1))), whole.length].sort((a, b) => a - b);
  const taken: Bytes[] = [];
  let start = 0;
  const stream = new ReadableStream({
    type: "bytes",
    pull: (controller): void => {
      if (start === whole.length && isEndless) start = 0;
      const view = controller.byobRequest!.view as Bytes;
      const end = Math.min(borders.find((border) => border > start) ?? start, start + view.length);
      view.set(whole.subarray(start, end));
      taken.push(whole.subarray(start, end));
      if (start === end) controller.close();
      controller.byobRequest!.respond(end - start);
      start = end;
    },
  });
  return { stream, taken };
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 40 });
/** What is sent, and a read that must bring it. */
type Sent = { sent: string | bigint | Bytes; read: (frames: FrameReader) => Promise<void> };
const message = fc.oneof(
  fc.constantFrom("READY", "OK", "DONE").map((sent): Sent => ({ sent, read: (frames) => frames.token(sent) })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((sent): Sent => ({
    sent,
    read: async (frames) => assertEquals(await frames.size(), sent),
  })),
  fc.tuple(bytes({ maxLength: 3000 }), fc.integer({ min: 1 })).map(([sent, bufferBytes]): Sent => ({
    sent,
    read: async (frames) => {
      const pieces: Bytes[] = [];
      for (let left = sent.length; left > 0; left -= pieces.at(-1)!.length) {
        pieces.push(await frames.read(new Uint8Array(Math.min(bufferBytes, left))));
        assert(pieces.at(-1)!.length > 0, "the data ended early");
      }
      assertEquals(wire(...pieces), sent);
    },
  })),
);

Deno.test("any messages, cut or joined anywhere, are read as they were sent", async () => {
  const property = fc.asyncProperty(fc.array(message), unicode(), cuts, async (messages, text, cuts) => {
    const frames = new FrameReader(streamOf(wire(...messages.map(({ sent }) => sent), text), cuts).stream);
    for (const { read } of messages) await read(frames);
    // Text has no mark at its end: it lasts until the peer closes.
    assertEquals(await frames.text(ERROR_TEXT_END), wire(text));
    assertEquals((await frames.read(new Uint8Array(1))).length, 0);
  });
  await fc.assert(property, RUNS);
});

Deno.test("bytes that are not the token are a ProtocolError with at most 4 KiB of them", async () => {
  const property = fc.asyncProperty(
    fc.constantFrom("READY", "OK", "DONE"),
    fc.nat(5),
    fc.oneof(bytes({ maxLength: 10 }), bytes({ minLength: 1, maxLength: 20_000, size: "max" })),
    cuts,
    fc.boolean(),
    async (token, rightBytes, junk, cuts, isEndless) => {
      const whole = wire(wire(token).subarray(0, rightBytes), junk);
      fc.pre(whole.length > 0 && !whole.slice(0, token.length).every((byte, i) => byte === token.charCodeAt(i)));
      // A few bytes at a time are read slowly: the endless streams have longer pieces.
      const { stream, taken } = streamOf(whole, cuts, { isEndless: isEndless && whole.length > 100 });
      const error = await assertRejects(() => new FrameReader(stream).token(token), ProtocolError);
      assertEquals(error.expected, token);
      const came = wire(...taken);
      assert(error.received === new TextDecoder().decode(came.subarray(0, 4096)), "other text was shown than came");
      assert(came.length < 2 * 4096, `${came.length} bytes were read`);
    },
  );
  await fc.assert(property, RUNS);
});

Deno.test("a stream that ends within a token or a size is a ProtocolError", async () => {
  const property = fc.asyncProperty(fc.nat(7), cuts, async (length, cuts) => {
    const size = streamOf(wire(1n).subarray(0, length), cuts).stream;
    const error = await assertRejects(() => new FrameReader(size).size(), ProtocolError);
    assertEquals(error.expected, `${8 - length} more bytes of a size`);
    const token = "READY".slice(0, length % 5);
    const frames = new FrameReader(streamOf(wire(token), cuts).stream);
    const { received } = await assertRejects(() => frames.token("READY"), ProtocolError);
    assertEquals(received, token);
  });
  await fc.assert(property, RUNS);
});

const verb = fc.constantFrom("GET" as const, "PUT" as const, "DEL" as const);
const name = fc.oneof(
  { weight: 4, arbitrary: unicode({ minLength: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(" ", " a ", "\ta\t", "\ufeffa\ufeff", "a\u00a0", "a\0b", "GET a", "a\nb") },
  { weight: 1, arbitrary: unicode({ minLength: 100, maxLength: 1024, size: "max" }) },
  // With the verb and the space this is the longest command.
  { weight: 1, arbitrary: fc.constant("n".repeat(4096)) },
).filter((name) => !/[\r\n\0]$/.test(name));

Deno.test("any name survives in a command, with a newline or NULs after it, and DEL's repeated", () => {
  const property = fc.property(verb, name, fc.constantFrom("", "\n", "\r\n", "\0", "\n\0\0"), (verb, name, end) => {
    const text = `${verb} ${name}`;
    const sent = wire(text + end);
    if (sent.length <= MAX_COMMAND_BYTES) {
      assertEquals(parseRequest(sent), { bytes: sent, text, command: { verb, name } });
    }
    assertEquals(parseTwice(text + text), verb === "DEL" ? { verb, name } : undefined);
    assertEquals(parseTwice(`${text}${text}.`), undefined);
  });
  fc.assert(property, RUNS);
});

Deno.test("a command that is cut in its verb or within a character is read whole", async () => {
  const property = fc.asyncProperty(verb, unicode({ minLength: 1, maxLength: 60 }), cuts, async (verb, name, cuts) => {
    const command = wire(`${verb} ${name}`);
    // A border between letters is where a command may end.
    const isOpen = (cut: number): boolean => cut < 5 || (command[cut]! & 0xc0) === 0x80;
    const open = cuts.map((cut) => cut % command.length).filter(isOpen);
    for (const cut of open) assertEquals(COMMAND_END.silenceMs(command.subarray(0, cut)), Infinity);
    assertEquals(COMMAND_END.silenceMs(command), 0);
    assertEquals(await new FrameReader(streamOf(command, open).stream).text(COMMAND_END), command);
  });
  await fc.assert(property, RUNS);
});

Deno.test("junk instead of a command never throws, and no command is invented from it", () => {
  const junk = fc.oneof(
    bytes({ maxLength: 30 }),
    bytes({ maxLength: 6000, size: "max" }),
    fc.tuple(verb, bytes({ maxLength: 30 })).map(([verb, junk]) => wire(`${verb} `, junk)),
    fc.integer({ min: MAX_COMMAND_BYTES, max: 6000 }).map((length) => wire(`GET ${"n".repeat(length - 4)}`)),
  );
  const property = fc.property(junk, fc.string({ unit: "binary" }), (junk, text) => {
    assert([0, 50, Infinity].includes(COMMAND_END.silenceMs(junk)));
    const { command } = parseRequest(junk);
    if (command) {
      const said = wire(`${command.verb} ${command.name}`);
      assertEquals(junk.subarray(0, said.length), said);
      assert(/^(\r?\n)?\0*$/.test(new TextDecoder().decode(junk.subarray(said.length))));
      assert(junk.length <= MAX_COMMAND_BYTES);
    }
    for (const twice of [text, text + text]) {
      const command = parseTwice(twice);
      if (command) assertEquals(`${command.verb} ${command.name}`.repeat(2), twice);
    }
  });
  fc.assert(property, { ...RUNS, numRuns: 1000 });
});

const odd = [
  ...["", "f\0", "\0", "\n", "\x1b[2J", "é", "e\u0301", "\u202e", "．．", "%2e%2e", "~", "*", " ", "..."],
  "n".repeat(300),
  ...["..\\", "\\", "..\\secret", "C:", "C:\\", "con", "NUL.txt", "f:stream", "f.", "f ", "\\\\?\\C:\\f"],
  ".blockferry-00000000-0000-4000-8000-000000000000.part",
];
const escapes = ["..", "up", "out", "away", "absolute", "chain", "dangling", "loop", "root", "secret", "rootless"];
const segment = (...inside: string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...inside) },
    { weight: 5, arbitrary: fc.constantFrom(...escapes) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
    { weight: 1, arbitrary: unicode({ maxLength: 4 }) },
  );
// The folder that holds the root is known only when the name is used.
const path = fc.record({
  start: fc.constantFrom("", "", "", "", "./", "up/", "/", "HOLDER/", "HOLDER/root/", "HOLDER/rootless/"),
  folders: fc.array(segment("sub", "down", "sub/deep", "sub/back", "."), { maxLength: 4 }),
  last: segment("f", "link", "new"),
  separator: fc.constantFrom("/", "/", "/", "//", "\\"),
}).map(({ start, folders, last, separator }) => start + [...folders, last].join(separator));

Deno.test("whatever a name says, nothing outside the root is read, made, changed or deleted", async () => {
  const done = { read: 0, created: 0, deleted: 0 };
  await using folders = new AsyncDisposableStack();
  let served = folders.use(new RootFolder());
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    }
  };
  const property = fc.asyncProperty(path, async (path) => {
    const name = path.replace("HOLDER", served.path);
    const before = served.outside();
    const root = await served.open();
    const { created, deleted } = done;
    try {
      await attempt(async () => {
        using source = root.read(name);
        const data = await source.read(new Uint8Array(Number(source.size)));
        assertEquals(new TextDecoder().decode(data), "inside");
        done.read++;
      });
      await attempt(async () => {
        await using draft = await root.create(name);
        assertEquals(served.outside(), before);
        await draft.write(wire("inside"));
        done.created++;
        await draft.commit();
      });
      await attempt(async () => {
        if (root.find(name)) done.deleted++;
        await root.remove(name);
      });
      assertEquals(served.outside(), before);
    } finally {
      // Each name meets the same files.
      if (done.created > created || done.deleted > deleted) served = folders.use(new RootFolder());
    }
  });
  await fc.assert(property, RUNS);
  // Who refuses every name is safe, but no file server.
  for (const [what, count] of Object.entries(done)) assert(count > 10, `only ${count} names could be ${what}`);
});
