/** The player as a process of its own, which `sandbox.ts` starts: its last argument is what to play, its output the session. */

import { writeAllSync } from "../../lib/bytes.ts";
import { CheckError, fromCommand, fromFile } from "./launch.ts";
import { CLASSES, newSession, type Programs, run } from "./run.ts";
import { type Played, type Task, WORK } from "./sandbox.ts";
import { slowness } from "./system.ts";

const { programs: named, cwd, options, limitMs, inner }: Task & { inner?: string[] } = JSON.parse(Deno.args.at(-1)!);

/** Puts a sandbox around a program that may write its work folder; strace stays outside, where no program forges it. */
function wrap(words: string[], { cwd }: { cwd: string }): string[] {
  const traced = words.indexOf(`${cwd}.trace`) + 1;
  const classes = `${cwd.slice(0, cwd.lastIndexOf("/"))}/${CLASSES}`;
  const binds = ["--ro-bind-try", classes, classes, "--bind", cwd, cwd, "--chdir", cwd];
  const around = inner!.flatMap((word) => word === WORK ? binds : [word]);
  return [...words.slice(0, traced), ...around, ...words.slice(traced)];
}

// All that runs at the same time: some starts of a program, with bubblewrap around each.
const [MAX_PROCESSES, MAX_PAGES, WATCH_MS] = [100, 3 * 2 ** 18, 300];

/** Ends it all if there are too many processes, or if they have too much memory; none but ours are in this /proc. */
function watch(limit: AbortController): void {
  let [processes, pages] = [0, 0];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    processes++;
    try {
      pages += Number(Deno.readTextFileSync(`/proc/${name}/statm`).split(" ")[1]);
    } catch {
      // It has ended.
    }
  }
  if (processes > MAX_PROCESSES) limit.abort(`it had more than ${MAX_PROCESSES} processes`);
  else if (pages > MAX_PAGES) limit.abort(`it took more than ${MAX_PAGES >> 18} GB of memory`);
}

async function play(): Promise<Played> {
  const programs: Programs = {};
  const limit = new AbortController();
  if (limitMs !== undefined) {
    const ms = limitMs * slowness();
    setTimeout(() => limit.abort(`it took more than ${Math.round(ms / 1000)} seconds`), ms);
  }
  if (inner) setInterval(() => limit.signal.aborted || watch(limit), WATCH_MS);
  const interrupted = (): void => limit.abort("it was interrupted");
  Deno.addSignalListener("SIGTERM", interrupted);
  Deno.stdin.read(new Uint8Array(1)).then(interrupted);
  let session = newSession(programs);
  try {
    for (const role of ["client", "server"] as const) {
      const [word, command] = named[role] ?? [];
      if (word) programs[role] = command ? fromCommand(role, command) : await fromFile(role, word, cwd);
    }
    session = newSession(programs);
    await run(programs, { ...options, session, signal: limit.signal, ...inner ? { wrap } : {} });
    return { session };
  } catch (error) {
    if (limit.signal.aborted) return { session, ended: limit.signal.reason };
    if (!(error instanceof CheckError)) throw error;
    return { session, error: error.message };
  }
}

writeAllSync(Deno.stdout, new TextEncoder().encode(`${JSON.stringify(await play())}\n`));
Deno.exit(0);
