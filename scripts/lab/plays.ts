/** The conversations with programs under test, as data. */

import type { Role, Verb } from "../../lib/protocol.ts";
import { sizeBytes, utf8 } from "./recording.ts";

/** What the program should say at a step: a word or a request, one of some errors, a size, or file data. */
export type Expected = { word: string } | { refusal: string[] } | { size: bigint } | { data: string } | {
  zeros: number;
};

/** What our side does, in order. A step is a letter of the document's list. */
export type Act =
  & { on?: number }
  & (
    | { do: "connect" | "finish" | "leave" }
    | { do: "hear"; step: string; expected: Expected }
    /** Says bytes, in pieces of these lengths with gaps between; or zeros. What is `last` leaves with the last piece. */
    | {
      do: "say";
      step: string;
      bytes: string;
      pieces?: number[];
      zeros?: number;
      last?: { step: string; bytes: string };
    }
    /** Listens for a time, or until a line is printed. */
    | { do: "listen"; ms: number; until?: string }
    | { do: "look"; name: string }
  );

/** How a play is set up. */
interface Setting {
  /** The file's name, and what is in it. */
  name: string;
  data: string;
  /** What stands in the program's folder: bytes, a length of nothing but holes, or a folder. */
  files: Record<string, string | number | "/">;
  /** Started with -v. */
  verbose?: boolean;
  /** Its calls to the system are recorded, and some of them changed. */
  traced?: { inject?: string };
  /** Its memory is measured. */
  memory?: boolean;
  /** Room on the disk that it takes, in bytes. */
  room?: number;
  strict?: boolean;
  /** Afterwards the server is in an unknown state, by our fault. */
  breaks?: boolean;
  /** So long nobody comes before it, in milliseconds. */
  idle?: number;
  /** What does not come in this time is not awaited, in milliseconds. */
  limitMs?: number;
  /** The address that we connect to; else 127.0.0.1. */
  host?: string;
}

/** A conversation with a program under test. */
export interface Play extends Setting {
  id: string;
  about: Role;
  verb: Verb;
  acts: Act[];
}

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
const PATIENCE_MS = 250;
const MOMENT: Act = { do: "listen", ms: PATIENCE_MS };
const [CONNECT, FINISH, LEAVE]: Act[] = [{ do: "connect" }, { do: "finish" }, { do: "leave" }];
/** A size that 4 bytes can't hold; in 4 bytes it would be 5. */
export const HUGE_BYTES = 2 ** 32 + 5;
/** A size that is below zero if it is read as signed. */
export const SIGNED_BYTES = 2n ** 63n + 5n;
/** A file that no program should hold in memory. */
export const LARGE_BYTES = 192 * 1024 * 1024;
const SIZES = [0, 1, 1024, 1025, 200_001];
/** Names that a careless program would cut or mangle. */
const NAMES = ["two words.txt", "grüße 你好.txt", `GET the PUT ${"a-long-name-".repeat(8)}.TXT`];
// The eighth call that sends something is one for file data. Not write(), by which threads wake each other.
const PARTIAL = { inject: "sendto,sendmsg:retval=100:when=8" };
// So that a line which is on its way stands before it.
const SLOW_DELETION = { inject: "unlink,unlinkat:delay_enter=300000" };

/** Text of a length. */
function text(length: number): string {
  return "The quick brown fox jumps over the lazy dog, and rests. ".repeat(length / 56 + 1).slice(0, length);
}

/** Data that a careless program takes for messages, or for text; every byte value is in it. */
const ODD = [
  `DONEOKREADYERROR: no\r\n\n\0\xff\xfe\x80${String.fromCharCode(...Array(700).keys().map((n) => n * 7 & 255))}\0\0`,
  "\nfirst line\nsecond line\r\nDONE",
  "ERROR: no",
];

/** The document's list: who says what at each step. */
function messages(verb: Verb, name: string, size: bigint, data: Expected): [step: string, from: Role, Expected][] {
  const [ready, ok, done] = ["READY", "OK", "DONE"].map((word) => ({ word })) as [Expected, Expected, Expected];
  const start: [string, Role, Expected][] = [["a", "server", ready], ["b", "client", { word: `${verb} ${name}` }]];
  if (verb === "DEL") return [...start, ["c", "server", done]];
  start.push(["c", "server", ok]);
  return verb === "GET"
    ? [...start, ["d", "client", ready], ["e", "server", { size }], ["f", "client", ok], ["g", "server", data], [
      "h",
      "server",
      done,
    ]]
    : [...start, ["d", "client", { size }], ["e", "server", ok], ["f", "client", data], ["g", "server", done]];
}

