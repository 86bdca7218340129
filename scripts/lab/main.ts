/** Checks whether a client and a server speak the lab's protocol: `deno task lab --help`. */

import { delay } from "@std/async";
import { type Arguments, readCommandLine, UsageError } from "../../lib/cli/arguments.ts";
import { onEndSignal } from "../../lib/cli/signals.ts";
import { systemReason } from "../../lib/errors.ts";
import { basename, dirname } from "../../lib/files/path.ts";
import { printable } from "../../lib/printable.ts";
import type { Role } from "../../lib/protocol.ts";
import { isIn, judge, type Result } from "./causes.ts";
import { CheckError, checkFile, fromCommand, fromFile, userFolder } from "./launch.ts";
import type { Play } from "./play.ts";
import { type Session, VERSION } from "./recording.ts";
import { picturesOf } from "./page/ladder.ts";
import { reportPage } from "./page/report_page.tsx";
import { again, COMMAND, junit, report, ROLES, showProgress } from "./report.ts";
import { RULES } from "./rules.ts";
import { newSession, type Programs, run } from "./run.ts";
import { findSandbox, play as playEnclosed, type Task as PlayTask } from "./sandbox.ts";

const OWN = Deno.build.standalone ? "" : " Without any, this\nproject's own programs are checked.";

const USAGE = `Usage: ${COMMAND} [options] [client.py] [server.py]

Plays the other side of your programs as the lab's document has it, and says
which of the document's sentences do not hold, and why.

A file is started by what it is: .py, .js, .ts, .jar, .java, .sh, .pl, .rb or an
executable; a name with "server" in it is the server's.${OWN}

  --server COMMAND  your server, if it is no file; {port} stands for the port,
                    and paths are whole ones: it runs in a folder of its own
  --client COMMAND  your client; {host}, {port}, {command} and {file} stand for
                    its arguments
  --only LIST       only these sections or sentences, such as 2.3 or 1,6.5
  --strict          also what the document leaves open or makes optional
  --timeout S       wait at most S seconds for a message (default 3)
  --first           stop at the first cause
  --sandbox         let the programs see and change nothing but their own files
  --watch           run again when a program is saved
  --verbose         show every sentence
  --junit FILE      write the results as a JUnit file too
  --html FILE       write a page with pictures of the conversations
  --record FILE     keep all that happened, as JSON
  --replay FILE     judge what --record kept, and start nothing
  --list            list the sentences, and run none
  -h, --help        show this text

Exit status: 0 all that was asked holds, 1 something does not, 2 it could not be
checked.

Example:
  ${COMMAND} client.py server.py
`;

interface Task {
  args: Arguments;
  programs: Programs;
  /** None was named: they are this project's own. */
  isOwn: boolean;
  options: PlayTask["options"];
  cwd: string;
  /** The programs' files, and those that are written or read, as absolute paths. */
  sources: string[];
  files: Record<"junit" | "html" | "record" | "replay", string | undefined>;
}

async function readTask(args: Arguments): Promise<Task> {
  const cwd = userFolder();
  const absolute = (path: string): string => path.startsWith("/") ? path : `${cwd}/${path}`;
  const file = (option: string): string | undefined => args.value(option) && absolute(args.value(option)!);
  const files = { junit: file("junit"), html: file("html"), record: file("record"), replay: file("replay") };
  const only = args.value("only")?.split(",");
  if (only?.includes("")) throw new UsageError("option --only takes a list without spaces, such as 1,6.5");
  const unknown = only?.find((name) => !RULES.some((rule) => isIn(rule, [name])));
  if (unknown !== undefined) throw new UsageError(`there is no section or sentence ${unknown}; --list shows them`);
  if (files.replay && (args.positional.length > 0 || args.has("watch"))) {
    throw new UsageError("option --replay judges a recording: it takes no programs, and not --watch");
  }
  const given = await rolesOf(args, cwd);
  const isOwn = !files.replay && ROLES.every((role) => given[role] === undefined && args.value(role) === undefined);
  if (isOwn && Deno.build.standalone) throw new UsageError("expected a client, a server or both");
  const programs: Programs = {};
  for (const role of ROLES) {
    const command = args.value(role);
    const missing = ["{port}", ...role === "client" ? ["{command}", "{file}"] : []].find((word) =>
      !command?.includes(word)
    );
    if (command !== undefined && missing) throw new UsageError(`option --${role} needs ${missing} in its command`);
    const own = Deno.env.get(`BLOCKFERRY_${role.toUpperCase()}`) ?? `${import.meta.dirname}/../../${role}.ts`;
    if (command !== undefined) programs[role] = fromCommand(role, command);
    else if (given[role] !== undefined) programs[role] = await fromFile(role, given[role], cwd);
    else if (isOwn) programs[role] = { ...await fromFile(role, own, Deno.cwd()), argument: [] };
  }
  if (!files.replay && !RULES.some((rule) => programs[rule.about] && isIn(rule, only))) {
    const [role] = Object.keys(programs);
    throw new UsageError(`option --only ${args.value("only")} names no sentence of the ${role}`);
  }
  const timeoutMs = 1000 * (args.integer("timeout", 1, 1000) ?? 3);
  const options = { only, isStrict: args.has("strict"), isFirst: args.has("first"), timeoutMs };
  if (args.has("sandbox") && (isOwn || files.replay)) throw new UsageError("option --sandbox needs programs to run");
  return { args, programs, isOwn, options, cwd, files, sources: Object.values(given).map(absolute) };
}

