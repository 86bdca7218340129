/** What the document says about streams and blocks, of the server: section 7. */

import { STEPS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import { readTrace, traced } from "../../tests/support/trace.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content, HUGE_BYTES, makeHuge, PART_BYTES } from "./files.ts";
import { SIZE_HINT } from "./hints.ts";
import { assertBlocks, CAPPED, memoryOf, noProc, noStrace, SENDING_CALLS, SPARSE_BYTES, SPARSE_MS } from "./measure.ts";
import { assertHolds, beginGet, beginPut, get, put } from "./server_checks.ts";

const { GET, PUT } = STEPS;
const DATA = wire("hello");
// Long enough that a server that takes a file for whole has said so.
const DONE_MS = 500;

/** Section 7. */
export const SERVER_STREAMS: Check[] = [
  {
    id: "7.1",
    about: "server",
    needs: ["2.1"],
    title: "PUT: data that arrives in small pieces is stored whole",
    run: async (programs) => {
      await put(await programs.startServer().connect(), "f", content(3000), 100);
      await assertHolds(programs, "f", content(3000));
    },
  },
  {
    id: "7.2",
    about: "server",
    needs: ["1.1"],
    title: "GET sends file data in 1024-byte blocks",
    missing: noStrace,
    run: async (programs) => {
      const data = content(100_000);
      await Deno.writeFile(programs.folder.at("f"), data);
      const trace = programs.folder.at(".trace");
      const prefix = `${traced([], SENDING_CALLS, trace).join(" ")} `;
      await get(await programs.startServer({ prefix }).connect(), "f", data);
      assertBlocks("server", await readTrace(trace), data.length);
    },
  },
  {
    id: "7.3",
    about: "server",
    needs: ["1.1"],
    title: "GET never holds the entire file in memory",
    missing: noProc,
    leastTimeoutMs: SPARSE_MS,
    run: async (programs) => {
      await Deno.writeTextFile(programs.folder.at("large"), "");
      await Deno.truncate(programs.folder.at("large"), SPARSE_BYTES);
      const talk = await programs.startServer({ prefix: CAPPED }).connect();
      await beginGet(talk, "large", SPARSE_BYTES);
      await talk.skipData(GET[6], SPARSE_BYTES);
      await talk.hear(GET[7], "DONE");
      await memoryOf(programs.program, "server");
    },
  },
  {
    id: "7.4",
    about: "server",
    needs: ["1.1", "2.1"],
    title: "a message may arrive in two pieces",
    strict: "programs that follow the document alone read a message with one recv()",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      const server = programs.startServer();
      const reader = await server.connect();
      await reader.hear(GET[0], "READY");
      await reader.say(GET[1], "GET f");
      await reader.hear(GET[2], "OK");
      await reader.sayData(GET[3], wire("READY"), 2);
      await reader.hearSize(GET[4], BigInt(DATA.length));
      await reader.sayData(GET[5], wire("OK"), 1);
      await reader.hearData(GET[6], DATA);
      await reader.hear(GET[7], "DONE");
      reader.close();
      const writer = await server.connect();
      await writer.hear(PUT[0], "READY");
      await writer.say(PUT[1], "PUT f");
      await writer.hear(PUT[2], "OK");
      await writer.sayData(PUT[3], wire(BigInt(DATA.length)), 3);
      await writer.hear(PUT[4], "OK");
      await writer.sayData(PUT[5], DATA, DATA.length);
      await writer.hear(PUT[6], "DONE");
    },
  },
  {
    id: "7.9",
    about: "server",
    needs: ["2.1"],
    title: "PUT never holds the entire file in memory",
    missing: noProc,
    leastTimeoutMs: SPARSE_MS,
    run: async (programs) => {
      const talk = await programs.startServer({ prefix: CAPPED }).connect();
      await beginPut(talk, "large", SPARSE_BYTES);
      await talk.sayZeros(PUT[5], SPARSE_BYTES);
      await memoryOf(programs.program, "server");
      await talk.hear(PUT[6], "DONE");
    },
  },
  {
    id: "7.11",
    about: "server",
    needs: ["2.1"],
    title: "PUT: a size above 2^32 is read whole",
    run: async (programs) => {
      const talk = await programs.startServer().connect();
      await talk.hear(PUT[0], "READY");
      await talk.say(PUT[1], "PUT f");
      await talk.hear(PUT[2], "OK");
      await talk.say(PUT[3], BigInt(HUGE_BYTES));
      // A server may find that the disk has no room for it.
      if (await talk.isRefusal()) return;
      await talk.hear(PUT[4], "OK");
      await talk.say(PUT[5], "hello");
      if (await talk.isSilent(DONE_MS)) return;
      await talk.hear(PUT[6], "DONE");
      throw new Failure(`it said DONE after 5 of ${HUGE_BYTES} bytes`, SIZE_HINT);
    },
  },
  {
    id: "7.12",
    about: "server",
    needs: ["1.1"],
    title: "GET: a file of more than 2^32 bytes is announced, and sent",
    run: async (programs) => {
      await makeHuge(programs.folder.at("f"));
      const talk = await programs.startServer().connect();
      await beginGet(talk, "f", HUGE_BYTES);
      await talk.skipData(GET[6], PART_BYTES, SIZE_HINT);
    },
  },
];