function bytesOf(message: Expected): { bytes: string; zeros?: number } {
  if ("zeros" in message) return { bytes: "", zeros: message.zeros };
  if ("size" in message) return { bytes: sizeBytes(message.size) };
  return { bytes: "data" in message ? message.data : utf8("word" in message ? message.word : message.refusal[0]!) };
}

function play(about: Role, id: string, verb: Verb, variation: Variation = {}): Play {
  const { name = "f.txt", data = "hello", size = BigInt(data.length), zeros, patient, pieces, halves, ...more } =
    variation;
  const { from, instead = [], files, ...rest } = more;
  const file: Expected = zeros === undefined ? { data } : { zeros };
  let acts: Act[] = [CONNECT!];
  for (const [step, speaker, message] of messages(verb, name, size, file)) {
    if (step === from) break;
    const isEmpty = message === file && data === "";
    if (speaker === about) acts.push({ do: "hear", step, expected: message });
    // Of an empty file nothing comes: DONE would follow on OK at once.
    else if (isEmpty) acts.push(...about === "client" ? [] : [MOMENT].slice(1));
    else {
      const { bytes } = bytesOf(message);
      const half = bytes.length >> 1;
      const cut = message === file
        ? pieces
        : halves && step !== "b" && half > 0
        ? [half, bytes.length - half]
        : undefined;
      if (patient || about === "client" && data === "" && verb === "PUT" && step === "g") acts.push(MOMENT);
      acts.push({ do: "say", step, ...bytesOf(message), ...cut ? { pieces: cut } : {} });
    }
    // As soon as DONE is there, the file must be gone.
    if (verb === "DEL" && about === "server" && step === "c") acts.push({ do: "look", name });
  }
  if (about === "client" && verb === "GET" && !patient && !from) acts = joined(acts);
  const isStored = verb === (about === "client" ? "GET" : "PUT") || verb === "DEL" && about === "server";
  const end: Act[] = [FINISH!, ...isStored && !zeros ? [{ do: "look", name } as Act] : []];
  const isThere = verb !== (about === "client" ? "GET" : "PUT") && !(about === "client" && verb === "DEL");
  return {
    id: about === "client" ? `client-${id}` : id,
    about,
    verb,
    acts: [...acts, ...from ? instead : end],
    ...rest,
    name,
    data,
    files: files ?? (isThere ? { [name]: data } : {}),
  };
}

/** The last data and DONE leave in one piece, so that it never depends on the time whether they arrive as one. */
function joined(acts: Act[]): Act[] {
  const [data, done] = acts.slice(-2);
  if (data?.do !== "say" || done?.do !== "say" || data.step !== "g") return acts;
  return [...acts.slice(0, -2), { ...data, last: { step: done.step, bytes: done.bytes } }];
}

