/** What is given back: a folder for each hand-in, and the table of the class. */

import { stringify } from "@std/csv";
import { classPage, type ClassRow } from "../lab/page/class_page.tsx";
import { reportPage } from "../lab/page/report_page.tsx";
import type { Session } from "../lab/recording.ts";
import { junit } from "../lab/report.ts";
import type { Ledger, Outcome, Row } from "./rows.ts";

/** Writes the folder of a hand-in, whole or not at all; without a session, its pages stay as they are. */
export async function writeHandin(
  row: Row,
  outcome: Outcome,
  session: Session | undefined,
  { out, isGradescope }: Ledger,
): Promise<void> {
  const folder = `${out}/${row.folder}`;
  const isNew = session !== undefined || !outcome.result;
  const draft = isNew ? await Deno.makeTempDir({ dir: out, prefix: ".draft_" }) : folder;
  const write = (name: string, text: string): Promise<void> => replace(`${draft}/${name}`, text);
  if (outcome.result && session) {
    await write("report.html", reportPage(outcome.result, session));
    await write("junit.xml", junit(outcome.result));
  }
  if (isGradescope) await write("results.json", gradescope(row));
  await write("result.json", `${JSON.stringify(outcome, undefined, 1)}\n`);
  if (!isNew) return;
  await Deno.chmod(draft, 0o755);
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.rename(draft, folder);
}

/** Writes the table and the page of the class. */
export async function writeClass(rows: Row[], { out, isAnonymous }: Ledger): Promise<void> {
  const header = ["name", "id", "points", "of", "status", "causes", "late", "notes"];
  const table = rows.map((row) => {
    const causes = row.result?.causes.map(({ sentences }) => sentences.join(" ")).join("; ");
    const { handin: { name, id }, points, of, status, late, notes } = row;
    return [name, id, points ?? "", of, status, causes ?? "", late, notes.join("; ")].map(defused);
  });
  await replace(`${out}/grades.csv`, stringify([header, ...table], { headers: false, crlf: true, bom: true }));
  // The order of the names would tell whose row it is.
  const shown = isAnonymous ? rows.toSorted((a, b) => a.label < b.label ? -1 : 1) : rows;
  await replace(`${out}/index.html`, classPage(shown.map((row) => pageRow(row, isAnonymous))));
}

function pageRow(row: Row, isAnonymous: boolean): ClassRow {
  const { label, handin, folder, points, of, status, result, late, notes } = row;
  const { causes = [], sentences = [] } = result ?? {};
  const lateness = late === "" ? [] : [late === "late" ? late : `${late} minutes late`];
  const titles = new Map(sentences.map(({ id, title }) => [id, title]));
  return {
    name: label,
    id: isAnonymous ? undefined : handin.id,
    points,
    of,
    status,
    causes: [...lateness, ...notes, ...causes.map(({ sentences: [id = ""] }) => `${id} ${titles.get(id)}`)],
    link: result && `${folder}/report.html`,
    failed: sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id),
  };
}

/** Writes a file whole, or leaves it as it was. */
export async function replace(path: string, data: string | Uint8Array): Promise<void> {
  const draft = `${path}.draft`;
  await Deno.writeFile(draft, typeof data === "string" ? new TextEncoder().encode(data) : data);
  await Deno.rename(draft, path);
}

// A spreadsheet runs a cell that begins like a formula.
function defused(cell: string | number): string | number {
  return typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
}

/** The results as Gradescope's autograder format has them. */
function gradescope({ result, each, points, notes }: Row): string {
  const tests = result?.sentences.filter(({ id }) => each.has(id)).map(({ id, title, outcome, reason }) => ({
    number: id,
    name: title,
    score: each.get(id),
    status: outcome === "holds" ? "passed" : "failed",
    output: [outcome, ...reason ? [reason] : []].join(": "),
  }));
  return `${JSON.stringify({ score: points ?? 0, output: notes.join("\n"), tests: tests ?? [] }, undefined, 1)}\n`;
}
