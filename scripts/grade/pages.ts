/** The pages of a hand-in and of the class. */

import type { Result } from "../lab/causes.ts";
import type { Session } from "../lab/recording.ts";
import { report } from "../lab/report.ts";

/** A row of the class's page. */
export interface ClassRow {
  name: string;
  id?: string | undefined;
  /** Unknown where the check failed. */
  points?: number | undefined;
  of: number;
  status: string;
  /** The gravest first. */
  causes: string[];
  /** The path of its report, relative to the page. */
  link?: string | undefined;
  /** The numbers of the sentences that do not hold. */
  failed: string[];
}

/** The page of a hand-in. */
export function reportPage(result: Result, _session: Session): string {
  const names = Object.values(result.programs).join(" and ");
  return page(names, `<pre>${escaped(report(result, true, (_, text) => text).join("\n"))}</pre>`);
}

/** The page of the class: a row a hand-in. */
export function classPage(rows: ClassRow[]): string {
  const lines = rows.map(({ name, link, points, of, status, causes }) => {
    const shown = link ? `<a href="${escaped(link)}">${escaped(name)}</a>` : escaped(name);
    return `<tr><td>${shown}<td>${points ?? ""} of ${of}<td>${status}<td>${escaped(causes.join("; "))}</tr>`;
  });
  return page("Lab check of a class", `<table>${lines.join("\n")}</table>`);
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>${body}</html>\n`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => entities[char]!);
}
