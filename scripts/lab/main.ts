/** Checks whether a client and a server speak the lab's protocol: `deno task lab --help`. */

import { type Arguments, readCommandLine, UsageError } from "../../lib/cli/arguments.ts";
import { onEndSignal } from "../../lib/cli/signals.ts";
import { printable } from "../../lib/printable.ts";
import type { Role } from "../../lib/protocol.ts";
import { isIn, judge, type Result } from "./causes.ts";
import { CheckError, fromCommand, fromFile, type Launch } from "./launch.ts";
import type { Play } from "./plays.ts";
import type { Session } from "./recording.ts";
import { again, junit, report, ROLES } from "./report.ts";
import { RULES } from "./rules.ts";
import { newSession, type Programs, run, type RunOptions } from "./run.ts";

const USAGE = `Usage: deno task lab [options] [client.py] [server.py]

Plays the other side of your programs as the lab's document has it, and says
which of the document's sentences do not hold, and why.

A file is started by what it is: .py, .js, .ts, .jar, .java, .sh or an
executable; a name with "server" in it is the server's. Without any, this
project's own programs are checked.

  --server COMMAND  your server, if it is no file; {port} stands for the port
  --client COMMAND  your client; {host}, {port}, {command} and {file} stand for
                    its arguments
  --only LIST       only these sections or sentences, such as 2.3 or 1,6.5
  --strict          also what the document leaves open or makes optional
  --timeout S       wait at most S seconds for a message (default 3)
  --first           stop at the first cause
  --watch           run again when a program is saved
  --verbose         show every sentence
  --junit FILE      write the results as a JUnit file too
  --record FILE     keep all that happened, as JSON
  --replay FILE     judge what --record kept, and start nothing
  --list            list the sentences, and run none
  -h, --help        show this text

Exit status: 0 all that was asked holds, 1 something does not, 2 it could not be
checked.

Example:
  deno task lab client.py server.py
`;

const OPTIONS = {
  flags: ["strict", "list", "first", "watch", "verbose"],
  values: ["server", "client", "only", "timeout", "junit", "record", "replay"],
};
const PROJECT = `${import.meta.dirname}/../..`;

interface Task {
  programs: Programs;
  files: string[];
  /** The words that name the programs. */
  words: string[];
  options: RunOptions;
  isList: boolean;
  isVerbose: boolean;
  isWatch: boolean;
  junit: string | undefined;
  record: string | undefined;
  replay: string | undefined;
}

async function readTask(args: Arguments): Promise<Task> {
  // `deno task` runs in the project's folder, and says where it was called.
  const cwd = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  const path = (option: string): string | undefined => {
    const given = args.value(option);
    return given === undefined || given.startsWith("/") ? given : `${cwd}/${given}`;
  };
  const only = args.value("only")?.split(",");
  const unknown = only?.find((name) => !RULES.some((rule) => isIn(rule, [name])));
  if (unknown !== undefined) throw new UsageError(`there is no section or sentence ${unknown}; --list shows them`);
  const given = rolesOf(args);
  const isOwn = Object.keys(given).length === 0 && !args.value("replay");
  const programs: Programs = {};
  for (const role of ROLES) {
    const command = args.value(role);
    if (command !== undefined) programs[role] = fromCommand(role, checked(role, command));
    else if (given[role] !== undefined) programs[role] = await fromFile(role, given[role], cwd);
    else if (isOwn && !args.value("client") && !args.value("server")) programs[role] = await ownProgram(role);
  }
  const isAbout = (role: Role): boolean => programs[role] !== undefined || args.value("replay") !== undefined;
  if (!RULES.some((rule) => isAbout(rule.about) && isIn(rule, only))) {
    throw new UsageError(`option --only ${args.value("only")} names no sentence of the ${ROLES.find(isAbout)}`);
  }
  return {
    programs,
    files: Object.values(given).map((file) => file.startsWith("/") ? file : `${cwd}/${file}`),
    words: ROLES.flatMap((role) => programs[role]?.argument ?? []),
    options: {
      only,
      isStrict: args.has("strict"),
      timeoutMs: 1000 * (args.integer("timeout", 1, 1000) ?? 3),
      isFirst: args.has("first"),
    },
    isList: args.has("list"),
    isVerbose: args.has("verbose"),
    isWatch: args.has("watch"),
    junit: path("junit"),
    record: path("record"),
    replay: path("replay"),
  };
}

