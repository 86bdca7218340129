/**
 * Plays with programs of strangers, in two sandboxes of bubblewrap. In the outer one runs the player, with a network of its
 * own; in an inner one for each start the program, which sees the system, its own files and its work folder.
 */

import type { Role } from "../../lib/protocol.ts";
import { CheckError } from "./launch.ts";
import type { Session } from "./recording.ts";
import type { RunOptions } from "./run.ts";
import { filter } from "./seccomp.ts";
import { kill, MAX_SLOWNESS, output, runs } from "./system.ts";

/** What is played: the words that name each program again, and the options of a run. */
export interface Task {
  programs: Partial<Record<Role, string[]>>;
  /** What relative paths start from. */
  cwd: string;
  options: Pick<RunOptions, "only" | "isStrict" | "isFirst" | "plays" | "isStarted"> & { timeoutMs: number };
  /** How long all plays may take, in milliseconds; on a busy machine longer, as its waits are. */
  limitMs?: number;
}

export interface Played {
  session: Session;
  /** Why it could not be played, in one sentence. */
  error?: string;
  /** Why it was ended before all was played. */
  ended?: string;
}

/** Among the words of an inner sandbox: where the program's work folder is bound. */
export const WORK = "(its work folder)";

/** A way to play: in sandboxes, or with the user's rights. */
export interface Sandbox {
  /** What bounds a program, in a few words. */
  bounds: string;
  /** The words before the player, and those that it puts before a program, with folders that both see. */
  enclose(folders: string[]): { outer: string[]; inner?: string[] };
}

const MB = 1024 * 1024;
const PROJECT = import.meta.dirname!.split("/").slice(0, -2).join("/");
// What any program needs of a system; not /home, /root, /run, /srv and /var.
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/nix/store"];
// Of a hand-in: the work folders of all its programs, with the largest files of the plays; and a program's own /tmp.
const [WORK_BYTES, TMP_BYTES] = [768 * MB, 64 * MB];
// The threads of Java are processes too. A program that holds the largest file of the plays twice must still end well.
const [PROCESSES, MEMORY_BYTES, FILE_BYTES, CPU_S, FILES] = [128, 1024 * MB, 512 * MB, 60, 1024];
const CGROUP = ["MemoryMax=3G", "MemorySwapMax=0", "TasksMax=512"].flatMap((value) => ["-p", value]);
// The session that comes from a player: a program that floods all its outputs makes some megabytes.
const MAX_SESSION_BYTES = 256 * MB;
// Beyond its own limit, the player ends its programs and writes its session.
const LAST_MS = 15_000;

const NOBODY = "65534";
// Those that systemd lends to services; and how many sandboxes there have been.
const [FIRST_UID, UIDS] = [61_184, 4000];
let starts = 0;
// What the caller's shell has open, as for a lock or a log, would be a way out; then the filter is open as 3, for bubblewrap.
const OPENING = 'for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; ' +
  'exec 3< <(printf "$0"); exec "$@"';
