/** Checks the hand-ins of a class, each in a sandbox: `deno task grade --help`. */

import { type Arguments, readCommandLine, UsageError } from "../../lib/cli/arguments.ts";
import { onEndSignal } from "../../lib/cli/signals.ts";
import { basename, dirname, join, resolve } from "../../lib/files/path.ts";
import { printable } from "../../lib/printable.ts";
import { CheckError, userFolder } from "../lab/launch.ts";
import { count } from "../lab/page/frame.tsx";
import { findSandbox, NO_SANDBOX } from "../lab/sandbox.ts";
import { gradeClass } from "./class.ts";
import { fill } from "./gradebook.ts";
import { DEFAULT_POINTS, JUDGED, type Points, pointsOf, readPoints } from "./marks.ts";
import { replace } from "./results.ts";
import { type Row, tally } from "./rows.ts";

const COMMAND = Deno.build.standalone ? "blockferry-lab grade" : "deno task -q grade";

const USAGE = `Usage: ${COMMAND} [options] HANDINS

Checks every hand-in of a class as the lab check does, in a sandbox, and writes
marks and a page for each. HANDINS is what Brightspace, Canvas or Moodle lets
you download, a zip file or its folder; or any folder with one for each student.

  --out DIR         where the results go (default: HANDINS-grades)
  --gradebook FILE  fill this export of the platform's gradebook, into DIR
  --item NAME       the gradebook's column, if it has several
  --points FILE     what the sentences are worth; --list prints such a file
  --due TIME        report the minutes after it, such as "2026-10-03 23:59"
  --client NAME     files' names that are not like client.py and server.py;
  --server NAME     several may be given, and a hand-in keeps its own
  --again NAME      check this hand-in anew, though nothing has changed;
                    several may be given
  --anonymous       codes instead of names, but in the tables
  --gradescope      write Gradescope's results.json too
  --no-sandbox      run the programs with your rights
  --list            print the sentences and their points, as a points file
  -h, --help        show this text

What was checked before is not checked again, unless the hand-in or the check
has changed. Exit status: 0 all hand-ins have a mark, 1 some need a look, 2 it
could not be done.

Example:
  ${COMMAND} "Lab 3 Download.zip" --gradebook export.csv
`;

/** The points file that is in force, with the sentences to read along. */
function pointsFile(points: Points): string {
  const each = Object.fromEntries(JUDGED.map(({ id }) => [id, pointsOf(id, points)]));
  const sentences = Object.fromEntries(JUDGED.map(({ id, about, title }) => [id, `${about}: ${title}`]));
  return JSON.stringify({ ...points, points: each, sentences }, undefined, 2);
}

/** Reads a time of this machine's zone; a day alone would be its beginning, in UTC. */
function readDue(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const [, year, month, day] = text.match(/^(\d{4})-(\d\d)-(\d\d)[ T]\d\d:\d\d/) ?? [];
  const due = new Date(text);
  // A day that its month does not have would be one of the next.
  const last = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (!isNaN(Number(due)) && Number(day) <= last) return due;
  throw new UsageError(`option --due takes a day and a time, such as "2026-10-03 23:59", not "${text}"`);
}

