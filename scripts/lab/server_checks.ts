/** What the document says about the server: sections 1 to 3, one conversation each. */

import { STEPS } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import type { Check } from "./check.ts";
import { Failure } from "./failure.ts";
import { content, NAMES, ODD, SIZES } from "./files.ts";
import { storedHint } from "./hints.ts";
import type { Programs } from "./program.ts";
import type { Talk } from "./talk.ts";

const { GET, PUT, DEL } = STEPS;
const STOP_HINT =
  "it may wait for more data: count the bytes, stop after <# bytes> (big-endian), and do not wait for the client to close";

/** Plays a client's GET up to the data. */
export async function beginGet(talk: Talk, name: string, size: number): Promise<void> {
  await talk.hear(GET[0], "READY");
  await talk.say(GET[1], `GET ${name}`);
  await talk.hearAlone(GET[2], "OK");
  await talk.say(GET[3], "READY");
  await talk.hearSize(GET[4], BigInt(size));
  await talk.say(GET[5], "OK");
}

/** Plays a client's PUT up to the data. */
export async function beginPut(talk: Talk, name: string, size: number): Promise<void> {
  await talk.hear(PUT[0], "READY");
  await talk.say(PUT[1], `PUT ${name}`);
  await talk.hearAlone(PUT[2], "OK");
  await talk.say(PUT[3], BigInt(size));
  // Of an empty file DONE may follow at once.
  await (size > 0 ? talk.hearAlone(PUT[4], "OK") : talk.hear(PUT[4], "OK"));
}

/** Plays a client's GET of a file, and closes: some servers wait for that. */
export async function get(talk: Talk, name: string, data: Uint8Array): Promise<void> {
  await beginGet(talk, name, data.length);
  await talk.hearData(GET[6], data);
  await talk.hear(GET[7], "DONE");
  await talk.hearEnd(GET[7]);
  talk.close();
}

/** Plays a client's PUT of a file; the data leaves in pieces of some bytes. */
export async function put(talk: Talk, name: string, data: Uint8Array, pieceBytes = 1024): Promise<void> {
  await beginPut(talk, name, data.length);
  if (data.length > 0) await talk.sayData(PUT[5], data, pieceBytes);
  await talk.hear(PUT[6], "DONE", STOP_HINT);
  await talk.hearEnd(PUT[6]);
  talk.close();
}

/** Plays a client's DEL; `onDone` is called at once when DONE has come. */
export async function del(talk: Talk, name: string, onDone = (): Promise<void> => Promise.resolve()): Promise<void> {
  await talk.hear(DEL[0], "READY");
  await talk.say(DEL[1], `DEL ${name}`);
  await talk.hear(DEL[2], "DONE");
  await onDone();
  await talk.hearEnd(DEL[2]);
  talk.close();
}

/** Fails unless a file of the program's holds the data. */
export async function assertHolds(
  programs: Programs,
  name: string,
  data: Uint8Array,
  hint?: string,
): Promise<void> {
  const path = programs.folder.at(name);
  // It may still be closing the file.
  let held: Uint8Array | undefined;
  for (const deadline = performance.now() + 1000; performance.now() < deadline;) {
    held = await Deno.readFile(path).catch(() => undefined);
    if (held && held.length === data.length && held.every((byte, index) => byte === data[index])) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (!held) throw new Failure(`after DONE there is no file "${name}" in the program's folder`);
  const at = held.findIndex((byte, index) => byte !== data[index]);
  const where = at < 0 || at >= data.length ? "" : `, and differs from byte ${at} on`;
  throw new Failure(
    `the file has ${held.length} bytes where ${data.length} were sent${where}`,
    hint ?? storedHint(data, held),
  );
}

async function getOne(programs: Programs, name: string, data: Uint8Array): Promise<void> {
  await Deno.writeFile(programs.folder.at(name), data);
  await get(await programs.startServer().connect(), name, data);
}

async function putOne(programs: Programs, name: string, data: Uint8Array): Promise<void> {
  await put(await programs.startServer().connect(), name, data);
  await assertHolds(programs, name, data);
}

async function delOne(programs: Programs, name: string): Promise<void> {
  await Deno.writeTextFile(programs.folder.at(name), "text");
  await del(await programs.startServer().connect(), name, async () => {
    if ((await programs.folder.names()).includes(name)) throw new Failure(`at DONE the file "${name}" is still there`);
  });
}

function sized(action: typeof getOne): Check["run"] {
  return async (programs) => {
    for (const size of SIZES) {
      programs.trace.splice(0, Infinity, `a file of ${size} bytes:`);
      await action(programs, `file${size}`, content(size));
    }
  };
}

/** Sections 1 to 3. */
export const CONVERSATIONS: Check[] = [
  {
    id: "1.1",
    about: "server",
    title: "GET follows steps a to h",
    run: (programs) => getOne(programs, "f.txt", wire("hello")),
  },
  {
    id: "1.2",
    about: "server",
    needs: ["1.1"],
    title: "GET announces and sends files of any size",
    run: sized(getOne),
  },
  {
    id: "1.3",
    about: "server",
    needs: ["1.1"],
    title: "GET sends any kind of file, as raw bytes",
    run: async (programs) => {
      for (const [index, data] of ODD.entries()) await getOne(programs, `f${index}.bin`, data);
    },
  },
  {
    id: "1.4",
    about: "server",
    needs: ["1.1"],
    title: "GET takes names with spaces and in UTF-8",
    run: async (programs) => {
      for (const name of NAMES) await getOne(programs, name, wire("hello"));
    },
  },
  {
    id: "2.1",
    about: "server",
    title: "PUT follows steps a to g",
    run: (programs) => putOne(programs, "f.txt", wire("hello")),
  },
  { id: "2.2", about: "server", needs: ["2.1"], title: "PUT stores files of any size", run: sized(putOne) },
  {
    id: "2.3",
    about: "server",
    needs: ["2.1"],
    title: "PUT stores any kind of file, as raw bytes",
    run: async (programs) => {
      for (const [index, data] of ODD.entries()) await putOne(programs, `f${index}.bin`, data);
    },
  },
  {
    id: "2.4",
    about: "server",
    needs: ["2.1", "1.4"],
    title: "PUT takes names with spaces and in UTF-8",
    run: async (programs) => {
      for (const name of NAMES) await putOne(programs, name, wire("hello"));
    },
  },
  {
    id: "2.5",
    about: "server",
    needs: ["2.1"],
    title: "PUT overwrites a file that exists",
    run: async (programs) => {
      await Deno.writeTextFile(programs.folder.at("f.txt"), "a longer text than the new one");
      await putOne(programs, "f.txt", wire("short"));
    },
  },
  {
    id: "3.1",
    about: "server",
    title: "DEL follows steps a to c, and deletes",
    run: (programs) => delOne(programs, "f.txt"),
  },
  {
    id: "3.2",
    about: "server",
    needs: ["3.1", "1.4"],
    title: "DEL takes names with spaces and in UTF-8",
    run: async (programs) => {
      for (const name of NAMES) await delOne(programs, name);
    },
  },
];