const OCTAL = Array.from(filter(), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");

/** No sandbox: programs run with the user's rights. */
export const NO_SANDBOX: Sandbox = {
  bounds: "none, the programs run with your rights",
  enclose: () => ({ outer: [] }),
};

/** The sandbox, tried. Throws a {@linkcode CheckError} that says why there is none, and what to do. */
export async function findSandbox(): Promise<Sandbox> {
  if (Deno.build.os !== "linux") {
    throw new CheckError("the sandbox needs Linux; in a virtual machine or WSL it can run");
  }
  if (!await runs(["bwrap", "--version"])) {
    throw new CheckError("the sandbox needs bubblewrap: apt-get install bubblewrap");
  }
  const isRoot = Deno.uid() === 0;
  const system = await systemMounts();
  const scope = ["systemd-run", ...isRoot ? [] : ["--user"], "--scope", "--quiet", "--collect", ...CGROUP, "--"];
  const hasScope = await runs([...scope, "true"]);
  // A user namespace counts its own processes since Linux 5.14; before, all of the user's on this machine count.
  const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
  const counts = major > 5 || major === 5 && minor >= 14;
  const bounds = hasScope
    ? "a cgroup bounds each program to 3 GB and 512 threads"
    : "without a cgroup, each process is bounded to 1 GB, and a program is ended at 3 GB or 100 processes";
  const enclose = (folders: string[]): { outer: string[]; inner: string[] } => ({
    outer: [
      ...["bash", "-c", OPENING, OCTAL],
      ...hasScope ? scope : [],
      ...isRoot ? asNobody([...system, ...folders], FIRST_UID + starts++ % UIDS) : [],
      ...outer(system, folders),
    ],
    inner: inner(system, folders, counts),
  });
  const tried = enclose([]);
  const [program, ...args] = [...tried.outer, ...tried.inner.filter((word) => word !== WORK), "true"];
  const { success, stderr } = await new Deno.Command(program!, { args, stdin: "null" }).output();
  if (success) return { bounds, enclose };
  const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new CheckError(
    /unknown option/i.test(said ?? "")
      ? `the sandbox needs bubblewrap 0.8 or newer (${said})`
      : `the sandbox can't be made here (${said}): a container may forbid it, and so does Ubuntu's AppArmor until ` +
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
  );
}

/** Plays what is asked, in a process of its own. */
export async function play(task: Task, sandbox: Sandbox, folders: string[], signal?: AbortSignal): Promise<Played> {
  const { outer, inner } = sandbox.enclose(folders);
  const run = [..."run --quiet --no-prompt --cached-only -A".split(" "), `${import.meta.dirname}/enclosed.ts`];
  const player = [Deno.execPath(), ...Deno.build.standalone ? ["enclosed"] : run];
  const [program, ...args] = [...outer, ...player, JSON.stringify({ ...task, ...inner ? { inner } : {} })];
  // The end of its input tells the player that this process has ended, however that was.
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program!, { args, detached: true, ...piped }).spawn();
  // As root, the sandbox of one user is around that of another one, who does not end with it.
  const end = (): boolean => inner ? kill(-child.pid) : kill(child.pid, "SIGTERM");
  const limit = task.limitMs === undefined ? undefined : setTimeout(end, MAX_SLOWNESS * task.limitMs + LAST_MS);
  signal?.addEventListener("abort", end, { once: true });
  try {
    const [text, said] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.status]);
    signal?.throwIfAborted();
    if (text.endsWith("}\n")) return JSON.parse(text);
    // Deno's own panic, or the first line of an error; a stack would show where the teacher keeps the check.
    const reason = said.split("\n").find((line) => /error|panick/i.test(line)) ?? said.trim().split("\n").at(-1)!;
    throw new CheckError(`the player ended without a result: ${reason || "it was ended"}`);
  } finally {
    clearTimeout(limit);
    await child.stdin.close().catch(() => {});
    signal?.removeEventListener("abort", end);
  }
}

async function textOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const parts: string[] = [];
  let left = MAX_SESSION_BYTES;
  const decoder = new TextDecoder();
  for await (const part of stream) {
    if ((left -= part.length) >= 0) parts.push(decoder.decode(part, { stream: true }));
  }
  return left >= 0 ? parts.join("") : "";
}

function readOnly(paths: string[]): string[] {
  // Else bubblewrap makes the folders above a bind for its own user alone.
  const above = (path: string): string[] =>
    path.split("/").slice(1, -1).flatMap((_, index, parts) => ["--dir", `/${parts.slice(0, index + 1).join("/")}`]);
  return [...new Set(paths)].flatMap((path) => [...above(path), "--ro-bind", path, path]);
}

/**
 * As root no limit on processes holds, so all of it runs as nobody, who sees as much as is bound. For the kernel, that is a
 * user of its own: what it counts for each user, such as what epoll watches, one sandbox can't take from another.
 */
function asNobody(paths: string[], uid: number): string[] {
  const binds = [...readOnly([...paths, ...own()]), "--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev"];
  const change = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const rights = ["SETUID", "SETGID"].flatMap((name) => ["--cap-add", `CAP_${name}`]);
  return ["bwrap", "--die-with-parent", "--tmpfs", "/tmp", ...binds, ...rights, ...change];
}

