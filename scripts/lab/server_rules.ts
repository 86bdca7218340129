/** What the document says about the server beside the conversations: lines, errors, streams, one client after another. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { readTrace, traced } from "../../tests/support/trace.ts";
import { wire } from "../../tests/support/raw.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content, HUGE_BYTES, makeHuge, PART_BYTES } from "./files.ts";
import { lineHint, SIZE_HINT } from "./hints.ts";
import { assertBlocks, CAPPED, memoryOf, noProc, noStrace, SENDING_CALLS, SPARSE_BYTES, SPARSE_MS } from "./measure.ts";
import type { Programs } from "./program.ts";
import type { Talk } from "./talk.ts";
import { assertHolds, beginGet, beginPut, del, get, put } from "./server_checks.ts";

const { GET, PUT, DEL } = STEPS;
const DATA = wire("hello");
// Their size is in a line, and some programs write it as 2,000.
const LINE_DATA = content(2000);
// Longer than a line takes from a program to this one.
const EARLY_MS = 300;
// Longer than the timeout that students give accept().
const IDLE_MS = 2500;
// Long enough that a server that takes a file for whole has said so.
const DONE_MS = 500;
// Requests that every server must refuse; a folder in a file's place stops every user, root too.
const REFUSED = ["GET none", "DEL none", "PUT folder"];

/** One of the server's lines, in a conversation that has it. */
function line(
  id: string,
  title: string,
  expected: (port: number, address: string) => string,
  verb: "GET" | "PUT" | "DEL",
): Check {
  const run = async (programs: Programs): Promise<void> => {
    if (verb !== "PUT") await Deno.writeFile(programs.folder.at("f.txt"), LINE_DATA);
    const server = programs.startServer({ isVerbose: true });
    const talk = await server.connect();
    const wanted = expected(server.port, talk.address);
    const limitMs = Math.min(programs.timeoutMs, 2000);
    const play = {
      GET: () => get(talk, "f.txt", LINE_DATA),
      PUT: () => beginPut(talk, "f.txt", LINE_DATA.length),
      DEL: () => del(talk, "f.txt"),
    }[verb];
    await play();
    await programs.program.line(wanted, limitMs);
    if (verb === "PUT" && !programs.program.lines.includes(wanted)) {
      await talk.sayData(PUT[5], LINE_DATA, LINE_DATA.length);
      await talk.hear(PUT[6], "DONE");
      await programs.program.line(wanted, limitMs);
      if (programs.program.lines.includes(wanted)) {
        throw new Failure(
          `"${wanted}" should come before the bytes; it came after them`,
          "print it before the first recv()",
        );
      }
    }
    // "The actual client IP could be represented differently", as by a socket for IPv6 and IPv4.
    const lines = programs.program.lines.map((line) => line.replace("::ffff:", ""));
    if (!lines.includes(wanted)) {
      throw new Failure(`with -v the server should print "${wanted}"`, lineHint(wanted, programs.program));
    }
  };
  return { id, about: "server", needs: [{ GET: "1.1", PUT: "2.1", DEL: "3.1" }[verb]], title, run };
}

/** An error of the server's. */
function refusal(
  id: string,
  title: string,
  request: string,
  error: string,
  step: string,
  more: Partial<Check> = {},
): Check {
  const run = async (programs: Programs): Promise<void> => {
    // A folder in a file's place stops every user, root too.
    await programs.folder.folder("folder");
    const talk = await programs.startServer().connect();
    await talk.hear(GET[0], "READY");
    await talk.say(GET[1].replace("GET <filename>", request.slice(0, 3) + " <filename>"), request);
    await talk.hear(step, error);
    await talk.hearEnd(step, "return after the error: it ends the conversation");
  };
  return { id, about: "server", title, run, ...more };
}

/** A request that the server must answer with an error, whatever its words are. */
async function refuse(talk: Talk, request: string): Promise<void> {
  const steps = STEPS[request.slice(0, 3) as Verb];
  await talk.hear(steps[0], "READY");
  await talk.say(steps[1], request);
  await talk.hear(steps[2], "ERROR: ");
  talk.close();
}

/** A client that leaves at each step; the next one must be served. */
async function vanish(programs: Programs): Promise<void> {
  await Deno.writeFile(programs.folder.at("f"), content(5000));
  const server = programs.startServer();
  const beginnings: ((talk: Awaited<ReturnType<typeof server.connect>>) => Promise<void>)[] = [
    () => Promise.resolve(),
    (talk) => talk.hear(GET[0], "READY"),
    async (talk) => {
      await talk.hear(GET[0], "READY");
      await talk.say(GET[1], "GET f");
      await talk.hear(GET[2], "OK");
    },
    async (talk) => {
      await beginPut(talk, "g", 5000);
      await talk.say(PUT[5], content(2000));
    },
  ];
  for (const begin of beginnings) {
    const talk = await server.connect();
    await begin(talk);
    talk.close();
    await get(await server.connect(), "f", content(5000));
  }
}

