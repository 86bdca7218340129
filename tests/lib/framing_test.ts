import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { ConnectionError, ProtocolError } from "../../lib/errors.ts";
import type { Bytes } from "../../lib/bytes.ts";
import { ERROR_TEXT_END, FrameReader, type TextEnd } from "../../lib/framing.ts";
import { within } from "../../lib/within.ts";
import { wire } from "../../scripts/support/raw.ts";
import { Clock } from "../support/timers.ts";

/** A reader of pieces that arrive one by one, and of what follows them: the end, an error or silence. */
function frames(pieces: Iterable<Bytes | Promise<Bytes>>, end: "close" | "silence" | Error = "close"): FrameReader {
  const coming = [...pieces];
  return new FrameReader(
    new ReadableStream({
      type: "bytes",
      async pull(controller): Promise<void> {
        const piece = await coming.shift();
        if (piece) return controller.enqueue(piece);
        if (end === "silence") return await new Promise(() => {});
        if (end instanceof Error) return controller.error(end);
        controller.close();
        controller.byobRequest?.respond(0);
      },
    }),
  );
}

/** All ways to cut bytes in two, and the bytes one by one. */
function everyCut(bytes: Bytes): Bytes[][] {
  const halves = [...bytes].map((_, at) => at === 0 ? [bytes] : [bytes.slice(0, at), bytes.slice(at)]);
  return [...halves, [...bytes].map((byte) => new Uint8Array([byte]))];
}

