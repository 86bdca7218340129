/** The rules and causes of the lab check, by recordings that are made here: no program runs. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Role } from "../../lib/protocol.ts";
import { judge } from "../../scripts/lab/causes.ts";
import { junit, report } from "../../scripts/lab/report.ts";
import { eventsOf, type Recording, toSize } from "../../scripts/lab/recording.ts";
import { playOf } from "../../scripts/lab/plays.ts";
import { session } from "../support/lab.ts";
import {
  adds,
  all,
  type Change,
  events,
  forgets,
  hurries,
  moves,
  number,
  only,
  prints,
  redecoded,
  says,
  size,
  stops,
  stores,
  traceback,
  word,
} from "../support/recordings.ts";

/** What is wrong; which sentences fail then, strict ones too; words of the report; and how many causes that is, if not one. */
type Case = [name: string, change: Change, fails: string, says?: string, causes?: number];

const TALK = "1.1, 2.1, 3.1";
const LINES = "5.1, 5.2, 5.3, 5.4, 5.5, 5.6";
const REQUEST = "1.5, 2.6, 3.3";
const ERRORS = "6.5, 6.6, 6.7, 6.10";
const request = (change: (request: string) => string): Change => says(change, "b");
const data = (play: string, change: (data: string) => string): Change => only(new RegExp(play), says(change, "gf"));
/** The server has ended when the next client comes, after a play of this name. */
const RETRIED = { retried: true as const, events: [{ at: 1, type: "unconnected" as const }] };

/** At step c the server crashes. */
function crashes(code: string, error: string): Change {
  return stops("c", { error: traceback("server.py", 9, code, error) });
}

/** What a send() left is not sent again. */
const PARTIAL = all(
  data("", (text) => text.slice(924)),
  (one) => {
    const text = 'sendto(4<socket:[7]>, "The"..., 1024, 0, NULL, 0) = 100 (INJECTED)';
    one.events.push({ at: 99, type: "call", text });
  },
);

const READS_LITTLE = prints((line) => line.replace("receiving 3000", `receiving ${toSize(number(3000n, 8, true))}`));

const SERVERS: Case[] = [
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
  ["more data than a file has", data("^GET-odd2", (text) => `${text}\0\0`), "1.3", "the last block was filled up"],
  ["prints without -v", only(/^GET$/, adds("server waiting on port 1")), "5.7", 'print only if "-v" is in sys.argv'],
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
    only(/lines-DEL-missing/, adds("server deleting file lines-DEL.txt", "c")),
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
    only(/PUT/, moves(/receiving \d/, "g"), moves(/request/, "g")),
    "",
  ],
  ["receiving is said when it is done", moves(/receiving \d/, "g"), "5.4", "print it before they move"],
  ["sending is said before it is asked for", moves(/sending/, "c"), "5.9", "it came before"],
  [
    "another text for a missing file",
    says((text) => text.replace(/(\S+) does not exist/, "file $1 not found")),
    "6.1, 6.2",
    'came     "ERROR: file none.txt not found"',
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
  ["goes on after an error", only(/^GET-missing/, says((text) => `${text}OK`, "c")), "6.1"],
  [
    "open() of a folder crashes",
    only(
      /^(lines-)?PUT-folder/,
      crashes('open(filename, "wb")', "IsADirectoryError: [Errno 21] Is a directory: 'folder'"),
    ),
    "6.3, 8.3",
    "os.access() and exists() are true for a folder too",
  ],
  [
    "refuses what os.access() does not find",
    only(
      /PUT|pieces|-size/,
      (one) => playOf(one).data !== "" && says(() => `ERROR: unable to create file ${playOf(one).name}`, "c")(one),
    ),
    "2.1",
    "is false for a file that is not there yet",
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
    "does not overwrite a file that is there",
    only(/^over/, says(() => "ERROR: unable to create file over.txt", "c")),
    "2.5",
    "PUT overwrites a file that exists",
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
  ["no data is ever sent", only(/GET(?!-0)/, says(() => "", "g")), "1.1, 1.2", "it was never sent"],
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
    only(/^GET-missing/, adds("Error: none.txt not found", "b", "stderr")),
    "5.7",
  ],
  ["a part that is not sent again", only(/^partial/, PARTIAL), "7.15", "send() may take a part only"],
  [
    "a second client is served",
    only(/^both/, (one) => one.events.splice(2, 0, { at: 1, type: "came", bytes: "READY", on: 2 })),
    "8.2",
    "no thread or process for each",
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
    'bind(("", port)) takes clients from everywhere',
  ],
  ["127.0.1.1 alone", events("connected", (event) => event.host = "127.0.1.1"), "8.5", "it listens on 127.0.1.1 alone"],
  ["closes late once, which is right", only(/^GET$/, events("ended", () => null)), ""],
  [
    "counts the bytes of all clients together",
    only(/-again/, prints((line) => line.replace("receiving 1500", "receiving 4500"))),
    "5.4",
    "something is left of the client before",
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
    only(/^after-errors$/, word("OK", "ERROR: none.txt does not exist")),
    "8.3",
    "something is left of the client before",
  ],
  [
    "crashes for a folder that is not there",
    only(/^PUT-nowhere/, crashes('open(filename, "wb")', "FileNotFoundError: [Errno 2] No such file or directory")),
    "6.3, 8.3",
    "open(filename",
  ],
  ["makes the folder of a name, which is right", only(/^PUT-nowhere/, says(() => "OK", "c")), ""],
];

