/** The hand-ins of a class as a page: a table with links to their reports, and the sentences that fail most. */

import type { VNode } from "preact";
import { capped, count, listed, page } from "../lab/page/frame.tsx";
import { RULES } from "../lab/rules.ts";
import { round } from "./marks.ts";
import { inWords, type Ledger, type Row, shownNotes, tally } from "./rows.ts";

const TITLE = "Lab check of a class";
// A row is read at a glance; the report has the others.
const MAX_CAUSES = 3;

/** One HTML file with the hand-ins that have been played, of so many in all, in the order of the rows. */
export function classPage(rows: Row[], all: number, ledger: Ledger): string {
  const failures = RULES.map(({ id, about, title }) => ({
    text: `${id} ${about}: ${title}`,
    own: rows.filter(({ result }) => result?.sentences.some((one) => one.id === id && one.outcome === "fails")),
  })).filter(({ own }) => own.length > 0).toSorted((a, b) => b.own.length - a.own.length);
  const others = rows.filter(({ status }) => status !== "graded");
  return page(
    TITLE,
    <>
      <header>
        <h1>{TITLE}</h1>
        <p class="lead">{summary(rows, all)}</p>
        {others.length > 0 && <p>To be looked at: {listed(others.map((row) => <Name row={row} />))}.</p>}
      </header>
      <section>
        <h2 id="hand-ins">Hand-ins</h2>
        <table aria-labelledby="hand-ins">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Points</th>
              <th scope="col">Status</th>
            </tr>
          </thead>
          <tbody>{rows.map((row) => <Line row={row} ledger={ledger} />)}</tbody>
        </table>
      </section>
      {failures.length > 0 && (
        <section>
          <h2>Sentences that fail most</h2>
          {failures.map(({ text, own }) => (
            <details>
              <summary>
                <b>{own.length} of {rows.length}</b> {text}
              </summary>
              <p>{listed(own.map((row) => <Name row={row} />))}</p>
            </details>
          ))}
        </section>
      )}
    </>,
  );
}

function summary(rows: Row[], all: number): string {
  const points = rows.flatMap((row) => row.points ?? []).toSorted((a, b) => a - b);
  const [low, high] = [points[(points.length - 1) >> 1], points[points.length >> 1]];
  const middle = low === undefined ? "" : ` The median is ${round((low + high!) / 2)} of ${rows[0]!.of} points.`;
  const left = all - rows.length;
  const unplayed = left > 0 ? `${rows.length > 0 ? ", " : ""}${left} not played yet` : "";
  return `${count(all, "hand-in")}: ${tally(rows)}${unplayed}.${middle}`;
}

function Line({ row, ledger }: { row: Row; ledger: Ledger }): VNode {
  const { points, of, status, result, late, handin: { name, id } } = row;
  const { causes = [], sentences = [] } = result ?? {};
  const titles = new Map(sentences.map(({ id, about, title }) => [id, `${id} ${about}: ${title}`]));
  const remarks = [
    ...late === "" ? [] : [inWords(late)],
    ...shownNotes(row, ledger),
    ...causes.map(({ sentences: [first = ""], finding }) => `${titles.get(first)}: came ${finding.came}`),
  ];
  return (
    <tr>
      <th scope="row">
        <Name row={row} /> {!ledger.isAnonymous && id !== name && <span class="muted">{id}</span>}
        {remarks.length > 0 && (
          <ul class="muted">
            {remarks.slice(0, MAX_CAUSES).map((remark) => <li>{capped(remark)}</li>)}
            {remarks.length > MAX_CAUSES && <li>and {remarks.length - MAX_CAUSES} more</li>}
          </ul>
        )}
      </th>
      <td>{points === undefined ? "no mark" : `${points} of ${of}`}</td>
      <td>{status}</td>
    </tr>
  );
}

/** A name, as a link where there is a report. */
function Name({ row: { label, folder, result } }: { row: Row }): VNode {
  return result
    ? <a href={`${encodeURIComponent(folder.toWellFormed())}/report.html`}>{label}</a>
    : <span>{label}</span>;
}
