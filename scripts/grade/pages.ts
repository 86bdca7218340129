/** The pages of a hand-in and of the class. */

import type { Result } from "../lab/causes.ts";
import type { Session } from "../lab/recording.ts";
import { report } from "../lab/report.ts";
import type { Row } from "./rows.ts";

/** The page of a hand-in. */
export function handinPage({ label }: Row, result: Result, _session: Session): string {
  return page(label, `<pre>${escaped(report(result, true, (_, text) => text).join("\n"))}</pre>`);
}

/** The page of the class: a row a hand-in. */
export function classPage(rows: Row[]): string {
  const lines = rows.map(({ label, folder, result, status, points, of }) => {
    const name = result ? `<a href="${encodeURIComponent(folder)}/report.html">${escaped(label)}</a>` : escaped(label);
    return `<tr><td>${name}<td>${points ?? ""}<td>${of}<td>${status}</tr>`;
  });
  return page("Class", `<table>${lines.join("\n")}</table>`);
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>${body}</html>\n`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => entities[char]!);
}