// The player's program and its modules.
function own(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const cache = Deno.env.get("DENO_DIR") ??
    `${Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`}/deno`;
  return [PROJECT, cache];
}

function outer(system: string[], folders: string[]): string[] {
  const spaces = ["user", "net", "pid", "ipc"].map((name) => `--unshare-${name}`);
  const [, cache = "/tmp"] = own();
  const environment = { PATH: pathOf(system), HOME: "/tmp", LANG: "C.UTF-8", DENO_DIR: cache, NO_COLOR: "1" };
  return [
    ...["bwrap", "--die-with-parent", "--new-session", ...spaces, "--clearenv", "--seccomp", "3"],
    ...Deno.uid() === 0 ? ["--uid", NOBODY, "--gid", NOBODY] : [],
    ...Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--proc", "/proc", "--dev", "/dev", "--size", String(WORK_BYTES), "--tmpfs", "/tmp", "--chdir", "/tmp"],
    ...readOnly([...system, ...folders, ...own()]),
  ];
}

function inner(system: string[], folders: string[], counts: boolean): string[] {
  const spaces = ["user", "pid", "ipc"].map((name) => `--unshare-${name}`);
  const limits = { as: "unlimited", data: MEMORY_BYTES, fsize: FILE_BYTES, cpu: CPU_S, core: 0, nofile: FILES };
  return [
    ...["bwrap", "--die-with-parent", "--new-session", ...spaces, "--disable-userns", "--unsetenv", "DENO_DIR"],
    ...["--proc", "/proc", "--dev", "/dev", "--size", String(TMP_BYTES), "--tmpfs", "/dev/shm"],
    // As shared memory, this device is memory of no process too.
    ...["--dev-bind", "/dev/null", "/dev/zero"],
    ...["--size", String(TMP_BYTES), "--tmpfs", "/tmp", ...readOnly([...system, ...folders]), WORK],
    // bubblewrap's own root and /dev have no bound.
    ...["--remount-ro", "/dev", "--remount-ro", "/", "prlimit"],
    ...Object.entries(limits).map(([name, value]) => `--${name}=${value}`),
    ...counts ? [`--nproc=${PROCESSES}`] : [],
    // If memory runs out, the kernel ends these first.
    ...["sh", "-c", 'echo 1000 > /proc/self/oom_score_adj; exec "$@"', "sh"],
  ];
}

/** The system's folders, and those of interpreters that are elsewhere. */
async function systemMounts(): Promise<string[]> {
  const there = await Promise.all(SYSTEM.map((path) => Deno.stat(path).then(() => [path], () => [])));
  const found = await Promise.all([
    Deno.build.standalone ? output(["sh", "-c", "command -v deno"]) : Deno.execPath(),
    output(["python3", "-c", "import sys; print(sys.executable); print(sys.base_prefix + '/bin/python3')"]),
    output(["sh", "-c", "command -v node; command -v java; true"]),
  ]);
  const programs = found.join("\n").split("\n").filter((path) => path.startsWith("/"));
  const real = await Promise.all(programs.map((path) => Deno.realPath(path).catch(() => path)));
  const prefixes = [...programs, ...real].map(prefixOf).filter((path) =>
    !SYSTEM.some((folder) => `${path}/`.startsWith(`${folder}/`))
  );
  return [...there.flat(), ...new Set(prefixes)];
}

// Of .../bin/python3 all of the installation; but not a home folder that has a bin, nor what lies beside a program alone.
function prefixOf(path: string): string {
  const folder = path.split("/").slice(0, -1);
  const prefix = folder.slice(0, -1).join("/");
  return folder.at(-1) === "bin" && prefix !== Deno.env.get("HOME") ? prefix : path;
}

function pathOf(system: string[]): string {
  const own = system.filter((path) => !SYSTEM.includes(path));
  // An installation's, or where a program lies alone.
  const others = own.flatMap((path) => [`${path}/bin`, path.replace(/\/[^/]*$/, "")]);
  return [...others, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"].join(":");
}