/** What is played with both: the plain conversations, and how they vary. */
function both(about: Role): Play[] {
  const make = (id: string, verb: Verb, variation?: Variation): Play => play(about, id, verb, variation);
  const large = (verb: "GET" | "PUT"): Play => {
    const own = verb === (about === "server" ? "GET" : "PUT");
    const name = `large-${verb}.bin`;
    const disk: Variation = own ? { files: { [name]: LARGE_BYTES } } : { room: LARGE_BYTES };
    const size = BigInt(LARGE_BYTES);
    return make(`large-${verb}`, verb, { name, size, zeros: LARGE_BYTES, memory: true, breaks: true, ...disk });
  };
  const own = about === "server" ? "GET" : "PUT";
  const other = about === "server" ? "PUT" : "GET";
  const short = about === "server" ? 5 : 2000;
  const until = about === "server" ? { until: `server sending ${HUGE_BYTES} bytes` } : {};
  const part: Act = { do: "hear", step: own === "GET" ? "g" : "f", expected: { zeros: 65_536 } };
  const partial: Act = { do: "hear", step: own === "GET" ? "g" : "f", expected: { data: text(9900) } };
  const rest: Act[] = [{ do: "listen", ms: 100 }, { do: "say", step: "h", bytes: "DONE" }];
  const announced: Act[] = [
    { do: "say", step: other === "PUT" ? "f" : "g", bytes: "hello" },
    ...about === "client" ? rest : [],
  ];
  return [
    make("GET", "GET", { patient: true, data: text(short) }),
    make("PUT", "PUT", { patient: true, data: text(short), name: "put.txt" }),
    make("DEL", "DEL", { patient: true, name: "del.txt" }),
    make("GET-again", "GET", { name: "short.txt" }),
    make("PUT-again", "PUT", { name: "short.txt" }),
    ...(["GET", "PUT"] as const).flatMap((verb) => [
      // The first part of a large file comes before the rest of it.
      ...SIZES.map((size) =>
        make(`${verb}-${size}`, verb, {
          name: `size${size}`,
          data: text(size),
          ...size > 9999 ? { pieces: [70_000, size - 70_000] } : {},
        })
      ),
      ...ODD.map((data, index) => make(`${verb}-odd${index}`, verb, { name: `odd${index}.bin`, data })),
    ]),
    ...(["GET", "PUT", "DEL"] as const).flatMap((verb) =>
      NAMES.map((name, index) => make(`${verb}-name${index}`, verb, { name }))
    ),
    make("over", other, { name: "over.txt", data: "short", files: { "over.txt": "a longer text than the new one" } }),
    make("pieces", other, { name: "pieces.txt", data: text(3000), pieces: [100, 900, 1000, 1000] }),
    make("blocks", own, { name: "blocks.bin", data: text(100_000), verbose: true, traced: {}, breaks: true }),
    make("huge-file", own, {
      name: "huge.bin",
      size: BigInt(HUGE_BYTES),
      files: { "huge.bin": HUGE_BYTES },
      from: part.do === "hear" ? part.step : "",
      instead: [part, { do: "listen", ms: about === "server" ? 1500 : 0, ...until }, LEAVE!],
      verbose: true,
      breaks: true,
    }),
    ...([["huge", BigInt(HUGE_BYTES)], ["signed", SIGNED_BYTES]] as const).map(([id, size]) =>
      make(`${id}-size`, other, {
        name: `${id}.bin`,
        size,
        from: other === "PUT" ? "f" : "g",
        // A program that takes the file for whole says so.
        instead: [...announced, { do: "listen", ms: 600 }, LEAVE!],
        verbose: true,
        breaks: true,
      })
    ),
    large("GET"),
    large("PUT"),
    make("halves-GET", "GET", { halves: true, data: text(2000), strict: true, name: "halves.txt" }),
    make("halves-PUT", "PUT", { halves: true, data: text(2000), strict: true, name: "halves.txt" }),
    // One call is said to take a part of its block, and takes none. What waits for the rest may wait in vain.
    make("partial", own, {
      name: "partial.bin",
      data: text(10_000),
      traced: PARTIAL,
      limitMs: 1000,
      strict: true,
      breaks: true,
      from: partial.do === "hear" ? partial.step : "",
      instead: [
        partial,
        about === "server"
          ? { do: "hear", step: "h", expected: { word: "DONE" } }
          : { do: "say", step: "g", bytes: "DONE" },
        FINISH!,
      ],
    }),
  ];
}

/** The server must answer with an error; the document has two forms of some. */
function refused(id: string, verb: Verb, name: string, errors: string[], more: Variation = {}): Play {
  const refusal = errors.flatMap((error) => [`ERROR: ${error}`, `ERROR: file ${error}`]);
  const answer: Act = { do: "hear", step: "c", expected: { refusal } };
  // What a server says that goes on after its error.
  const instead: Act[] = [answer, { do: "listen", ms: 50 }, FINISH!];
  return play("server", id, verb, {
    name,
    files: /^folder/.test(name) ? { [name]: "/" } : {},
    from: "c",
    instead,
    ...more,
  });
}

/** A conversation whose moments are looked at: nothing of ours is said before the lines had time to come. */
function lines(verb: Verb): Play {
  const name = `lines-${verb.toLowerCase()}.txt`;
  const whole = play("server", `lines-${verb}`, verb, { name, data: text(2000), verbose: true });
  const acts = whole.acts.flatMap((act): Act[] => {
    if (act.do !== "say" || act.step === "b") return [act];
    return [
      verb === "PUT" && act.step === "f" ? { do: "listen", ms: 1500, until: "server receiving 2000 bytes" } : MOMENT,
      act,
    ];
  });
  return { ...whole, acts };
}

/** Two clients at once: the second one waits for the first. */
function two(): Play {
  const { acts, ...rest } = play("server", "both", "GET");
  const second = acts.map((act): Act => ({ ...act, on: 2 }));
  return {
    ...rest,
    acts: [...acts.slice(0, 2), second[0]!, { ...MOMENT, on: 2 }, ...acts.slice(2), ...second.slice(1)],
  };
}

