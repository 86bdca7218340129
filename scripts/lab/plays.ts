/** The conversations with programs under test, as data. */

import { type Role, STEPS, type Verb, VERBS } from "../../lib/protocol.ts";
import type { Act, Expected, Play, Setting } from "./play.ts";
import { sizeBytes, utf8 } from "./recording.ts";

/** How a conversation differs from the plain one. */
interface Variation extends Partial<Setting> {
  /** The size that is announced, if not that of the data; and so many zeros as data. */
  size?: bigint;
  zeros?: number;
  /** A pause before each message of ours, in which nothing may come. */
  patient?: boolean;
  /** The data of ours leaves in pieces; or each short message in two. */
  pieces?: number[];
  halves?: boolean;
  /** What takes the place of all acts from a step on. */
  from?: string;
  instead?: Act[];
}

// Long enough for what is sent too early to arrive.
const PATIENCE_MS = 300;
/** The name of this machine, which leads to 127.0.0.1. */
export const LOCALHOST = "localhost";
/** A size that 4 bytes can't hold; in 4 bytes it would be 5. */
export const HUGE_BYTES = 2 ** 32 + 5;
/** A size that is below zero if it is read as signed, and so is the lower half of it. */
export const SIGNED_BYTES = 2n ** 63n + 2n ** 31n + 5n;
/** A file that no program should hold in memory. */
export const LARGE_BYTES = 192 * 1024 * 1024;
// One ends with the byte of a line's end, and one with a byte that is below zero if it is read as signed.
const SIZES = [0, 1, 10, 200, 1024, 1025, 200_001];
/** Names that a careless program would mangle, as by splitting and joining words, or by normalizing Unicode. */
function namesOf(verb: Verb): string[] {
  const others = VERBS.filter((each) => each !== verb).join(" the ");
  return ["two  words.txt", "grüße cafe\u0301 你好.txt", `${verb} the ${others} ${"a-long-name-".repeat(8)}.TXT`];
}
// The eighth call that sends something is one for file data. Not write(), by which threads wake each other.
const PARTIAL = { inject: "sendto,sendmsg:retval=100:when=8" };
// So that a line which is on its way stands before it.
const SLOW_DELETION = { inject: "unlink,unlinkat:delay_enter=300000" };

function text(length: number): string {
  return "The quick brown fox jumps over the lazy dog, and rests. ".repeat(length / 56 + 1).slice(0, length);
}

/** Text in lines, which are no blocks. */
const LINES = text(100_000).replaceAll(". ", ".\n");

/** Data that a careless program takes for messages, or for text; every byte value is in it. */
const ODD = [
  `DONEOKREADYERROR: no\r\n\n\0\xff\xfe\x80${String.fromCharCode(...Array(700).keys().map((n) => n * 7 & 255))}\0\0`,
  utf8("\nfirst line\nzwölf, 十二\r\nDONE"),
  utf8("ERROR: ungültig"),
];

const hear = (step: string, expected: Expected): Act => ({ do: "hear", step, expected });
const say = (step: string, bytes: string): Act => ({ do: "say", step, bytes });
const look = (name: string): Act => ({ do: "look", name });
const listen = (ms: number, until?: string): Act => ({ do: "listen", ms, ...until ? { until } : {} });
const MOMENT = listen(PATIENCE_MS);
const [CONNECT, FINISH, LEAVE] = ["connect", "finish", "leave"].map((word) => ({ do: word })) as [Act, Act, Act];
const DONE = { word: "DONE" };

/** The document's list: who says what at each step. */
function messages(verb: Verb, name: string, size: bigint, data: Expected): [step: string, from: Role, Expected][] {
  const [ready, ok] = [{ word: "READY" }, { word: "OK" }];
  const said: Expected[] = {
    GET: [ready, { word: `GET ${name}` }, ok, ready, { size }, ok, data, DONE],
    PUT: [ready, { word: `PUT ${name}` }, ok, { size }, ok, data, DONE],
    DEL: [ready, { word: `DEL ${name}` }, DONE],
  }[verb];
  return said.map((message, index) => [STEPS[verb][index]![0]!, STEPS[verb][index]!.slice(3, 9) as Role, message]);
}

/** The bytes that are right at a step: one form, or several. */
export function rightBytes(message: Expected): string[] {
  if ("zeros" in message) return [""];
  if ("size" in message) return [sizeBytes(message.size)];
  if ("data" in message) return [message.data];
  return ("word" in message ? [message.word] : message.refusal).map(utf8);
}

