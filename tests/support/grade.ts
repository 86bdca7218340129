/** Classes to grade, and what came of them. */

import { parse } from "@std/csv";
import { type Output, PROJECT, run } from "../../scripts/support/programs.ts";
import { labWords } from "./lab.ts";

/** Runs the grading of a class. */
export function grade(...args: string[]): Promise<Output> {
  return run(gradeWords(...args), { cwd: PROJECT });
}

/** The words that run it. */
export function gradeWords(...args: string[]): string[] {
  return labWords("grade", ...args);
}

/** Writes files into a folder, which is made. */
export async function handIn(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

/** A row of the table. */
export type Grade = Record<"name" | "id" | "points" | "of" | "status" | "causes" | "late" | "notes", string>;

/** The rows of the table in a folder of results. */
export async function gradesOf(out: string): Promise<Grade[]> {
  const text = await Deno.readTextFile(`${out}/grades.csv`);
  return parse(text.replace("\ufeff", ""), { skipFirstRow: true }) as Grade[];
}

/** A client that says what it got of what is not its own, and does no harm where it gets it. */
export function attack(folder: string, port: number): string {
  const cache = Deno.env.get("DENO_DIR") ??
    `${Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`}/deno`;
  return `
import ctypes, glob, mmap, os, socket, sys
got = []
own = os.path.dirname(os.path.abspath(__file__))
# Interpreters may be installed in the home folder too.
if os.path.exists(${JSON.stringify(cache)}): got.append("its home's cache")
if os.path.exists(${JSON.stringify(`${folder}/class/Ben/notes.txt`)}): got.append("another's file")
if os.path.exists(${JSON.stringify(`${PROJECT}/client.ts`)}): got.append("the check's own client")
got += [f"writing to {d}" for d in [own, "/", "/usr", "/etc", "/dev", "/proc/sys/kernel"] if os.access(d, os.W_OK)]
for fd in os.listdir("/proc/self/fd"):
    try:
        if "${folder}" in os.readlink(f"/proc/self/fd/{fd}"): got.append("what the caller has open")
    except OSError:
        pass
commands = [open(p, "rb").read() for p in glob.glob("/proc/[0-9]*/cmdline")]
if any(b"enclosed.ts" in c for c in commands): got.append("the check's process")
got += [f"the variable {name}" for name in ["INIT_CWD", "SECRET_OF_THE_TEST", "DENO_DIR", "BLOCKFERRY_LAB_MARK"] if name in os.environ]
libc = ctypes.CDLL(None)
if libc.unshare(0x10000000) == 0: got.append("a user namespace")
if libc.semget(0, 10, 0o600) >= 0: got.append("semaphores that no limit counts")
# Of keyctl(), which gets the session's keyring.
if libc.syscall({"x86_64": 250, "aarch64": 219}[os.uname().machine], 0, -3, 0) >= 0: got.append("the user's keys")
try:
    os.memfd_create("file")
    got.append("memory that no limit counts")
except OSError:
    pass
for fd in [-1, os.open("/dev/zero", os.O_RDWR)]:
    try:
        mmap.mmap(fd, 4096)
        got.append("shared memory")
    except OSError:
        pass
for address in [("127.0.0.1", ${port}), ("192.0.2.1", 80)]:
    try:
        sock = socket.socket()
        sock.settimeout(0.5)
        sock.connect(address)
        got.append("a connection")
    except OSError:
        pass
print("got", ", ".join(got) or "nothing")
sys.exit(3)
`;
}

/** The processes that have this in their command line. */
export function processesWith(text: string): string[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name).filter((name) => {
    try {
      return /^\d+$/.test(name) && Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(text);
    } catch {
      return false;
    }
  });
}