async function rolesOf(args: Arguments, cwd: string): Promise<Partial<Record<Role, string>>> {
  const [first, second, third] = args.positional;
  const role = (file: string): Role | undefined =>
    ROLES.find((name) => file.split("/").at(-1)!.toLowerCase().includes(name));
  if (third !== undefined) throw new UsageError(`unexpected argument "${third}"`);
  if (first === undefined) return {};
  if (second !== undefined) {
    if (role(first) && role(first) === role(second)) {
      throw new UsageError(`both files are a ${role(first)}'s, by their names`);
    }
    return role(first) === "server" ? { client: second, server: first } : { client: first, server: second };
  }
  const only = role(first) ?? (args.value("client") ? "server" : args.value("server") ? "client" : undefined);
  if (only) return { [only]: first };
  await checkFile(first, cwd);
  throw new UsageError(`is "${first}" a client or a server? Give both, the client first`);
}

async function writeFile(path: string | undefined, text: string, options?: Deno.WriteFileOptions): Promise<void> {
  if (path === undefined) return;
  await Deno.writeTextFile(path, text, options).catch((error) => {
    throw new CheckError(`${path} can't be written: ${systemReason(error)}`);
  });
}

async function readSession(path: string): Promise<Session> {
  const session = await Deno.readTextFile(path).then(JSON.parse).catch((error) => {
    throw new CheckError(`${path} can't be read: ${systemReason(error)}`);
  });
  if (session?.version !== VERSION || !session.recordings?.length) {
    throw new CheckError(`${path} is no recording of this version`);
  }
  return session;
}

async function runEnclosed({ programs, options, cwd, sources }: Task, signal: AbortSignal): Promise<Session> {
  const words = Object.fromEntries(Object.entries(programs).map(([role, { argument }]) => [role, argument]));
  const isCommand = Object.values(words).some(({ length }) => length > 1);
  const folders = [...sources.map((path) => path.slice(0, path.lastIndexOf("/"))), ...isCommand ? [cwd] : []];
  const task = { programs: words, cwd, options };
  const { session, error } = await playEnclosed(task, await findSandbox(), folders, signal);
  if (error !== undefined) throw new CheckError(error);
  return session;
}

/** Runs the check, or judges a recording, and reports. */
async function check(task: Task, signal: AbortSignal): Promise<number> {
  const { args, programs, options, files } = task;
  // They name the programs on the command line.
  const words = Object.values(programs).flatMap(({ argument }) => argument);
  const onPlay = ({ about, verb }: Play, done: number, all: number): void =>
    showProgress(`${done} of ${all} conversations; now a ${verb} with the ${about} …`);
  let session = files.replay ? await readSession(files.replay) : newSession(programs);
  // Not after all the work.
  for (const path of [files.record, files.junit, files.html]) await writeFile(path, "", { append: true });
  let result: Result;
  try {
    if (args.has("sandbox")) session = await runEnclosed(task, signal);
    else if (!files.replay) await run(programs, { ...options, signal, session, onPlay });
  } finally {
    showProgress("");
    await writeFile(files.record, `${JSON.stringify(session)}\n`);
    result = judge(session, options);
    await writeFile(files.junit, junit(result));
    const about = files.replay ? {} : { words };
    if (files.html) await writeFile(files.html, reportPage(result, picturesOf(result, session), about));
  }
  console.log(report(result, args.has("verbose")).join("\n"));
  if (result.causes.length > 0) {
    if (!files.replay) console.log(`\nRun again what failed: ${again(result, words, task.cwd)}`);
    return 1;
  }
  if (result.sentences.some(({ outcome }) => outcome === "holds")) return 0;
  throw new CheckError("nothing could be checked; --verbose says why");
}

/** Watches files by their folders: one that is replaced is missing for a moment. */
function watch(sources: string[]): Deno.FsWatcher {
  return Deno.watchFs([...new Set(sources.map(dirname))], { recursive: false });
}

function complain(error: unknown): number {
  if (!(error instanceof CheckError)) throw error;
  console.error(`lab: ${printable(error.message)}`);
  return 2;
}

async function main(): Promise<number> {
  const ending = new AbortController();
  let status = 0;
  onEndSignal((code) => {
    status = code;
    ending.abort(new CheckError("interrupted"));
  });
  const task = await readCommandLine({ name: "lab", usage: USAGE }, readTask).catch(complain);
  if (typeof task === "number") return task;
  const { args, programs, files, options, sources, isOwn } = task;
  if (args.has("list")) {
    for (const { id, about, title, strict } of RULES) {
      if (!(programs[about] || files.replay) || !isIn({ id }, options.only)) continue;
      console.log(`${id.padEnd(4)} ${about}: ${title}${strict ? ` (--strict: ${strict})` : ""}`);
    }
    return 0;
  }
  const names = sources.map((path) => basename(path));
  if (isOwn) console.log("This project's own programs are checked; --help shows how to name others.");
  for (;;) {
    // Before the run: a program that is saved in the middle of it is played in two versions.
    using watcher = args.has("watch") && sources.length > 0 ? watch(sources) : undefined;
    const result = await check(task, ending.signal).catch((error) => {
      // Anything may stand in it.
      const isDamaged = files.replay !== undefined && error instanceof TypeError;
      return complain(isDamaged ? new CheckError(`${files.replay} is a damaged recording`) : error);
    });
    if (ending.signal.aborted) return status;
    if (!watcher) return result;
    console.log("\nWaiting until a program is saved; Ctrl-C ends.");
    // Only once: some versions of Deno throw where it is closed already.
    const close = (): void => watcher.close();
    ending.signal.addEventListener("abort", close);
    for await (const { kind, paths } of watcher) {
      if (kind !== "access" && paths.some((path) => names.includes(basename(path)))) break;
    }
    ending.signal.removeEventListener("abort", close);
    // An editor writes in several steps.
    await delay(300);
  }
}

Deno.exit(await main());
