/** What a program said when it crashed: its last words, and the line of its own code. */

import { playOf } from "./plays.ts";
import { eventsOf, type Recording } from "./recording.ts";

/** A crash, from what a program printed. */
export interface Crash {
  root: string;
  /** The last line of a traceback. */
  error: string;
  /** The program's own line: its file and number, and the code where it is printed. */
  place: string | undefined;
  hint: string | undefined;
  at: number;
}

// What the words of an error say of its cause.
const HINTS = `UnicodeDecodeError > bytes that are no text were decoded: a size and file data stay bytes
too many values to unpack > a name may hold spaces: split(" ", 1), or request[4:]
(list index out of range|undefined)[^]*argv > -v may be missing: count the arguments before the second one is read
not enough values to unpack|list index out of range > less came than this line takes apart: look at what recv() returned
write\\(\\) argument must be str, not bytes > a file's data are bytes: open it with "wb"
a bytes-like object is required|must be bytes|expected bytes > text must be encoded: text.encode(), or b"..."; a file's data are bytes: open it with "rb"
not "bytes"\\) to str|startswith first arg must be bytes|must be str, not bytes > decode() bytes before they are used as text
unpack requires a buffer of > a size has 8 bytes: struct.unpack("!Q", data)
invalid literal for int\\(\\) with base 10: '-v' > the port is the first argument, and -v may follow it
invalid literal for int\\(\\)|NumberFormatException: For input > a size is 8 bytes, no text|: int.from_bytes(data, "big")
IsADirectoryError|EISDIR|Is a directory > a folder may exist and be writable too: catch the error where it is opened or removed
Read-only file system|EROFS > a program can write in the folder in which it was started; in the sandbox not in its own
Invalid file path > its name ends with NULs: take as many bytes as the text has, not the whole buffer
FILE_TOO_LARGE > the file was read whole: move a block at a time
(FileNotFound|ENOENT|NoSuchFile)[^]*nowhere/ > in a folder that is not there no file can be created: catch the error where it is opened, and send or print it
FileNotFound|ENOENT|NoSuchFile > look whether the file is there first, and send or print the error
ConnectionRefused|ECONNREFUSED|gaierror|ENOTFOUND > it connects elsewhere: host and port are the first two arguments
Address already in use|EADDRINUSE > the port is taken: bind to the one in the first argument
MemoryError|OutOfMemoryError|heap out of memory > it asked for more memory than there is: move a block at a time, and see that the size is read right
OverflowError|integer out of range|int too big > a size can be as large as 8 bytes say`.split("\n").map((line) =>
  line.split(" > ")
);

const CUT = "the name was cut: it may hold spaces";

// The words of Python, of Java, and of Node and Deno.
const ERROR =
  /^(?:Exception in thread "[^"]*" |Caused by: |(?:error: )?Uncaught (?:\(in promise\) )?|error: )?((?:[A-Za-z_][\w.$]*)?(?:Error|Exception|Interrupt|Exit|timeout|error)\b.*)/;
const FRAME = /^ *File "(.*)", line (\d+)|^\s+at (?:.*[\s(])?([^()\s]+?):(\d+)(?::\d+)?\)?$/;
const LIBRARY = /[/\\]python3?[.\d]*[/\\]|"<|\tat (java|jdk|sun)\.|node:|ext:|<anonymous>/;
const SIGNALS: Record<number, string> = { 139: "a segmentation fault", 134: "an abort", 136: "a division by zero" };

export function crashOf(recording: Recording): Crash | undefined {
  const lines = eventsOf(recording, "line");
  const exit = eventsOf(recording, "exit")[0];
  const found = traceback(lines.map(({ text }) => text));
  if (found) {
    const { error, place, index } = found;
    const hint = HINTS.find(([pattern]) => new RegExp(pattern!).test(`${error}\n${place ?? ""}`))?.[1];
    // Another file is not there than the one that was asked for.
    const [start, ...others] = playOf(recording).name.split(" ");
    const isCut = others.length > 0 && ["'", '"'].some((quote) => error.endsWith(`${start}${quote}`));
    if (isCut) return { root: "cut name", error, place, hint: CUT, at: lines[index]!.at };
    // One line of code can fail in several ways, as a size that is read wrong makes it; names and numbers differ anyway.
    return { root: `crash ${place ?? error.split(":")[0]}`, error, place, hint, at: lines[index]!.at };
  }
  const signal = exit && SIGNALS[exit.status];
  if (!signal) return undefined;
  return {
    root: `crash ${exit.status}`,
    error: `it ended by ${signal}`,
    place: undefined,
    hint: undefined,
    at: exit.at,
  };
}

export function worded({ error, place }: Crash): string {
  return place ? `${error}, in ${place}` : error;
}

/** Python has the frames before the error, its own line last; the others have them after it, theirs first. */
function traceback(lines: string[]): Pick<Crash, "error" | "place"> & { index: number } | undefined {
  const start = lines.findLastIndex((line) => line.startsWith("Traceback (most recent call last)"));
  const isPython = (line: string): boolean => start >= 0 || /^(Syntax|Indentation|Tab)Error/.test(line);
  const end = lines.findIndex((line, index) =>
    index > start && ERROR.test(line) && (isPython(line) || lines.slice(index + 1).some((each) => /^\s+at /.test(each)))
  );
  if (end < 0) return undefined;
  const isOwn = (line: string): boolean => FRAME.test(line) && !LIBRARY.test(line);
  const own = isPython(lines[end]!)
    ? lines.findLastIndex((line, index) => index > start && index < end && isOwn(line))
    : lines.findIndex((line, index) => index > end && isOwn(line));
  const [, error = ""] = lines[end]!.match(ERROR)!;
  if (own < 0) return { error, place: undefined, index: end };
  const [, file, number, otherFile, otherNumber] = lines[own]!.match(FRAME)!;
  const code = file !== undefined && !FRAME.test(lines[own + 1] ?? "") ? `: ${lines[own + 1]!.trim()}` : "";
  const name = (file ?? otherFile)!.split(/[/\\]/).at(-1);
  return { error, index: end, place: `${name} line ${number ?? otherNumber}${code}` };
}
