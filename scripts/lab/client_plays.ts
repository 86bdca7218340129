/** The conversations with a client: our side is the server. */

import type { Verb } from "../../lib/protocol.ts";
import {
  type Act,
  hear,
  HUGE_BYTES,
  LARGE_BYTES,
  NAMES,
  NINE_TENTHS,
  ODD,
  PARTIAL,
  PATIENCE_MS,
  type Play,
  say,
  SIGNED_BYTES,
  SIZES,
  text,
  type Variation,
  varied,
} from "./plays.ts";

const FINISH: Act = { do: "finish" };
const MOMENT: Act = { do: "listen", ms: PATIENCE_MS };

function steps(verb: Verb, name: string, data: string, { patient, pieces }: Variation): Act[] {
  const start: Act[] = [{ do: "connect" }, say("a", "READY"), hear("b", `${verb} ${name}`)];
  // The last data and DONE leave in one piece, so that it never depends on the time whether they arrive as one.
  const done = { last: { step: "h", bytes: "DONE" } };
  return {
    GET: [
      ...start,
      say("c", "OK"),
      hear("d", "READY"),
      say("e", BigInt(data.length)),
      hear("f", "OK"),
      ...patient ? [say("g", data), { do: "listen", ms: 150 } as Act, say("h", "DONE")] : [
        data === "" ? say("h", "DONE") : say("g", data, { ...done, ...pieces ? { pieces } : {} }),
      ],
    ],
    PUT: [
      ...start,
      say("c", "OK"),
      { do: "hear", step: "d", expected: { size: BigInt(data.length) } } as Act,
      say("e", "OK"),
      { do: "hear", step: "f", expected: { data } } as Act,
      // Of an empty file nothing comes: DONE would follow on OK at once.
      ...data === "" ? [MOMENT] : [],
      say("g", "DONE"),
    ],
    DEL: [...start, say("c", "DONE")],
  }[verb];
}

function play(id: string, verb: Verb, variation: Variation = {}): Play {
  const { name = "f.txt", data = "hello", patient: _, pieces: _pieces, halves: _halves, files = {}, ...more } =
    variation;
  return {
    id: `client-${id}`,
    about: "client",
    verb,
    name,
    data,
    files: { ...verb === "PUT" ? { [name]: data } : {}, ...files },
    acts: [
      ...varied(steps(verb, name, data, variation), variation),
      FINISH,
      ...verb === "GET" ? [{ do: "look", name } as Act] : [],
    ],
    ...more,
  };
}

function refused(verb: Verb, error: string): Play {
  const name = "refused.txt";
  return {
    ...play(`${verb}-refused`, verb, { name }),
    acts: [
      ...steps(verb, name, "", {}).slice(0, 3),
      { do: "listen", ms: 20 },
      say("c", `ERROR: ${error}`),
      MOMENT,
      FINISH,
      ...verb === "GET" ? [{ do: "look", name } as Act] : [],
    ],
  };
}

function large(verb: "GET" | "PUT"): Play {
  const base = play(`large-${verb}`, verb, { name: "large.bin", data: "-" });
  const acts = base.acts.flatMap((act): Act[] => {
    if (act.do === "look") return [];
    if (act.do === "say" && act.step === "e" && verb === "GET") return [say("e", BigInt(LARGE_BYTES))];
    if (act.do === "say" && act.step === "g" && verb === "GET") {
      return [say("g", "", { zeros: LARGE_BYTES, last: { step: "h", bytes: "DONE" } })];
    }
    if (act.do === "hear" && "size" in act.expected) return [{ ...act, expected: { size: BigInt(LARGE_BYTES) } }];
    return [act.do === "hear" && "data" in act.expected ? { ...act, expected: { zeros: LARGE_BYTES } } : act];
  });
  const room = verb === "GET" ? { room: LARGE_BYTES } : {};
  return { ...base, acts, files: verb === "PUT" ? { "large.bin": LARGE_BYTES } : {}, memory: LARGE_BYTES, ...room };
}

/** A size is announced, of which a part is sent; a client that takes it for whole prints Complete. */
function announced(id: string, size: bigint): Play {
  const base = play(id, "GET", { name: `${id}.bin` });
  const acts = base.acts.flatMap((act): Act[] => {
    if (act.do === "say" && act.step === "e") return [say("e", size)];
    if (act.do === "say" && act.step === "g") {
      return [say("g", "hello"), { do: "listen", ms: 100 }, say("h", "DONE"), { do: "listen", ms: 500 }, {
        do: "leave",
      }];
    }
    return act.do === "finish" || act.do === "look" ? [] : [act];
  });
  return { ...base, acts };
}

