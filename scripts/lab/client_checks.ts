/** What the document says about the client. */

import { STEPS, type Verb, VERBS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import { readTrace, traced } from "../../tests/support/trace.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content, HUGE_BYTES, makeHuge, NAMES, ODD, PART_BYTES, SIZES } from "./files.ts";
import { assertBlocks, CAPPED, memoryOf, noProc, noStrace, SENDING_CALLS, SPARSE_BYTES, SPARSE_MS } from "./measure.ts";
import { COMPLETE_HINT, SIZE_HINT } from "./hints.ts";
import type { Program, Programs } from "./program.ts";
import type { Talk } from "./talk.ts";
import {
  apart,
  assertLines,
  beginDel,
  beginGet,
  beginPut,
  complete,
  finish,
  meet,
  ownError,
  refused,
  serveGet,
  servePut,
} from "./client_plays.ts";
import { assertHolds } from "./server_checks.ts";

const { GET, PUT } = STEPS;

// Longer than a line takes from a program to this one.
const EARLY_MS = 300;
// The lines have a size that some programs write as 2,000.
const DATA = content(2000);

// The check of each whole conversation: without it, those that build on it say nothing.
const BASE = { GET: "1.5", PUT: "2.6", DEL: "3.3" };

function sized(verb: "GET" | "PUT"): Check["run"] {
  return async (programs) => {
    for (const size of SIZES) {
      programs.trace.splice(0, Infinity, `a file of ${size} bytes:`);
      await complete(programs, verb, `file${size}`, content(size));
    }
  };
}

async function named(programs: Programs, verb: Verb): Promise<void> {
  for (const name of NAMES) await complete(programs, verb, name);
}

function printed(id: string, verb: Verb, line: string): Check {
  const run = async (programs: Programs): Promise<void> => {
    await complete(programs, verb, "f.txt", DATA);
    assertLines(programs, [line, "Complete"]);
    const { lines } = programs.program;
    if (lines.indexOf(line) > lines.indexOf("Complete")) throw new Failure(`"Complete" should come after "${line}"`);
  };
  return {
    id,
    about: "client",
    needs: [BASE[verb]],
    title: `${verb}: "${line.replace("f.txt", "<filename>").replace(/\d+/, "<NNN>")}", then "Complete"`,
    run,
  };
}

const MOMENT = "a line that is printed a step too early or late looks the same when all goes well";

async function assertPrinted(program: Program, line: string, timeoutMs: number): Promise<void> {
  await program.line(line, timeoutMs);
  if (program.lines.includes(line)) return;
  throw new Failure(
    `"${line}" should have come by now`,
    "print it before the bytes; flush it, if it waits in a buffer",
  );
}

/** Plays each conversation up to DONE, which `end` may say. */
async function untilDone(
  programs: Programs,
  end: (program: Program, talk: Talk, verb: Verb) => Promise<void>,
): Promise<void> {
  const beginnings: Record<Verb, (talk: Talk, name: string) => Promise<void>> = {
    GET: async (talk, name) => {
      await beginGet(talk, name, DATA.length);
      await talk.sayData(GET[6], DATA, 1024);
    },
    PUT: async (talk, name) => {
      await beginPut(talk, name, DATA.length);
      await talk.hearData(PUT[5], DATA);
    },
    DEL: beginDel,
  };
  for (const verb of VERBS) {
    if (verb === "PUT") await Deno.writeFile(programs.folder.at(verb), DATA);
    const { program, talk } = await meet(programs, verb, verb);
    await beginnings[verb](talk, verb);
    await end(program, talk, verb);
  }
}

/** The checks of clients, sections 1 to 7. */
export const CLIENT_CHECKS: Check[] = [
  {
    id: "1.5",
    about: "client",
    title: "GET follows steps a to h",
    run: (programs) => complete(programs, "GET", "f.txt"),
  },
  { id: "1.6", about: "client", needs: ["1.5"], title: "GET stores files of any size", run: sized("GET") },
  {
    id: "1.7",
    about: "client",
    needs: ["1.5"],
    title: "GET stores any kind of file, as raw bytes",
    run: async (programs) => {
      for (const [index, data] of ODD.entries()) {
        const name = `f${index}.bin`;
        const { program, talk } = await meet(programs, "GET", name);
        await beginGet(talk, name, data.length);
        await talk.sayData(GET[6], data, data.length);
        // Apart, so that a client that looks for DONE finds the one in the data.
        await apart();
        await finish(talk, GET[7]).catch(() => {});
        await program.end(programs.timeoutMs);
        await assertHolds(programs, name, data);
      }
    },
  },
  {
    id: "1.8",
    about: "client",
    needs: ["1.5"],
    title: "GET takes names with spaces and in UTF-8",
    run: (programs) => named(programs, "GET"),
  },
  {
    id: "1.9",
    about: "client",
    needs: ["1.5"],
    title: "GET overwrites a file that exists",
    run: async (programs) => {
      await Deno.writeTextFile(programs.folder.at("f.txt"), "a longer text than the new one");
      await complete(programs, "GET", "f.txt");
    },
  },
  {
    id: "2.6",
    about: "client",
    title: "PUT follows steps a to g",
    run: (programs) => complete(programs, "PUT", "f.txt"),
  },
  { id: "2.7", about: "client", needs: ["2.6"], title: "PUT announces and sends files of any size", run: sized("PUT") },
  {
    id: "2.8",
    about: "client",
    needs: ["2.6"],
    title: "PUT sends any kind of file, as raw bytes",
    run: async (programs) => {
      for (const [index, data] of ODD.entries()) await complete(programs, "PUT", `f${index}.bin`, data);
    },
  },
  {
    id: "2.9",
    about: "client",
    needs: ["2.6", "1.8"],
    title: "PUT takes names with spaces and in UTF-8",
    run: (programs) => named(programs, "PUT"),
  },
  {
    id: "3.3",
    about: "client",
    title: "DEL follows steps a to c",
    run: (programs) => complete(programs, "DEL", "f.txt"),
  },
  {
    id: "3.4",
    about: "client",
    needs: ["3.3", "1.8"],
    title: "DEL takes names with spaces and in UTF-8",
    run: (programs) => named(programs, "DEL"),
  },
  printed("4.1", "GET", "client receiving file f.txt (2000 bytes)"),
  printed("4.2", "PUT", "client sending file f.txt (2000 bytes)"),
  printed("4.3", "DEL", "client deleting file f.txt"),
  {
    id: "4.4",
    about: "client",
    needs: ["4.1"],
    title: "GET: it prints no other line",
    strict: "the document does not forbid other lines",
    run: async (programs) => {
      await complete(programs, "GET", "f.txt");
      const { lines } = programs.program;
      if (lines.length > 2) throw new Failure(`the client should print two lines; it printed ${lines.length}`);
    },
  },
  {
    id: "4.5",
    about: "client",
    needs: ["4.2"],
    title: "PUT: it prints its line when it is about to send the bytes, neither before OK nor after them",
    strict: MOMENT,
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f.txt"), wire("hello"));
      const line = "client sending file f.txt (5 bytes)";
      const { program, talk } = await meet(programs, "PUT", "f.txt");
      await beginPut(talk, "f.txt", 5, async () => {
        await program.line(line, EARLY_MS);
        if (program.lines.includes(line)) throw new Failure(`"${line}" should come after step "${PUT[4]}"`);
      });
      await talk.hearData(PUT[5], wire("hello"));
      await assertPrinted(program, line, programs.timeoutMs);
    },
  },
  {
    id: "4.8",
    about: "client",
    needs: ["4.1"],
    title: "GET: it prints its line when it is about to receive the bytes, not after them",
    strict: MOMENT,
    run: async (programs) => {
      const { program, talk } = await meet(programs, "GET", "f.txt");
      await beginGet(talk, "f.txt", 5);
      await assertPrinted(program, "client receiving file f.txt (5 bytes)", programs.timeoutMs);
    },
  },
  {
    id: "4.6",
    about: "client",
    needs: Object.values(BASE),
    title: `it prints "Complete" when it has received DONE, not before`,
    run: (programs) =>
      untilDone(programs, async (program, talk, verb) => {
        await program.line("Complete", EARLY_MS);
        if (program.lines.includes("Complete")) {
          throw new Failure(`${verb}: it printed "Complete" before DONE was sent`, COMPLETE_HINT);
        }
        await finish(talk, STEPS[verb].at(-1)!);
        await program.end(programs.timeoutMs);
      }),
  },
  {
    id: "4.7",
    about: "client",
    needs: [...Object.values(BASE), "4.6"],
    title: `it does not print "Complete" when the server closes without DONE`,
    strict: "the document lets the program crash on other errors",
    run: (programs) =>
      untilDone(programs, async (program, talk, verb) => {
        await talk.end();
        // It may well wait for what does not come, or crash.
        await program.end(EARLY_MS).catch(() => {});
        if (program.lines.includes("Complete")) {
          throw new Failure(`${verb}: it printed "Complete", but the server closed without DONE`, COMPLETE_HINT);
        }
      }),
  },
  {
    id: "6.5",
    about: "client",
    title: `GET: prints "server error: " and the message without "ERROR: "`,
    run: (programs) => refused(programs, "GET", "file f.txt does not exist"),
  },
  {
    id: "6.6",
    about: "client",
    title: "PUT: the same",
    run: (programs) => refused(programs, "PUT", "unable to create file f.txt"),
  },
  {
    id: "6.7",
    about: "client",
    title: "DEL: the same",
    run: (programs) => refused(programs, "DEL", "unable to delete f.txt"),
  },
  {
    id: "6.8",
    about: "client",
    title: `PUT: "client error: <filename> does not exist", without a connection`,
    run: (programs) =>
      ownError(programs, {
        verb: "PUT",
        line: "client error: f.txt does not exist",
        why: "there is no file f.txt here: ",
        mayConnect: false,
      }),
  },
  {
    id: "6.9",
    about: "client",
    title: `GET: "client error: unable to create file <filename>"`,
    run: async (programs) => {
      await programs.folder.folder("f.txt");
      const line = "client error: unable to create file f.txt";
      await ownError(programs, { verb: "GET", line, why: "a folder stands in the file's place: ", mayConnect: true });
    },
  },
  {
    id: "6.10",
    about: "client",
    needs: ["2.6"],
    title: "PUT: an error in the middle of an upload is printed",
    strict: "the document has errors in place of the OK after the command only",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), content(20_000_000));
      const { program, talk } = await meet(programs, "PUT", "f");
      await beginPut(talk, "f", 20_000_000);
      await talk.skipData(PUT[5], 1_000_000);
      await finish(talk, PUT[6], "ERROR: unable to create file f");
      await talk.drain();
      await program.end(programs.timeoutMs);
      assertLines(programs, ["server error: unable to create file f"]);
    },
  },
  {
    id: "6.11",
    about: "client",
    needs: ["6.5"],
    title: "GET: an error of the server's leaves no file behind",
    strict: "the document does not say what becomes of the file",
    run: async (programs) => {
      await refused(programs, "GET", "f.txt does not exist");
      const [name] = await programs.folder.names();
      if (name) throw new Failure(`a file "${name}" is left`, "create the file when the server has said OK");
    },
  },
  {
    id: "7.5",
    about: "client",
    needs: ["1.5"],
    title: "GET: data that arrives in small pieces is stored whole",
    run: async (programs) => {
      const { program, talk } = await meet(programs, "GET", "f");
      await serveGet(talk, "f", content(3000), 100);
      await program.end(programs.timeoutMs);
      await assertHolds(programs, "f", content(3000));
    },
  },
  {
    id: "7.6",
    about: "client",
    needs: ["2.6"],
    title: "PUT sends file data in 1024-byte blocks",
    missing: noStrace,
    run: async (programs) => {
      const data = content(100_000);
      await Deno.writeFile(programs.folder.at("f"), data);
      const trace = programs.folder.at(".trace");
      const prefix = `${traced([], SENDING_CALLS, trace).join(" ")} `;
      const { program, talk } = await meet(programs, "PUT", "f", prefix);
      await servePut(talk, "f", data);
      await program.end(programs.timeoutMs);
      assertBlocks("client", await readTrace(trace), data.length);
    },
  },
  {
    id: "7.7",
    about: "client",
    needs: ["2.6"],
    title: "PUT never holds the entire file in memory",
    missing: noProc,
    leastTimeoutMs: SPARSE_MS,
    run: async (programs) => {
      await Deno.writeTextFile(programs.folder.at("large"), "");
      await Deno.truncate(programs.folder.at("large"), SPARSE_BYTES);
      const { program, talk } = await meet(programs, "PUT", "large", CAPPED);
      await beginPut(talk, "large", SPARSE_BYTES);
      await talk.skipData(PUT[5], SPARSE_BYTES);
      await memoryOf(program, "client");
      await finish(talk, PUT[6]);
      await program.end(programs.timeoutMs);
    },
  },
  {
    id: "7.10",
    about: "client",
    needs: ["1.5"],
    title: "GET never holds the entire file in memory",
    missing: noProc,
    leastTimeoutMs: SPARSE_MS,
    run: async (programs) => {
      const { program, talk } = await meet(programs, "GET", "large", CAPPED);
      await beginGet(talk, "large", SPARSE_BYTES);
      await talk.sayZeros(GET[6], SPARSE_BYTES);
      await memoryOf(program, "client");
      await finish(talk, GET[7]);
      await program.end(programs.timeoutMs);
    },
  },
  {
    id: "7.13",
    about: "client",
    needs: ["1.5", "4.1"],
    title: "GET: a size above 2^32 is read whole",
    run: async (programs) => {
      const { program, talk } = await meet(programs, "GET", "f");
      await beginGet(talk, "f", HUGE_BYTES);
      await talk.say(GET[6], "hello");
      await apart();
      // To a client that awaits more, that is data.
      await talk.say(GET[7], "DONE");
      const line = `client receiving file f (${HUGE_BYTES} bytes)`;
      await program.line(line, programs.timeoutMs);
      await program.line("Complete", EARLY_MS);
      assertLines(programs, [line]);
      if (program.lines.includes("Complete")) {
        throw new Failure(`it printed "Complete" after 9 of ${HUGE_BYTES} bytes`, SIZE_HINT);
      }
    },
  },
  {
    id: "7.14",
    about: "client",
    needs: ["2.6"],
    title: "PUT: a file of more than 2^32 bytes is announced, and sent",
    run: async (programs) => {
      await makeHuge(programs.folder.at("f"));
      const { talk } = await meet(programs, "PUT", "f");
      await beginPut(talk, "f", HUGE_BYTES);
      await talk.skipData(PUT[5], PART_BYTES, SIZE_HINT);
    },
  },
  {
    id: "7.8",
    about: "client",
    needs: ["1.5"],
    title: "a message may arrive in two pieces",
    strict: "programs that follow the document alone read a message with one recv()",
    run: async (programs) => {
      const data = wire("hello");
      const { program, talk } = await meet(programs, "GET", "f");
      await talk.sayData(GET[0], wire("READY"), 2);
      await talk.hear(GET[1], "GET f");
      await talk.sayData(GET[2], wire("OK"), 1);
      await talk.hear(GET[3], "READY");
      await talk.sayData(GET[4], wire(BigInt(data.length)), 3);
      await talk.hear(GET[5], "OK");
      await talk.sayData(GET[6], data, data.length);
      await talk.sayData(GET[7], wire("DONE"), 2);
      await talk.end();
      await program.end(programs.timeoutMs);
      await assertHolds(programs, "f", data);
    },
  },
];