/** Sections 5 to 8. */
export const SERVER_RULES: Check[] = [
  line("5.1", `-v: "server waiting on port <port#>"`, (port) => `server waiting on port ${port}`, "GET"),
  line(
    "5.2",
    `-v: "server connected to client at <address>:<port>"`,
    (_, address) => `server connected to client at ${address}`,
    "GET",
  ),
  line("5.3", `-v: "server receiving request: <cmd>"`, () => "server receiving request: GET f.txt", "GET"),
  line(
    "5.4",
    `-v: "server receiving <NNN> bytes" for a PUT`,
    () => `server receiving ${LINE_DATA.length} bytes`,
    "PUT",
  ),
  line("5.5", `-v: "server sending <NNN> bytes" for a GET`, () => `server sending ${LINE_DATA.length} bytes`, "GET"),
  line("5.6", `-v: "server deleting file <filename>" for a DEL`, () => "server deleting file f.txt", "DEL"),
  {
    id: "5.7",
    about: "server",
    needs: ["1.1"],
    title: "without -v the server prints nothing",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      const server = programs.startServer();
      await programs.folder.folder("folder");
      await get(await server.connect(), "f", DATA);
      // Whether these work is another check's question.
      const others = [
        (talk: Talk) => put(talk, "g", DATA),
        (talk: Talk) => del(talk, "g"),
        ...REFUSED.map((request) => (talk: Talk) => refuse(talk, request)),
      ];
      for (const play of others) {
        const talk = await server.connect();
        await play(talk).catch(() => {});
        talk.close();
      }
      const { lines, errorLines } = programs.program;
      // An interpreter's warnings are not the program's output.
      const [first] = [...lines, ...errorLines.filter((line) => line.startsWith("server "))];
      if (first !== undefined) {
        throw new Failure(
          `without -v the server should print nothing; it printed "${first}"`,
          'print only if "-v" is in sys.argv',
        );
      }
    },
  },
  {
    id: "5.8",
    about: "server",
    needs: ["6.1", "6.2", "6.3"],
    title: "-v: what is refused is not said to be sent, received or deleted",
    run: async (programs) => {
      await programs.folder.folder("folder");
      const server = programs.startServer({ isVerbose: true });
      for (const request of REFUSED) await refuse(await server.connect(), request);
      await programs.program.line(`server receiving request: ${REFUSED.at(-1)}`, Math.min(programs.timeoutMs, 2000));
      const line = programs.program.lines.find((line) => /^server (sending|receiving \d|deleting)/.test(line));
      if (line) throw new Failure(`nothing was about to move; the server printed "${line}"`, "check the file before");
    },
  },
  {
    id: "5.9",
    about: "server",
    needs: ["5.5"],
    title: "-v: it prints that it sends when it is about to send the bytes, not before the client's READY",
    strict: "a line that is printed a step too early looks the same when all goes well",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      const talk = await programs.startServer({ isVerbose: true }).connect();
      await talk.hear(GET[0], "READY");
      await talk.say(GET[1], "GET f");
      await talk.hear(GET[2], "OK");
      const line = `server sending ${DATA.length} bytes`;
      await programs.program.line(line, EARLY_MS);
      if (programs.program.lines.includes(line)) throw new Failure(`"${line}" should come after step "${GET[5]}"`);
    },
  },
  refusal("6.1", `GET: "ERROR: <filename> does not exist"`, "GET none", "ERROR: none does not exist", GET[2]),
  refusal("6.2", `DEL: "ERROR: <filename> does not exist"`, "DEL none", "ERROR: none does not exist", DEL[2]),
  refusal(
    "6.3",
    `PUT: "ERROR: unable to create file <filename>"`,
    "PUT folder",
    "ERROR: unable to create file folder",
    PUT[2],
  ),
  refusal(
    "6.4",
    `DEL: "ERROR: unable to delete <filename>"`,
    "DEL folder",
    "ERROR: unable to delete folder",
    DEL[2],
    {
      strict: "the document makes it optional",
    },
  ),
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
    id: "8.1",
    about: "server",
    needs: ["1.1", "2.1", "3.1"],
    title: "the accept() loop runs forever: the next client is served",
    run: async (programs) => {
      const server = programs.startServer();
      await put(await server.connect(), "f", DATA);
      await get(await server.connect(), "f", DATA);
      await del(await server.connect(), "f");
      // "Until the user kills the process": not until nobody has come for a while.
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      await put(await server.connect(), "f", DATA);
    },
  },
  {
    id: "8.2",
    about: "server",
    needs: ["1.1"],
    title: "a single client is served at a time",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      const server = programs.startServer();
      const first = await server.connect();
      await first.hear(GET[0], "READY");
      const second = await server.connect();
      if (!await second.isSilent()) {
        throw new Failure(
          "the second client should wait until the first is served; it got READY at once",
          "serve a connection to its end before the next accept(): no thread or process for each",
        );
      }
      await get(first.goOn(), "f", DATA);
      first.close();
      await get(second, "f", DATA);
    },
  },
  {
    id: "8.3",
    about: "server",
    needs: ["1.1", "6.1", "6.2", "6.3"],
    title: "an error does not end the server",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      await programs.folder.folder("folder");
      const server = programs.startServer();
      for (const request of REFUSED) {
        await refuse(await server.connect(), request);
        await get(await server.connect(), "f", DATA);
      }
    },
  },
  {
    id: "8.4",
    about: "server",
    needs: ["1.1"],
    title: "a client that vanishes at any step does not end the server",
    strict: "the document lets the program crash on other errors",
    run: vanish,
  },
];
