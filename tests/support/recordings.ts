/** Changes recordings of a program that does everything right into those of one that does not. */

import {
  type Event as LabEvent,
  eventsOf,
  type Recording,
  sizeBytes,
  toBytes,
  toSize,
} from "../../scripts/lab/recording.ts";

/** What a mistake does to a recording. */
export type Change = (recording: Recording) => void;
type Came = Extract<LabEvent, { type: "came" }>;

/** Several changes. */
export function all(...changes: Change[]): Change {
  return (one) => changes.forEach((change) => change(one));
}

/** A change of the plays whose names match. */
export function only(plays: RegExp, ...changes: Change[]): Change {
  return (one) => plays.test(one.play) && all(...changes)(one);
}

/** What the program says at a step is something else. */
export function says(change: (bytes: string, one: Recording) => string, steps = "abcdefgh"): Change {
  return (one) => {
    for (const [index, event] of one.events.entries()) {
      const next = one.events[index + 1];
      if (event.type !== "came" || next?.type !== "heard" || !steps.includes(next.step) || event.zeros) continue;
      (event as Came).bytes = change(event.bytes, one);
      next.count = event.bytes.length;
    }
  };
}

/** A word, or another message, is something else. */
export function word(from: string, to: string): Change {
  return says((bytes) => bytes === from ? to : bytes);
}

/** A size is written in another way. */
export function size(write: (size: bigint) => string): Change {
  return says((bytes) => /^\0\0/.test(bytes) && bytes.length === 8 ? write(toSize(bytes)) : bytes, "ed");
}

/** The bytes of a number in as many bytes, or in the other order. */
export function number(value: bigint, length = 8, isLittle = false): string {
  const bytes = [...sizeBytes(value).slice(8 - length)];
  return (isLittle ? bytes.toReversed() : bytes).join("");
}

/** Printed lines are others; an empty one is not printed. */
export function prints(change: (line: string, one: Recording) => string): Change {
  return (one) => {
    for (const line of eventsOf(one, "line")) line.text = change(line.text, one);
    one.events = one.events.filter((event) => event.type !== "line" || event.text !== "");
  };
}

/** A line is printed right after our side, or the program, said a step; or first of all. */
export function adds(text: string, step?: string, stream: "stdout" | "stderr" = "stdout"): Change {
  return (one) => {
    const index = step === undefined
      ? -1
      : one.events.findLastIndex((event) => (event.type === "said" || event.type === "heard") && event.step === step);
    const at = one.events[Math.max(0, index)]!.at + (step === undefined ? 0 : 0.5);
    if (step === undefined || index >= 0) one.events.splice(index + 1, 0, { at, type: "line", stream, text });
  };
}

/** A line is printed at another moment. */
export function moves(line: RegExp, step: string): Change {
  return (one) => {
    const found = eventsOf(one, "line").find(({ text }) => line.test(text));
    if (!found) return;
    one.events = one.events.filter((event) => event !== found);
    adds(found.text, step)(one);
  };
}

/** From a step on the program says nothing more; it ends if it prints an error, else it closes, or is silent. */
export function stops(step: string, { error, isSilent }: { error?: string[]; isSilent?: boolean } = {}): Change {
  return (one) => {
    const index = one.events.findIndex((event) => event.type === "heard" && event.step === step);
    if (index < 0) return;
    const { at } = one.events[index]!;
    const last: LabEvent[] = (error ?? []).map((text) => ({ at, type: "line", stream: "stderr", text }));
    if (!isSilent) last.push({ at, type: "ended" });
    last.push({ at, type: "heard", step, count: 0, ms: isSilent ? 3000 : 5 });
    if (error) last.push({ at, type: "exit", status: 1 });
    one.events = [...one.events.slice(0, index - (one.events[index - 1]?.type === "came" ? 1 : 0)), ...last];
  };
}

/** A step that the program forgets, and goes on. */
export function forgets(step: string): Change {
  return (one) => {
    const index = one.events.findIndex((event) => event.type === "heard" && event.step === step);
    const heard = one.events[index];
    if (heard?.type !== "heard") return;
    Object.assign(heard, { count: 0, ms: 3000 });
    one.events.splice(index - 1, 1);
  };
}

/** A step that the program takes before our message. */
export function hurries(step: string): Change {
  return (one) => {
    const index = one.events.findIndex((event) => event.type === "heard" && event.step === step);
    const said = one.events.findLastIndex((event, place) => event.type === "said" && place < index);
    if (index < 0 || said < 0) return;
    one.events.splice(said, 0, ...one.events.splice(index - 1, 1));
  };
}

/** What the program left in its file is something else. */
export function stores(change: (data: string, one: Recording) => string | null): Change {
  return (one) => {
    for (const event of eventsOf(one, "file")) {
      const bytes = event.file && change(event.file.bytes, one);
      event.file = bytes === null ? null : { bytes };
    }
  };
}

/** Events of a type are others, or none. */
export function events<T extends LabEvent["type"]>(
  type: T,
  change: (event: Extract<LabEvent, { type: T }>) => unknown,
): Change {
  return (one) => {
    one.events = one.events.filter((event) => event.type !== type || change(event as never) !== null);
  };
}

/** The last lines of a Python program that crashed. */
export function traceback(file: string, line: number, code: string, error: string): string[] {
  return ["Traceback (most recent call last):", `  File "/x/${file}", line ${line}, in main`, `    ${code}`, error];
}

/** Text as one byte a character, decoded as UTF-8 with what is wrong replaced, and encoded again. */
export function redecoded(bytes: string): string {
  const text = new TextDecoder().decode(toBytes(bytes));
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** What is wrong; which sentences fail then, strict ones too; words of the report; and how many causes that is, if not one. */
export type Case = [name: string, change: Change, fails: string, says?: string, causes?: number];

/** Changes the data of the plays whose names match. */
export const data = (play: string, change: (data: string) => string): Change =>
  only(new RegExp(play), says(change, "gf"));

/** What a send() left is not sent again. */
export const PARTIAL: Change = all(
  data("", (text) => text.slice(924)),
  (one) => {
    const text = 'sendto(4<socket:[7]>, "The"..., 1024, 0, NULL, 0) = 100 (INJECTED)';
    one.events.push({ at: 99, type: "call", text });
  },
);
