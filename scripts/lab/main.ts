/** Checks whether a client and a server speak the lab's protocol: `deno task lab --help`. */

import { type Arguments, readCommandLine, UsageError } from "../../lib/cli/arguments.ts";
import { onEndSignal } from "../../lib/cli/signals.ts";
import { within } from "../../lib/within.ts";
import { command } from "../../tests/support/programs.ts";
import type { Check, Result } from "./check.ts";
import { CHECKS } from "./checks.ts";
import { Failure } from "./failure.ts";
import { Programs } from "./program.ts";
import { heading, junit, resultLines, summary } from "./report.ts";

const USAGE = `Usage: deno task lab [options]

Plays the other side of your programs as the lab's document has it, and says for
each sentence of the document whether it holds.

  --server COMMAND  your server; {port} stands for the port
  --client COMMAND  your client; {host}, {port}, {command} and {file} stand for
                    its arguments
                    (without both, this project's own programs are checked)
  --only LIST       only these sections or checks, such as 2.3 or 1,6.5
  --strict          also what the document leaves open or makes optional
  --timeout S       wait at most S seconds for a message (default 3)
  --junit FILE      write the results as a JUnit file too
  --list            list the checks, and run none
  -h, --help        show this text

Exit status: 0 all hold, 1 one does not, 2 the command line is wrong.

Example:
  deno task lab --server "python3 /path/to/server.py {port}" \\
    --client "python3 /path/to/client.py {host} {port} {command} {file}"
`;

const OPTIONS = { flags: ["strict", "list"], values: ["server", "client", "only", "timeout", "junit"] };
// A check has a dozen waits at most; a program that is slow at each must not hold up the run for ever.
const WAITS = 15;
// Programs that start slowly, as often as a check starts them.
const CHECK_MS = 60_000;

interface Task {
  isOwn: boolean;
  commands: { client: string | undefined; server: string | undefined };
  checks: Check[];
  isStrict: boolean;
  isList: boolean;
  timeoutMs: number;
  junit: string | undefined;
}

function readTask(args: Arguments): Task {
  if (args.positional.length > 0) throw new UsageError(`unexpected argument "${args.positional[0]}"`);
  const own = (program: "client" | "server"): string => command(program).map((word) => `'${word}'`).join(" ");
  const isOwn = args.value("server") === undefined && args.value("client") === undefined;
  const commands = {
    server: isOwn ? `${own("server")} {port}` : args.value("server"),
    client: isOwn ? `${own("client")} {host} {port} {command} {file}` : args.value("client"),
  };
  if (commands.server && !commands.server.includes("{port}")) {
    throw new UsageError("option --server needs {port} in its command");
  }
  for (const word of ["{port}", "{command}", "{file}"]) {
    if (commands.client && !commands.client.includes(word)) {
      throw new UsageError(`option --client needs ${word} in its command`);
    }
  }
  const only = args.value("only")?.split(",");
  const unknown = only?.find((id) => !CHECKS.some((check) => isIn(check, id)));
  if (unknown !== undefined) throw new UsageError(`there is no section or check ${unknown}; --list shows them`);
  const checks = CHECKS.filter((check) => commands[check.about] && (!only || only.some((id) => isIn(check, id))));
  if (checks.length === 0) {
    throw new UsageError(
      `option --only ${args.value("only")} names no check of the ${commands.client ? "client" : "server"}`,
    );
  }
  return {
    commands,
    isOwn,
    checks,
    isStrict: args.has("strict"),
    isList: args.has("list"),
    timeoutMs: 1000 * (args.integer("timeout", 1, 1000) ?? 3),
    junit: args.value("junit"),
  };
}

function isIn({ id }: Check, section: string): boolean {
  return id === section || id.startsWith(`${section}.`);
}

async function runCheck(check: Check, failed: Set<string>, { commands, isStrict, ...task }: Task): Promise<Result> {
  const needed = check.needs?.find((id) => failed.has(id));
  const missing = check.strict && !isStrict
    ? `${check.strict}; --strict runs it`
    : needed
    ? `it needs ${needed}, which fails`
    : check.missing?.();
  if (missing) return { check, outcome: "left out", message: missing, seconds: 0 };
  const timeoutMs = Math.max(task.timeoutMs, check.leastTimeoutMs ?? 0);
  const start = performance.now();
  await using programs = new Programs({ client: commands.client ?? "", server: commands.server ?? "" }, timeoutMs);
  running = programs;
  const seconds = (): number => (performance.now() - start) / 1000;
  try {
    const limitMs = CHECK_MS + WAITS * timeoutMs;
    const done = within(check.run(programs).then(() => true), limitMs);
    if (!await done) throw new Failure(`the check took longer than ${limitMs / 1000} seconds`);
    return { check, outcome: "holds", seconds: seconds() };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { message, hint } = error;
    const trace = [...programs.trace, ...programs.program.transcript];
    return { check, outcome: "fails", message, hint, trace, seconds: seconds() };
  }
}

// The programs of the check that is under way.
let running: Programs | undefined;

async function main(): Promise<number> {
  onEndSignal(async (status) => {
    await running?.[Symbol.asyncDispose]();
    Deno.exit(status);
  });
  const task = await readCommandLine({ name: "lab", usage: USAGE, options: OPTIONS }, readTask);
  if (typeof task === "number") return task;
  if (task.isList) {
    for (const { id, about, title, strict } of task.checks) {
      console.log(`${id.padEnd(4)} ${about}: ${title}${strict ? ` (--strict: ${strict})` : ""}`);
    }
    return 0;
  }
  if (task.isOwn) console.log("This project's own programs are checked; --server and --client name others.");
  const results: Result[] = [];
  for (const check of task.checks) {
    if (check.id.split(".")[0] !== results.at(-1)?.check.id.split(".")[0]) console.log(heading(check.id));
    const failed = new Set(results.flatMap(({ check, outcome }) => outcome === "fails" ? [check.id] : []));
    const result = await runCheck(check, failed, task);
    results.push(result);
    console.log(resultLines(result).join("\n"));
  }
  console.log(`\n${summary(results)}`);
  if (task.junit) await Deno.writeTextFile(task.junit, junit(results));
  return results.some(({ outcome }) => outcome === "fails") ? 1 : 0;
}

Deno.exit(await main());
