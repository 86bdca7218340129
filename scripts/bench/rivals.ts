/** The tools that the benchmark compares, each with its own server on a free port of the loopback interface. */

import { delay } from "@std/async";
import { freePort } from "../support/ports.ts";
import { command, Process, PROJECT, run } from "../support/programs.ts";

const LISTENING_TRIES = 500;
const LISTENING_PAUSE_MS = 20;
// OpenSSH's own folder, without which its server does not start as root; Debian's service makes and removes it.
const SSHD_FOLDER = "/run/sshd";

/** The folders of a run, and what must be undone at its end. */
export interface Bench {
  /** All that the run writes is in it. */
  folder: string;
  /** The clients send files from here, */
  from: string;
  /** the servers keep them here, */
  served: string;
  /** and the clients fetch them to here. */
  to: string;
  /** The interpreter itself: what is found on PATH may be a slow wrapper script. */
  python: string;
  stack: AsyncDisposableStack;
}

/** One copy: the client's command line and, where it serves this copy alone, its server. */
export interface Copy {
  words: string[];
  server?: Process;
}

/** A tool that copies a file to its server and back. */
export interface Tool {
  name: string;
  /** Sends a file from the folder `from`, in which the client runs. */
  put: (file: string) => Copy | Promise<Copy>;
  /** Fetches a file to the folder `to`, in which the client runs. */
  get: (file: string) => Copy | Promise<Copy>;
  /** It moves as many bytes as the file has, but reads and keeps none. */
  isBare?: boolean;
}

/** Whether there is such a file, or a symbolic link to one. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The path of a program, also where only root's PATH leads; undefined if it is not installed. */
export function which(program: string): string | undefined {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.map((folder) => `${folder}/${program}`).find(isFile);
}

/** Whether all of the programs are installed; if not, says which Debian packages have them. */
function installed(programs: Record<string, string>): boolean {
  const missing = Object.entries(programs).filter(([program]) => !which(program)).map(([, name]) => name);
  if (missing.length > 0) {
    console.log(`${Object.keys(programs)[0]} is left out: apt install ${[...new Set(missing)].join(" ")}\n`);
  }
  return missing.length === 0;
}

/** Waits until a process listens, without connecting: some of the servers serve a single connection. */
async function listening(server: Process, port: number): Promise<void> {
  const socket = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} [0-9A-F]+:0000 0A `);
  let ended = false;
  server.child.status.then(() => ended = true);
  for (let tries = 0; tries < LISTENING_TRIES && !ended; tries++) {
    const { stdout } = await run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], { cwd: "/" });
    if (socket.test(stdout)) return;
    await delay(LISTENING_PAUSE_MS);
  }
  throw new Error(`a server does not listen on port ${port}: ${[...server.lines, ...server.errors].join("; ")}`);
}

/** Starts a server in the folder `served`, on a free port, and waits until it listens. */
export async function startOnFreePort(
  bench: Bench,
  words: (port: number) => string[],
): Promise<{ server: Process; port: number }> {
  const port = freePort();
  const server = new Process(words(port), { cwd: bench.served });
  try {
    await listening(server, port);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return { server, port };
}

/** Starts a server that lasts until the end of the run; its port. */
export async function serve(bench: Bench, words: (port: number) => string[]): Promise<number> {
  const { server, port } = await startOnFreePort(bench, words);
  bench.stack.use(server);
  return port;
}

/** The two programs of this project, both with the same options. */
export async function ours(bench: Bench, options: string[] = [], { isTls = false } = {}): Promise<Tool> {
  const credentials = isTls ? ["--cert", `${bench.folder}/cert.pem`, "--key", `${bench.folder}/key.pem`] : [];
  const trust = isTls ? ["--ca", `${bench.folder}/ca.pem`] : [];
  const port = await serve(bench, (port) => [...command("server"), `${port}`, ...options, ...credentials]);
  const client = (verb: string, file: string): Copy => ({
    words: [...command("client"), "127.0.0.1", `${port}`, verb, file, ...options, ...trust],
  });
  return {
    name: ["ours", ...options].join(" "),
    put: (file) => client("PUT", file),
    get: (file) => client("GET", file),
  };
}

/** The lab's programs as the lab suggests to write them; inside TLS by CPython's `ssl`. */
export async function naivePython(bench: Bench, { isTls = false } = {}): Promise<Tool> {
  const words = (program: string): string[] => [
    bench.python,
    ...isTls ? [`${import.meta.dirname}/inside_tls.py`, bench.folder] : [],
    `${PROJECT}/scripts/support/peers/naive_${program}.py`,
  ];
  const port = await serve(bench, (port) => [...words("server"), `${port}`]);
  const client = (verb: string, file: string): Copy => ({
    words: [...words("client"), "127.0.0.1", `${port}`, verb, file],
  });
  return { name: "naive Python", put: (file) => client("PUT", file), get: (file) => client("GET", file) };
}

/** A loop of writes of so many bytes into a loop of reads, by Deno: nothing that is built on it can be faster. */
export async function bareLoop(bench: Bench, writeBytes: number, { isTls = false } = {}): Promise<Tool> {
  const script = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-net", "--allow-read"];
  script.push(`${import.meta.dirname}/bare.ts`);
  const folder = isTls ? [bench.folder] : [];
  const port = await serve(bench, (port) => [...script, "serve", `${port}`, ...folder]);
  const client = (verb: string, file: string): Copy => ({
    words: [...script, verb, `${port}`, `${writeBytes}`, `${Deno.statSync(`${bench.from}/${file}`).size}`, ...folder],
  });
  const name = `bare loop of ${writeBytes / 1024} KiB`;
  return { name, isBare: true, put: (file) => client("put", file), get: (file) => client("get", file) };
}

/** OpenBSD's netcat: no protocol at all. */
export function netcat(bench: Bench): Tool[] {
  if (!installed({ "nc.openbsd": "netcat-openbsd" })) return [];
  const copy = async (serverLine: (port: number) => string, clientLine: (port: number) => string): Promise<Copy> => {
    const shell = (line: string): string[] => ["sh", "-c", `exec nc.openbsd ${line}`];
    const { server, port } = await startOnFreePort(bench, (port) => shell(serverLine(port)));
    return { server, words: shell(clientLine(port)) };
  };
  // -N sends FIN at the end of the file, -d reads no standard input: so the client outlasts the server's last write.
  return [{
    name: "nc",
    put: (file) => copy((port) => `-d -l 127.0.0.1 ${port} > '${file}'`, (port) => `-N 127.0.0.1 ${port} < '${file}'`),
    get: (file) => copy((port) => `-l -N 127.0.0.1 ${port} < '${file}'`, (port) => `-d 127.0.0.1 ${port} > '${file}'`),
  }];
}

/** rsync's own protocol to its daemon. */
export async function rsync(bench: Bench): Promise<Tool[]> {
  if (!installed({ rsync: "rsync" })) return [];
  const config = `${bench.folder}/rsyncd.conf`;
  // uid and gid count for root only, who would else become nobody.
  await Deno.writeTextFile(
    config,
    `use chroot = no\nuid = 0\ngid = 0\n[files]\npath = ${bench.served}\nread only = no\n`,
  );
  const port = await serve(
    bench,
    (port) => ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", `--port=${port}`, `--config=${config}`],
  );
  const url = (file: string): string => `rsync://127.0.0.1:${port}/files/${file}`;
  return [{
    name: "rsync daemon --whole-file",
    put: (file) => ({ words: ["rsync", "--whole-file", file, url(file)] }),
    get: (file) => ({ words: ["rsync", "--whole-file", url(file), file] }),
  }];
}

