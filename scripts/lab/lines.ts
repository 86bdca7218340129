/** A line that should have been printed, and what was printed instead. */

// @ts-types="../../lib/types/text.d.ts"
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { readLittleHint, reversed } from "./hints.ts";
import type { Finding } from "./rule.ts";
import { eventsOf, type Recording } from "./recording.ts";

interface Line {
  at: number;
  stream: "stdout" | "stderr";
  text: string;
}

/** The line that is most like another one, whatever its numbers are; none, if none is. */
function nearest(expected: string, lines: Line[]): Line | undefined {
  const bare = (text: string): string => text.slice(0, 200).toLowerCase().replaceAll(/\d+/g, "#");
  const distances = lines.map((line) => ({ line, distance: levenshteinDistance(bare(line.text), bare(expected)) }));
  const [best] = distances.toSorted((a, b) => a.distance - b.distance);
  return best && best.distance <= expected.length * 0.6 ? best.line : undefined;
}

/** What is to say of a line that is not there. */
export function wrongLine(expected: string, one: Recording, lines: Line[]): Finding {
  const { play, run } = one;
  // Another play's lines are nearer than none.
  const near = nearest(expected, eventsOf(one, "line")) ?? nearest(expected, lines);
  const { root, hint } = reason(expected, lines, near);
  const came = near ? `"${near.text}"${near.stream === "stderr" ? " on standard error" : ""}` : "no such line";
  return { root, expected: `the line "${expected}"`, came, hint, play, run, at: near?.at ?? lines.at(-1)?.at ?? 0 };
}

function reason(expected: string, lines: Line[], near: Line | undefined): { root: string; hint?: string } {
  const kind = expected.split(/[ :]/).slice(0, 3).join(" ");
  const own = lines.filter(({ text }) => !/^\s|^Traceback|^[A-Z]\w*(Error|Exception)/.test(text));
  if (own.length === 0) {
    return { root: "no lines", hint: "it printed no line at all" };
  }
  if (!near) return { root: `line ${kind}` };
  const { text, stream } = near;
  if (stream === "stderr") {
    return {
      root: "stderr",
      hint: "it went to standard error, as by sys.exit(text) or logging: print() writes to standard output",
    };
  }
  const size = Number(expected.match(/(\d+) bytes/)?.[1] ?? 0);
  if (size > 0 && text.includes(reversed(size))) return { root: "read little", hint: readLittleHint(reversed(size)) };
  if (text.trim() === expected) return { root: "line space", hint: "a space stands beside it" };
  if (/b'/.test(text)) return { root: "line repr", hint: "decode() the bytes before you print them" };
  const bare = (line: string): string => line.toLowerCase().replace(/[.!\s]+$/, "");
  if (bare(text) === bare(expected)) return { root: "line case", hint: "the case of the letters, and dots, count" };
  if (/ERROR/.test(text) && expected.startsWith("server error: ")) {
    return { root: "prefix", hint: 'the prefix "ERROR: " is removed' };
  }
  if (text.replaceAll(/\W/g, "") === expected.replaceAll(/\W/g, "")) {
    return { root: `line ${kind}`, hint: "spaces, colons, quotes and brackets count" };
  }
  if (text.replaceAll(/\d+/g, "#") === expected.replaceAll(/\d+/g, "#")) {
    return { root: `line number ${kind}`, hint: "the number is not the right one" };
  }
  return { root: `line ${kind}` };
}
