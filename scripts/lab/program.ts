/** The programs under test: started in empty folders, listened to, and ended with all that they started. */

import { within } from "../../lib/within.ts";
import { Folder } from "../../tests/support/folder.ts";
import { STDBUF } from "../../tests/support/needs.ts";
import { freePort } from "../../tests/support/net.ts";
import { Failure } from "./failure.ts";
import { Talk } from "./talk.ts";

/** Longer than a line takes from a program to this one, in milliseconds. */
export const EARLY_MS = 300;
// A program that prints for ever must not fill this one's memory.
const MAX_OUTPUT = 64 * 1024;
// An interpreter may take seconds to start on a busy machine, and to leave.
const START_MS = 15_000;
const END_MS = 3000;
// Between two attempts to connect to a server that is still starting.
const RETRY_MS = 50;
// What a program writes just before it ends is read in far less.
const DRAIN_MS = 500;

const FOLDER_HINT =
  "its errors are shown below; each check runs in an empty folder, so name the program by its absolute path";

/** A running program. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  /** What it has printed on its two streams, up to 64 KiB each. */
  readonly output = { stdout: "", stderr: "" };
  /** Its exit status, when it has ended. */
  readonly ended: Promise<number>;

  /** Starts a shell command in a process group of its own. */
  constructor(command: string, cwd: string) {
    // What it prints must not wait in a buffer: stdbuf sees to that for C's stdio, the variable for Python.
    const lineBuffered = STDBUF.isMet() ? ["stdbuf", "--output=L"] : [];
    // setsid, so that whatever it starts can be ended with it.
    this.#child = new Deno.Command("setsid", {
      args: [...lineBuffered, "sh", "-c", command],
      cwd,
      env: { PYTHONUNBUFFERED: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#child.status.then(({ code }) => code);
    this.#reading = Promise.all((["stdout", "stderr"] as const).map((name) => this.#collect(name)));
  }

  async #collect(name: "stdout" | "stderr"): Promise<void> {
    for await (const text of this.#child[name].pipeThrough(new TextDecoderStream())) {
      this.output[name] = (this.output[name] + text).slice(0, MAX_OUTPUT);
    }
  }

  /** Awaits the end and all of the output; throws a {@linkcode Failure} if it does not come. */
  async end(timeoutMs: number): Promise<number> {
    const limitMs = timeoutMs + END_MS;
    const status = await within(this.ended, limitMs);
    if (status === undefined) throw new Failure(`the program did not end within ${limitMs / 1000} seconds`);
    await within(this.#reading, DRAIN_MS);
    return status;
  }

  /** Awaits a line of output. */
  async line(line: string, timeoutMs: number): Promise<void> {
    for (const deadline = performance.now() + timeoutMs; !this.lines.includes(line);) {
      if (performance.now() > deadline) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The most memory that a process of the program has had, in KiB. */
  async peakKib(): Promise<number> {
    const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,pgid="] }).output();
    const processes = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim().split(/\s+/));
    const peaks = processes.filter(([, group]) => Number(group) === this.#child.pid).map(async ([pid]) => {
      // Not by Deno, which reads /proc with all permissions only.
      const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`], stderr: "null" }).output();
      return Number(new TextDecoder().decode(stdout).match(/^VmHWM:\s+(\d+) kB$/m)?.[1] ?? 0);
    });
    return Math.max(0, ...await Promise.all(peaks));
  }

  /** The lines on standard output. */
  get lines(): string[] {
    return linesOf(this.output.stdout);
  }

  /** The lines on standard error. */
  get errorLines(): string[] {
    return linesOf(this.output.stderr);
  }

  /** What a report shows of the output. */
  get transcript(): string[] {
    return (["stdout", "stderr"] as const).flatMap((name) =>
      this.output[name].trimEnd().split("\n").slice(-8).filter((line) => line !== "")
        .map((line) => `its ${name === "stdout" ? "output" : "errors"}: ${line.slice(0, 200)}`)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // Whatever the program started is in its process group.
      Deno.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // Ended already.
    }
    await this.ended;
    await within(this.#reading, DRAIN_MS);
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== "");
}

/** The programs of one check, with a folder for each, and the traces of their conversations. */
export class Programs implements AsyncDisposable {
  readonly #commands: { client: string; server: string };
  readonly #stack = new AsyncDisposableStack();
  readonly timeoutMs: number;
  /** The conversations so far. */
  readonly trace: string[] = [];
  /** The program's folder. */
  readonly folder: Folder;
  #program: Program | undefined;
  #disposed: Promise<void> | undefined;

  constructor(commands: { client: string; server: string }, timeoutMs: number) {
    this.#commands = commands;
    this.timeoutMs = timeoutMs;
    this.folder = this.#stack.use(new Folder());
  }

  /** The program that was started last. */
  get program(): Program {
    return this.#program!;
  }

  /** Starts the server; `prefix` is a command that starts it, such as strace. */
  startServer({ isVerbose = false, prefix = "" } = {}): Server {
    const port = freePort();
    const command = this.#commands.server.replaceAll("{port}", String(port));
    this.#program = this.#stack.use(new Program(`${prefix}${command}${isVerbose ? " -v" : ""}`, this.folder.path));
    return new Server(this, port);
  }

  /** Starts the client for a server of ours. */
  startClient(port: number, command: string, file: string, { prefix = "" } = {}): Program {
    const words = { host: "127.0.0.1", port: String(port), command, file: `'${file.replaceAll("'", `'\\''`)}'` };
    const line = this.#commands.client.replace(
      /\{(host|port|command|file)\}/g,
      (_, word: keyof typeof words) => words[word],
    );
    return this.#program = this.#stack.use(new Program(prefix + line, this.folder.path));
  }

  /** Our side of a conversation, which is over with the check. */
  talk(conn: Deno.TcpConn, self: "client" | "server"): Talk {
    return this.#stack.use(new Talk(conn, self, this));
  }

  /** A listener for the client under test. */
  listen(): Deno.TcpListener {
    return this.#stack.use(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  }

  /** Awaits the client's connection; fails if it ends without one. */
  async accept(listener: Deno.TcpListener): Promise<Talk> {
    const conn = await within(
      Promise.race([listener.accept(), this.program.ended.then(() => undefined)]),
      START_MS,
    );
    if (!conn) {
      const error = this.program.lines.find((line) => line.startsWith("client error: "));
      const hint = error && `it printed "${error}", which is not so: the file is the server's`;
      throw new Failure("the client did not connect to the server", hint ?? FOLDER_HINT);
    }
    return this.talk(conn, "server");
  }

  /** Ends the programs and removes their folder; a signal may ask for it while the check does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#stack.disposeAsync();
  }
}

/** The server under test. */
export class Server {
  readonly #programs: Programs;
  readonly port: number;

  constructor(programs: Programs, port: number) {
    this.#programs = programs;
    this.port = port;
  }

  /** Connects, as soon as the server listens. */
  async connect(): Promise<Talk> {
    const { program, trace } = this.#programs;
    let hasEnded = false;
    program.ended.then(() => hasEnded = true);
    for (const deadline = performance.now() + START_MS; performance.now() < deadline && !hasEnded;) {
      try {
        return this.#programs.talk(await Deno.connect({ hostname: "127.0.0.1", port: this.port }), "client");
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    throw new Failure(
      hasEnded ? "the server has ended" : `nothing listens on port ${this.port}, the server's first argument`,
      hasEnded && trace.length > 0
        ? "accept() the next client in a loop that never ends; if it crashed, its errors are shown below"
        : hasEnded
        ? FOLDER_HINT
        : "bind to the port of the command line, and listen before anything else",
    );
  }
}
