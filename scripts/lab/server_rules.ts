/** What the document says about the server beside the conversations: lines, errors, streams, one client after another. */

import { STEPS } from "../../lib/protocol.ts";
import { readTrace, traced } from "../../tests/support/trace.ts";
import { wire } from "../../tests/support/raw.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content } from "./files.ts";
import { lineHint } from "./hints.ts";
import { assertBlocks, HAS_STRACE, memoryOf, SPARSE_BYTES } from "./measure.ts";
import type { Programs } from "./program.ts";
import { assertHolds, del, get, put } from "./server_checks.ts";

const { GET, PUT, DEL } = STEPS;
const DATA = wire("hello");

/** One of the server's lines, in a conversation that has it. */
function line(
  id: string,
  title: string,
  expected: (port: number, address: string) => string,
  verb: "GET" | "PUT" | "DEL",
): Check {
  const run = async (programs: Programs): Promise<void> => {
    if (verb !== "PUT") await Deno.writeFile(programs.folder.at("my file.txt"), DATA);
    const server = programs.startServer({ isVerbose: true });
    const talk = await server.connect();
    const play = { GET: get, PUT: put, DEL: (talk: Parameters<typeof del>[0], name: string) => del(talk, name) }[verb];
    await play(talk, "my file.txt", DATA);
    const wanted = expected(server.port, talk.address);
    await programs.program.line(wanted, Math.min(programs.timeoutMs, 2000));
    const { lines } = programs.program;
    if (!lines.includes(wanted)) {
      throw new Failure(`with -v the server should print "${wanted}"`, lineHint(wanted, lines));
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
    await programs.folder.folder("a folder");
    const talk = await programs.startServer().connect();
    await talk.hear(GET[0], "READY");
    await talk.say(GET[1].replace("GET <filename>", request.slice(0, 3) + " <filename>"), request);
    await talk.hear(step, error);
    await talk.hearEnd(step);
  };
  return { id, about: "server", title, run, ...more };
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
      await talk.hear(PUT[0], "READY");
      await talk.say(PUT[1], "PUT g");
      await talk.hear(PUT[2], "OK");
      await talk.say(PUT[3], 5000n);
      await talk.hear(PUT[4], "OK");
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
  line("5.3", `-v: "server receiving request: <cmd>"`, () => "server receiving request: GET my file.txt", "GET"),
  line("5.4", `-v: "server receiving <NNN> bytes" for a PUT`, () => `server receiving ${DATA.length} bytes`, "PUT"),
  line("5.5", `-v: "server sending <NNN> bytes" for a GET`, () => `server sending ${DATA.length} bytes`, "GET"),
  line("5.6", `-v: "server deleting file <filename>" for a DEL`, () => "server deleting file my file.txt", "DEL"),
  {
    id: "5.7",
    about: "server",
    needs: ["1.1"],
    title: "without -v the server prints nothing",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      await get(await programs.startServer().connect(), "f", DATA);
      const [first] = programs.program.lines;
      if (first !== undefined) {
        throw new Failure(
          `without -v the server should print nothing; it printed "${first}"`,
          'print only if "-v" is in sys.argv',
        );
      }
    },
  },
  refusal("6.1", `GET: "ERROR: <filename> does not exist"`, "GET no file", "ERROR: no file does not exist", GET[2]),
  refusal("6.2", `DEL: "ERROR: <filename> does not exist"`, "DEL no file", "ERROR: no file does not exist", DEL[2]),
  refusal(
    "6.3",
    `PUT: "ERROR: unable to create file <filename>"`,
    "PUT a folder",
    "ERROR: unable to create file a folder",
    PUT[2],
  ),
  refusal(
    "6.4",
    `DEL: "ERROR: unable to delete <filename>"`,
    "DEL a folder",
    "ERROR: unable to delete a folder",
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
    missing: () => HAS_STRACE() ? undefined : "strace is not installed",
    run: async (programs) => {
      const data = content(100_000);
      await Deno.writeFile(programs.folder.at("f"), data);
      const trace = programs.folder.at(".trace");
      const prefix = `${traced([], "sendto,sendmsg,write,writev", trace).join(" ")} `;
      await get(await programs.startServer({ prefix }).connect(), "f", data);
      assertBlocks("server", await readTrace(trace));
    },
  },
  {
    id: "7.3",
    about: "server",
    needs: ["1.1"],
    title: "GET never holds the entire file in memory",
    missing: () => Deno.build.os === "linux" ? undefined : "it reads Linux's /proc",
    run: async (programs) => {
      await Deno.writeTextFile(programs.folder.at("large"), "");
      await Deno.truncate(programs.folder.at("large"), SPARSE_BYTES);
      const talk = await programs.startServer().connect();
      await talk.hear(GET[0], "READY");
      await talk.say(GET[1], "GET large");
      await talk.hear(GET[2], "OK");
      await talk.say(GET[3], "READY");
      await talk.hearSize(GET[4], BigInt(SPARSE_BYTES));
      await talk.say(GET[5], "OK");
      await talk.skipData(GET[6], SPARSE_BYTES);
      await talk.hear(GET[7], "DONE");
      await memoryOf(programs.program, "server");
    },
  },
  {
    id: "7.4",
    about: "server",
    needs: ["1.1"],
    title: "a message may arrive in two pieces",
    strict: "programs that follow the document alone read a message with one recv()",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      const talk = await programs.startServer().connect();
      await talk.hear(GET[0], "READY");
      await talk.say(GET[1], "GET f");
      await talk.hear(GET[2], "OK");
      await talk.sayData(GET[3], wire("READY"), 2);
      await talk.hearSize(GET[4], BigInt(DATA.length));
      await talk.sayData(GET[5], wire("OK"), 1);
      await talk.hearData(GET[6], DATA);
      await talk.hear(GET[7], "DONE");
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
      await second.hearEnd("before READY");
      await get(first.goOn(), "f", DATA);
      first.close();
      await get(second, "f", DATA);
    },
  },
  {
    id: "8.3",
    about: "server",
    needs: ["1.1", "6.1"],
    title: "an error does not end the server",
    run: async (programs) => {
      await Deno.writeFile(programs.folder.at("f"), DATA);
      const server = programs.startServer();
      const talk = await server.connect();
      await talk.hear(GET[0], "READY");
      await talk.say(GET[1], "GET none");
      await talk.hear(GET[2], "ERROR: none does not exist");
      talk.close();
      await get(await server.connect(), "f", DATA);
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
