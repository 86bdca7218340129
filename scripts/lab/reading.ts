/** Reads a recording beside its play: which message came at each step. */

import { formOf } from "./messages.ts";
import type { Expected } from "./play.ts";
import { playOf } from "./plays.ts";
import type { Event, Recording } from "./recording.ts";

/** A message of the program's, as it came. */
export interface Reading extends Pick<Extract<Event, { type: "heard" }>, "step" | "at" | "count"> {
  expected: Expected;
  came: string;
  form: string;
  /** It stood there before the message of ours that it answers. */
  isEarly: boolean;
  /** How long was waited in vain, or whether the program had closed. */
  ms: number;
  isEnded: boolean;
  /** When the first byte came. */
  cameAt: number;
}

/** The messages of the program, in order, and what came besides. */
export function read(recording: Recording): { readings: Reading[]; surplus: string } {
  const expected = playOf(recording).acts.flatMap((act) => act.do === "hear" && act.on === undefined ? [act] : []);
  const readings: Reading[] = [];
  // Long rows of zeros are counted only.
  const parts: { start: number; text: string; at: number }[] = [];
  const slice = (start: number, end: number): string =>
    parts.map((part) => part.text.slice(Math.max(0, start - part.start), Math.max(0, end - part.start))).join("");
  let [length, taken, before, isEnded] = [0, 0, 0, false];
  for (const event of recording.events.filter(({ on }) => on === undefined)) {
    if (event.type === "came") {
      const { bytes, zeros = 0, cut = 0 } = event;
      parts.push({ start: length, text: bytes + (zeros < 1_000_000 ? "\0".repeat(zeros) : ""), at: event.at });
      length += bytes.length + zeros + cut;
    } else if (event.type === "said") before = length;
    else if (event.type === "ended") isEnded = true;
    if (event.type !== "heard") continue;
    // A conversation that broke off may have left some out.
    const index = expected.findIndex(({ step }) => step === event.step);
    const act = expected.splice(0, index + 1).at(-1);
    if (!act) continue;
    const { count, ms = 0, at } = event;
    const came = "zeros" in act.expected ? "" : slice(taken, taken + count);
    const isCut = "zeros" in act.expected && count < act.expected.zeros;
    const form = isCut ? "cut" : formOf(act.expected, came);
    const first = taken + came.match(/^[\r\n\0]*/)![0].length;
    const isEarly = taken + count > first && first < before;
    const cameAt = count > 0 ? parts.findLast(({ start }) => start <= first)?.at ?? at : at;
    readings.push({ ...act, came, form, isEarly, ms, isEnded, at, count, cameAt });
    taken += count;
  }
  return { readings, surplus: slice(taken, length) };
}

export function wanted(expected: Expected): string {
  if ("word" in expected) return `"${expected.word}"`;
  if ("refusal" in expected) return `"${expected.refusal[0]}"`;
  if ("size" in expected) return `the size ${expected.size} in 8 bytes`;
  return `the ${"data" in expected ? expected.data.length : expected.zeros} bytes of the file`;
}