async function grade(args: Arguments, signal: AbortSignal): Promise<number> {
  const absolute = (path: string): string => resolve(userFolder(), path);
  const failing = (what: string) => (error: Error): never => {
    throw new CheckError(`${what}: ${error.message}`);
  };
  const read = async (option: string): Promise<Uint8Array | undefined> => {
    const path = args.value(option);
    return path === undefined ? undefined : await Deno.readFile(absolute(path)).catch(failing(`${path} can't be read`));
  };
  const [given, other] = Deno.build.standalone ? args.positional.slice(1) : args.positional;
  const due = readDue(args.value("due"));
  const text = await read("points");
  const points = text ? readPoints(new TextDecoder().decode(text), args.value("points")!) : DEFAULT_POINTS;
  if (args.has("list")) {
    console.log(pointsFile(points));
    return 0;
  }
  if (given === undefined || other !== undefined) throw new UsageError("give one folder or zip file with the hand-ins");
  const handins = absolute(given);
  const out = absolute(args.value("out") ?? `${handins.replace(/\.zip$/, "")}-grades`);
  const gradebook = await read("gradebook");
  if (args.has("item") && !gradebook) throw new UsageError("option --item goes with --gradebook");
  // A wrong export is not found out after all the work.
  if (gradebook) fill(gradebook, [], args.value("item"));
  const sandbox = args.has("no-sandbox") ? NO_SANDBOX : await findSandbox().catch(({ message }) => {
    throw new CheckError(`${message}; --no-sandbox runs the programs with your rights`);
  });
  console.log(`Sandbox: ${sandbox.bounds}.`);
  const names = { client: args.values("client"), server: args.values("server") };
  const real = await Deno.realPath(handins).catch(() => {
    throw new CheckError(`there is no folder and no zip file "${handins}"`);
  });
  if ((await Deno.stat(real)).isFile && !/\.zip$/i.test(real)) {
    throw new CheckError(`"${handins}" is no folder and no zip file`);
  }
  if (`${await realOf(out)}/`.startsWith(`${real}/`)) {
    throw new UsageError("DIR can't be in HANDINS; --out names another one");
  }
  const name = args.value("gradebook")?.split("/").at(-1);
  // The table of the class has that name.
  const filled = name === "grades.csv" ? "gradebook.csv" : name;
  if (name && await realOf(`${out}/${filled}`) === await realOf(absolute(args.value("gradebook")!))) {
    throw new UsageError("the gradebook lies in DIR, where the filled one goes; move it elsewhere");
  }
  const isNew = await Deno.stat(out).then(() => false, () => true);
  await Deno.mkdir(out, { recursive: true }).catch(failing(`${out} can't be made`));
  const ledger = { out, points, due, isAnonymous: args.has("anonymous"), isGradescope: args.has("gradescope") };
  const graded = gradeClass({ handins, names, sandbox, ledger, again: args.values("again"), signal });
  const rows = await graded.catch(async (error) => {
    // Unless something is in it.
    if (isNew) await Deno.remove(out).catch(() => {});
    throw error;
  });
  if (gradebook) await fillGradebook(rows, gradebook, args, `${out}/${filled}`);
  for await (const { name } of Deno.readDir(out)) {
    if (!name.endsWith(".csv") || name === "grades.csv" || name === filled) continue;
    console.log(`\n${printable(`${out}/${name}`)} has the marks of an earlier run: --gradebook fills it anew.`);
  }
  if (due && rows.every(({ handin, late }) => handin.at === undefined && late === "")) {
    console.log("\nNo hand-in has a time in its name, so --due reports nothing.");
  }
  const basis = text ? `by ${printable(args.value("points")!)}` : "the default";
  console.log(`\n${count(rows.length, "hand-in")}, ${tally(rows)}. Points: ${basis}. The class: ${out}/index.html`);
  return rows.every(({ status }) => status === "graded") ? 0 : 1;
}

/** The path of what is there, or will be, free of links. */
function realOf(path: string): Promise<string> {
  return Deno.realPath(path).catch(async () => join(await realOf(dirname(path)), basename(path)));
}

async function fillGradebook(rows: Row[], bytes: Uint8Array, args: Arguments, path: string): Promise<void> {
  // A person looks at the others first.
  const marks = rows.map(({ handin: { name, id }, points, of, status }) => (
    { name, id, of, points: status === "graded" ? points : undefined }
  ));
  const { bytes: written, column, filled, replaced, unmatched, missing } = fill(bytes, marks, args.value("item"));
  await replace(path, written);
  console.log(`\n${path}: "${printable(column)}" is filled in ${count(filled, "row")}.`);
  const lists = {
    "Had another mark before": replaced,
    "Left as they were, to be looked at": marks.filter(({ points }) => points === undefined).map(({ name }) => name),
    "Hand-ins without one row of their own": unmatched,
    "Rows without a hand-in": missing,
  };
  for (const [what, names] of Object.entries(lists)) {
    if (names.length > 0) console.log(`${what}: ${printable(names.join("; "))}.`);
  }
}

async function main(): Promise<number> {
  const ending = new AbortController();
  let status: number | undefined;
  onEndSignal((code) => {
    status = code;
    ending.abort(new CheckError("interrupted; what is done is kept, and the same command goes on with the rest"));
  });
  try {
    return await readCommandLine({ name: "grade", usage: USAGE }, (args) => grade(args, ending.signal));
  } catch (error) {
    // A full disk, say; what was done is kept.
    console.error(`grade: ${printable((error as Error).message)}`);
    return status ?? 2;
  }
}

Deno.exit(await main());