// After the file's last byte, and not part of what is taken for the file.
const ADDS_NEWLINE: Change = (one) => {
  const index = one.events.findIndex((event) => event.type === "heard" && event.step === "f");
  if (index >= 0) one.events.splice(index, 0, { at: one.events[index]!.at, type: "came", bytes: "\n" });
};
const COMPLETE = prints((line) => line.replace(/^Complete$/, ""));

const CLIENTS: Case[] = [
  ["its command before READY", hurries("b"), REQUEST, 'it did not wait for "a. server: READY"'],
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
  ["small letters", word("READY", "ready"), "1.5", "the case of the letters counts"],
  ["a size as text", size(String), "2.6, 2.7", "that is the number as text"],
  [
    "a size as text and the data at once",
    all(size(String), only(/PUT|huge-file|large-PUT|blocks|partial/, hurries("f"))),
    "2.6, 2.7",
    "that is the number as text",
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
  ["DONE in the file", stores((text) => `${text}DONE`), "1.5, 1.6", "DONE became part of the file"],
  [
    "DONE in the file, and sizes as floating-point numbers",
    all(stores((text) => `${text}DONE`), prints((line) => line.replace("9223372036854775813", "9223372036854775808"))),
    "1.5, 1.6, 7.13",
    "can't hold it",
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
  ["an empty file that takes its first byte of DONE", only(/^client-GET-0$/, stores(() => "D")), "1.6"],
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
    "letters of an error's name",
    prints((line) => line.replace("server error: OR:r", "server error: r")),
    "6.5, 6.7",
    "lstrip() removes letters, not a prefix",
  ],
  [
    "the prefix of an error",
    prints((line) => line.replace("server error: ", "server error: ERROR: ")),
    ERRORS,
    'the prefix "ERROR: " is removed',
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
  ["a part that is not sent again", only(/partial/, PARTIAL), "7.16", "send() may take a part only"],
  [
    "a size is read as signed",
    only(/signed-size/, prints((line) => line.replace("9223372036854775813", "-9223372036854775803"))),
    "7.13",
    "can't hold it",
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
  ["a newline after the file", only(/^client-PUT/, ADDS_NEWLINE), "2.6, 2.8", "line ends were changed"],
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
  ["stops at DONE in the data", only(/GET-odd1/, stores((text) => text.slice(0, -4))), "1.7"],
  [
    "connects to another port",
    only(/^(?!.*(missing|folder))/, (one) => one.events = [{ at: 1, type: "unconnected" }]),
    REQUEST,
    "the host and the port that are the first two arguments",
  ],
];

Deno.test("a program that does everything right holds to every sentence", () => {
  for (const about of ["client", "server"] as const) {
    const { sentences, causes } = judge(session(about), { isStrict: true });
    const others = sentences.filter(({ outcome, id }) =>
      outcome !== "holds" && !["7.15", "7.16", "8.1", "8.3", "8.4"].includes(id)
    );
    assertEquals([causes, others], [[], []]);
  }
});

for (const [about, cases] of [["server", SERVERS], ["client", CLIENTS]] as [Role, Case[]][]) {
  Deno.test(`${cases.length} mistakes of a ${about} are a cause each, with the sentences that they cost`, () => {
    const wrong = cases.flatMap(([name, change, fails, words = "", count = fails === "" ? 0 : 1]) => {
      const result = judge(session(about, change), { isStrict: true });
      const failed = result.sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id).join(", ");
      const text = report(result, false, (_, line) => line).join("\n");
      const isSaid = text.replace(/\s+/g, " ").includes(words.replace(/\s+/g, " "));
      return failed === fails && result.causes.length === count && isSaid ? [] : [{ name, fails, failed, words, text }];
    });
    assertEquals(wrong, []);
  });
}

Deno.test("what a crash hides is not shown, and says why", () => {
  const { sentences } = judge(session("server", only(/GET/, stops("c"))));
  const hidden = sentences.filter(({ outcome }) => outcome === "not shown").map(({ id }) => id);
  for (const id of ["1.2", "1.3", "1.4"]) assertEquals(hidden.includes(id), true, id);
  assertEquals(
    sentences.find(({ id }) => id === "1.2")?.reason,
    'at step "c. server: OK" came it closed the connection instead',
  );
});

Deno.test("a server that does not serve the next client fails by the client that waits", () => {
  for (const [play, id] of [["PUT", "8.1"], ["idle", "8.1"], ["after-errors", "8.3"], ["after-vanish", "8.4"]]) {
    const made = session("server");
    const index = made.recordings.findIndex((one) => one.play === play);
    made.recordings.splice(index, 0, { ...made.recordings[index]!, ...RETRIED } as Recording);
    const { causes } = judge(made, { isStrict: true });
    assertEquals([play, causes.map(({ sentences }) => sentences)], [play, [[id]]]);
  }
});

Deno.test("a server that serves one client needs no other hint for the client that comes late", () => {
  const made = session("server");
  for (const play of ["PUT", "idle"]) {
    const index = made.recordings.findIndex((one) => one.play === play);
    made.recordings.splice(index, 0, { ...made.recordings[index]!, ...RETRIED } as Recording);
  }
  const { causes } = judge(made);
  assertEquals(causes.map(({ sentences }) => sentences), [["8.1"]]);
  assertStringIncludes(causes[0]!.finding.hint ?? "", "in a loop that never ends");
});
Deno.test("where the first cause ends the run, no rule is judged whose plays are still to come", () => {
  const made = session("server", only(/^(huge|signed)-size$/, says((text) => `${text}DONE`, "e")));
  const failed = (): string[] =>
    judge(made, { isFirst: true }).sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id);
  assertEquals(failed(), ["7.11"]);
  made.recordings = made.recordings.filter(({ play }) => play !== "pieces");
  assertEquals(failed(), []);
});
Deno.test("one mistake fits a screen of 24 lines of 80 letters, and twelve fit three screens", () => {
  const plain = (change: Change): string[] => report(judge(session("server", change)), false, (_, line) => line);
  const one = plain(word("READY", "READY\n"));
  assertEquals([one.length <= 22, one.filter((line) => line.length > 80)], [true, []], one.join("\n"));
  assertStringIncludes(one.join("\n"), "1. server.py: GET follows steps a to h (1.1)\n   also     2.1, 3.1\n");
  const twelve = plain(all(...Array.from({ length: 12 }, (_, index) => SERVERS[4 * index]![1])));
  assertEquals([twelve.length <= 72, twelve.filter((line) => line.length > 80)], [true, []], twelve.join("\n"));
});

Deno.test("output without a newline counts, though it shows at the program's end alone", () => {
  const made = session("server");
  const { run } = made.recordings.find(({ play }) => play === "GET")!;
  const last = made.recordings.findLast((one) => one.run === run)!;
  last.events.push({ type: "line", at: 9e9, stream: "stdout", text: "server waiting", isUnended: true });
  assertEquals(judge(made).causes.map(({ sentences }) => sentences), [["5.7"]]);
});

Deno.test("the JUnit file is valid XML whatever a program prints", () => {
  const xml = junit(judge(session("server", word("READY", "\xef\xbf\xbf]]>\x1b\ud800<&"))));
  assertEquals(/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(xml), false);
  assertEquals(xml.includes("]]>\x1b"), false);
});
