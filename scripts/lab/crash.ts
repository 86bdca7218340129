/** What a program said when it crashed: its last words, and the line of its own code. */

import { eventsOf, type Recording } from "./recording.ts";

/** A crash, from what a program printed. */
export interface Crash {
  root: string;
  /** The last line of a traceback. */
  error: string;
  /** The program's own line: its file and number, and the code where it is printed. */
  place: string | undefined;
  hint: string | undefined;
}

// What the words of an error say of its cause.
const HINTS = `UnicodeDecodeError > bytes that are no text were decoded: a size and file data stay bytes
too many values to unpack > a name may hold spaces: split(" ", 1), or request[4:]
not enough values to unpack|list index out of range > less came than this line takes apart: look at what recv() returned
a bytes-like object is required|must be bytes|expected bytes > text must be encoded: text.encode(), or b"..."
not "bytes"\\) to str|startswith first arg must be bytes|must be str, not bytes > decode() bytes before they are used as text
unpack requires a buffer of > a size has 8 bytes: struct.unpack("!Q", data)
invalid literal for int\\(\\) > a size is 8 bytes, no text: int.from_bytes(data, "big")
IsADirectoryError|EISDIR|Is a directory > os.access() and exists() are true for a folder too: catch OSError where it is opened
FileNotFoundError|ENOENT|NoSuchFileException > look whether the file is there before it is opened, and send or print the error
ConnectionRefused|ECONNREFUSED|gaierror|ENOTFOUND > it connects elsewhere: host and port are the first two arguments
Address already in use|EADDRINUSE > the port is taken: bind to the one in the first argument
MemoryError|OutOfMemoryError|heap out of memory > it asked for more memory than there is: move a block at a time, and see that the size is read right
OverflowError|integer out of range|int too big > a size can be as large as 8 bytes say`.split("\n").map((line) =>
  line.split(" > ")
);

/** The crash that a program's output tells of, if any. */
export function crashOf(recording: Recording): Crash | undefined {
  const lines = eventsOf(recording, "line").map(({ text }) => text);
  const status = eventsOf(recording, "exit")[0]?.status;
  const found = python(lines) ?? java(lines) ?? node(lines);
  if (!found) {
    const signal = { 139: "a segmentation fault", 134: "an abort", 136: "a division by zero" }[status ?? 0];
    if (!signal) return undefined;
    return { root: `crash ${status}`, error: `it ended by ${signal}`, place: undefined, hint: undefined };
  }
  const { error, place } = found;
  const hint = HINTS.find(([pattern]) => new RegExp(pattern!).test(error))?.[1];
  // One line of code can fail in several ways, as a size that is read wrong makes it; names and numbers differ anyway.
  const root = `crash ${place ?? error.split(":")[0]}`;
  return { root, error, place, hint };
}

function python(lines: string[]): Pick<Crash, "error" | "place"> | undefined {
  const start = lines.findLastIndex((line) => line.startsWith("Traceback (most recent call last)"));
  const errors = lines.slice(start + 1);
  const end = errors.findIndex((line) =>
    /^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|timeout|error|herror)\b/.test(line)
  );
  if (end < 0) return undefined;
  if (start < 0 && !/^(Syntax|Indentation|Tab)Error/.test(errors[end]!)) return undefined;
  const frame = /^ *File "(.*)", line (\d+)/;
  const own = errors.slice(0, end).findLastIndex((line) =>
    frame.test(line) && !/[/\\]python3?[.\d]*[/\\]|"</.test(line)
  );
  const [, file = "", number] = errors[own]?.match(frame) ?? [];
  const code = own >= 0 && !frame.test(errors[own + 1] ?? "") ? errors[own + 1]?.trim() : undefined;
  return { error: errors[end]!, place: own < 0 ? undefined : placeOf(file, number!, code) };
}

function java(lines: string[]): Pick<Crash, "error" | "place"> | undefined {
  const at = lines.findIndex((line) =>
    /^(Exception in thread "[^"]*" |Caused by: )?[\w.$]+(Exception|Error)\b/.test(line) && /\./.test(line)
  );
  if (at < 0 || !lines[at + 1]?.startsWith("\tat ")) return undefined;
  const own = lines.slice(at).find((line) => /^\tat (?!java\.|jdk\.|sun\.|java\.base)/.test(line));
  const [, file, number] = own?.match(/\(([^:()]+):(\d+)\)/) ?? [];
  return { error: lines[at]!.replace(/^Exception in thread "[^"]*" /, ""), place: file && placeOf(file, number!) };
}

function node(lines: string[]): Pick<Crash, "error" | "place"> | undefined {
  const at = lines.findIndex((line) =>
    /^(?:Uncaught |error: Uncaught .*?|error: )?\(?(?:in promise\) )?\w*(Error|Exception)\b.*/.test(line)
  );
  if (at < 0) return undefined;
  const own = lines.slice(at).find((line) =>
    /^ +at .*:\d+:\d+\)?$/.test(line) && !/node:|ext:|\(<anonymous>/.test(line)
  );
  const [, file, number] = own?.match(/\(?([^()\s]+):(\d+):\d+\)?$/) ?? [];
  if (!own && !lines.slice(at + 1).some((line) => /^ +at /.test(line))) return undefined;
  return { error: lines[at]!.replace(/^error: (Uncaught )?/, ""), place: file && placeOf(file, number!) };
}

function placeOf(file: string, number: string, code?: string): string {
  return `${file.split(/[/\\]/).at(-1)} line ${number}${code ? `: ${code}` : ""}`;
}
