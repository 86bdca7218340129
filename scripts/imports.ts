/** Checks that imports run one way: a file imports only from its own room or from a room below it, and in no circle. */

// From the top down; rooms in one line stand side by side and do not know each other.
const FLOORS: Record<string, RegExp>[] = [
  { tests: /^tests\//, scripts: /^scripts\/((?!(lab|grade|support)\/)|lab\/executable\.ts)/ },
  { grade: /^scripts\/grade\// },
  { lab: /^scripts\/lab\// },
  { support: /^scripts\/support\// },
  { entries: /^(client|server)\.ts$/ },
  { cli: /^lib\/cli\// },
  { library: /^lib\/(mod|sha256)\.ts$/ },
  { roles: /^lib\/(client|server|request|start|listener|reception|dial|connections)\.ts$/ },
  { messages: /^lib\/(peer|transfer|trace)\.ts$/ },
  { framing: /^lib\/(framing|command|late)\.ts$/, net: /^lib\/net\//, files: /^lib\/files\// },
  { basics: /^lib\/(errors|printable|protocol|bytes|within|older_deno|options|turns)\.ts$/ },
];

const project = new URL("..", import.meta.url);
const files = (await output("git", "ls-files", "-co", "--exclude-standard", "*.ts", "*.tsx")).trim().split("\n");
const imports = new Map<string, string[]>();
for (const file of files) {
  if (file.endsWith(".d.ts")) continue;
  const text = await Deno.readTextFile(new URL(file, project)).catch(() => "");
  // Dynamic imports and types count too. An example in a comment does not.
  const found = text.matchAll(/^(?! \*).*(?:from |import\()"(\.[^"]+\.tsx?)"/gm);
  imports.set(
    file,
    [...found].map(([, path]) => new URL(path!, new URL(file, project)).href.slice(project.href.length)),
  );
}

const mistakes: string[] = [];
for (const [file, targets] of imports) {
  const [floor, room] = place(file);
  for (const target of targets.filter((target) => imports.has(target))) {
    const [below, other] = place(target);
    if (below < floor || (below === floor && room !== other)) {
      mistakes.push(`${file} (${room}) imports ${target} (${other})`);
    }
  }
  if (reaches(file, file)) mistakes.push(`${file} imports itself, through others`);
}
for (const mistake of mistakes) console.error(mistake);
Deno.exit(mistakes.length === 0 ? 0 : 1);

function place(file: string): [floor: number, room: string] {
  for (const [floor, rooms] of FLOORS.entries()) {
    for (const [room, pattern] of Object.entries(rooms)) if (pattern.test(file)) return [floor, room];
  }
  throw new Error(`${file} is in no room`);
}

function reaches(from: string, to: string, seen = new Set<string>()): boolean {
  return (imports.get(from) ?? []).some((next) => {
    if (next === to) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return reaches(next, to, seen);
  });
}

async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, cwd: project }).output();
  return new TextDecoder().decode(stdout);
}
