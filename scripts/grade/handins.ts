/** Finds the hand-ins in what a learning platform made of them: a folder or a zip file. */

import { equals } from "@std/bytes";
import type { Role } from "../../lib/protocol.ts";
import { CheckError } from "../lab/launch.ts";
import { ROLES } from "../lab/report.ts";
import { MAX_PARTS, NOT_THEIRS, unzip, ZipError } from "./unzip.ts";

export interface Handin {
  name: string;
  /** The platform's number of the student, else the folder's name. */
  id: string;
  /** When it was handed in, if the platform says so. */
  at: Date | undefined;
  /** The platform marked it as late, and does not say by how much. */
  isLate: boolean;
  /** Where its files are: each by its name, or a folder of them by an empty one. */
  sources: Map<string, string>;
  /** Earlier submissions, which do not count, and the folder in which they are. */
  earlier: string[];
  root: string;
}

/** A hand-in in a folder of its own, with the programs that were found. */
export interface Staged {
  folder: string;
  /** The paths of the programs in the folder. */
  programs: Partial<Record<Role, string>>;
  /** What is missing or doubtful. */
  notes: string[];
  /** Why it could not be read. */
  error?: string;
}

/** One entry of a download, taken apart. */
interface Part extends Omit<Handin, "sources" | "earlier" | "root"> {
  entry: string;
  /** For a flat file, its name; a folder holds many. */
  file: string | undefined;
  version: number;
}

const DATE = String
  .raw`\w{3,9}\.? \d{1,2}, \d{4} \d{1,2}:?\d{2}(?: ?[AP]M)?|\d{1,2} \w{3,9}\.?,? \d{4} \d{1,2}:?\d{2}(?: ?[AP]M)?`;
/** What platforms call an entry: a flat file, which has a `file`, or else a folder. */
const FORMS = [
  // Brightspace: 149842-3829 - Jane Doe - Oct 3, 2024 1111 PM, with a colon too; of a flat file, its name follows.
  new RegExp(`^(?<id>\\d+)(-\\d+)? - (?<name>.+?) - (?<date>${DATE})( - (?<file>.+))?$`, "su"),
  // Moodle: Jane Doe_657737_assignsubmission_file, before 4.1 with another _; of a flat file, its name follows.
  /^(?<name>.+?)_(?<id>\d+)_assignsubmission_file(_|_(?<file>.+))?$/su,
  // Canvas: doejane_LATE_12345_678901_client-1.py, the second of its name.
  /^(?<name>[^_].*?)_(?<late>LATE_)?(?<id>\d+)_\d+_(?<file>.+?(-(?<version>\d{1,2})(?=\.\w+$))?(\.\w+)?)$/su,
  // Canvas, where nobody may know whose it is: anon_a1B2c_678901_client.py.
  /^(?<late>LATE_)?(?<name>anon_(?<id>\w{5}))_\d+_(?<file>.+?(-(?<version>\d{1,2})(?=\.\w+$))?(\.\w+)?)$/su,
  // Any other folder or packed file.
  /^(?<file>(?<name>.+)\.(zip|rar|7z|tar|tgz|tar\.\w+))$/siu,
  /^(?<name>.+)$/su,
];
const CLASS = { files: 20_000, bytes: 4096 * 1024 * 1024 };
const ONE = { files: 500, bytes: 50 * 1024 * 1024 };

function partOf({ name: entry, isDirectory }: Deno.DirEntry): Part | undefined {
  const end = ({ name = "" }: Record<string, string | undefined>): number => entry.indexOf(name) + name.length;
  const fits = FORMS.map((form): Record<string, string | undefined> => entry.match(form)?.groups ?? {});
  // A student's own file name may look like another platform's: what the platform wrote stands before it.
  const { name, id = name, date = "", file, late, version } = fits.sort((a, b) => end(a) - end(b))
    .find(({ name, file }) => name !== undefined && isDirectory === (file === undefined)) ?? {};
  if (name === undefined) return undefined;
  // 1111 PM is 11:11 PM; without a date it is no time.
  const at = new Date(date.replace(/(\d{1,2}):?(\d{2}) ?([AP]M)?$/, "$1:$2 $3").replaceAll(",", ""));
  return {
    entry,
    name,
    id: id!,
    at: isNaN(Number(at)) ? undefined : at,
    isLate: late !== undefined,
    file: version ? file!.replace(/-\d+(?=\.\w+$)/, "") : file,
    version: Number(version ?? 0),
  };
}

