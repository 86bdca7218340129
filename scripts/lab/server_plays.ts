/** The conversations with a server: our side is the client. */

import type { Verb } from "../../lib/protocol.ts";
import {
  type Act,
  content,
  hear,
  HUGE_BYTES,
  LARGE_BYTES,
  NAMES,
  NINE_TENTHS,
  ODD,
  PARTIAL,
  PATIENCE_MS,
  type Play,
  request,
  say,
  SIGNED_BYTES,
  SIZES,
  text,
  type Variation,
  varied,
} from "./plays.ts";

// So that a line which is on its way stands before it.
const SLOW_DELETION = "unlink,unlinkat:delay_enter=300000";
const FINISH: Act = { do: "finish" };
const LEAVE: Act = { do: "leave" };

/** A conversation's steps, without the end. */
function steps(verb: Verb, name: string, data: string, { pieces }: Variation): Act[] {
  const start: Act[] = [{ do: "connect" }, hear("a", "READY"), say("b", request(verb, name))];
  return {
    GET: [
      ...start,
      hear("c", "OK"),
      say("d", "READY"),
      { do: "hear", step: "e", expected: { size: BigInt(data.length) } } as Act,
      say("f", "OK"),
      { do: "hear", step: "g", expected: { data } } as Act,
      hear("h", "DONE"),
    ],
    PUT: [
      ...start,
      hear("c", "OK"),
      say("d", BigInt(data.length)),
      hear("e", "OK"),
      ...data === "" ? [] : [say("f", data, pieces ? { pieces } : {})],
      hear("g", "DONE"),
    ],
    DEL: [...start, hear("c", "DONE"), { do: "look", name } as Act],
  }[verb];
}

function play(id: string, verb: Verb, variation: Variation = {}): Play {
  const { name = "f.txt", data = "hello", patient: _, pieces: _pieces, halves: _halves, files = {}, ...more } =
    variation;
  return {
    id,
    about: "server",
    verb,
    name,
    data,
    files: { ...verb === "PUT" ? {} : { [name]: data }, ...files },
    acts: [
      ...varied(steps(verb, name, data, variation), variation),
      FINISH,
      ...verb === "GET" ? [] : [{ do: "look", name } as Act],
    ],
    ...more,
  };
}

/** The server must answer with an error. */
function refused(id: string, verb: Verb, name: string, errors: string[], more: Partial<Play> = {}): Play {
  const refusal = errors.map((error) => `ERROR: ${error}`);
  return {
    ...play(id, verb, { name, ...more }),
    data: "",
    files: name.startsWith("folder") ? { [name]: "/" } : {},
    acts: [
      { do: "connect" },
      hear("a", "READY"),
      say("b", request(verb, name)),
      { do: "hear", step: "c", expected: { refusal } },
      // What a server says that goes on after its error.
      { do: "listen", ms: 50 },
      FINISH,
    ],
  };
}

function missing(name: string): string[] {
  // The document has both forms.
  return [`${name} does not exist`, `file ${name} does not exist`];
}

/** The first acts of a play, and what follows instead of the rest. */
function cutShort(whole: Play, count: number, more: Act[] = [LEAVE]): Play {
  return { ...whole, acts: [...whole.acts.slice(0, count), ...more] };
}

/** Data that is announced, of which a part is sent. */
function announced(id: string, size: bigint, more: Partial<Play> = {}): Play {
  const name = `${id}.bin`;
  return {
    ...play(id, "PUT", { name, breaks: true, ...more }),
    acts: [
      { do: "connect" },
      hear("a", "READY"),
      say("b", request("PUT", name)),
      hear("c", "OK"),
      say("d", size),
      hear("e", "OK"),
      say("f", "hello"),
      // A server that takes the file for whole says so.
      { do: "listen", ms: 600 },
      LEAVE,
    ],
  };
}

function large(id: string, verb: "GET" | "PUT"): Play {
  const name = `${id}.bin`;
  const acts = steps(verb, name, "-", {}).map((act): Act => {
    if (act.do === "hear" && "size" in act.expected) return { ...act, expected: { size: BigInt(LARGE_BYTES) } };
    if (act.do === "hear" && "data" in act.expected) return { ...act, expected: { zeros: LARGE_BYTES } };
    if (act.do === "say" && verb === "PUT" && act.step === "d") return say("d", BigInt(LARGE_BYTES));
    return act.do === "say" && verb === "PUT" && act.step === "f" ? say("f", "", { zeros: LARGE_BYTES }) : act;
  });
  const files: Play["files"] = verb === "GET" ? { [name]: LARGE_BYTES } : {};
  const room = verb === "PUT" ? { room: LARGE_BYTES } : {};
  return {
    ...play(id, verb, { name }),
    files,
    acts: [...acts, FINISH],
    memory: LARGE_BYTES,
    breaks: true,
    ...room,
  };
}

/** A conversation whose moments are looked at: nothing of ours is said before the lines had time to come. */
function lines(verb: Verb, more: Variation = {}): Play {
  const name = `lines-${verb.toLowerCase()}.txt`;
  const whole = play(`lines-${verb}`, verb, { name, data: text(2000), verbose: true, ...more });
  const acts = whole.acts.flatMap((act): Act[] => {
    if (act.do !== "say" || act.step === "b") return [act];
    const until = verb === "PUT" && act.step === "f"
      ? { ms: 1500, until: "server receiving 2000 bytes" }
      : { ms: PATIENCE_MS };
    return [{ do: "listen", ...until }, act];
  });
  return { ...whole, acts };
}

