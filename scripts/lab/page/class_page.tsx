/** The hand-ins of a class as a page: a table with links to their reports, and the sentences that fail most. */

import type { VNode } from "preact";
import { RULES } from "../rules.ts";
import { capped, count, listed, page } from "./frame.tsx";

/** One hand-in. */
export interface ClassRow {
  name: string;
  id?: string | undefined;
  /** Unknown where the check failed. */
  points?: number | undefined;
  of: number;
  /** Such as `graded` or `timed out`. */
  status: string;
  /** The gravest first. */
  causes: string[];
  /** The path of its report, relative to the page. */
  link?: string | undefined;
  /** The numbers of the sentences that do not hold. */
  failed: string[];
}

// A row is read at a glance; the report has the others.
const MAX_CAUSES = 3;

/** One HTML file with all hand-ins, in the order of the rows. */
export function classPage(rows: ClassRow[], title = "Lab check of a class"): string {
  const failures = RULES.map(({ id, about, title }) => ({
    text: `${id} ${about}: ${title}`,
    rows: rows.filter(({ failed }) => failed.includes(id)),
  })).filter(({ rows }) => rows.length > 0).toSorted((a, b) => b.rows.length - a.rows.length);
  return page(
    title,
    <>
      <header>
        <p class="over">Lab check</p>
        <h1>{title}</h1>
        <p class="lead">{summary(rows)}</p>
      </header>
      <section>
        <h2 id="hand-ins">Hand-ins</h2>
        <table aria-labelledby="hand-ins">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="points">Points</th>
              <th scope="col" class="status">Status</th>
            </tr>
          </thead>
          <tbody>{rows.map((row) => <Row row={row} />)}</tbody>
        </table>
      </section>
      {failures.length > 0 && (
        <section>
          <h2>Sentences that fail most</h2>
          <ul class="most">
            {failures.map(({ text, rows: own }) => (
              <li>
                <details>
                  <summary>
                    <Meter value={own.length} of={rows.length} what={count(own.length, "hand-in")} />
                    <b>{own.length}</b> {text}
                  </summary>
                  <p>{listed(own.map((row) => <Name row={row} />))}</p>
                </details>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>,
  );
}

function summary(rows: ClassRow[]): string {
  const statuses = Map.groupBy(rows, ({ status }) => status);
  const parts = [...statuses].map(([status, own]) => `${own.length} ${status}`);
  const points = rows.flatMap((row) => row.points ?? []).toSorted((a, b) => a - b);
  const median = points[points.length >> 1];
  const middle = median === undefined ? "" : ` The median is ${median} of ${rows[0]!.of} points.`;
  return `${count(rows.length, "hand-in")}: ${parts.join(", ")}.${middle}`;
}

function Row({ row }: { row: ClassRow }): VNode {
  const { id, points, of, status, causes } = row;
  const rest = causes.length - MAX_CAUSES;
  return (
    <tr>
      <th scope="row">
        <Name row={row} /> {id && <span class="id">{id}</span>}
        {causes.length > 0 && (
          <ul class="causes">
            {causes.slice(0, MAX_CAUSES).map((cause) => <li>{capped(cause)}</li>)}
            {rest > 0 && <li>and {rest} more</li>}
          </ul>
        )}
      </th>
      <td class="points">
        {points === undefined ? "no mark" : (
          <>
            {points} of {of} <Meter value={points} of={of} what="points" />
          </>
        )}
      </td>
      <td class="status">{status}</td>
    </tr>
  );
}

function Meter({ value, of, what }: { value: number; of: number; what: string }): VNode {
  return <meter value={value} max={of} aria-label={what}></meter>;
}

/** A name, as a link where there is a report. Each part of a path is escaped, so that it is never another address. */
function Name({ row: { name, link } }: { row: ClassRow }): VNode {
  const href = link?.toWellFormed().split("/").map(encodeURIComponent).join("/");
  return href === undefined ? <span>{name}</span> : <a href={href}>{name}</a>;
}
