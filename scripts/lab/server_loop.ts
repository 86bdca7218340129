/** What the document says about one client after another: section 8. */

import { STEPS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content } from "./files.ts";
import type { Programs } from "./program.ts";
import { beginPut, del, get, put } from "./server_checks.ts";
import { refuse, REFUSED } from "./server_errors.ts";

const { GET, PUT } = STEPS;
const DATA = wire("hello");
// Longer than the timeout that students give accept().
const IDLE_MS = 2500;

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

/** Section 8. */
export const SERVER_LOOP: Check[] = [
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
