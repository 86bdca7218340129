/** A line that should have been printed, when, and what was printed instead. */

import { levenshteinDistance } from "@std/text";
import { eventsOf, type Recording } from "./recording.ts";
import { type Finding, found } from "./rule.ts";

/** Why the moment of a line is no failure by itself. */
export const MOMENT = "a line that is printed a step too early or late looks the same when all goes well";

interface Line {
  at: number;
  stream: "stdout" | "stderr";
  text: string;
}

/** When a line was printed on standard output, if it was. */
export function printed(one: Recording, text: string): number | undefined {
  return eventsOf(one, "line").find((line) => line.stream === "stdout" && line.text === text)?.at;
}

/** When our side said a step, if it did. */
export function saidAt(one: Recording, step: string): number | undefined {
  return eventsOf(one, "said").find((event) => event.step === step)?.at;
}

/** Looks whether a line came after one step of ours and before another; nothing is shown if it did not come. */
export function moment(
  one: Recording,
  text: string,
  { after, before, hint }: { after?: string; before?: string; hint?: string },
): Finding[] | undefined {
  const at = printed(one, text);
  if (at === undefined) return undefined;
  const [start, end] = [after, before].map((step) => step && saidAt(one, step) || undefined);
  const what = `"${text}" `;
  if (after && at < (start ?? Infinity)) {
    return [
      found(one, `early ${text}`, [
        `${what}after step ${after}`,
        "it came before",
        hint ?? `print it when step ${after} has come`,
      ], { at }),
    ];
  }
  if (end && at > end) {
    return [
      found(one, `late ${text}`, [`${what}before the bytes`, "it came after them", "print it before they move"], {
        at,
      }),
    ];
  }
  return [];
}

/** The line that is most like another one, whatever its numbers are; none, if none is. */
function nearest(expected: string, lines: Line[]): Line | undefined {
  const bare = (text: string): string => text.slice(0, 200).toLowerCase().replaceAll(/\d+/g, "#");
  const distances = lines.map((line) => ({ line, distance: levenshteinDistance(bare(line.text), bare(expected)) }));
  const [best] = distances.toSorted((a, b) => a.distance - b.distance);
  return best && best.distance <= expected.length * 0.4 ? best.line : undefined;
}

/** What is to say of a line that is not there. */
export function wrongLine(expected: string, one: Recording, lines: Line[]): Finding {
  // Another play's lines are nearer than none.
  const near = nearest(expected, eventsOf(one, "line")) ?? nearest(expected, lines);
  const [root, hint] = reason(expected, lines, near);
  const came = near ? `"${near.text}"${near.stream === "stderr" ? " on standard error" : ""}` : "no such line";
  return found(one, root, [`the line "${expected}"`, came, hint], { at: near?.at ?? lines.at(-1)?.at });
}

function reason(expected: string, lines: Line[], near: Line | undefined): [root: string, hint?: string] {
  const kind = `line ${expected.split(/[ :]/).slice(0, 3).join(" ")}`;
  // A traceback is no line of its own.
  if (lines.every(({ text }) => /^\s|^Traceback|^[A-Z]\w*(Error|Exception)/.test(text))) {
    return ["no lines", "it printed no line at all"];
  }
  if (!near) return [kind];
  const { text, stream } = near;
  const size = Number(expected.match(/(\d+) bytes/)?.[1] ?? 0);
  const bare = (line: string): string => line.toLowerCase().replace(/[.!\s]+$/, "");
  if (stream === "stderr") {
    return ["stderr", "it went to standard error, as by sys.exit(text) or logging: print() writes to standard output"];
  }
  if (size > 0 && text.includes(reversed(size))) {
    return ["read little", `it read the size as little-endian, ${reversed(size)}: int.from_bytes(data, "big")`];
  }
  if (text.trim() === expected) return ["line space", "a space stands beside it"];
  if (/b'/.test(text)) return ["line repr", "decode() the bytes before you print them"];
  if (bare(text) === bare(expected)) return ["line case", "the case of the letters, and dots, count"];
  if (/ERROR/.test(text) && expected.startsWith("server error: ")) return ["prefix", 'the prefix "ERROR: " is removed'];
  if (text.replaceAll(/\W/g, "") === expected.replaceAll(/\W/g, "")) {
    return [kind, "spaces, colons, quotes and brackets count"];
  }
  if (text.replaceAll(/\d+/g, "#") === expected.replaceAll(/\d+/g, "#")) {
    {
      const number = text.match(/(-?\d+) bytes/)?.[1];
      const isRead = size > 0 && /receiving/.test(expected) && number !== undefined;
      return isRead ? ["read size", readHint(number)] : [`${kind} number`, "the number is not the right one"];
    }
  }
  return [kind];
}

function readHint(number: string): string {
  const half = number === "0" ? ", as of the first 4 of its 8 bytes" : "";
  return `it read the size as ${number}${half}: int.from_bytes(data, "big") of all 8 bytes`;
}

/** A size as a program prints it that reads it in the wrong order. */
function reversed(size: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(size));
  return String(view.getBigUint64(0, true));
}
