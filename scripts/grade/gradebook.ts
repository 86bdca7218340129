/** Fills one column of a gradebook that Brightspace, Canvas or Moodle exported, and leaves all other bytes as they were. */

import { CheckError } from "../lab/launch.ts";
import { round } from "./marks.ts";

/** The mark of one hand-in; without points its cell stays as it is. */
export interface Mark {
  name: string;
  id: string;
  points: number | undefined;
  of: number;
}

/** What became of a gradebook. */
export interface Filled {
  bytes: Uint8Array<ArrayBuffer>;
  column: string;
  filled: number;
  /** Hand-ins without a row, and rows that could be of several. */
  unmatched: string[];
  /** Students without a hand-in. */
  missing: string[];
}

interface Cell {
  raw: string;
  text: string;
}

/** A table as it is written: the cells, and what stands after each. */
class Table {
  readonly rows: { cells: Cell[]; end: string }[] = [];
  readonly #separator: string;
  readonly #start: string;
  readonly #isUtf8: boolean;

  constructor(bytes: Uint8Array) {
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      // In any other code each byte stands for itself.
      text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    }
    this.#isUtf8 = new TextEncoder().encode(text).length === bytes.length;
    this.#start = text.startsWith("\ufeff") ? "\ufeff" : "";
    const body = text.slice(this.#start.length);
    const [header = ""] = body.split(/\r?\n/, 1);
    this.#separator = [",", ";", "\t"].toSorted((a, b) => header.split(b).length - header.split(a).length)[0]!;
    const field = new RegExp(
      `("(?:[^"]|"")*"|[^"${this.#separator}\\r\\n][^${this.#separator}\\r\\n]*|)(${this.#separator}|\\r?\\n|\\r|$)`,
      "y",
    );
    let cells: Cell[] = [];
    while (field.lastIndex < body.length) {
      const at = field.lastIndex;
      const match = field.exec(body);
      if (!match) throw new CheckError(`the gradebook is no table: row ${this.rows.length + 1} has a stray quote`);
      const [whole, raw = "", end = ""] = match;
      const isQuoted = raw.startsWith('"');
      cells.push({ raw, text: (isQuoted ? raw.slice(1, -1).replaceAll('""', '"') : raw).trim() });
      if (end !== this.#separator || at + whole.length === body.length) {
        this.rows.push({ cells, end });
        cells = [];
      }
    }
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const body = this.rows.map(({ cells, end }) => cells.map(({ raw }) => raw).join(this.#separator) + end).join("");
    const text = this.#start + body;
    return this.#isUtf8 ? new TextEncoder().encode(text) : Uint8Array.from(text, (char) => char.charCodeAt(0));
  }
}

/** A platform's gradebook: where it is known by, where its points are, and who a row is. */
interface Platform {
  isIt: (header: string[]) => boolean;
  isItem: (title: string) => boolean;
  /** The columns that hold a number or a name of a student's. */
  ids: string[];
  names: (row: (title: string) => string) => string[];
  most: (title: string, rows: Cell[][], column: number, header: string[]) => number;
}

const number = (text = ""): number => text.trim() === "" ? NaN : Number(text);
const PLATFORMS: Platform[] = [
  {
    isIt: (header) => header.includes("End-of-Line Indicator"),
    isItem: (title) => /Points Grade/.test(title),
    ids: ["OrgDefinedId", "Username"],
    names: (row) => [`${row("First Name")} ${row("Last Name")}`, `${row("Last Name")} ${row("First Name")}`],
    most: (title) => number(title.match(/MaxPoints:\s*([\d.]+)/)?.[1]),
  },
  {
    isIt: (header) => header[0] === "Student" && header.includes("ID"),
    isItem: (title) => / \(\d+\)$/.test(title),
    ids: ["ID", "SIS User ID", "SIS Login ID"],
    names: (
      row,
    ) => [
      row("Student"),
      row("Student").split(",").toReversed().join(" "),
      row("Student").replace(/[^\p{L}\p{N}]/gu, ""),
    ],
    most: (_, rows, column) =>
      number(rows.find(([first]) => /^\s*Points Possible$/.test(first?.text ?? ""))?.[column]?.text),
  },
  {
    isIt: (header) => header.includes("Identifier") && header.includes("Grade"),
    isItem: (title) => title === "Grade",
    ids: ["Identifier", "ID number", "Email address"],
    names: (row) => [row("Full name")],
    most: (_, rows, __, header) => number(rows[0]?.[header.indexOf("Maximum Grade")]?.text.replace(",", ".")),
  },
];

/** Fills the column of the points. Throws a {@linkcode CheckError} if the table is of no platform, or the column unclear. */
export function fill(bytes: Uint8Array, marks: Mark[], item: string | undefined): Filled {
  const table = new Table(bytes);
  const header = table.rows[0]?.cells.map(({ text }) => text) ?? [];
  const platform = PLATFORMS.find(({ isIt }) => isIt(header));
  if (!platform) throw new CheckError("the gradebook is no export of Brightspace, Canvas or Moodle");
  const items = header.filter((title) =>
    platform.isItem(title) && (!item || title.toLowerCase().includes(item.toLowerCase()))
  );
  const [title] = items;
  if (title === undefined || items.length > 1) {
    const names = (title === undefined ? header.filter(platform.isItem) : items).map((name) => `"${name}"`).join(", ");
    throw new CheckError(`which column of the gradebook? --item names one of ${names || "none"}`);
  }
  const column = header.indexOf(title);
  const rows = table.rows.slice(1).map(({ cells }) => cells).filter((cells) =>
    cells.length >= header.length && !/^\s*(Points Possible|Student, Test)$/.test(cells[0]!.text) &&
    cells.some(({ text }) => text !== "")
  );
  const most = platform.most(title, table.rows.slice(1).map(({ cells }) => cells), column, header);
  const cell = (cells: Cell[]) => (name: string): string => cells[header.indexOf(name)]?.text ?? "";
  const ids = rows.map((cells) => platform.ids.map((name) => cell(cells)(name).replace(/^(#|Participant )/, "")));
  const names = rows.map((cells) => platform.names(cell(cells)));
  const taken = new Map<number, Mark>();
  const unmatched: string[] = [];
  // A name that two rows have, or two hand-ins, is nobody's.
  const isTwice = (mark: Mark): boolean => marks.some((one) => one !== mark && plain(one.name) === plain(mark.name));
  const where = (keys: string[][], key: string): number[] =>
    keys.flatMap((each, index) => each.map(plain).includes(plain(key)) ? [index] : []);
  const byName: Mark[] = [];
  for (const mark of marks) {
    const [index, second] = where(ids, mark.id);
    if (index === undefined) byName.push(mark);
    else if (second !== undefined || taken.has(index)) unmatched.push(called(mark));
    else taken.set(index, mark);
  }
  for (const mark of byName) {
    const [index, second] = where(names, mark.name);
    if (index === undefined || second !== undefined || taken.has(index) || isTwice(mark)) unmatched.push(called(mark));
    else taken.set(index, mark);
  }
  let filled = 0;
  for (const [index, { points, of }] of taken) {
    if (points === undefined) continue;
    const value = String(round(isNaN(most) ? points : points / of * most));
    const target = rows[index]![column]!;
    target.raw = target.raw.startsWith('"') ? `"${value}"` : value;
    filled++;
  }
  const missing = rows.flatMap((_, index) => taken.has(index) ? [] : [names[index]![0] || ids[index]!.join(" ")]);
  return { bytes: table.toBytes(), column: title, filled, unmatched, missing };
}

function called({ name, id }: Mark): string {
  return name === id ? name : `${name} (${id})`;
}

function plain(text: string): string {
  return text.normalize("NFC").toLowerCase().replaceAll(",", " ").replace(/\s+/g, " ").trim();
}
