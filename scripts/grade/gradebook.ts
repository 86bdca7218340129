/** Fills one column of a gradebook that Brightspace, Canvas or Moodle exported, and leaves all other bytes as they were. */

import { type Bytes, decoded } from "../../lib/bytes.ts";
import { CheckError } from "../lab/launch.ts";
import { toBytes, toText } from "../lab/recording.ts";
import type { Handin } from "./handins.ts";
import { round } from "./marks.ts";
import type { Row } from "./rows.ts";

/** The mark of one hand-in; without points its cell stays as it is. */
type Mark = Pick<Handin, "name" | "id"> & Pick<Row, "points" | "of">;

export interface Filled {
  bytes: Bytes;
  column: string;
  filled: number;
  /** Students who had another mark, and what it was. */
  replaced: string[];
  /** Hand-ins without a row, and rows that could be of several. */
  unmatched: string[];
  /** Students without a hand-in. */
  missing: string[];
}

/** A cell: as it is written, with what separates it from the next one, and what it says. */
interface Cell {
  raw: string;
  end: string;
  text: string;
}

/** A table's rows. Separators are commas, semicolons or tabs, whatever its first row has most of. */
function cellsOf(text: string): Cell[][] {
  const [header = ""] = text.split(/\r?\n/, 1);
  const [separator] = [",", ";", "\t"].toSorted((a, b) => header.split(b).length - header.split(a).length);
  const raw = `\ufeff?"(?:[^"]|"")*"|[^"${separator}\r\n][^${separator}\r\n]*|`;
  const cell = new RegExp(`(${raw})(${separator}|\r?\n|\r|$)`, "y");
  const rows: Cell[][] = [];
  for (let isNew = true; cell.lastIndex < text.length;) {
    const [, raw, end] = cell.exec(text) ?? [];
    if (raw === undefined) throw new CheckError(`the gradebook is no table: row ${rows.length} has a stray quote`);
    const bare = raw.replace("\ufeff", "").trim();
    const words = /^".*"$/s.test(bare) ? bare.slice(1, -1).replaceAll('""', '"').trim() : bare;
    if (isNew) rows.push([]);
    rows.at(-1)!.push({ raw, end: end!, text: words });
    isNew = end !== separator;
  }
  return rows;
}

/** What a row says in the column of a title. */
type Read = (title: string) => string;

/** A platform's gradebook: where it is known by, where its points are, and who a row is. */
interface Platform {
  isIt: (header: string[]) => boolean;
  isItem: (title: string) => boolean;
  /** The columns that hold a number or a name of a student's; the platform's own number first. */
  ids: string[];
  names: (row: Read) => string[];
  /** The most points of a column; without, points are filled in as they are. */
  most: (title: string, rows: Read[]) => string | undefined;
}

const PLATFORMS: Platform[] = [
  {
    isIt: (header) => header.includes("End-of-Line Indicator"),
    isItem: (title) => /Points Grade/.test(title),
    ids: ["OrgDefinedId", "Username"],
    names: (row) => {
      const [first, last] = [row("First Name"), row("Last Name")];
      // Without a space, as in Chinese.
      return [`${first} ${last}`, `${last} ${first}`, `${last}${first}`];
    },
    most: (title) => title.match(/MaxPoints:\s*([\d.,]+)/)?.[1],
  },
  {
    // The name's parts may stand in columns of their own.
    isIt: (header) => /^(Student|LastName)$/.test(header[0]!) && header.includes("ID"),
    isItem: (title) => / \(\d+\)$/.test(title),
    ids: ["ID", "SIS User ID", "SIS Login ID"],
    // Its files are named after "Doe, Jane" as doejane.
    names: (row) => {
      const name = row("Student") || `${row("LastName")}, ${row("FirstName")}`;
      return [name, name.split(",").toReversed().join(" "), name.replace(/[^\p{L}\p{N}]/gu, "")];
    },
    most: (title, rows) => rows.find((row) => (row("Student") || row("LastName")) === "Points Possible")?.(title),
  },
  {
    isIt: (header) => header.includes("Identifier") && header.includes("Grade"),
    isItem: (title) => title === "Grade",
    ids: ["Identifier", "ID number", "Email address"],
    names: (row) => [row("Full name")],
    most: (_, [row]) => row?.("Maximum Grade"),
  },
];

