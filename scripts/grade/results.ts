/** What is given back: a folder for each hand-in, and the table of the class. */

import { stringify } from "@std/csv";
import { printable } from "../../lib/printable.ts";
import { capped } from "../lab/page/frame.tsx";
import { reportPage } from "../lab/page/report_page.tsx";
import { junit } from "../lab/report.ts";
import { classPage } from "./class_page.tsx";
import type { Handin } from "./handins.ts";
import { explained, pointsOf } from "./marks.ts";
import { type Ledger, numberOf, type Outcome, type Row, shownNotes } from "./rows.ts";

/** The outcome that was written before, under a name or anonymously; its digest says of which files and check. */
export async function readOutcome(handin: Handin, { out }: Ledger): Promise<Outcome | undefined> {
  const folder = await folderOf(handin, out);
  return await Deno.readTextFile(`${out}/${folder}/result.json`).then(JSON.parse).catch(() => undefined);
}

async function folderOf(handin: Handin, out: string): Promise<string | undefined> {
  for await (const { name } of Deno.readDir(out)) if (name.endsWith(numberOf(handin))) return name;
  return undefined;
}

/** Writes the folder of a hand-in. What counts of it is `result.json`, which comes last. */
export async function writeHandin(row: Row, outcome: Outcome, ledger: Ledger): Promise<void> {
  const { out, isGradescope } = ledger;
  const folder = `${out}/${row.folder}`;
  const before = await folderOf(row.handin, out);
  if (before === undefined) await Deno.mkdir(folder);
  else if (before !== row.folder) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.rename(`${out}/${before}`, folder);
  }
  const { result, pictures, status, points, of, parts, label: author } = row;
  const mark = points === undefined ? "No mark" : `${points} of ${of} points (${parts})`;
  const notes = [
    ...status === "graded" ? [] : [[status, ...shownNotes(row, ledger).map(capped)].join("; ")],
    ...points === undefined ? [] : [explained(ledger.points)],
  ];
  const files = {
    "report.html": result && pictures && reportPage(result, pictures, { author, mark, notes }),
    "junit.xml": result && junit(result),
    ...isGradescope ? { "results.json": gradescope(row, ledger) } : {},
    "result.json": `${JSON.stringify(outcome, undefined, 1)}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    if (text !== undefined) await replace(`${folder}/${name}`, text);
    else await Deno.remove(`${folder}/${name}`).catch(() => {});
  }
}

/** Writes the table and the page of the class, of which `all` is how many hand-ins there are. */
export async function writeClass(rows: Row[], all: number, ledger: Ledger): Promise<void> {
  const { out, isAnonymous } = ledger;
  const header = ["name", "id", "points", "of", "status", "causes", "late", "notes", "folder"];
  const table = rows.map(({ handin: { name, id }, points = "", of, status, result, late, notes, folder }) => {
    const causes = result?.causes.map(({ sentences }) => sentences.join(" ")).join("; ") ?? "";
    return [name, id, points, of, status, causes, late, notes.join("; "), folder].map(defused);
  });
  await replace(`${out}/grades.csv`, stringify([header, ...table], { headers: false, crlf: true, bom: true }));
  // The order of the names would tell whose row it is.
  const shown = isAnonymous ? rows.toSorted((a, b) => a.label < b.label ? -1 : 1) : rows;
  await replace(`${out}/index.html`, classPage(shown, all, ledger));
}

/** Writes a file whole, or leaves it as it was. */
export async function replace(path: string, data: string | Uint8Array): Promise<void> {
  const draft = `${path}.draft`;
  try {
    await Deno.writeFile(draft, typeof data === "string" ? new TextEncoder().encode(data) : data);
    await Deno.rename(draft, path);
  } catch (error) {
    // A full disk has room for a part.
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

// A spreadsheet runs a cell that begins like a formula, and in some countries a semicolon ends one, and a terminal runs what a program printed.
function defused(cell: string | number): string | number {
  if (typeof cell === "number") return cell;
  return printable(cell.replaceAll(/(?<=^|;\s*)(?=[=+\-@\t\r])/g, "'"));
}

/** The results as Gradescope's autograder format has them. */
function gradescope(row: Row, ledger: Ledger): string {
  const { result, each, points = 0 } = row;
  const shown = result?.sentences.filter(({ id }) => each.has(id)) ?? [];
  const tests = shown.map(({ id, about, title, outcome, reason }) => {
    const finding = result?.causes.find((cause) => cause.about === about && cause.sentences.includes(id))?.finding;
    const why = finding &&
      [`expected ${finding.expected}`, `came ${finding.came}`, finding.hint && `likely ${finding.hint}`];
    return {
      number: id,
      name: `${about}: ${title}`,
      score: each.get(id),
      max_score: pointsOf(id, ledger.points),
      status: outcome === "holds" ? "passed" : "failed",
      output: printable([outcome, ...why ?? [reason]].filter(Boolean).join(": ")),
    };
  });
  const output = [...shownNotes(row, ledger), explained(ledger.points)].join("\n");
  return `${JSON.stringify({ score: points, output, tests }, undefined, 1)}\n`;
}
