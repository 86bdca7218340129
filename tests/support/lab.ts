/** Runs the lab check, and makes recordings for its rules. */

import type { Role } from "../../lib/protocol.ts";
import type { Play } from "../../scripts/lab/play.ts";
import { bytesOf, PLAYS } from "../../scripts/lab/plays.ts";
import {
  type Event as LabEvent,
  fromUtf8,
  type Recording,
  type Session,
  toSize,
  VERSION,
} from "../../scripts/lab/recording.ts";
import { type Output, PROJECT, run } from "../../scripts/support/programs.ts";

/** The folder of programs that others could have written. */
export const PEERS = `${PROJECT}/scripts/support/peers`;

/** The words that run a script of the lab check: the executable that BLOCKFERRY_LAB names, or the script. */
export function labWords(script: "lab" | "grade", ...args: string[]): string[] {
  const compiled = Deno.env.get("BLOCKFERRY_LAB");
  if (compiled) return [compiled, ...script === "lab" ? [] : [script], ...args];
  const source = `${PROJECT}/scripts/${script}/main.ts`;
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", source, ...args];
}

/** Runs the lab check for a user in the folder of the peers. */
export function lab(...args: string[]): Promise<Output> {
  return run(labWords("lab", ...args), { cwd: PEERS, env: { INIT_CWD: PEERS } });
}

/** The numbers of the sentences that failed, by the line that runs them again. */
export function failed({ stdout }: Output): string[] {
  return stdout.match(/^Run again what failed: .* --only (\S+)$/m)?.[1]?.split(",") ?? [];
}

/** What a program that does everything right would do in a play, as a recording; a moment passes between two events. */
export function rightRecording(play: Play): Recording {
  const port = 12345;
  const isServer = play.about === "server";
  const events: LabEvent[] = [];
  const add = (event: Unplaced): void => void events.push({ at: events.length, ...event } as LabEvent);
  const line = (text: string): void => add({ type: "line", stream: "stdout", text });
  const { verb, name, data, acts } = play;
  const heard = (step: string): boolean => events.some((event) => event.type === "heard" && event.step === step);
  const size = acts.flatMap((act) => act.do === "hear" && "size" in act.expected ? [act.expected.size] : [])[0];
  const announced = acts.flatMap((act) => act.do === "say" && act.bytes.length === 8 ? [toSize(act.bytes)] : [])[0];
  const bytes = size ?? announced ?? BigInt(data.length);
  if (play.verbose && isServer) line(`server waiting on port ${port}`);
  if (!isServer && play.id.endsWith("PUT-missing")) line(`client error: ${name} does not exist`);
  if (!isServer && /GET-(folder|nowhere)$/.test(play.id)) line(`client error: unable to create file ${name}`);
  const isOwnError = events.some((event) => event.type === "line" && event.text.startsWith("client error"));
  for (const act of isOwnError ? [] : acts) {
    if (act.ifAccepted) continue;
    const on = act.on === undefined ? {} : { on: act.on };
    if (act.do === "connect") {
      add({ type: "connected", address: "127.0.0.1:5", host: "127.0.0.1", ...on });
      if (play.verbose && isServer) line("server connected to client at 127.0.0.1:5");
    } else if (act.do === "hear") {
      const { expected, step } = act;
      if (isServer && play.verbose && step === "c") line(`server receiving request: ${verb} ${name}`);
      if (isServer && play.verbose && step === "e" && verb === "PUT") line(`server receiving ${bytes} bytes`);
      if (isServer && play.verbose && step === "g" && verb === "GET") line(`server sending ${bytes} bytes`);
      if (isServer && play.verbose && verb === "DEL" && "word" in expected && step === "c") {
        line(`server deleting file ${name}`);
      }
      if (!isServer && step === "b" && verb === "DEL") line(`client deleting file ${name}`);
      if (!isServer && step === "f") {
        line(`client ${verb === "GET" ? "receiving" : "sending"} file ${name} (${bytes} bytes)`);
      }
      const came = bytesOf(expected);
      const count = came.bytes.length + (came.zeros ?? 0);
      if (count > 0) add({ type: "came", ...came, ...on });
      add({ type: "heard", step, count, ...on });
      if (play.memory && "zeros" in expected) {
        for (const passed of [0, count]) add({ type: "memory", kib: 9000, passed, ms: 5 });
      }
    } else if (act.do === "say") {
      add({ type: "said", step: act.step, bytes: act.bytes, ...act.zeros ? { zeros: act.zeros } : {}, ...on });
      if (act.last) add({ type: "said", step: act.last.step, bytes: act.last.bytes });
      if (play.memory && act.zeros) {
        for (const passed of [0, act.zeros]) add({ type: "memory", kib: 9000, passed, ms: 5 });
      }
      const error = fromUtf8(act.bytes).match(/^ERROR: (.*)/)?.[1];
      if (!isServer && error && !(verb === "GET" && act.step === "g")) line(`server error: ${error}`);
      if (!isServer && bytes < 1e9 && (act.bytes === "DONE" || act.last)) line("Complete");
    } else if (act.do === "finish") {
      for (const type of ["closed", "ended", "left"] as const) add({ type, ...on });
    } else if (act.do === "look") {
      const isStored = verb === (isServer ? "PUT" : "GET") && heard(isServer ? "g" : "f");
      add({ type: "file", name: act.name, file: isStored ? { bytes: data } : null });
    }
  }
  const blocks = (text: string): string =>
    `sendto(4<socket:[7]>, "${text}"..., 1024, 0, NULL, 0) = ${text.length > 3 ? 4 : 1024}`;
  if (play.id === "order") {
    const printed = 'write(1<pipe:[8]>, "server deleting file order.txt", 30) = 30';
    for (const text of [printed, 'unlink("order.txt") = 0', blocks("DONE")]) add({ type: "call", text });
  }
  if (play.id.endsWith("blocks")) {
    for (let left = 100_000; left > 0; left -= 1024) add({ type: "call", text: blocks("The") });
  }
  return { play: play.id, about: play.about, run: play.verbose ? 2 : 1, port, events };
}

type Unplaced = LabEvent extends infer E ? E extends LabEvent ? Omit<E, "at"> : never : never;

/** A session in which a program did everything right, but for what `change` does to its recordings. */
export function session(about: Role, change: (recording: Recording) => void = () => {}): Session {
  const recordings = [...PLAYS.values()].filter((play) => play.about === about).map(rightRecording);
  recordings.forEach(change);
  return { version: VERSION, programs: { [about]: `${about}.py` }, recordings };
}
