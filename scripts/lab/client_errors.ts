/** What the document says about the client's errors, and the server's that it prints: section 6. */

import { STEPS } from "../../lib/protocol.ts";
import type { Check } from "./check.ts";
import { assertLines, beginPut, finish, meet, ownError, refused } from "./client_plays.ts";
import { Failure } from "./failure.ts";
import { content } from "./files.ts";

const { PUT } = STEPS;

/** Section 6. */
export const CLIENT_ERRORS: Check[] = [
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
];
