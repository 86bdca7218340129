/** Random and nearly right conversations: what is said, how it is spoiled, and one end of a connection that says it. */

import type { Bytes } from "../../lib/bytes.ts";
import { wire } from "../support/raw.ts";
import { seeded } from "../support/seeded.ts";

/** Random choices that a seed repeats. */
export class Random {
  readonly #next: () => number;

  /** Each round has choices of its own, whatever the others take. */
  constructor(seed: number, round: number) {
    this.#next = seeded(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(round + 1, 0xc2b2ae35));
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  /** Whether something happens that does so `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.#next() < percent / 100;
  }

  /** One of several things. */
  pick<T>(things: readonly T[]): T {
    return things[this.below(things.length)]!;
  }

  /** Random bytes. */
  bytes(length: number): Bytes {
    const words = new Uint32Array(Math.ceil(length / 4)).map(() => this.#next() * 2 ** 32);
    return new Uint8Array(words.buffer, 0, length);
  }
}

/** A stream of bytes as a reader of size and data takes it: the data, if all of it is there. */
export function sizedData(bytes: Bytes): Bytes | undefined {
  if (bytes.length < 8) return undefined;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  return size <= bytes.length - 8 ? bytes.subarray(8, 8 + Number(size)) : undefined;
}

/** Data for a file: few bytes, whole blocks and their neighbours, or many. */
export function fileData(random: Random, maxBytes: number): Bytes {
  const data = random.bytes(random.pick([
    ...[0, 1, 1023, 1024, 1025, 2048, maxBytes],
    ...[random.below(100), random.below(3000), random.below(3000), random.below(maxBytes)],
  ]));
  // Should data be taken for a size, then it is one that no server accepts.
  if (data.length > 0) data[0] = 0xbf;
  return data;
}

/** What can be said in one go. */
export interface Message {
  bytes: Bytes;
  /** How many bytes the other side answers with, at least; 0 if the next message follows without an answer. */
  awaits: number;
}

/** The lab's messages of one side; the server's for a `data` that it sends, or for one that it awaits. */
export const right = {
  client: {
    GET: (name: Bytes): Message[] => messages([command("GET", name), 1], [wire("READY"), 1], [wire("OK"), 0]),
    PUT: (name: Bytes, data: Bytes): Message[] =>
      messages([command("PUT", name), 1], [wire(BigInt(data.length)), 1], [data, 0]),
    DEL: (name: Bytes): Message[] => messages([command("DEL", name), 0]),
  },
  server: {
    GET: (data: Bytes): Message[] =>
      messages(
        [wire("READY"), 1],
        [wire("OK"), 1],
        [wire(BigInt(data.length)), 1],
        [data, 0],
        [wire("DONE"), 0],
      ),
    PUT: (data: Bytes): Message[] =>
      messages([wire("READY"), 1], [wire("OK"), 1], [wire("OK"), data.length], [wire("DONE"), 0]),
    DEL: (): Message[] => messages([wire("READY"), 1], [wire("DONE"), 0]),
  },
};

function messages(...list: [Bytes, number][]): Message[] {
  return list.map(([bytes, awaits]) => ({ bytes, awaits }));
}

function command(verb: string, name: Bytes): Bytes {
  return wire(`${verb} `, name);
}

const LIES = [0n, 1n, 7n, 1023n, 65536n, 65537n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const WORDS = [
  "READY",
  "OK",
  "DONE",
  "ERROR: no",
  "ERROR",
  "ERROR: \x1b[2J\x07\u202e",
  "GET ",
  "PUT x",
  "D",
  "\n",
  "\0",
];

/** Spoils messages in one to three ways; says how many at the start are still right. */
export function spoil(random: Random, list: readonly Message[]): { list: Message[]; rightCount: number } {
  const result = [...list];
  let rightCount = list.length;
  for (let times = 1 + random.below(3); times > 0 && result.length > 0; times--) {
    const at = random.below(result.length);
    const { bytes, awaits } = result[at]!;
    const put = (...pieces: Bytes[]): void =>
      void result.splice(at, 1, ...pieces.map((bytes) => ({ bytes, awaits: 0 })));
    const cut = random.below(bytes.length + 1);
    const ways = [
      (): void => put(bytes.slice(0, cut), bytes.slice(cut)),
      (): void => put(bytes.slice(0, cut)),
      (): void => put(bytes, bytes),
      (): void => put(),
      (): void => put(flipped(random, bytes)),
      (): void => put(wire(bytes, bytes)),
      (): void => put(bytes, random.bytes(random.below(random.pick([10, 6000])))),
      (): void => put(random.bytes(random.below(random.pick([10, 6000])))),
      (): void => put(wire(random.pick(WORDS)), bytes),
      (): void => put(wire(random.pick(WORDS))),
      (): void =>
        void result.splice(at, 2, { bytes: wire(...result.slice(at, at + 2).map(({ bytes }) => bytes)), awaits }),
      (): void => void result.splice(at, 2, ...result.slice(at, at + 2).reverse()),
      (): void => void result.splice(at),
    ];
    // A size among them is the place where lies do the most.
    const size = result.findIndex(({ bytes }) => bytes.length === 8);
    if (size >= 0 && random.chance(25)) {
      result[size] = { bytes: wire(random.pick(LIES)), awaits: 0 };
      rightCount = Math.min(rightCount, size);
    } else {
      random.pick(ways)();
      rightCount = Math.min(rightCount, at);
    }
  }
  return { list: result, rightCount };
}

function flipped(random: Random, bytes: Bytes): Bytes {
  const result = bytes.slice();
  for (let times = 1 + random.below(4); times > 0 && bytes.length > 0; times--) {
    result[random.below(bytes.length)]! ^= 1 << random.below(8);
  }
  return result;
}

const SEGMENTS = [
  ...["..", ".", "", "sub", "down", "up", "out", "away", "dangling", "loop", "root", "secret", "beside", "pool-1", "~"],
  ...["\0", "a\nb", "\x1b[31mred\x07", "\r\n", " ", "\u202e", "é", "n".repeat(255), "n".repeat(256), "..\\", "C:", "*"],
  ".blockferry-00000000-0000-4000-8000-000000000000.part",
];

// Where something is, or could be made, that is none of the server's business.
const WAYS_OUT = [
  ...["out", "up/secret", "away/secret", "dangling", "up/new", "away/new", "../secret", "../new", "../beside/secret"],
  ...["sub/../../secret", "down/../out", "up/root/out", "sub/../up/beside/secret", "../cwd/secret", "./up/cwd/new"],
];

/** A name that may lead anywhere, in a root that lies in `folder`. */
export function anyName(random: Random, folder: string): Bytes {
  const way = random.below(10);
  if (way === 0) return random.bytes(1 + random.below(random.pick([8, 300])));
  if (way === 1) return wire(random.pick(["../", "a/", "x", "é", "./"]).repeat(1 + random.below(2500)));
  const start = random.pick(["", "", "", "", "", "", "/", `${folder}/`, `${folder}/root/`, "../", "up/", "sub/../../"]);
  const segments = Array.from({ length: 1 + random.below(4) }, () => random.pick(SEGMENTS));
  return wire(start + (way < 7 ? random.pick(WAYS_OUT) : segments.join("/")));
}

/** How a side ends what it says: half-closes and listens on, resets, or just listens. */
export type Ending = "FIN" | "RST" | "silence";

/** One side's part of a conversation. */
export interface Part {
  list: readonly Message[];
  /** How many messages at the start await their answers; the others follow at once. */
  rightCount: number;
  /** Whether the other side speaks first. */
  listensFirst: boolean;
  ending: Ending;
}

/** Plays a part to its end, closes the connection, and returns all that the other side said. */
export async function play(connected: Deno.Conn, { list, rightCount, listensFirst, ending }: Part): Promise<Bytes> {
  using conn = connected;
  const received: Bytes[] = [];
  const hear = async (): Promise<number> => {
    const buffer = new Uint8Array(65536);
    const count = await conn.read(buffer) ?? 0;
    received.push(buffer.slice(0, count));
    return count;
  };
  try {
    if (listensFirst && await hear() === 0) return wire(...received);
    for (const [index, { bytes, awaits }] of list.entries()) {
      for (let start = 0; start < bytes.length;) start += await conn.write(bytes.subarray(start));
      for (let left = index < rightCount ? awaits : 0; left > 0;) {
        const count = await hear();
        if (count === 0) return wire(...received);
        left -= count;
      }
    }
    // A close with unread data, or before more comes, is a reset.
    if (ending === "RST") return wire(...received);
    if (ending === "FIN") await conn.closeWrite();
    while (await hear() > 0);
  } catch (error) {
    // The other side reset the connection, which it may after a wrong message.
    if (!isBroken(error)) throw error;
  }
  return wire(...received);
}

function isBroken(error: unknown): boolean {
  const { BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected } = Deno.errors;
  return [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected].some((type) => error instanceof type);
}
