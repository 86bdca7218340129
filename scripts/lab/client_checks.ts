/** What the document says about the client: sections 1 to 3, one conversation each. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import type { Check } from "./check.ts";
import { apart, beginGet, complete, finish, meet } from "./client_plays.ts";
import { content, NAMES, ODD, SIZES } from "./files.ts";
import type { Programs } from "./program.ts";
import { assertHolds } from "./server_checks.ts";

const { GET } = STEPS;

/** The check of each whole conversation: without it, those that build on it say nothing. */
export const BASE = { GET: "1.5", PUT: "2.6", DEL: "3.3" };

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

/** Sections 1 to 3. */
export const CLIENT_CONVERSATIONS: Check[] = [
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
];
