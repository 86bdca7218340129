/** Conversations with a client under test, of which we play the server. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import { wire } from "../../tests/support/raw.ts";
import { within } from "../../lib/within.ts";
import { Failure } from "./failure.ts";
import { END_HINT, lineHint, sizeReadHint } from "./hints.ts";
import type { Program, Programs } from "./program.ts";
import { assertHolds } from "./server_checks.ts";
import type { Talk } from "./talk.ts";

const { GET, PUT, DEL } = STEPS;
const DATA = wire("hello");
// Between two messages of ours that are not answered: a program with one recv() a message must not get both at once.
const APART_MS = 100;
// An interpreter may take seconds to start on a busy machine.
const START_MS = 15_000;

/** Awaits a moment, so that two messages do not arrive together. */
export function apart(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, APART_MS));
}

async function ready(talk: Talk): Promise<void> {
  await talk.hearNothing(GET[0], "READY");
  await talk.say(GET[0], "READY");
}

/** Starts the client for a server of ours, and awaits its connection; `prefix` is a command that starts it. */
export async function meet(programs: Programs, verb: Verb, name: string, prefix = ""): Promise<Meeting> {
  const listener = programs.listen();
  const program = programs.startClient(listener.addr.port, verb, name, { prefix });
  return { program, talk: await programs.accept(listener) };
}

/** The client, and the conversation with it. */
export interface Meeting {
  program: Program;
  talk: Talk;
}

/** Says the last message, DONE or an error, and closes as servers do: some clients wait for that before they leave. */
export async function finish(talk: Talk, step: string, message = "DONE"): Promise<void> {
  await talk.say(step, message);
  await talk.end();
}

/** Plays a server's GET up to the data. */
export async function beginGet(talk: Talk, name: string, size: number): Promise<void> {
  await ready(talk);
  await talk.hearAlone(GET[1], `GET ${name}`);
  await talk.say(GET[2], "OK");
  await talk.hearAlone(GET[3], "READY");
  await talk.say(GET[4], BigInt(size));
  await talk.hearAlone(GET[5], "OK");
}

/** Plays a server's PUT up to the data; `beforeData` is called when the client waits for the OK before it. */
export async function beginPut(
  talk: Talk,
  name: string,
  size: number,
  beforeData: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await ready(talk);
  await talk.hearAlone(PUT[1], `PUT ${name}`);
  await talk.say(PUT[2], "OK");
  await talk.hearSize(PUT[3], BigInt(size));
  await beforeData();
  await talk.say(PUT[4], "OK");
}

/** Plays a server's GET; `pieceBytes` cuts the data. */
export async function serveGet(talk: Talk, name: string, data: Uint8Array, pieceBytes = 1024): Promise<void> {
  await beginGet(talk, name, data.length);
  if (data.length > 0) await talk.sayData(GET[6], data, pieceBytes);
  await finish(talk, GET[7]);
}

/** Plays a server's PUT. */
export async function servePut(talk: Talk, name: string, data: Uint8Array): Promise<void> {
  await beginPut(talk, name, data.length);
  await talk.hearData(PUT[5], data);
  await talk.hearNothing(PUT[6], "DONE");
  await finish(talk, PUT[6]);
}

/** Plays a server's DEL up to DONE. Known clients send the command twice. */
export async function beginDel(talk: Talk, name: string): Promise<void> {
  await ready(talk);
  await talk.hear(DEL[1], `DEL ${name}`);
}

async function serveDel(talk: Talk, name: string): Promise<void> {
  await beginDel(talk, name);
  await apart();
  await finish(talk, DEL[2]);
}

/** Runs the client for one whole conversation, and awaits its end. */
export async function complete(programs: Programs, verb: Verb, name: string, data: Uint8Array = DATA): Promise<void> {
  if (verb === "PUT") await Deno.writeFile(programs.folder.at(name), data);
  const { program, talk } = await meet(programs, verb, name);
  await { GET: serveGet, PUT: servePut, DEL: serveDel }[verb](talk, name, data);
  const hint = verb === "GET" ? sizeReadHint(data.length, program.output.stdout) : undefined;
  await program.end(programs.timeoutMs).catch((error) => {
    if (!(error instanceof Failure)) throw error;
    throw new Failure("after DONE the client should exit; it does not end", hint ?? END_HINT);
  });
  if (verb === "GET") await assertHolds(programs, name, data, hint);
}

/** Fails unless the client has printed these lines. */
export function assertLines(programs: Programs, expected: string[], why = ""): void {
  const { program } = programs;
  for (const line of expected) {
    if (!program.lines.includes(line)) {
      throw new Failure(`${why}the client should print "${line}"`, lineHint(line, program));
    }
  }
}

/** Fails unless the client has printed this error, and nothing as if all were well. */
function assertError(programs: Programs, line: string): void {
  assertLines(programs, [line]);
  assertEnd(programs, line);
}

function assertEnd(programs: Programs, line: string): void {
  if (!programs.program.lines.includes("Complete")) return;
  throw new Failure(
    `after "${line}" the client should exit; it printed "Complete"`,
    "leave at once, as by sys.exit(1)",
  );
}

/** The server answers with an error; the client prints it and leaves. */
export async function refused(programs: Programs, verb: Verb, said: string): Promise<void> {
  if (verb === "PUT") await Deno.writeFile(programs.folder.at("f.txt"), DATA);
  const { program, talk } = await meet(programs, verb, "f.txt");
  await talk.say(GET[0], "READY");
  await talk.hear(STEPS[verb][1], `${verb} f.txt`);
  await apart();
  await finish(talk, STEPS[verb][2], `ERROR: ${said}`);
  await program.end(programs.timeoutMs).catch(() => {
    throw new Failure("the client should close the connection and exit when it receives an error; it does not end");
  });
  assertError(programs, `server error: ${said}`);
}

/** The client finds its own error. */
export async function ownError(
  programs: Programs,
  { verb, line, why, mayConnect }: { verb: Verb; line: string; why: string; mayConnect: boolean },
): Promise<void> {
  const listener = programs.listen();
  const program = programs.startClient(listener.addr.port, verb, "f.txt");
  const connection = listener.accept();
  connection.catch(() => {});
  const conn = await within(Promise.race([connection, program.ended.then(() => undefined)]), START_MS);
  if (typeof conn === "object") {
    if (!mayConnect) {
      conn.close();
      throw new Failure(
        "the client should report the error and exit without a connection; it connected",
        "check the file with os.access() before connect()",
      );
    }
    // Some create the file when the size has come.
    const talk = programs.talk(conn, "server");
    await serveGet(talk, "f.txt", DATA).catch(() => {});
  }
  await program.end(programs.timeoutMs);
  // The document says "prints" of the server's errors, and of the client's own "reports to the user".
  if (!program.errorLines.includes(line)) assertLines(programs, [line], why);
  assertEnd(programs, line);
}
