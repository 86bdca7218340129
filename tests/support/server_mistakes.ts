/** Mistakes of servers, as changes of right recordings. */

import { playOf } from "../../scripts/lab/plays.ts";
import { toSize } from "../../scripts/lab/recording.ts";
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
  says,
  size,
  stops,
  stores,
  traceback,
  word,
} from "./recordings.ts";

const TALK = "1.1, 2.1, 3.1";
const LINES = "5.1, 5.2, 5.3, 5.4, 5.5, 5.6";

/** At step c the server crashes. */
function crashes(code: string, error: string): Change {
  return stops("c", { error: traceback("server.py", 9, code, error) });
}

const READS_LITTLE = prints((line) => line.replace("receiving 3000", `receiving ${toSize(number(3000n, 8, true))}`));

/** The mistakes. */
export const SERVERS: Case[] = [
  ["a buffer's other bytes after OK", word("OK", "OK\x18\x7f"), "1.1, 2.1", "use only the n bytes"],
  [
    "the name in capitals",
    only(/^GET(-again)?$/, says((_, one) => `ERROR: ${playOf(one).name.toUpperCase()} does not exist`, "c")),
    "1.1",
    "the name's letters were changed",
  ],
  ["the port in the other order", prints((line) => line.replace(/:5$/, ":1280")), "5.2", "ntohs()"],
  ["a newline after OK", word("OK", "OK\n"), "1.1, 2.1", "a newline follows: send the bytes alone"],
  ["a newline after READY", word("READY", "READY\n"), TALK, 'came     "READY\\n"'],
  ["another word", word("OK", "YES"), "1.1, 2.1", 'came     "YES"'],
  ["small letters", all(word("READY", "ready"), word("DONE", "done")), TALK, "the case of the letters counts"],
  ["a NUL after DONE", word("DONE", "DONE\0"), TALK, "NULs follow"],
  ["a length as writeUTF sends it", word("READY", "\0\x05READY"), TALK, "as writeUTF() sends it"],
  ["READY twice", word("READY", "READYREADY"), TALK, "it was sent twice"],
  ["a size as little-endian", size((n) => number(n, 8, true)), "1.1, 1.2", "the bytes are little-endian"],
  ["htonl() for 64 bits", size((n) => number(n, 4) + "\0\0\0\0"), "1.1, 1.2", "htonl() is for 32 bits"],
  ["a size of 4 bytes", size((n) => number(n, 4)), "1.1, 1.2", "that is the size in fewer than 8 bytes"],
  ["a size that is one too large", size((n) => number(n + 1n)), "1.1, 1.2", "of another number"],
  ["one recv() for a file", only(/^(PUT-200001|pieces)$/, stores((text) => text.slice(0, 100))), "2.2, 7.1", "a loop"],
  ["no DONE after a GET", only(/GET/, stops("h")), "1.1", "it closed the connection instead"],
  ["no DONE after an empty file", only(/^GET-0/, stops("h")), "1.2"],
  ["READY is never sent", forgets("a"), TALK, "READY was never sent: the program went on with the next step"],
  [
    "a size before the client's READY",
    only(/^(GET|huge|blo|par|lines-GET$|large-G)/, hurries("e")),
    "1.1",
    "did not wait",
  ],
  [
    "a size before the client's READY, which it takes for OK",
    all(only(/^GET$/, hurries("e")), only(/GET(?!-missing)|huge-file|blocks|partial/, stops("g"))),
    "1.1",
    "did not wait",
  ],
  [
    "OK and DONE before the data",
    only(/PUT(?!-0)/, hurries("g")),
    "2.1",
    'it did not wait for "f. client: sends bytes"',
  ],
  [
    "the last block is filled up",
    only(/GET/, says((text) => text.replace(/^DONE$/, `${"\0".repeat(1019)}DONE`), "h")),
    "1.1, 1.2",
    "the last block was filled up",
  ],
  ["more data than a file has", data("^GET-odd2", (text) => `${text}\0\0`), "1.3", "the last block was filled up"],
  [
    "prints without -v",
    only(/^GET$/, adds("server waiting on port 1")),
    "5.7",
    'print only if "-v" is among the arguments: "-v" in sys.argv',
  ],
  ["waits after a client alone", moves(/^server waiting/, "b"), "5.1", "print it before accept()"],
  ["does not know -v", prints(() => ""), LINES, "it printed no line at all"],
  ["prints on standard error", events("line", (line) => line.stream = "stderr"), LINES, "standard error"],
  ["a colon too many", prints((line) => line.replace("sending", "sending:")), "5.5", "spaces, colons"],
  ["bytes in a line", prints((line) => line.replace(/(GET|PUT|DEL) \S+$/, "b'$&'")), "5.3", "decode() the bytes"],
  [
    "a size of the wrong order",
    READS_LITTLE,
    "5.4",
    "it read the size as little-endian",
  ],
  [
    "a size of the wrong order, and waits for more",
    all(READS_LITTLE, only(/PUT(?!-0|-folder)|pieces|over/, stops("g", { isSilent: true }))),
    "2.1, 2.2, 5.4",
    "it read the size as little-endian",
  ],
  [
    "a size of signed bytes",
    all(
      prints((line) => line.replace("receiving 3000", "receiving -72")),
      only(/^signed/, prints((line) => line.replace(/receiving \d+/, "receiving -3"))),
    ),
    "5.4, 7.11",
    "it read the size as -72",
  ],
  [
    "the line of a client before comes late, which is right",
    only(/lines-DEL-missing/, adds("server deleting file lines-DEL-100%.txt", "c")),
    "",
  ],
  [
    "GET's and PUT's lines swapped",
    prints((line) => line.replace(/sending|receiving(?= \d)/, (each) => each === "sending" ? "receiving" : "sending")),
    "5.4, 5.5",
    "",
    2,
  ],
  ["the address as a pair", prints((line) => line.replace("127.0.0.1:5", "('127.0.0.1', 5)")), "5.2", "brackets count"],
  ["IPv6 and IPv4, which is right", prints((line) => line.replace("127.0.0.1", "::ffff:127.0.0.1")), ""],
  [
    "a deletion that is not done is said",
    only(/lines-DEL-missing/, adds("server deleting file none-del.txt", "c")),
    "5.8",
    'came     "server deleting file none-del.txt"',
  ],
  [
    "a deletion is said when it is done",
    only(/order/, (one) => one.events.splice(-3, 0, ...one.events.splice(-2, 1))),
    "5.6",
    "print it before the file is deleted",
  ],
  [
    "DONE before the deletion",
    only(/order/, (one) => one.events.push(...one.events.splice(-2, 1))),
    "3.1",
    "then send DONE",
  ],
  [
    "sending is said when it is done",
    only(/huge-file/, prints((line) => line.replace(/.*sending.*/, ""))),
    "5.5",
    "print it before the first block",
  ],
  [
    "all lines come late, as from a buffer, which is right",
    only(/PUT(?!-folder)/, moves(/receiving \d/, "g"), moves(/request/, "g")),
    "",
  ],
  ["receiving is said when it is done", moves(/receiving \d/, "g"), "5.4", "print it before they move"],
  ["sending is said before it is asked for", moves(/sending/, "c"), "5.9", "it came before"],
  [
    "another text for a missing file",
    says((text) => text.replace(/(\S+) does not exist/, "file $1 not found")),
    "6.1, 6.2",
    'came     "ERROR: file none-100%done.txt not found"',
  ],
  ["the document's other text, which is right", says((text) => text.replace(/(\S+) does not/, "file $1 does not")), ""],
  [
    "a reason after an error, one here and another there",
    all(
      only(/PUT-folder/, says((text) => `${text}: Is a directory`, "c")),
      only(/PUT-nowhere/, says((text) => `${text}: No such file or directory`, "c")),
    ),
    "6.3",
  ],
  [
    "letters of a name are mangled in errors alone",
    only(/-letters$/, says((text) => text.replace("\xc3\xbc", "\xfc"), "c")),
    "6.1, 6.2, 6.3",
  ],
  [
    "the port of the client before",
    only(/^lines-DEL$/, prints((line) => line.replace(/^server waiting on port/, "$& 1"))),
    "5.1",
    "something is left of the client before",
  ],
  [
    "a line counts what all clients got",
    only(/^lines-GET-again/, prints((line) => line.replace("sending 1 ", "sending 2001 "))),
    "5.5",
    "something is left of the client before",
  ],
  [
    "the traceback of an error that is handled",
    only(/^PUT-folder$/, adds("FileNotFoundError: folder-100%done (Is a directory)", "c", "stderr")),
    "5.7",
  ],
  ["goes on after an error", only(/^GET-missing/, says((text) => `${text}OK`, "c")), "6.1"],
  [
    "open() of a folder crashes",
    only(
      /^(lines-)?PUT-folder/,
      crashes('open(filename, "wb")', "IsADirectoryError: [Errno 21] Is a directory: 'folder'"),
    ),
    "6.3, 8.3",
    "a folder may exist and be writable too",
  ],
  [
    "refuses what os.access() does not find",
    only(
      /PUT|pieces|-size/,
      (one) => playOf(one).data !== "" && says(() => `ERROR: unable to create file ${playOf(one).name}`, "c")(one),
    ),
    "2.1",
    "a file that is not there yet",
  ],
  [
    "names with spaces crash",
    only(
      /name\d/,
      crashes("verb, name = request.split()", "ValueError: too many values to unpack"),
    ),
    "1.4, 2.4, 3.2",
    "ValueError: too many values",
  ],
  [
    "names are cut",
    only(/(GET|DEL)-name/, word("OK", "ERROR: two does not exist"), word("DONE", "ERROR: two does not exist")),
    "1.4, 3.2",
    "a name may hold spaces",
  ],
  ["a file under another name", only(/PUT-name/, stores(() => null)), "2.4", "a name may hold spaces"],
  ["a file of another folder", only(/PUT|pieces|over/, stores(() => null)), "2.1", "under the name that was given"],
  [
    "a crash in DEL",
    only(
      /^DEL(?!-missing|-folder)/,
      crashes("os.delete(name)", "AttributeError: module 'os' has no attribute 'delete'"),
    ),
    "3.1",
    "server.py line 9: os.delete(name)",
  ],
  [
    "a line's end is awaited, and a crash follows when we hang up",
    all(stops("c", { isSilent: true }), (one) => {
      const last = one.events.at(-1);
      if (last?.type !== "heard") return;
      const lines = traceback("server.py", 9, "line = f.readline()", "EOFError: nothing");
      one.events.push({ at: last.at + 1, type: "closed" }, { at: last.at + 2, type: "ended" });
      for (const text of lines) one.events.push({ at: last.at + 3, type: "line", stream: "stderr", text });
      one.events.push({ at: last.at + 4, type: "exit", status: 1 });
    }),
    "1.1, 2.1, 3.1, 6.1, 6.2, 6.3, 6.4, 8.4",
    "a message has no newline and no length",
    2,
  ],
  [
    "it closes in place of the last message of a PUT",
    only(/^(PUT|lines-PUT)/, stops("g")),
    "2.1",
    "it closed the connection instead the conversation",
  ],
  [
    "the whole buffer is taken for the name",
    says(
      (text, { play }) =>
        text === "OK" && !/huge|large|blocks|partial|order/.test(play)
          ? `ERROR: ${"f.txt".padEnd(1020, "\0")} does not exist`
          : text,
      "c",
    ),
    "1.1, 2.1",
    "ERROR: f.txt\\0... does not exist",
  ],
  [
    "a request that is refused is not printed",
    only(/^lines-.*(missing|folder)/, prints((line) => line.replace(/^server receiving request.*/, ""))),
    "5.3",
    'the line "server receiving request: GET none-get.txt"',
  ],
  ["the end of the connection is awaited", only(/PUT/, stops("g", { isSilent: true })), "2.1", "it waits for more"],
  [
    "an old file is not truncated",
    only(/over/, stores((text) => text + "a longer text than the new one".slice(5))),
    "2.5",
    'open it with "wb"',
  ],
  [
    "a file ends at its first NUL",
    only(/PUT-odd0/, stores((text) => text.split("\0")[0]!)),
    "2.3",
    "it ends before the first NUL",
  ],
  [
    "line ends are changed, and DONE stands one byte before",
    only(/^GET-odd1/, says((text) => text.replace("\r\n", "\n") + "D", "g"), says((text) => text.slice(1), "h")),
    "1.3",
    "line ends were changed",
  ],
  [
    "a buffer for GETs keeps the end of the request before",
    only(/^GET-[01]$/, says((_, { play }) => `ERROR: ${play.replace("GET-", "size")}.txt does not exist`, "c")),
    "1.2",
    "something is left of the client before",
  ],
  [
    "a buffer for all requests keeps the end of the one before",
    only(/^(GET|PUT)-[01]$/, (one) => {
      const end = one.play.startsWith("GET") ? ".txt" : "txt01";
      says(() => `ERROR: size${one.play.at(-1)}${end} does not exist`, "c")(one);
    }),
    "1.2, 2.2, 8.1",
    "something is left of the client before",
  ],
  [
    "does not overwrite a file that is there",
    only(/^over/, says(() => "ERROR: unable to create file over.txt", "c")),
    "2.5",
    "a file that exists is no error",
  ],
  [
    "a NUL is stripped",
    only(/PUT-odd0/, stores((text) => text.replace(/\0+$/, ""))),
    "2.3",
    "bytes at the ends were stripped",
  ],
  [
    "one call for a file",
    only(/^blocks/, events("call", (call) => call.text = call.text.replace(/1024$/, "100000"))),
    "7.2",
    "a call with 100000 bytes",
  ],
  [
    "blocks of 1000 bytes",
    only(/^blocks/, events("call", (call) => call.text = call.text.replace(/1024$/, "1000"))),
    "7.2",
    "0 calls with 1024 bytes",
  ],
  [
    "the entire file in memory",
    events("memory", (event) => event.kib += event.passed / 1024),
    "7.3, 7.9",
    "it took 201 MiB",
    2,
  ],
  [
    "a size is read as signed",
    only(/^signed/, (one) => one.events.push({ at: 99, type: "came", bytes: "DONE" })),
    "7.11",
    "it took 5 bytes for all",
  ],
  ["4 bytes of a size are sent", only(/^huge-file/, size((n) => number(n & 0xffffffffn))), "7.12", "can't hold it"],
  [
    "the entire file in memory before its size is said",
    events("memory", (event) => event.kib += 2e5),
    "7.3, 7.9",
    "it took 204 MiB",
    2,
  ],
  ["no data is ever sent", only(/GET(?!-0)/, says(() => "", "g")), "1.1, 1.2", "the data was never sent"],
  ["the second client gets no data", only(/^GET-again/, says(() => "", "g")), "1.1, 1.2", "left of the client before"],
  [
    "opens what stands before the first space of a name",
    only(/^GET-name0/, crashes("open(name)", "FileNotFoundError: [Errno 2] No such file or directory: 'two'")),
    "1.4",
    "the name was cut",
  ],
  [
    "a size of one byte, read as signed",
    only(/^(client-)?PUT-200$/, stores(() => "")),
    "2.2",
    "see that the size is read right",
  ],
  [
    "says that it deletes what is not there, and DONE",
    only(
      /^lines-DEL-missing/,
      word("ERROR: none-del.txt does not exist", "DONE"),
      adds("server deleting file none-del.txt", "b"),
    ),
    "5.8",
  ],
  [
    "reports on standard error without -v",
    only(/^GET-missing/, adds("Error: none-100%done.txt not found", "b", "stderr")),
    "5.7",
  ],
  ["a part that is not sent again", only(/^partial/, PARTIAL), "7.15", "send() may take a part only"],
  [
    "a second client is served",
    only(/^both/, (one) => one.events.splice(2, 0, { at: 1, type: "came", bytes: "READY", on: 2 })),
    "8.2",
    "no thread, process or callback for each",
  ],
  [
    "listen(5), which is noted",
    only(/^blocks/, (one) => one.events.push({ at: 99, type: "call", text: "listen(3<TCP:[1]>, 5) = 0" })),
    "",
    "it calls listen(5)",
  ],
  [
    "localhost alone",
    only(/^elsewhere/, (one) => one.events = [{ at: 1, type: "unconnected" }]),
    "8.5",
    "bind to all addresses",
  ],
  ["127.0.1.1 alone", events("connected", (event) => event.host = "127.0.1.1"), "8.5", "it listens on 127.0.1.1 alone"],
  ["closes late once, which is right", only(/^GET$/, events("ended", () => null)), ""],
  [
    "counts the bytes of all clients together",
    only(/-again/, prints((line) => line.replace("receiving 1 ", "receiving 3001 "))),
    "5.4",
    "something is left of the client before",
  ],
  [
    "one byte has no s",
    only(/-again/, prints((line) => line.replace("receiving 1 bytes", "receiving 1 byte"))),
    "5.4",
    '"server receiving 1 byte"',
  ],
  ["an open connection", events("ended", () => null), "8.6", "close() the connection"],
  [
    "an open connection after an error",
    only(/GET-missing/, events("ended", () => null)),
    "8.6",
    "close() the connection",
  ],
  [
    "an error that meets the next client too",
    only(/^after-errors$/, word("OK", "ERROR: none-100%done.txt does not exist")),
    "8.3",
    "something is left of the client before",
  ],
  [
    "crashes for a folder that is not there",
    only(/^PUT-nowhere/, crashes('open(filename, "wb")', "FileNotFoundError: [Errno 2] No such file: 'nowhere/f.txt'")),
    "6.3, 8.3",
    "in a folder that is not there no file can be created",
  ],
  ["makes the folder of a name, which is right", only(/^PUT-nowhere/, says(() => "OK", "c")), ""],
];
