/** A recording as text: who said what, and what the program printed. */

import { read } from "./reading.ts";
import { type Event, type Recording, utf8 } from "./recording.ts";
import { shown } from "./shown.ts";

// Reports show the end of a conversation; a program may print without end.
const MAX_LINES = 20;

/**
 * The conversation up to a moment, if that is not 0: our messages, the program's, and what it printed; of a crash, not
 * the traceback.
 */
export function conversationOf(recording: Recording, end: number, isCrash: boolean): string[] {
  const { about } = recording;
  const events = recording.events.filter((event) => !(isCrash && event.type === "line" && event.stream === "stderr"));
  // A message may have come long before it was taken for one.
  const heard = read(recording).readings.map(({ step, came, at, cameAt, form, expected }) => {
    const text = form === "missing" ? "nothing" : "data" in expected ? `${came.length} bytes` : shown(came);
    return { at, order: cameAt, line: `${step}. ${about}: ${"zeros" in expected ? "many bytes" : text}` };
  });
  const others = events.map((event) => ({ at: event.at, order: event.at, line: lineOf(event, about) }));
  const lines = [...heard, ...others].toSorted((a, b) => a.order - b.order);
  return lines.flatMap(({ at, line }) => line && (at <= end || end === 0) ? [line] : []).slice(-MAX_LINES);
}

function lineOf(event: Event, about: Recording["about"]): string | undefined {
  if (event.type === "line") return `   printed: ${shown(utf8(event.text))}`;
  if (event.type === "exit") return `   exit status ${event.status}`;
  if (event.type !== "said") return undefined;
  const { bytes, zeros = 0, step } = event;
  const text = zeros || bytes.length > 200 ? `${bytes.length + zeros} bytes` : shown(bytes);
  return `${step}. ${about === "server" ? "client" : "server"}: ${text}`;
}
