/** Mistakes of clients, as changes of right recordings. */

import { playOf } from "../../scripts/lab/plays.ts";
import { eventsOf, toSize } from "../../scripts/lab/recording.ts";
import {
  adds,
  all,
  type Case,
  type Change,
  data,
  events,
  forgets,
  hurries,
  moves,
  number,
  only,
  PARTIAL,
  prints,
  redecoded,
  says,
  size,
  stops,
  stores,
  traceback,
  word,
} from "./recordings.ts";

const REQUEST = "1.5, 2.6, 3.3";
const ERRORS = "6.5, 6.6, 6.7, 6.10";
const request = (change: (request: string) => string): Change => says(change, "b");
// After the file's last byte, and not part of what is taken for the file.
const addsToFile = (bytes: string): Change => (one) => {
  const index = one.events.findIndex((event) => event.type === "heard" && event.step === "f");
  if (index >= 0) one.events.splice(index, 0, { at: one.events[index]!.at, type: "came", bytes });
};
const COMPLETE = prints((line) => line.replace(/^Complete$/, ""));

/** The mistakes. */
export const CLIENTS: Case[] = [
  ["its command before READY", hurries("b"), REQUEST, 'it did not wait for "a. server: READY"'],
  [
    "its command before READY, and more of an error than its text",
    all(hurries("b"), prints((line) => line.replace("server error: ", "server error: ROR: "))),
    `${REQUEST}, ${ERRORS}`,
    'came     "server error: ROR: README: 100% für alle, die mehr über diese Übung',
    2,
  ],
  [
    "prints no error",
    prints((line) => line.replace(/^server error.*/, "")),
    ERRORS,
    'print "server error: " and the rest',
  ],
  [
    "prints an error's whole buffer",
    prints((line) => line.replace(/^server error.*/, "$&\0\0\0\0")),
    ERRORS,
    "NULs were printed with it",
  ],
  ["two spaces in an error become one", only(/-refused/, prints((line) => line.replace("  ", " "))), "6.5, 6.6, 6.7"],
  [
    "Complete in the line of a PUT, whose beginning may have come in time",
    only(/^client-PUT/, (one) => {
      const line = eventsOf(one, "line").find(({ text }) => text.startsWith("client sending"))?.text;
      prints((text) => text === line ? "" : text.replace(/^Complete$/, `${line} Complete`))(one);
    }),
    "4.2",
  ],
  ["no OK for an empty file, and Complete", only(/GET-0$/, stops("f"), adds("Complete", "d")), "1.6, 4.6", "", 2],
  ["a newline after the command", request((text) => `${text}\n`), REQUEST, "a newline follows"],
  ["more after DEL's name", only(/DEL/, request((text) => `${text} now please`)), "3.3", "now please"],
  ["another word for DEL", only(/DEL/, request((text) => text.replace("DEL", "DELETE"))), "3.3", "DELETE del.txt"],
  ["DEL twice", only(/DEL/, request((text) => text + text)), "3.3", "it was sent twice"],
  [
    "sends its command again after Complete, and stays",
    only(/^client-(GET|PUT|DEL)$/, (one) => {
      const { verb, name } = playOf(one);
      one.events.push({ at: 98, type: "came", bytes: `${verb} ${name}` }, { at: 99, type: "stayed", ms: 3000 });
    }),
    REQUEST,
    "leave when DONE has come",
  ],
  [
    "stays after Complete",
    only(/^client-(GET|PUT|DEL)$/, (one) => one.events.push({ at: 99, type: "stayed", ms: 3000 })),
    REQUEST,
    "leave when DONE has come",
  ],
  ["OK is awaited in a DEL", only(/DEL(?!-ok)/, COMPLETE), "3.3, 4.3", "DEL has no OK"],
  [
    "OK and READY in each other's place, and another line",
    all(
      only(/GET|pieces|over|size/, says((text) => ({ READY: "OK", OK: "READY" })[text] ?? text)),
      prints((line) => line.replace("client receiving", "client sending")),
    ),
    "1.5, 4.1",
    'the line "client receiving file f.txt (2000 bytes)"',
    2,
  ],
  ["small letters", word("READY", "ready"), "1.5", "the case of the letters counts"],
  ["UTF-16", request((text) => [...text].map((char) => `${char}\0`).join("")), REQUEST, "that is UTF-16"],
  ["its line when all is sent", only(/huge-file/, prints(() => "")), "4.5", "bytes came, and the line did not"],
  ["a size as text", size(String), "2.6, 2.7", "that is a number as text"],
  [
    "a size as text after its length",
    size((size) => number(BigInt(String(size).length), 2) + size),
    "2.6, 2.7",
    "that is a number as text",
  ],
  [
    "a size as text and the data at once",
    all(size(String), only(/PUT|huge-file|large-PUT|blocks|partial/, hurries("f"))),
    "2.6, 2.7",
    "that is a number as text",
    2,
  ],
  [
    "does not wait for the second OK, and prints its line before it",
    only(/^client-PUT(?!-0)/, hurries("f"), moves(/sending/, "d")),
    "2.6",
    'it did not wait for "e. server: OK"',
  ],
  ["READY is never sent in a GET", only(/GET|pieces|over|size/, forgets("d")), "1.5", "READY was never sent"],
  [
    "READY is never sent in a GET, and no line printed",
    all(only(/GET|pieces|over|size/, forgets("d")), prints((line) => line.replace(/^client receiving.*/, ""))),
    "1.5, 4.1",
    'the line "client receiving file f.txt (2000 bytes)"',
    2,
  ],
  [
    "a size is read as little-endian",
    prints((line) =>
      line.replace(/receiving(.*)\((\d+)/, (_, name, n) => `receiving${name}(${toSize(number(BigInt(n), 8, true))}`)
    ),
    "4.1",
    "it read the size as little-endian",
  ],
  [
    "a server's error with letters that are not ASCII, decoded as Latin-1",
    prints((line) => line.replace("für alle", "fÃ¼r alle")),
    "6.5, 6.6, 6.7",
    "it is UTF-8 wherever it is sent, read or opened",
  ],
  ["DONE in the file", stores((text) => `${text}DONE`), "1.5, 1.6", "DONE became part of the file"],
  [
    "DONE in the file, and sizes as floating-point numbers",
    all(stores((text) => `${text}DONE`), prints((line) => line.replace("9223372039002259461", "9223372039002259456"))),
    "1.5, 1.6, 7.13",
    "the number was rounded",
    2,
  ],
  [
    "a file that can't be read whole is said to be missing",
    only(/huge-file/, adds("client error: huge.bin does not exist"), (one) => {
      one.events = [...eventsOf(one, "line").slice(0, 1), { at: 1, type: "unconnected" }];
    }),
    "7.14",
    "which is not so",
  ],
  [
    "a last block that is filled up with the one before",
    all(only(/PUT$/, addsToFile("t".repeat(48))), only(/PUT-again/, addsToFile("\0".repeat(1019)))),
    "2.6, 2.7",
    "only the n bytes",
  ],
  ["a last block that is filled up", only(/PUT/, addsToFile("\0".repeat(48))), "2.6, 2.7", "only the n bytes"],
  [
    "a message that is taken for a format",
    prints((line) => line.replace("100% für", "100%!f(MISSING)ür")),
    "6.5, 6.6, 6.7",
    "MISSING",
  ],
  ["an empty file that takes its first byte of DONE", only(/^client-GET-0$/, stores(() => "D")), "1.6"],
  [
    "an empty file is taken for a lost connection",
    only(/^client-GET-0$/, COMPLETE, (one) => one.events.push({ at: 99, type: "exit", status: 1 })),
    "1.6, 4.1",
    "it ended with exit status 1",
  ],
  ["no Complete for an empty file", only(/-0$/, COMPLETE), "4.1, 4.2", 'the line "Complete"'],
  ["text files", stores((text) => redecoded(text).replaceAll("\n", "\r\n")), "1.7", '"rb" and "wb"'],
  ["the path in full", request((text) => text.replace(/ /, " /x/y/")), REQUEST, "not the whole path"],
  ["Complete after an error", only(/refused/, adds("Complete", "c")), "4.6, 6.5, 6.6, 6.7", "leave at once"],
  [
    "goes on after its own error",
    only(
      /GET-folder/,
      adds("client error: unable to create file folder"),
      (one) =>
        traceback("client.py", 9, "open(name)", "IsADirectoryError: it is").toReversed().forEach((text) =>
          adds(text, undefined, "stderr")(one)
        ),
    ),
    "6.9",
  ],
  [
    "a file in a folder that is not there is a crash",
    only(/GET-nowhere/, (one) => {
      const lines = traceback("client.py", 9, "open(name)", "FileNotFoundError: no such file: 'nowhere/f.txt'");
      one.events = lines.map((text, at) => ({ at, type: "line", stream: "stderr", text }));
    }),
    "6.9",
    "in a folder that is not there no file can be created",
  ],
  ["makes the folder of a name, which is right", only(/GET-nowhere/, prints(() => "Complete")), ""],
  [
    "letters of an error's name",
    prints((line) => line.replace("server error: README", "server error: ADME")),
    "6.5, 6.7",
    "lstrip() removes letters, not a prefix",
  ],
  [
    "the prefix of an error",
    prints((line) => line.replace("server error: ", "server error: ERROR: ")),
    ERRORS,
    "remove the prefix",
  ],
  [
    "errors on standard error",
    events("line", (line) => /^server error/.test(line.text) && (line.stream = "stderr")),
    ERRORS,
    "it went to standard error",
  ],
  [
    "its file is looked for when it is connected",
    only(/PUT-missing/, (one) => one.events.push({ at: 9, type: "connected", address: "", host: "" })),
    "6.8",
    "before connect()",
  ],
  [
    "blocks of 1000 bytes",
    events("call", (call) => call.text = call.text.replace(/1024$/, "1000")),
    "7.6",
    "0 calls with 1024 bytes",
  ],
  ["one call for a file", events("memory", (event) => event.kib += event.passed / 1024), "7.7, 7.10", "it took", 2],
  ["a buffer that is filled again", only(/large-PUT/, events("heard", (event) => event.others = 40)), "2.7", "'drain'"],
  ["a part that is not sent again", only(/partial/, PARTIAL), "7.16", "send() may take a part only"],
  [
    "a size is read as signed",
    only(/signed-size/, prints((line) => line.replace("9223372039002259461", "-9223372036854775803"))),
    "7.13",
    "can't hold it",
  ],
  [
    "leaves in the middle of a file whose size would be negative",
    only(/signed-size/, (one) => {
      one.events.splice(one.events.findIndex(({ type }) => type === "left"), 0, { at: 98, type: "ended" });
    }),
    "7.13",
    "it left after 5 bytes",
  ],
  [
    "the bytes of a size are read as signed",
    only(/^client-GET$/, prints((line) => line.replace("(2000", "(1744"))),
    "4.1, 7.13",
    "took bytes from 128 on as negative",
  ],
  [
    "crashes at some sizes",
    only(
      /^client-GET(-200)?$/,
      stops("f", { error: traceback("client.py", 9, "text = size.decode()", "ValueError: no") }),
    ),
    "1.5, 1.6",
    "text = size.decode()",
  ],
  [
    "takes the data that has come for the file",
    only(
      /^client-pieces$/,
      events("said", ({ step }) => step === "h" ? null : step),
      stores((text) => text.slice(0, 9)),
    ),
    "7.5",
    "call it in a loop",
  ],
  ["a newline after the file", only(/^client-PUT/, addsToFile("\n")), "2.6, 2.8", "line ends were changed"],
  ["one byte in the singular", prints((line) => line.replace("(1 bytes)", "(1 byte)")), "4.1, 4.2", "(1 byte)", 2],
  [
    "stays without Complete",
    only(/^client-PUT(?!-refused)/, COMPLETE, (one) => one.events.push({ at: 99, type: "stayed", ms: 3000 })),
    "2.6, 4.2",
    "leave when DONE has come",
  ],
  ["its line before OK", only(/^client-PUT$/, moves(/sending/, "d")), "4.5", "it came before"],
  ["its line after the data", only(/^client-GET$/, moves(/receiving/, "h")), "4.8", "it came after them"],
  ["one line more", only(/GET$/, adds("connected", "a")), "4.4", 'also "connected"'],
  ["another Complete", prints((line) => line.replace(/^Complete$/, "Done")), "4.1, 4.2, 4.3", "Complete"],
  [
    "a file is left after an error",
    only(/GET-refused/, events("file", (event) => event.file = { bytes: "" })),
    "6.11",
    "create the file when the server has said OK",
  ],
  [
    "Complete before DONE",
    only(/^client-(GET|PUT|DEL)$/, moves(/^Complete/, "b")),
    "4.1, 4.2, 4.6",
    "receive DONE and compare it",
  ],
  [
    "Complete. before DONE in a DEL",
    all(prints((line) => line.replace(/^Complete$/, "Complete.")), only(/^client-DEL$/, moves(/^Complete/, "b"))),
    "4.1, 4.2, 4.3, 4.6",
    "receive DONE and compare it",
    2,
  ],
  ["a last block that is sent whole", only(/^client-PUT/, data("", (text) => text.padEnd(2048))), "2.6, 2.7", ""],
  ["Complete without DONE", only(/unfinished/, adds("Complete", "b")), "4.7", "the server closed"],
  [
    "stops at DONE in the data, whatever the size",
    all(only(/GET-odd1/, stores((text) => text.slice(0, -4))), only(/-size$/, adds("Complete", "h"))),
    "1.7",
    "DONE in the file was taken for its end",
  ],
  [
    "crashes in place of Complete after an empty file",
    only(
      /GET-0$/,
      all(
        COMPLETE,
        ...traceback("client.py", 9, "x", "OSError: no data").toReversed().map((line) => adds(line, "h", "stderr")),
      ),
    ),
    "1.6, 4.1",
    "code client.py line 9: x",
  ],
  [
    "connects to another port",
    only(/^(?!.*(missing|folder))/, (one) => one.events = [{ at: 1, type: "unconnected" }]),
    REQUEST,
    "the host and the port that are the first two arguments",
  ],
];