function isPlatforms(entry: Deno.DirEntry): boolean {
  const part = partOf(entry);
  return part !== undefined && part.id !== part.name;
}

/** Finds the hand-ins; `onOther` hears of what is none. `work` is a folder of ours, for what is unpacked. */
export async function findHandins(
  path: string,
  work: string,
  onOther: (names: string[]) => void = () => {},
): Promise<Handin[]> {
  let root = path;
  const isZip = (await Deno.stat(path)).isFile;
  if (isZip) {
    root = `${work}/all`;
    const leftOut: string[] = [];
    await unzip(path, root, { ...CLASS }, (name) => leftOut.push(name)).catch((error) => {
      throw error instanceof ZipError ? new CheckError(`${path} is no class: ${error.message}`) : error;
    });
    if (leftOut.length > 0) onOther(leftOut);
  }
  // A zip file may hold one folder with all, and so does what Windows makes of it.
  const [only, second] = await list(root);
  if (only?.isDirectory && !second && !isPlatforms(only)) {
    const inside = await list(`${root}/${only.name}`);
    if (inside.some((one) => isPlatforms(one) || isZip && one.isDirectory)) root += `/${only.name}`;
  }
  const entries = await list(root);
  const parts = entries.flatMap((entry) => partOf(entry) ?? []);
  if (parts.length > 0 && parts.length < entries.length) {
    onOther(entries.map(({ name }) => name).filter((name) => !parts.some(({ entry }) => entry === name)));
  }
  const students = Map.groupBy(parts, ({ id, name }) => JSON.stringify([id, name]));
  const handins = Array.from(students.values(), (own) => handinOf(root, own));
  if (handins.length === 0) throw new CheckError(`there are no hand-ins in "${path}"`);
  return handins.sort((a, b) => a.name.localeCompare(b.name, "en") || a.id.localeCompare(b.id, "en"));
}

function handinOf(root: string, parts: Part[]): Handin {
  const earlier: string[] = [];
  const sources = new Map<string, string>();
  const last = Math.max(...parts.map(({ at }) => Number(at ?? 0)));
  const counted = parts.filter(({ at }) => Number(at ?? 0) === last).sort((a, b) => a.version - b.version);
  for (const { entry, file = "" } of counted) {
    if (sources.has(file)) earlier.push(sources.get(file)!.slice(root.length + 1));
    sources.set(file, `${root}/${entry}`);
  }
  earlier.push(...parts.filter((part) => !counted.includes(part)).map(({ entry }) => entry));
  const { name, id, at } = counted[0]!;
  return { name, id, at, isLate: counted.some((part) => part.isLate), sources, earlier, root };
}

/**
 * Copies a hand-in into a folder of its own, unpacks what is packed, and finds the programs in it: by the names that are
 * given, then by the usual ones, then by those that it had `before`.
 */
