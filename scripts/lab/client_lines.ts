/** What the document says about the lines that the client prints: section 4. */

import { STEPS, type Verb, VERBS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import type { Check } from "./check.ts";
import { BASE } from "./client_checks.ts";
import { assertLines, beginDel, beginGet, beginPut, complete, finish, meet } from "./client_plays.ts";
import { Failure } from "./failure.ts";
import { content } from "./files.ts";
import { COMPLETE_HINT } from "./hints.ts";
import { EARLY_MS, type Program, type Programs } from "./program.ts";
import type { Talk } from "./talk.ts";

const { GET, PUT } = STEPS;

// The lines have a size that some programs write as 2,000.
const DATA = content(2000);
const MOMENT = "a line that is printed a step too early or late looks the same when all goes well";

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

/** Section 4. */
export const CLIENT_LINES: Check[] = [
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
];