export function bytesOf(message: Expected): { bytes: string; zeros?: number } {
  return { bytes: rightBytes(message)[0]!, ..."zeros" in message ? message : {} };
}

function play(about: Role, id: string, verb: Verb, variation: Variation = {}): Play {
  const { name = "f.txt", data = "hello", size = BigInt(data.length), zeros, ...others } = variation;
  const { patient, pieces, halves, from, instead = [], files, ...setting } = others;
  const file: Expected = zeros === undefined ? { data } : { zeros };
  const isClient = about === "client";
  const acts: Act[] = [CONNECT];
  for (const [step, speaker, message] of messages(verb, name, size, file)) {
    if (step === from) break;
    if (speaker === about) acts.push(hear(step, message));
    else if (message !== file || data !== "") {
      const said = bytesOf(message);
      const half = said.bytes.length >> 1;
      const cut = message === file ? pieces : halves && step !== "b" ? [half, said.bytes.length - half] : undefined;
      // Of an empty file nothing comes: DONE would follow on OK at once, for a client that is still to read it.
      const isEmpty = isClient && data === "" && verb === "PUT" && message === DONE;
      if (isEmpty) acts.push(listen(1500, `client sending file ${name}`));
      // On a busy machine a client may take long from its connection to what it sends first.
      if (isEmpty || patient) acts.push(step === "a" ? listen(2 * PATIENCE_MS) : MOMENT);
      // The last data and DONE leave in one piece, so that it never depends on the time whether they arrive as one.
      const before = isClient && !patient && !from && message === DONE ? acts.at(-1) : undefined;
      if (before?.do === "say" && before.step === "g") before.last = { step, bytes: said.bytes };
      else acts.push({ do: "say", step, ...said, ...cut ? { pieces: cut } : {} });
    }
    // As soon as DONE is there, the file must be gone.
    if (verb === "DEL" && !isClient && step === "c") acts.push(look(name));
  }
  const isStored = verb === (isClient ? "GET" : "PUT") || verb === "DEL" && !isClient;
  const isThere = verb === (isClient ? "PUT" : "GET") || verb === "DEL" && !isClient;
  const end = [FINISH, ...isStored && !zeros ? [look(name)] : []];
  return {
    id: isClient ? `client-${id}` : id,
    about,
    verb,
    acts: [...acts, ...from ? instead : end],
    ...setting,
    name,
    data,
    files: files ?? (isThere ? { [name]: data } : {}),
  };
}