export async function stage(
  handin: Handin,
  folder: string,
  names: Record<Role, string[]>,
  before: Partial<Record<Role, string>> = {},
): Promise<Staged> {
  const notes: string[] = [];
  const left = { ...ONE };
  await Deno.mkdir(folder, { recursive: true });
  const files: { path: string; source: string }[] = [];
  for (const [file, source] of handin.sources) {
    if (file !== "") files.push({ path: file, source });
    else for (const path of await walk(source)) files.push({ path, source: `${source}/${path}` });
  }
  // What lies deep is left out first.
  const depthOf = (file: { path: string }): number => file.path.split("/").length;
  for (const { path, source } of files.sort((a, b) => depthOf(a) - depthOf(b))) {
    const target = `${folder}/${path}`;
    if (path.toLowerCase().endsWith(".zip")) {
      await unzip(source, target, left).catch((error) => {
        if (!(error instanceof ZipError)) throw error;
        notes.push(`${path} is not unpacked: ${error.message}`);
      });
    } else if (--left.files < 0 || (left.bytes -= (await Deno.stat(source)).size) < 0) {
      const most = left.files < 0 ? `${ONE.files} files` : `${ONE.bytes >> 20} MB`;
      notes.push(`it has more than ${most}, the rest is left out`);
      break;
    } else {
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.copyFile(source, target);
      await Deno.chmod(target, 0o755);
    }
  }
  const staged = await walk(folder);
  const programs: Staged["programs"] = {};
  const find = (role: Role, files: string[]): string[] => candidates(role, files, names[role], before[role]);
  const found = ROLES.map((role) => find(role, staged));
  for (const [index, role] of ROLES.entries()) {
    const [first, ...others] = found[index]!;
    const contents = await Promise.all(found[index]!.map((file) => Deno.readFile(`${folder}/${file}`)));
    if (first === undefined) {
      notes.push(`there is no ${[...names[role], `${role}.py`].join(", no ")}`);
      // The last submission counts, whole; a person may see it otherwise.
      for (const entry of handin.earlier) {
        const path = `${handin.root}/${entry}`;
        const [own] = find(role, (await Deno.stat(path)).isFile ? [entry] : await walk(path));
        if (own !== undefined) notes.push(`an earlier submission has it: ${own}`);
      }
      // Between copies it makes no difference.
    } else if (contents.every((each) => equals(each, contents[0]!))) {
      programs[role] = first;
      const isUsual = like(`^(lab ?\\d*[-_ ]?)?${role}(\\.\\w+)?$`)(first);
      if (!isUsual) notes.push(`its ${role} is called: ${base(first)}`);
      const copies = staged.filter((file) => isCopy(role, file) && !found[index]!.includes(file));
      if (copies.length > 0) notes.push(`it has other files for a ${role}: ${copies.slice(0, 5).join(", ")}`);
    } else notes.push(`which one is the ${role}: ${[first, ...others].slice(0, 5).join(", ")}?`);
  }
  const packed = staged.filter((file) => /\.(zip|rar|7z|tar|t?gz|xz|bz2)$/i.test(file));
  if (packed.length > 0) notes.push(`not unpacked: ${packed.slice(0, 5).join(", ")}`);
  else if (staged.length === 0) notes.push("it has no files");
  else if (found.flat().length === 0) notes.push(`it has other files: ${staged.slice(0, 5).join(", ")}`);
  return { folder, programs, notes };
}

const SUFFIX = "\\.(py|js|mjs|ts|jar|java|sh|pl|rb)$";
const base = (file: string): string => file.split("/").at(-1)!;
const like = (pattern: string) => (file: string): boolean => new RegExp(pattern, "i").test(base(file));

/** Whether a file may be another version of a program, as a browser or a person names it. */
function isCopy(role: Role, file: string): boolean {
  return like(`^${role}( ?\\(\\d+\\)|[-_ ]?(copy|old|new|final|v?\\d+))?${SUFFIX}`)(file);
}

/** The files that may be a program: those of a name that was given, else of the very name, else those like it. */
function candidates(role: Role, files: string[], names: string[], before: string | undefined): string[] {
  const ranks: ((file: string) => boolean)[] = [
    (file) => names.some((name) => file === name.replace(/^\.\//, "")),
    (file) => names.includes(base(file)),
    (file) => base(file) === `${role}.py`,
    like(`^(lab ?\\d*[-_ ]?)?${role}${SUFFIX}`),
    like(`(^|[^a-z])(lab\\d*)?${role}([^a-z].*)?${SUFFIX}`),
    // An executable.
    like(`^(lab ?\\d*[-_ ]?)?${role}$`),
    like(`${role}${SUFFIX}`),
    (file) => base(file) === before,
  ];
  return ranks.map((rank) => files.filter(rank)).find(({ length }) => length > 0) ?? [];
}

async function list(folder: string): Promise<Deno.DirEntry[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.filter(({ name, isSymlink }) => !isSymlink && !NOT_THEIRS.test(name)).sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
}

/** The regular files in a folder; links are left out. */
export async function walk(folder: string, above = "", depth = 0): Promise<string[]> {
  const files: string[] = [];
  for (const { name, isDirectory, isFile } of await list(folder)) {
    if (isFile) files.push(above + name);
    // A zip file's name is one more.
    else if (isDirectory && depth <= MAX_PARTS) {
      files.push(...await walk(`${folder}/${name}`, `${above}${name}/`, depth + 1));
    }
  }
  return files;
}