const server = (id: string, verb: Verb, variation?: Variation): Play => play("server", id, verb, variation);

/** All plays with a server, in the order in which it serves them. */
const SERVER_PLAYS: Play[] = [
  ...both("server"),
  refused("GET-missing", "GET", "none.txt", ["none.txt does not exist"]),
  refused("DEL-missing", "DEL", "none.txt", ["none.txt does not exist"]),
  refused("PUT-folder", "PUT", "folder", ["unable to create file folder"]),
  server("after-errors", "GET"),
  two(),
  server("elsewhere", "DEL", { host: "127.0.0.2", name: "elsewhere.txt" }),
  server("idle", "PUT", { name: "idle.txt", idle: 2500 }),
  server("after-idle", "DEL"),
  lines("GET"),
  lines("PUT"),
  lines("DEL"),
  refused("lines-GET-missing", "GET", "none-get.txt", ["none-get.txt does not exist"], { verbose: true }),
  refused("lines-DEL-missing", "DEL", "none-del.txt", ["none-del.txt does not exist"], { verbose: true }),
  refused("lines-PUT-folder", "PUT", "folder-put", ["unable to create file folder-put"], { verbose: true }),
  server("order", "DEL", { name: "order.txt", verbose: true, traced: SLOW_DELETION, breaks: true }),
  refused("DEL-folder", "DEL", "folder", ["unable to delete folder", "unable to delete file folder"], { strict: true }),
  ...["b", "d", "g"].map((from) =>
    server(`vanish-${from}`, "GET", { strict: true, data: text(5000), from, instead: [LEAVE!] })
  ),
  server("vanish-PUT", "PUT", {
    strict: true,
    name: "vanish.bin",
    size: 5000n,
    from: "f",
    instead: [{ do: "say", step: "f", bytes: text(2000) }, LEAVE!],
  }),
  server("after-vanish", "GET", { strict: true }),
];

/** The server answers with an error. */
function answered(verb: Verb, error: string): Play {
  const said: Act = { do: "say", step: "c", bytes: `ERROR: ${error}` };
  const look: Act[] = verb === "GET" ? [{ do: "look", name: "refused.txt" }] : [];
  const instead: Act[] = [{ do: "listen", ms: 20 }, said, MOMENT, FINISH!, ...look];
  return play("client", `${verb}-refused`, verb, { name: "refused.txt", from: "c", instead });
}

/** The server closes instead of the last message. */
function unfinished(verb: Verb): Play {
  const { acts, ...rest } = play("client", `${verb}-unfinished`, verb, { strict: true });
  const cut = acts.flatMap((act): Act[] => {
    if (act.do !== "say") return [act];
    const { last: _, ...alone } = act;
    return act.bytes === "DONE" ? [] : [alone];
  });
  return { ...rest, acts: cut };
}

/** All plays with a client. */
const CLIENT_PLAYS: Play[] = [
  ...both("client"),
  // For a client that awaits OK before DEL's DONE.
  play("client", "DEL-ok", "DEL", {
    name: "ok.txt",
    from: "c",
    instead: [{ do: "say", step: "c", bytes: "OK" }, MOMENT, { do: "say", step: "c", bytes: "DONE" }, FINISH!],
  }),
  answered("GET", "refused.txt does not exist"),
  answered("PUT", "unable to create file refused.txt"),
  answered("DEL", "unable to delete refused.txt"),
  play("client", "PUT-missing", "PUT", { name: "none.txt", files: {} }),
  play("client", "GET-folder", "GET", { name: "folder", patient: true, files: { folder: "/" } }),
  ...(["GET", "PUT", "DEL"] as const).map(unfinished),
  // An error in the middle of an upload.
  play("client", "PUT-middle", "PUT", {
    name: "middle.bin",
    strict: true,
    size: 20_000_000n,
    files: { "middle.bin": 20_000_000 },
    from: "f",
    instead: [
      { do: "hear", step: "f", expected: { zeros: 1_000_000 } },
      { do: "say", step: "g", bytes: "ERROR: unable to create file middle.bin" },
      FINISH!,
    ],
  }),
];

/** All plays, by their names. */
export const PLAYS: ReadonlyMap<string, Play> = new Map([...SERVER_PLAYS, ...CLIENT_PLAYS].map((one) => [one.id, one]));