/** Which of the files is which. */
function rolesOf(args: Arguments): Partial<Record<Role, string>> {
  const files = args.positional;
  if (files.length > 2) throw new UsageError(`unexpected argument "${files[2]}"`);
  const nameOf = (file: string): string => file.split("/").at(-1)!.toLowerCase();
  const role = (file: string): Role | undefined => ROLES.find((name) => nameOf(file).includes(name));
  const [first, second] = files;
  if (first === undefined) return {};
  if (second === undefined) {
    const only = role(first) ?? (args.value("client") ? "server" : args.value("server") ? "client" : undefined);
    if (!only) {
      throw new UsageError(`is "${first}" a client or a server? Its name does not say so; give both, the client first`);
    }
    return { [only]: first };
  }
  return role(first) === "server" && role(second) !== "server"
    ? { client: second, server: first }
    : { client: first, server: second };
}

function checked(role: Role, command: string): string {
  for (const word of role === "server" ? ["{port}"] : ["{port}", "{command}", "{file}"]) {
    if (!command.includes(word)) throw new UsageError(`option --${role} needs ${word} in its command`);
  }
  return command;
}

async function ownProgram(role: Role): Promise<Launch> {
  const compiled = Deno.env.get(`BLOCKFERRY_${role.toUpperCase()}`);
  return { ...await fromFile(role, compiled ?? `${PROJECT}/${role}.ts`, Deno.cwd()), argument: [] };
}

/** Says on a terminal what is being played. */
function progress(play?: Play): void {
  if (!Deno.stderr.isTerminal()) return;
  const text = play ? `playing ${play.id.replace("client-", "")} with the ${play.about} …` : "";
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

async function writeFile(path: string | undefined, text: string): Promise<void> {
  if (path === undefined) return;
  await Deno.writeTextFile(path, text).catch((error) => {
    throw new CheckError(`${path} can't be written: ${error.message}`);
  });
}

async function readSession(path: string): Promise<Session> {
  try {
    const session: Session = JSON.parse(await Deno.readTextFile(path));
    if (session.version === 1) return session;
  } catch (error) {
    throw new CheckError(`${path} can't be read: ${(error as Error).message}`);
  }
  throw new CheckError(`${path} is no recording of this version`);
}

/** Runs the check, or judges a recording, and reports. */
async function check(task: Task, signal: AbortSignal): Promise<number> {
  const session = task.replay ? await readSession(task.replay) : newSession(task.programs);
  try {
    if (!task.replay) await run(task.programs, { ...task.options, signal, session, onPlay: progress });
  } finally {
    progress();
    const result = judge(session, task.options);
    await writeFile(task.record, `${JSON.stringify(session)}\n`);
    await writeFile(task.junit, junit(result));
    if (signal.aborted) console.error("lab: interrupted");
  }
  return show(judge(session, task.options), task);
}

function show(result: Result, task: Task): number {
  console.log(report(result, task.isVerbose).join("\n"));
  const isHeld = result.sentences.some(({ outcome }) => outcome === "holds");
  if (result.causes.length === 0) {
    if (!isHeld) console.error("lab: nothing could be checked; --verbose says why");
    return isHeld ? 0 : 2;
  }
  if (!task.replay) console.log(`\n${again(result, task.words)}`);
  return 1;
}

/** Awaits that one of the programs is saved. */
async function saved(files: string[], signal: AbortSignal): Promise<void> {
  console.log("\nWaiting until a program is saved; Ctrl-C ends.");
  using watcher = Deno.watchFs(files);
  signal.addEventListener("abort", () => watcher.close(), { once: true });
  for await (const { kind } of watcher) if (kind === "modify" || kind === "create" || kind === "remove") break;
  // An editor writes in several steps.
  await new Promise((resolve) => setTimeout(resolve, 300));
}

async function main(): Promise<number> {
  const ending = new AbortController();
  let status = 0;
  onEndSignal((code) => {
    status = code;
    ending.abort(new CheckError("interrupted"));
  });
  try {
    const task = await readCommandLine({ name: "lab", usage: USAGE, options: OPTIONS }, readTask);
    if (typeof task === "number") return task;
    if (task.isList) {
      const asked = RULES.filter((rule) => (task.programs[rule.about] || task.replay) && isIn(rule, task.options.only));
      for (const { id, about, title, strict } of asked) {
        console.log(`${id.padEnd(4)} ${about}: ${title}${strict ? ` (--strict: ${strict})` : ""}`);
      }
      return 0;
    }
    if (task.words.length === 0 && !task.replay) {
      console.log("This project's own programs are checked; --help shows how to name others.");
    }
    if (!task.isWatch || task.files.length === 0) return await check(task, ending.signal);
    while (!ending.signal.aborted) {
      await check(task, ending.signal).catch((error) => {
        if (!(error instanceof CheckError)) throw error;
        console.error(`lab: ${printable(error.message)}`);
      });
      if (!ending.signal.aborted) await saved(task.files, ending.signal);
    }
    return status;
  } catch (error) {
    if (ending.signal.aborted) return status;
    if (!(error instanceof CheckError)) throw error;
    console.error(`lab: ${printable(error.message)}`);
    return 2;
  }
}

Deno.exit(await main());