/** What is played with both: the plain conversations, and how they vary. `gives` is the verb with which it sends a file. */
function both(about: Role): Play[] {
  const make = (id: string, verb: Verb, variation?: Variation): Play => play(about, id, verb, variation);
  const isServer = about === "server";
  const [gives, takes, file, taken] = isServer ? ["GET", "PUT", "g", "f"] as const : ["PUT", "GET", "f", "g"] as const;
  const short = text(isServer ? 5 : 2000);
  const large = { size: BigInt(LARGE_BYTES), zeros: LARGE_BYTES, memory: true, breaks: true };
  const marked = { verbose: true, breaks: true };
  const sized = (size: number): Variation => ({
    // A zero alone is no end, as it is for who takes data for true or false.
    data: size % 1024 === 1 ? `${text(size - 1)}0` : text(size),
    ...size > 9999 ? { pieces: [70_000, size - 70_000] } : {},
  });
  // What ends as DONE does comes alone, before DONE itself.
  const parted = (data: string): Variation => !isServer && data.endsWith("DONE") ? { pieces: [data.length, 0] } : {};
  // A program that takes the file for whole says so.
  const early = [say(taken, "hello"), ...isServer ? [] : [listen(100), say("h", "DONE")], listen(600), LEAVE];
  const sending = `${about} sending ${isServer ? HUGE_BYTES : `file huge.bin (${HUGE_BYTES}`} bytes${
    isServer ? "" : ")"
  }`;
  const huge = [hear(file, { zeros: 65_536 }), listen(1500, sending), LEAVE];
  // Of a block, one call is said to take a part, and takes none. What waits for the rest may wait in vain.
  const part = [hear(file, { data: text(9900) }), isServer ? hear("h", DONE) : say("g", "DONE"), FINISH];
  return [
    make("GET", "GET", { patient: true, data: short }),
    make("PUT", "PUT", { patient: true, data: short, name: "put.txt" }),
    make("DEL", "DEL", { patient: true, name: "del.txt" }),
    make("GET-again", "GET", { name: "short.txt" }),
    make("PUT-again", "PUT", { name: "short.txt" }),
    ...(["GET", "PUT"] as const).flatMap((verb) => [
      ...SIZES.map((size) => make(`${verb}-${size}`, verb, { name: `size${size}`, ...sized(size) })),
      // Some programs take a file for text by the end of its name.
      ...ODD.map((data, index) =>
        make(`${verb}-odd${index}`, verb, { name: `odd${index}.txt`, data, ...parted(data) })
      ),
    ]),
    ...VERBS.flatMap((verb) => namesOf(verb).map((name, index) => make(`${verb}-name${index}`, verb, { name }))),
    // What a server keeps of one client would show with another.
    ...isServer ? [make("GET-changed", "GET", { data: text(7) }), make("DEL-again", "DEL")] : [],
    make("over", takes, { name: "over.txt", data: "short", files: { "over.txt": "a longer text than the new one" } }),
    make("pieces", takes, { name: "pieces.txt", data: text(3000), pieces: [100, 900, 0, 1000, 600, 400] }),
    make("blocks", gives, { name: "blocks.bin", data: LINES, traced: {}, ...marked }),
    make("huge-file", gives, {
      ...{ name: "huge.bin", size: BigInt(HUGE_BYTES), files: { "huge.bin": HUGE_BYTES }, ...marked },
      ...{ from: file, instead: huge },
    }),
    ...([["huge", BigInt(HUGE_BYTES)], ["signed", SIGNED_BYTES]] as const).map(([id, size]) =>
      make(`${id}-size`, takes, { name: `${id}.bin`, size, from: taken, instead: early, ...marked })
    ),
    make(`large-${gives}`, gives, { name: "large.bin", files: { "large.bin": LARGE_BYTES }, ...large }),
    make(`large-${takes}`, takes, { name: "large.bin", room: LARGE_BYTES, ...large }),
    make("halves-GET", "GET", { halves: true, data: text(2000) }),
    make("halves-PUT", "PUT", { halves: true, data: text(2000) }),
    make("partial", gives, {
      ...{ name: "partial.bin", data: text(10_000), traced: PARTIAL, limitMs: 1000, breaks: true },
      ...{ from: file, instead: part },
    }),
  ];
}

const server = (id: string, verb: Verb, variation?: Variation): Play => play("server", id, verb, variation);
const client = (id: string, verb: Verb, variation?: Variation): Play => play("client", id, verb, variation);

/** The server must answer with an error; the document has two forms of some. */
function refused(id: string, request: string, error: string, more: Variation = {}): Play {
  const [verb, name] = request.split(" ") as [Verb, string];
  const refusal = [`ERROR: ${error}`, `ERROR: file ${error}`, `ERROR: ${error.replace("delete", "delete file")}`];
  // What a server says that goes on after its error. One that opens the file when it has the size, or the data, fails there.
  const file = [say("d", sizeBytes(5n)), hear("e", { word: "OK" }), say("f", "hello"), hear("g", DONE)];
  const accepted = verb === "PUT" ? file.map((act) => ({ ...act, ifAccepted: true })) : [];
  const instead = [hear("c", { refusal }), listen(50), ...accepted, FINISH];
  return server(id, verb, { name, files: /^folder/.test(name) ? { [name]: "/" } : {}, from: "c", instead, ...more });
}

/** A conversation whose moments are looked at: nothing of ours is said before the lines had time to come. */
function lines(verb: Verb): Play {
  const size = verb === "PUT" ? 3000 : 2000;
  const name = `lines-${verb}`;
  // In a buffer, what is left of the first name would show after the next one; a name is no format.
  const file = verb === "GET" ? `${name}-which-is-100%done.txt` : `${name}-100%.txt`;
  const whole = server(name, verb, { name: file, data: text(size), verbose: true });
  const acts = whole.acts.flatMap((act) => {
    if (act.do !== "say" || act.step === "b") return [act];
    return [verb === "PUT" && act.step === "f" ? listen(1500, `server receiving ${size} bytes`) : MOMENT, act];
  });
  return { ...whole, acts };
}

/** Two clients at once: the second one waits for the first. */
function two(): Play {
  const { acts, ...rest } = server("both", "GET");
  const [connect, ...others] = acts.map((act): Act => ({ ...act, on: 2 }));
  return { ...rest, acts: [...acts.slice(0, 2), connect!, { ...MOMENT, on: 2 }, ...acts.slice(2), ...others] };
}

// lstrip("ERROR: ") takes its first letters, split(": ") cuts it, split() and join() take a space of two, printf() takes it
// for a format, a small buffer is too small for it, and not all of it is ASCII.
const REFUSED = "README: 100% für alle,  die mehr über diese Übung wissen wollen.txt";

/** The server answers a client with an error. */
function answered(verb: Verb, error: string): Play {
  const said = [listen(20), say("c", utf8(`ERROR: ${error}`)), MOMENT, FINISH];
  const instead = [...said, ...verb === "GET" ? [look(REFUSED)] : []];
  return client(`${verb}-refused`, verb, { name: REFUSED, from: "c", instead });
}

const verbose = { verbose: true };
const VANISHED = [say("f", text(2000)), LEAVE];
// An error in the middle of an upload.
const MIDDLE = {
  name: "middle.bin",
  from: "f",
  instead: [hear("f", { zeros: 1_000_000 }), say("g", "ERROR: unable to create file middle.bin"), FINISH],
};
const AWAITED_OK = [say("c", "OK"), MOMENT, say("c", "DONE"), FINISH];

/** All plays; a server's in the order in which it serves them. */
const ALL: Play[] = [
  ...both("server"),
  refused("GET-missing", "GET none-100%done.txt", "none-100%done.txt does not exist"),
  refused("DEL-missing", "DEL gone-100%done.txt", "gone-100%done.txt does not exist"),
  refused("PUT-folder", "PUT folder-100%done", "unable to create file folder-100%done"),
  refused("GET-missing-letters", "GET für.txt", "für.txt does not exist"),
  refused("DEL-missing-letters", "DEL für.txt", "für.txt does not exist"),
  refused("PUT-folder-letters", "PUT folder-für", "unable to create file folder-für"),
  refused("PUT-nowhere", "PUT nowhere/f.txt", "unable to create file nowhere/f.txt"),
  server("after-errors", "GET"),
  two(),
  server("elsewhere", "DEL", { host: "127.0.0.2", name: "elsewhere.txt" }),
  // With a server of their own, which others do not wait for.
  server("before-idle", "DEL", { idle: 0 }),
  server("idle", "PUT", { name: "idle.txt", idle: 6500 }),
  ...VERBS.map((verb) => lines(verb)),
  // What is kept from one client to the next shows here.
  ...VERBS.map((verb) => server(`lines-${verb}-again`, verb, { name: "again.txt", data: text(1), verbose: true })),
  refused("lines-GET-missing", "GET none-get.txt", "none-get.txt does not exist", verbose),
  refused("lines-DEL-missing", "DEL none-del.txt", "none-del.txt does not exist", verbose),
  refused("lines-PUT-folder", "PUT folder-put", "unable to create file folder-put", verbose),
  server("order", "DEL", { name: "order.txt", traced: SLOW_DELETION, breaks: true, ...verbose }),
  refused("DEL-folder", "DEL folder", "unable to delete folder"),
  ...["b", "d", "g"].map((from) => server(`vanish-${from}`, "GET", { data: text(5000), from, instead: [LEAVE] })),
  server("vanish-PUT", "PUT", { name: "vanish.bin", size: 5000n, from: "f", instead: VANISHED }),
  server("after-vanish", "GET"),
  ...both("client"),
  client("DEL-ok", "DEL", { name: "ok.txt", from: "c", instead: AWAITED_OK }),
  answered("GET", `${REFUSED} does not exist`),
  answered("PUT", `unable to create file ${REFUSED}`),
  answered("DEL", `${REFUSED} does not exist`),
  client("host", "GET", { host: LOCALHOST, name: "host.txt" }),
  client("address", "GET", { host: "127.0.0.2", name: "address.txt" }),
  client("PUT-missing", "PUT", { name: "none.txt", files: {} }),
  client("GET-folder", "GET", { name: "folder", patient: true, files: { folder: "/" } }),
  client("GET-nowhere", "GET", { name: "nowhere/f.txt", patient: true }),
  // The server closes instead of the last message.
  ...VERBS.map((verb) => client(`${verb}-unfinished`, verb, { from: STEPS[verb].at(-1)![0]!, instead: [FINISH] })),
  client("PUT-middle", "PUT", { size: 20_000_000n, files: { "middle.bin": 20_000_000 }, ...MIDDLE }),
];

export const PLAYS: ReadonlyMap<string, Play> = new Map(ALL.map((one) => [one.id, one]));

/** Whether the program must answer with an error. */
export function isRefused({ acts }: Play): boolean {
  return acts.some((act) => act.do === "hear" && "refusal" in act.expected);
}

export function playOf({ play }: { play: string }): Play {
  return PLAYS.get(play)!;
}
