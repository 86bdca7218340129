/** Finds the hand-ins in what a learning platform made of them: a folder or a zip file. */

import type { Role } from "../../lib/protocol.ts";
import { CheckError } from "../lab/launch.ts";
import { unzip, ZipError } from "./unzip.ts";

/** What one student handed in. */
export interface Handin {
  name: string;
  /** The platform's number of the student, else the folder's name. */
  id: string;
  /** When it was handed in, if the platform says so. */
  at?: Date;
  /** The platform marked it as late, and does not say by how much. */
  isLate?: boolean;
  /** Its files: the paths in the hand-in, and where they are. */
  files: Map<string, string>;
  /** Earlier submissions, which do not count. */
  earlier: string[];
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

// One entry of a download, taken apart.
interface Part {
  name: string;
  id: string;
  at?: Date;
  isLate?: boolean;
  /** For a flat file, its name; a folder holds many. */
  file?: string;
  /** What an earlier one is called. */
  label: string;
}

// 149842-3829 - Jane Doe - Oct 3, 2024 1111 PM, with a colon too; of a flat file, its name follows.
const DATE = String
  .raw`\w{3,9}\.? \d{1,2}, \d{4} \d{1,2}:?\d{2}(?: ?[AP]M)?|\d{1,2} \w{3,9}\.?,? \d{4} \d{1,2}:?\d{2}(?: ?[AP]M)?`;
const BRIGHTSPACE = new RegExp(`^(\\d+)(?:-\\d+)? - (.+?) - (${DATE})(?: - (.+))?$`, "su");
// doejane_LATE_12345_678901_client-1.py
const CANVAS = /^([^_].*?)_(LATE_)?(\d+)_(\d+)_(.+)$/su;
// Jane Doe_657737_assignsubmission_file, before Moodle 4.1 with another _; of a flat file, its name follows.
const MOODLE = /^(.+)_(\d+)_assignsubmission_(file|onlinetext)(?:_(.*))?$/su;
const CLASS = { files: 20_000, bytes: 4096 * 1024 * 1024 };
const ONE = { files: 500, bytes: 50 * 1024 * 1024 };
const NOT_THEIRS = /^(__MACOSX|\..*|__pycache__|node_modules|venv)$/;

function partOf(entry: string, isFolder: boolean): Part | undefined {
  const label = entry;
  let match;
  if ((match = entry.match(BRIGHTSPACE)) && isFolder === (match[4] === undefined)) {
    const [, id, name, date, file] = match as unknown as [string, string, string, string, string?];
    const time = new Date(date.replace(/(\d{1,2}):?(\d{2})( ?)([AP]M)?$/, "$1:$2 $4").replaceAll(",", ""));
    return { name, id, label, ...isNaN(Number(time)) ? {} : { at: time }, ...file ? { file } : {} };
  }
  if ((match = entry.match(MOODLE)) && match[3] === "file" && (isFolder || match[4])) {
    return { name: match[1]!, id: match[2]!, label, ...isFolder ? {} : { file: match[4]! } };
  }
  if (match) return undefined;
  if (!isFolder && (match = entry.match(CANVAS))) {
    return { name: match[1]!, id: match[3]!, label, file: match[5]!, ...match[2] ? { isLate: true } : {} };
  }
  if (isFolder) return { name: entry, id: entry, label };
  if (!entry.endsWith(".zip")) return undefined;
  return { name: entry.slice(0, -4), id: entry.slice(0, -4), label, file: entry };
}

/** Finds the hand-ins. `work` is a folder of ours, for what is unpacked. Throws a {@linkcode CheckError} if there are none. */
export async function findHandins(path: string, work: string): Promise<Handin[]> {
  let root = path;
  if ((await Deno.stat(path)).isFile) {
    root = `${work}/all`;
    await unzip(path, root, CLASS).catch((error) => {
      throw error instanceof ZipError ? new CheckError(`${path} is no class: ${error.message}`) : error;
    });
    // A zip file may hold one folder with all.
    const [only, second] = await list(root);
    const inside = only?.isDirectory && !second ? await list(`${root}/${only.name}`) : [];
    if (only && inside.length > 0 && !/^\d+(-\d+)? - |_assignsubmission_/.test(only.name)) {
      if (inside.some(({ name, isDirectory }) => isDirectory || CANVAS.test(name))) root = `${root}/${only.name}`;
    }
  }
  const students = new Map<string, { entry: string; part: Part }[]>();
  for (const { name, isDirectory } of await list(root)) {
    const part = partOf(name, isDirectory);
    if (!part) continue;
    const key = JSON.stringify([part.id, part.name]);
    students.set(key, [...students.get(key) ?? [], { entry: name, part }]);
  }
  const handins = await Promise.all(students.values().map((parts) => handinOf(root, parts)));
  if (handins.length === 0) throw new CheckError(`there are no hand-ins in "${path}"`);
  return handins.sort((a, b) => a.name.localeCompare(b.name, "en") || a.id.localeCompare(b.id, "en"));
}

async function handinOf(root: string, parts: { entry: string; part: Part }[]): Promise<Handin> {
  const last = parts.map(({ part }) => Number(part.at ?? 0)).reduce((a, b) => Math.max(a, b));
  const counted = parts.filter(({ part }) => Number(part.at ?? 0) === last);
  const earlier = new Set(parts.filter((one) => !counted.includes(one)).map(({ part }) => part.label));
  const { name, id, at } = counted[0]!.part;
  const files = new Map<string, string>();
  const versions = new Map<string, number>();
  for (const { entry, part } of counted) {
    if (part.file === undefined) {
      for (const file of await walk(`${root}/${entry}`)) files.set(file, `${root}/${entry}/${file}`);
    } else {
      // Canvas calls a second one client-1.py.
      const [, stem = part.file, version = "0", suffix = ""] = part.file.match(/^(.+)-(\d{1,2})(\.\w+)$/s) ?? [];
      const isCanvas = CANVAS.test(entry);
      const own = isCanvas ? stem + suffix : part.file;
      const isOlder = Number(version) < (versions.get(own) ?? -1);
      if (isOlder || files.has(own)) earlier.add(isOlder ? entry : files.get(own)!.slice(root.length + 1));
      if (isOlder) continue;
      versions.set(own, Number(version));
      files.set(own, `${root}/${entry}`);
    }
  }
  const isLate = counted.some(({ part }) => part.isLate);
  return { name, id, files, earlier: [...earlier], ...at ? { at } : {}, ...isLate ? { isLate } : {} };
}

/** Copies a hand-in into a folder of its own, unpacks what is packed, and finds the programs in it. */
export async function stage(handin: Handin, folder: string, names: Partial<Record<Role, string>>): Promise<Staged> {
  const notes: string[] = [];
  let left = ONE.bytes;
  await Deno.mkdir(folder, { recursive: true });
  for (const [path, source] of [...handin.files].slice(0, ONE.files)) {
    left -= (await Deno.stat(source)).size;
    if (left < 0) {
      notes.push(`it has more than ${ONE.bytes >> 20} MB, the rest is left out`);
      break;
    }
    const target = `${folder}/${path}`;
    if (path.toLowerCase().endsWith(".zip")) {
      await unzip(source, target.slice(0, -4), ONE).catch((error) => {
        if (!(error instanceof ZipError)) throw error;
        notes.push(`${path} is not unpacked: ${error.message}`);
      });
    } else {
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.copyFile(source, target);
      await Deno.chmod(target, 0o755);
    }
  }
  const files = await walk(folder);
  const programs: Staged["programs"] = {};
  for (const role of ["client", "server"] as const) {
    const found = candidates(role, files, names[role]);
    if (found.length === 1) programs[role] = `${folder}/${found[0]}`;
    else if (found.length > 1) notes.push(`which one is the ${role}: ${found.slice(0, 5).join(", ")}?`);
    else notes.push(`there is no ${names[role] ?? `${role}.py`}`);
  }
  const packed = files.filter((file) => /\.(rar|7z|tar|t?gz|tgz|xz|bz2)$/i.test(file));
  if (packed.length > 0) notes.push(`not unpacked: ${packed.slice(0, 5).join(", ")}`);
  return { folder, programs, notes };
}

/** The files that may be a program: those of the name that was given, else of the very name, else those like it. */
function candidates(role: Role, files: string[], name: string | undefined): string[] {
  const base = (file: string): string => file.split("/").at(-1)!;
  const like = new RegExp(`(^|[^a-z])(lab\\d*)?${role}([^a-z].*)?\\.(py|js|mjs|ts|jar|java|sh)$`, "i");
  const ranks: ((file: string) => boolean)[] = [
    (file) => file === name || base(file) === name,
    (file) => base(file) === `${role}.py`,
    (file) => new RegExp(`^(lab ?\\d*[-_ ]?)?${role}\\.(py|js|mjs|ts|jar|java|sh)$`, "i").test(base(file)),
    (file) => like.test(base(file)),
  ];
  for (const isIt of ranks) {
    const found = files.filter(isIt);
    if (found.length > 0) return found;
  }
  return [];
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
    else if (isDirectory && depth < 8) files.push(...await walk(`${folder}/${name}`, `${above}${name}/`, depth + 1));
  }
  return files;
}