/** FTP: curl and vsftpd, which sends files with sendfile(2). */
export async function ftp(bench: Bench): Promise<Tool[]> {
  if (!installed({ vsftpd: "vsftpd", curl: "curl" })) return [];
  const config = `${bench.folder}/vsftpd.conf`;
  const settings = {
    listen: "YES",
    listen_address: "127.0.0.1",
    background: "NO",
    run_as_launching_user: "YES",
    anonymous_enable: "YES",
    no_anon_password: "YES",
    local_enable: "NO",
    anon_root: bench.served,
    anon_world_readable_only: "NO",
    write_enable: "YES",
    anon_upload_enable: "YES",
    anon_other_write_enable: "YES",
    secure_chroot_dir: bench.folder,
    xferlog_enable: "NO",
  };
  await Deno.writeTextFile(config, Object.entries(settings).map((setting) => `${setting.join("=")}\n`).join(""));
  const port = await serve(bench, (port) => [which("vsftpd")!, `-olisten_port=${port}`, config]);
  const url = (file: string): string => `ftp://127.0.0.1:${port}/${file}`;
  return [{
    name: "curl + vsftpd",
    put: (file) => ({ words: ["curl", "-sS", "-T", file, url(file)] }),
    get: (file) => ({ words: ["curl", "-sS", "-o", file, url(file)] }),
  }];
}

/** An OpenSSH server with keys of its own: scp's command line up to the files, and a file's name there. */
interface SshServer {
  words: string[];
  remote: (file: string) => string;
}

/** Starts one, if it is installed. */
export async function sshServer(bench: Bench): Promise<SshServer | undefined> {
  const packages = { scp: "openssh-client", "ssh-keygen": "openssh-client", sshd: "openssh-server" };
  if (!installed(packages)) return undefined;
  const { folder } = bench;
  for (const key of ["host_key", "user_key"]) {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${key}`], { cwd: folder });
  }
  const config = `${folder}/sshd_config`;
  const settings = {
    ListenAddress: "127.0.0.1",
    HostKey: `${folder}/host_key`,
    AuthorizedKeysFile: `${folder}/user_key.pub`,
    PermitRootLogin: "prohibit-password",
    StrictModes: "no",
    UsePAM: "no",
    PidFile: "none",
    Subsystem: "sftp internal-sftp",
  };
  await Deno.writeTextFile(config, Object.entries(settings).map((setting) => `${setting.join(" ")}\n`).join(""));
  if (Deno.uid() === 0) {
    try {
      await Deno.mkdir(SSHD_FOLDER, { mode: 0o755 });
      bench.stack.defer(() => Deno.remove(SSHD_FOLDER));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
  const port = await serve(bench, (port) => [which("sshd")!, "-D", "-e", "-f", config, "-p", `${port}`]);
  const user = (await run(["id", "-un"], { cwd: folder })).stdout.trim();
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"];
  const words = ["scp", "-q", "-F", "none", "-P", `${port}`, "-i", `${folder}/user_key`];
  words.push(...options.flatMap((option) => ["-o", option]));
  return { words, remote: (file) => `${user}@127.0.0.1:${bench.served}/${file}` };
}

/** scp. */
export async function scp(bench: Bench): Promise<Tool[]> {
  const server = await sshServer(bench);
  if (!server) return [];
  const { words, remote } = server;
  return [{
    name: "scp + sshd",
    put: (file) => ({ words: [...words, file, remote(file)] }),
    get: (file) => ({ words: [...words, remote(file), file] }),
  }];
}