/** Fills the column of the points. Throws a {@linkcode CheckError} if the table is of no platform, or the column unclear. */
export function fill(bytes: Uint8Array, marks: Mark[], item: string | undefined): Filled {
  // As of Excel's "Unicode Text".
  if (/^(\xff\xfe|\xfe\xff)/.test(toText(bytes.subarray(0, 2)))) {
    throw new CheckError("the gradebook is in UTF-16; save it as CSV in UTF-8");
  }
  // Where it is not UTF-8, a byte is a character.
  const text = decoded(new Uint8Array(bytes));
  const [first = [], ...table] = cellsOf(text ?? toText(bytes));
  const header = first.map((cell) => cell.text);
  const platform = PLATFORMS.find(({ isIt }) => isIt(header));
  if (!platform) throw new CheckError("the gradebook is no export of Brightspace, Canvas or Moodle as a CSV file");
  const all = header.filter(platform.isItem);
  const items = all.filter((title) => title.toLowerCase().includes(item?.toLowerCase() ?? ""));
  const [title, second] = items;
  if (title === undefined || second !== undefined) {
    const names = (second === undefined ? all : items).map((name) => `"${name}"`).join(", ");
    throw new CheckError(`which column of the gradebook? --item names one of ${names || "none"}`);
  }
  // Moodle has had "Maximum grade" and "Maximum Grade".
  const small = header.map((name) => name.toLowerCase());
  const readerOf = (cells: Cell[]): Read => (name) => cells[small.indexOf(name.toLowerCase())]?.text ?? "";
  const maximum = platform.most(title, table.map(readerOf));
  const most = numberOf(maximum || "0");
  if (isNaN(most)) {
    throw new CheckError(`the maximum of "${title}" in the gradebook is "${maximum}", which is no number`);
  }
  const idsOf = (cells: Cell[]): string[] =>
    platform.ids.map((name) => readerOf(cells)(name).replace(/^(#|Participant )/, ""));
  const namesOf = (cells: Cell[]): string[] => platform.names(readerOf(cells));
  // Canvas has rows that are nobody's.
  const rows = table.filter((cells) =>
    cells.length >= header.length && !/^(Points Possible\b|Student, Test$)/.test(namesOf(cells)[0]!) &&
    [...idsOf(cells), ...namesOf(cells)].some((text) => plain(text) !== "")
  );
  const [ids, names] = [rows.map(idsOf), rows.map(namesOf)];
  const taken = new Map<number, Mark>();
  const unmatched: string[] = [];
  const where = (keys: string[][], key: string): number[] =>
    keys.flatMap((each, index) => plain(key) !== "" && each.map(plain).includes(plain(key)) ? [index] : []);
  const isTwice = (mark: Mark): boolean => marks.some((one) => one !== mark && plain(one.name) === plain(mark.name));
  // A number of the platform's is no other number; a folder's name may be any.
  const rowsOf = ({ id, name }: Mark): number[] => where(id === name ? ids : ids.map((each) => each.slice(0, 1)), id);
  const byId = marks.filter((mark) => rowsOf(mark).length > 0);
  for (const mark of [...byId, ...marks.filter((one) => !byId.includes(one))]) {
    const isById = byId.includes(mark);
    const [index, second] = isById ? rowsOf(mark) : where(names, mark.name);
    // A name that two rows have, or two hand-ins, is nobody's, and neither is a number.
    const isShared = isById ? byId.some((one) => one !== mark && rowsOf(one).includes(index!)) : isTwice(mark);
    if (index !== undefined && second === undefined && !taken.has(index) && !isShared) taken.set(index, mark);
    else unmatched.push(mark.name === mark.id ? mark.name : `${mark.name} (${mark.id})`);
  }
  let filled = 0;
  const replaced: string[] = [];
  for (const [index, { name, points, of }] of taken) {
    if (points === undefined) continue;
    const value = String(round(maximum ? points / of * most : points));
    const target = rows[index]![header.indexOf(title)]!;
    if (target.text !== "" && numberOf(target.text) !== Number(value)) replaced.push(`${name}, ${target.text}`);
    target.raw = target.raw.startsWith('"') ? `"${value}"` : value;
    filled++;
  }
  const missing = rows.flatMap((_, index) => taken.has(index) ? [] : [names[index]![0] || ids[index]!.join(" ")]);
  const written = [first, ...table].flat().map(({ raw, end }) => raw + end).join("");
  const encoded = text === undefined ? toBytes(written) : new TextEncoder().encode(written);
  return { bytes: encoded, column: title, filled, replaced, unmatched, missing };
}

/** A number as a platform writes it: 1,000.00 or 1.000,00 or 12,5. */
function numberOf(text: string): number {
  return Number(text.replace(/[.,](?=\d{3}[.,])|,(?=\d{3}$)/g, "").replace(",", "."));
}

function plain(text: string): string {
  return text.normalize("NFC").toLowerCase().replaceAll(",", " ").replace(/\s+/g, " ").trim();
}
