/** A recording as text: who said what, and what the program printed. */

import { read } from "./reading.ts";
import { type Recorded, type Recording, utf8 } from "./recording.ts";
import { shown } from "./shown.ts";

/** The conversation as lines: our messages, the program's, and what it printed. */
export function conversationOf(recording: Recording): { at: number; line: string }[] {
  const { about } = recording;
  const self = about === "server" ? "client" : "server";
  const heard = read(recording).readings.map(({ step, came, at, cameAt, form, expected }) => {
    const text = form === "missing" ? "nothing" : "data" in expected ? `${came.length} bytes` : shown(came);
    return { at, order: cameAt, line: `${step}. ${about}: ${"zeros" in expected ? "many bytes" : text}` };
  });
  const others = recording.events.flatMap((event) => {
    if (event.type === "said") return [{ at: event.at, line: `${event.step}. ${self}: ${saidText(event)}` }];
    if (event.type === "line") return [{ at: event.at, line: `   printed: ${shown(utf8(event.text))}` }];
    return event.type === "exit" ? [{ at: event.at, line: `   exit status ${event.status}` }] : [];
  });
  // A message may have come long before it was taken for one.
  return [...heard, ...others.map((one) => ({ ...one, order: one.at }))].toSorted((a, b) => a.order - b.order);
}

function saidText({ bytes, zeros = 0 }: Recorded): string {
  return zeros || bytes.length > 200 ? `${bytes.length + zeros} bytes` : shown(bytes);
}
