/** What the document says about streams and blocks, of the client: section 7. */

import { STEPS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import { readTrace, traced } from "../../tests/support/trace.ts";
import type { Check } from "./check.ts";
import { apart, assertLines, beginGet, beginPut, finish, meet, serveGet, servePut } from "./client_plays.ts";
import { Failure } from "./failure.ts";
import { content, HUGE_BYTES, makeHuge, PART_BYTES } from "./files.ts";
import { SIZE_HINT } from "./hints.ts";
import { assertBlocks, CAPPED, memoryOf, noProc, noStrace, SENDING_CALLS, SPARSE_BYTES, SPARSE_MS } from "./measure.ts";
import { EARLY_MS } from "./program.ts";
import { assertHolds } from "./server_checks.ts";

const { GET, PUT } = STEPS;

/** Section 7. */
export const CLIENT_STREAMS: Check[] = [
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
];
