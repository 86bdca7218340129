/** The verdict on a client and a server as a page, with the conversations as pictures. */

import type { VNode } from "preact";
import type { Role } from "../../../lib/protocol.ts";
import type { Cause, Result, Sentence } from "../causes.ts";
import { again, bySection, counted, inWords, ROLES } from "../report.ts";
import { capped, count, listed, page } from "./frame.tsx";
import type { Picture, Rung } from "./ladder.ts";

const VERBS: Record<Rung["kind"], string> = { message: "sends", prints: "prints", note: "" };
// What is open at the start: more would hide that there are others.
const OPEN_CAUSES = 2;
const OUTCOMES: Record<Sentence["outcome"], [mark: string, name: string]> = {
  "holds": ["✓", "holds"],
  "fails": ["✗", "does not hold"],
  "not shown": ["?", "could not be shown"],
  "left out": ["–", "left out"],
};

/** What a page says besides a result. */
interface About {
  /** The programs' names in the command that runs it again. */
  words?: string[];
  author?: string;
  /** What they are worth, such as `58 of 59 points`, and what is to say of that. */
  mark?: string;
  notes?: string[];
}

/** One HTML file with all that a check found, with a picture for each cause. */
export function reportPage(
  result: Result,
  pictures: (Picture | null)[],
  { words, author, mark, notes: remarks = [] }: About = {},
): string {
  const { causes, programs } = result;
  // Who does not run the check does not know its options.
  const sentences = result.sentences.filter(({ outcome }) => author === undefined || outcome !== "left out");
  const roles = ROLES.filter((role) => programs[role] !== undefined);
  const notes = sentences.filter(({ note }) => note !== undefined);
  const by = author === undefined ? "" : ` by ${capped(author)}`;
  const title = `Lab check of ${roles.map((role) => programs[role]).join(" and ")}${by}`;
  return page(
    title,
    <>
      <header>
        <h1>{title}</h1>
        <p class="lead">{mark && <b>{mark}.</b>} {summary(result)}</p>
        {remarks.map((remark) => <p class="muted">{sentence(remark)}</p>)}
        <ul class="sentences">
          {roles.map((role) => {
            const own = sentences.filter(({ about }) => about === role);
            const { fails, hidden } = counted(own);
            return (
              <li>
                <Mark outcome={fails > 0 ? "fails" : hidden > 0 ? "not shown" : "holds"} />{" "}
                <span>
                  <b>{programs[role]}</b> {inWords(own)}
                </span>
              </li>
            );
          })}
        </ul>
      </header>
      {causes.map((cause, index) => <CauseCard number={index + 1} picture={pictures[index]} {...{ cause, result }} />)}
      {causes.length > 0 && (
        <section>
          <h2>Run again what failed</h2>
          {author !== undefined && (
            <p>In the folder of blockferry, which has this check, with the paths of the files:</p>
          )}
          <code>{again(result, words ?? Object.values(programs))}</code>
        </section>
      )}
      {notes.length > 0 && (
        <section>
          <h2>Notes</h2>
          <ul>{notes.map(({ id, note }) => <li>Sentence {id}: {note}.</li>)}</ul>
        </section>
      )}
      <section>
        <details open={causes.length === 0}>
          <summary>
            <h2>All {count(sentences.length, "sentence")}</h2>
          </summary>
          {bySection(sentences).map(({ section, own }) => (
            <>
              <h3>{section}</h3>
              <ul class="sentences">{own.map((one) => <SentenceLine sentence={one} causes={causes} />)}</ul>
            </>
          ))}
        </details>
      </section>
    </>,
  );
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function summary({ causes, sentences }: Result): string {
  const { all, holds, fails, hidden } = counted(sentences);
  const why = causes.length === 1 ? "one cause" : `${causes.length} causes, the gravest first`;
  if (fails > 0) return `${fails} of ${count(all, "sentence")} ${fails === 1 ? "does" : "do"} not hold, for ${why}.`;
  if (hidden === 0) return `All ${count(all, "sentence")} hold.`;
  const shown = holds === 0 ? "Nothing could be shown" : `${count(holds, "sentence")} hold, and none fails`;
  return `${shown}; ${hidden} of ${all} could not be shown.`;
}

function Mark({ outcome }: { outcome: Sentence["outcome"] }): VNode {
  const [mark, name] = OUTCOMES[outcome];
  return <span class={`mark ${outcome.replace(" ", "-")}`} role="img" aria-label={name}>{mark}</span>;
}

type Card = { number: number; cause: Cause; result: Result; picture: Picture | null | undefined };

function CauseCard({ number, cause, result, picture }: Card): VNode {
  const { about, finding, sentences: [first, ...others] } = cause;
  const title = result.sentences.find(({ id }) => id === first)?.title;
  const { crash } = finding;
  const name = result.programs[about]!;
  return (
    <section class="cause" id={`cause${number}`}>
      <h2>{number}. {name}: {title}</h2>
      <p class="muted">
        Sentence <a href={`#s${first}`}>{first}</a>
        {others.length > 0 && ", and for the same cause "}
        {listed(others.map((id) => <a href={`#s${id}`}>{id}</a>))}
        {finding.step && " · step "}
        <b>{finding.step}</b>
      </p>
      <dl>
        <Field name="Expected" kind="right" text={finding.expected} />
        <Field name="Came" kind="wrong" text={finding.came} />
        <Field name="Error" text={crash?.error} />
        <Field name="Line" text={crash?.place} />
      </dl>
      {finding.hint && (
        <p>
          <b>Likely</b> {capped(finding.hint)}.
        </p>
      )}
      {picture && (
        <details open={number <= OPEN_CAUSES}>
          <summary>The conversation</summary>
          <div class="pair">
            <Ladder kind="came" rungs={picture.came} names={{ ...CHECK, [about]: name }} />
            <Ladder kind="right" rungs={picture.right} names={{ ...CHECK, [about]: name }} />
          </div>
        </details>
      )}
    </section>
  );
}

function Field({ name, text, kind }: { name: string; text: string | undefined; kind?: string }): VNode | null {
  if (text === undefined) return null;
  return (
    <div class={kind}>
      <dt>{name}</dt>
      <dd>{capped(text)}</dd>
    </div>
  );
}

const CHECK = { client: "the check", server: "the check" };

function Ladder({ kind, rungs, names }: { kind: keyof Picture; rungs: Rung[]; names: Record<Role, string> }): VNode {
  return (
    <figure class={`ladder ${kind}`}>
      <figcaption>{kind === "came" ? "What happened" : "What the document says"}</figcaption>
      <p class="heads" aria-hidden="true">{ROLES.map((role) => <span>{names[role]}</span>)}</p>
      <ol role="list">{rungs.map((rung) => <RungLine rung={rung} name={names[rung.from]} />)}</ol>
    </figure>
  );
}

function RungLine({ rung, name }: { rung: Rung; name: string }): VNode {
  const { kind, from, step, text, hidden, ms, isError, isMissing, isMarked, expected } = rung;
  const verdict = isMissing ? "never came" : isMarked && ms !== undefined ? `wrong: expected ${expected}` : undefined;
  return (
    <li class={[kind, from, isMissing && "missing", isMarked && "marked"].filter(Boolean).join(" ")}>
      <div class="text">
        {step && <b>{step}</b>} <span class="spoken">{name}</span>{" "}
        <span class={kind === "prints" ? "muted" : "spoken"}>{VERBS[kind]}{isError && " on standard error"}</span>{" "}
        {kind === "note" ? <span>{text}</span> : (
          <code>
            {hidden && <i>{count(hidden, "line")} before, not shown</i>}
            {text.split("\n").map((line) => <span>{line}</span>)}
          </code>
        )}
        {ms !== undefined && !isMissing && <span class="time">{time(ms)}</span>}
      </div>
      {kind === "message" && <div class="arrow" />}
      {verdict && <p class="verdict">{isMarked && "✗ "}{capped(verdict)}</p>}
    </li>
  );
}

// How long was waited differs from play to play.
const bare = (text = ""): string => text.replace(/[\d.]+ seconds/, "");

function SentenceLine({ sentence, causes }: { sentence: Sentence; causes: Cause[] }): VNode {
  const { id, about, title, outcome, reason } = sentence;
  const isItsCause = (cause: Cause): boolean => {
    const { about: whose, sentences, finding: { step, came } } = cause;
    return whose === about && (sentences.includes(id) || bare(reason) === bare(`at step "${step}" came ${came}`));
  };
  const numbers = causes.flatMap((cause, index) => isItsCause(cause) ? [index + 1] : []);
  return (
    <li id={`s${id}`}>
      <Mark outcome={outcome} /> <b>{id}</b>
      <span>
        {about}: {title}
        {reason && <span class="muted">{OUTCOMES[outcome][1]}: {capped(reason)}</span>}
        {numbers.length > 0 && " "}
        {listed(numbers.map((number) => <a href={`#cause${number}`}>cause {number}</a>))}
      </span>
    </li>
  );
}

function time(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms` : `${(ms / 1000).toFixed(2)} s`;
}