const huge = play("huge-PUT", "PUT", { name: "huge.bin", files: { "huge.bin": HUGE_BYTES } });

/** The server closes instead of the last message. */
function unfinished(verb: Verb): Play {
  const base = play(`${verb}-unfinished`, verb, { strict: true });
  const acts = base.acts.map((act): Act => {
    if (act.do !== "say") return act;
    const { last: _, ...alone } = act;
    return alone;
  });
  const last = acts.findLastIndex((act) => act.do === "say" && act.bytes === "DONE");
  return { ...base, acts: last < 0 ? acts : acts.toSpliced(last, 1) };
}

/** All plays with a client. */
export const CLIENT_PLAYS: Play[] = [
  play("GET", "GET", { patient: true, data: text(2000) }),
  play("PUT", "PUT", { patient: true, data: text(2000), name: "put.txt" }),
  play("DEL", "DEL", { patient: true, name: "del.txt" }),
  { ...play("DEL-ok", "DEL", { name: "ok.txt" }), acts: awaitsOk() },
  play("GET-short", "GET", { name: "short.txt" }),
  play("PUT-short", "PUT", { name: "short.txt" }),
  ...SIZES.map((size) => play(`GET-${size}`, "GET", { name: `size${size}`, data: text(size) })),
  ...SIZES.map((size) => play(`PUT-${size}`, "PUT", { name: `size${size}`, data: text(size) })),
  ...ODD.map((data, index) => play(`GET-odd${index}`, "GET", { name: `odd${index}.bin`, data })),
  ...ODD.map((data, index) => play(`PUT-odd${index}`, "PUT", { name: `odd${index}.bin`, data })),
  ...(["GET", "PUT", "DEL"] as const).flatMap((verb) =>
    NAMES.map((name, index) => play(`${verb}-name${index}`, verb, { name }))
  ),
  play("GET-over", "GET", { name: "over.txt", data: "short", files: { "over.txt": "a longer text than the new one" } }),
  play("GET-pieces", "GET", { name: "pieces.txt", data: text(3000), pieces: [100, 900, 1000, 1000] }),
  refused("GET", "refused.txt does not exist"),
  refused("PUT", "unable to create file refused.txt"),
  refused("DEL", "unable to delete refused.txt"),
  { ...play("PUT-missing", "PUT", { name: "none.txt" }), files: {} },
  play("GET-folder", "GET", { name: "folder", patient: true, files: { folder: "/" } }),
  play("blocks", "PUT", { name: "blocks.bin", data: text(100_000), traced: {} }),
  announced("huge-GET", BigInt(HUGE_BYTES)),
  announced("signed-GET", SIGNED_BYTES),
  {
    ...huge,
    acts: [
      ...huge.acts.slice(0, 4),
      { do: "hear", step: "d", expected: { size: BigInt(HUGE_BYTES) } },
      say("e", "OK"),
      { do: "hear", step: "f", expected: { zeros: 65_536 } },
      { do: "leave" },
    ],
  },
  large("GET"),
  large("PUT"),
  ...(["GET", "PUT", "DEL"] as const).map(unfinished),
  play("halves", "GET", { halves: true, strict: true, name: "halves.txt" }),
  partial(),
  middle(),
];

/** An error in the middle of an upload. */
function middle(): Play {
  const base = play("PUT-middle", "PUT", { name: "middle.bin", strict: true, files: { "middle.bin": 20_000_000 } });
  return {
    ...base,
    acts: [
      ...base.acts.slice(0, 4),
      { do: "hear", step: "d", expected: { size: 20_000_000n } },
      say("e", "OK"),
      { do: "hear", step: "f", expected: { zeros: 1_000_000 } },
      say("g", "ERROR: unable to create file middle.bin"),
      FINISH,
    ],
  };
}

/** One call to the system is said to take a part of its block, and takes none. */
function partial(): Play {
  // What waits for the socket to take the rest may wait in vain.
  const traced = { inject: PARTIAL };
  const whole = play("partial", "PUT", {
    name: "partial.bin",
    data: text(10_000),
    traced,
    limitMs: 1000,
    strict: true,
  });
  return { ...whole, acts: whole.acts.map((act) => act.do === "hear" && act.step === "f" ? NINE_TENTHS : act) };
}

/** OK before DEL's DONE, for a client that awaits it. */
function awaitsOk(): Act[] {
  const { acts } = play("DEL-ok", "DEL", { name: "ok.txt" });
  return [...acts.slice(0, 3), say("c", "OK"), MOMENT, ...acts.slice(3)];
}