const huge = cutShort(play("huge-GET", "GET", { name: "huge.bin", verbose: true, breaks: true }), 7, [
  { do: "hear", step: "g", expected: { zeros: 65_536 } },
  { do: "listen", ms: 1500, until: `server sending ${HUGE_BYTES} bytes` },
  LEAVE,
]);

const GAP = { data: text(3000), pieces: [100, 900, 1000, 1000] };

/** Two clients at once: the second one waits for the first. */
const both = play("both", "GET");
const second = both.acts.map((act): Act => ({ ...act, on: 2 }));

/** All plays with a server, in the order in which it serves them. */
export const SERVER_PLAYS: Play[] = [
  play("GET", "GET", { patient: true }),
  play("PUT", "PUT", { patient: true, name: "put.txt" }),
  play("DEL", "DEL", { patient: true }),
  play("GET-again", "GET", { data: text(56) }),
  ...SIZES.map((size) => play(`GET-${size}`, "GET", { name: `size${size}`, data: text(size) })),
  ...SIZES.map((size) =>
    play(`PUT-${size}`, "PUT", {
      name: `size${size}`,
      data: text(size),
      ...size > 100_000 ? { pieces: [70_000, size - 70_000] } : {},
    })
  ),
  ...ODD.map((data, index) => play(`GET-odd${index}`, "GET", { name: `odd${index}.bin`, data })),
  ...ODD.map((data, index) => play(`PUT-odd${index}`, "PUT", { name: `odd${index}.bin`, data })),
  ...(["GET", "PUT", "DEL"] as const).flatMap((verb) =>
    NAMES.map((name, index) => play(`${verb}-name${index}`, verb, { name }))
  ),
  play("PUT-over", "PUT", { name: "over.txt", data: "short", files: { "over.txt": "a longer text than the new one" } }),
  play("PUT-pieces", "PUT", { name: "pieces.txt", ...GAP }),
  refused("GET-missing", "GET", "none.txt", missing("none.txt")),
  refused("DEL-missing", "DEL", "none.txt", missing("none.txt")),
  refused("PUT-folder", "PUT", "folder", ["unable to create file folder"]),
  play("after-errors", "GET"),
  {
    ...both,
    acts: [
      ...both.acts.slice(0, 2),
      second[0]!,
      { do: "listen", ms: PATIENCE_MS, on: 2 },
      ...both.acts.slice(2),
      ...second.slice(1),
    ],
  },
  play("elsewhere", "DEL", { host: "127.0.0.2", name: "elsewhere.txt" }),
  play("idle", "PUT", { name: "idle.txt", idle: 2500 }),
  play("after-idle", "DEL"),

  lines("GET"),
  lines("PUT"),
  lines("DEL"),
  refused("lines-GET-missing", "GET", "none-get.txt", missing("none-get.txt"), { verbose: true }),
  refused("lines-DEL-missing", "DEL", "none-del.txt", missing("none-del.txt"), { verbose: true }),
  refused("lines-PUT-folder", "PUT", "folder-put", ["unable to create file folder-put"], { verbose: true }),
  { ...huge, files: { "huge.bin": HUGE_BYTES }, acts: huge.acts.map(hugeSize) },
  announced("huge-PUT", BigInt(HUGE_BYTES), { verbose: true }),
  announced("signed-PUT", SIGNED_BYTES, { verbose: true }),

  play("blocks", "GET", { name: "blocks.bin", data: text(100_000), verbose: true, traced: {}, breaks: true }),
  play("order", "DEL", { name: "order.txt", verbose: true, traced: { inject: SLOW_DELETION }, breaks: true }),
  large("large-GET", "GET"),
  large("large-PUT", "PUT"),

  refused("DEL-folder", "DEL", "folder", ["unable to delete folder", "unable to delete file folder"], { strict: true }),
  play("halves-GET", "GET", { halves: true, data: text(2000), strict: true }),
  play("halves-PUT", "PUT", { halves: true, data: text(2000), name: "halves.txt", strict: true }),
  partial(),
  ...[1, 2, 4].map((count) => cutShort(play(`vanish-${count}`, "GET", { strict: true, data: content(5000) }), count)),
  cutShort(play("vanish-PUT", "PUT", { strict: true, name: "vanish.bin", data: content(5000) }), 6, [
    say("f", content(2000)),
    LEAVE,
  ]),
  play("after-vanish", "GET", { strict: true }),
];

function hugeSize(act: Act): Act {
  return act.do === "hear" && "size" in act.expected ? { ...act, expected: { size: BigInt(HUGE_BYTES) } } : act;
}

/** One call to the system is said to take a part of its block, and takes none. */
function partial(): Play {
  // What waits for the socket to take the rest may wait in vain.
  const traced = { inject: PARTIAL };
  const whole = play("partial", "GET", {
    name: "partial.bin",
    data: text(10_000),
    traced,
    limitMs: 1000,
    strict: true,
    breaks: true,
  });
  return { ...whole, acts: whole.acts.map((act) => act.do === "hear" && act.step === "g" ? NINE_TENTHS : act) };
}
