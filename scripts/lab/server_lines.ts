/** What the document says about the lines that the server prints: section 5. */

import { STEPS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content } from "./files.ts";
import { lineHint } from "./hints.ts";
import { EARLY_MS, type Programs } from "./program.ts";
import { beginPut, del, get, put } from "./server_checks.ts";
import { refuse, REFUSED } from "./server_errors.ts";
import type { Talk } from "./talk.ts";

const { GET, PUT } = STEPS;
const DATA = wire("hello");
// Their size is in a line, and some programs write it as 2,000.
const LINE_DATA = content(2000);

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

/** Section 5. */
export const SERVER_LINES: Check[] = [
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
];