/** Reads all data to the end, in buffers of so many bytes. */
async function readAll(reader: FrameReader, bufferBytes = 1024): Promise<string> {
  const pieces: Bytes[] = [];
  for (let piece; (piece = await reader.read(new Uint8Array(bufferBytes))).length > 0;) {
    assert(piece.length <= bufferBytes);
    pieces.push(piece);
  }
  return decode(wire(...pieces));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Reads a text that something else than silence ends: who waits for a silence here waits too long. */
async function textWithoutSilence(reader: FrameReader, end: Partial<TextEnd> = {}): Promise<string> {
  const text = await within(reader.text({ silenceMs: () => 60_000, maxBytes: 100, ...end }), 30_000);
  assert(text, "a silence was waited for");
  return decode(text);
}

Deno.test("the first wrong byte decides: no more bytes are waited for than come", async () => {
  for (const received of ["X", "REX"]) {
    const error = await assertRejects(() => frames([wire(received)], "silence").token("READY"), ProtocolError);
    assertEquals(error.received, received);
  }
});

Deno.test("a text may have pauses shorter than the silence that ends it", async () => {
  for (const pieces of everyCut(wire("naïve €😀"))) {
    const late = pieces.map((piece, index) => delay(2 * index).then(() => piece));
    assertEquals(await textWithoutSilence(frames(late)), "naïve €😀");
  }
  assertEquals(await textWithoutSilence(frames([])), "");
});

Deno.test("a broken stream ends a text; its error is the next read's, or the text's own", async () => {
  const broken = new ConnectionError("broken");
  const reader = frames([wire("te"), wire("xt")], broken);
  assertEquals(await textWithoutSilence(reader), "text");
  assert(await assertRejects(() => reader.token("OK")) === broken);
  assert(await assertRejects(() => textWithoutSilence(frames([], broken))) === broken);
});

Deno.test("a text ends at its most bytes, and the rest stays for the next read", async () => {
  for (const pieces of everyCut(wire("12345678"))) {
    const reader = frames(pieces);
    assertEquals(await textWithoutSilence(reader, { maxBytes: 5 }), "12345");
    assertEquals(await readAll(reader), "678");
  }
  assertEquals(await textWithoutSilence(frames([wire("12345")], "silence"), { maxBytes: 5 }), "12345");
});

Deno.test("a text known to be whole is not waited for, an incomplete one is", async () => {
  const silenceMs = (text: Bytes): number => decode(text).endsWith("!") ? 0 : Infinity;
  assertEquals(await textWithoutSilence(frames([wire("text!")], "silence"), { silenceMs }), "text!");
  const late = delay(50).then(() => wire("xt!"));
  assertEquals(decode(await frames([wire("te"), late], "silence").text({ silenceMs, maxBytes: 9 })), "text!");
  assertEquals(decode(await frames([wire("te")]).text({ silenceMs, maxBytes: 9 })), "te");
});

Deno.test("bytes after the silence that ended a text belong to the next read", async () => {
  const next: [following: Bytes, read: (reader: FrameReader) => Promise<unknown>, result: unknown][] = [
    [wire("DONE"), (reader) => reader.token("DONE"), undefined],
    [wire(7n), (reader) => reader.size(), 7n],
    [wire("data"), (reader) => readAll(reader, 3), "data"],
    [wire("more"), async (reader) => decode(await reader.text(ERROR_TEXT_END)), "more"],
    [wire("more"), async (reader) => decode(await reader.more({ silenceMs: 200, maxBytes: 4096 })), "more"],
  ];
  for (const [following, read, result] of next) {
    for (const pieces of everyCut(following)) {
      const late = Promise.withResolvers<Bytes>();
      const reader = frames([wire("text"), late.promise, ...pieces.slice(1)]);
      assertEquals(decode(await reader.text({ silenceMs: () => 1, maxBytes: 100 })), "text");
      late.resolve(pieces[0]!);
      assertEquals(await read(reader), result);
    }
  }
});

Deno.test("the rest of a text is what comes before a silence", async () => {
  const end = { silenceMs: 20, maxBytes: 6 };
  assertEquals(await frames([], "silence").more(end), wire());
  assertEquals(await frames([]).more(end), wire());
  assertEquals(decode(await frames([wire("mo"), wire("re")], "silence").more(end)), "more");
  assertEquals(decode(await frames([wire("much more")], "silence").more(end)), "much m");
  const reader = frames([wire("text")], "silence");
  await reader.text({ silenceMs: () => 20, maxBytes: 1 });
  assertEquals(decode(await reader.more(end)), "ext");
});

Deno.test("data is read into the memory that is given, and no memory is made for it", async () => {
  const reader = frames([wire("OK", "some "), wire("data")]);
  await reader.token("OK");
  for (const expected of ["some ", "data"]) {
    const memory = new ArrayBuffer(100);
    const piece = await reader.read(new Uint8Array(memory, 10, 50));
    assertEquals(decode(piece), expected);
    assertEquals([piece.byteOffset, piece.buffer.byteLength], [10, 100]);
    assert(piece.buffer === memory || memory.detached);
  }
});

Deno.test("the stream's error is passed on after all bytes before it", async () => {
  const reads: ((reader: FrameReader) => Promise<unknown>)[] = [
    (reader) => reader.token("READY"),
    (reader) => reader.size(),
    (reader) => reader.read(new Uint8Array(9)),
    (reader) => reader.text(ERROR_TEXT_END),
    (reader) => reader.more({ silenceMs: 200, maxBytes: 4096 }),
  ];
  for (const read of reads) {
    const broken = new ConnectionError("broken");
    const reader = frames([wire("OK")], broken);
    await reader.token("OK");
    assert(await assertRejects(() => read(reader)) === broken);
  }
  for (const [piece, read] of [[wire("REA"), reads[0]!], [wire(1n).slice(1), reads[1]!]] as const) {
    const broken = new ConnectionError("broken");
    assert(await assertRejects(() => read(frames([piece], broken))) === broken);
  }
});

Deno.test("an error in place of a size is a ProtocolError with its whole text", async () => {
  for (const pieces of everyCut(wire("ERROR: f does not exist"))) {
    const error = await assertRejects(() => frames(pieces).size(), ProtocolError);
    assertEquals(error.received, "ERROR: f does not exist");
  }
});

Deno.test("silence does not end an error that has said nothing yet", async () => {
  const late = [wire("ERR"), wire("OR: "), wire("no room")].map((piece, index) => delay(300 * index).then(() => piece));
  const error = await assertRejects(() => frames(late).token("OK"), ProtocolError);
  assertEquals(error.received, "ERROR: no room");
});

// A stream that brings `count` bytes in each arrival; each waits for `arrive`.
function arrivals(count: number, arrive: () => Promise<void>): FrameReader {
  return new FrameReader(
    new ReadableStream({
      type: "bytes",
      pull: async (controller): Promise<void> => {
        await arrive();
        controller.byobRequest!.respond(count);
      },
    }),
  );
}

Deno.test("file data that comes fast is read in ever larger pieces, the first as it comes", async () => {
  // All of it comes in no time, however slow this machine is.
  using _clock = new Clock();
  const reader = arrivals(16 * 1024, () => Promise.resolve());
  const lengths = [];
  for (let count = 0; count < 7; count++) lengths.push((await reader.read(new Uint8Array(512 * 1024))).length / 1024);
  assertEquals(lengths, [16, 32, 64, 128, 256, 256, 256]);
  assertEquals((await reader.read(new Uint8Array(16 * 1024))).length, 16 * 1024);
});

Deno.test("of file data that comes slowly, every arrival is a piece", async () => {
  const reader = arrivals(100, () => delay(10));
  for (let count = 0; count < 5; count++) assertEquals((await reader.read(new Uint8Array(64 * 1024))).length, 100);
});
