/** Starts the real programs as processes of their own, from source or, if the environment names them, compiled. */

import { TextLineStream } from "@std/streams";

/** The project's folder. */
export const PROJECT = `${import.meta.dirname}/../..`;
/** Its configuration. */
export const DENO_JSON = `${PROJECT}/deno.json`;
// Far longer than a program takes to start on the slowest machine.
const LIMIT_MS = 60_000;
/** What the programs are allowed. */
export const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-write"];

/** A program's command line: the executable that BLOCKFERRY_CLIENT or BLOCKFERRY_SERVER names, or `deno run`. */
export function command(program: "client" | "server", permissions = PERMISSIONS): string[] {
  const compiled = Deno.env.get(`BLOCKFERRY_${program.toUpperCase()}`);
  if (compiled) return [compiled];
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...permissions, `${PROJECT}/${program}.ts`];
}

/** How a process is started. */
export interface ProcessOptions {
  cwd: string;
  /** Deno's permission flags, where they matter. */
  permissions?: string[];
}

/** What a process printed and how it ended. */
export interface Output {
  status: number;
  stdout: string;
  stderr: string;
}

/** What a command has printed that ended with this status. */
export function ended(status: number, stdout: string, stderr = ""): Output {
  return { status, stdout, stderr };
}

/** Where a command runs, and its environment if that is not ours. */
export type Place = Pick<Deno.CommandOptions, "env" | "clearEnv"> & { cwd: string };

/** Runs any command to its end. */
export async function run(words: string[], place: Place): Promise<Output> {
  const [program, ...args] = words;
  const command = new Deno.Command(program!, { args, ...place, stdin: "null", stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  return { status: code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/**
 * Writes a shell script that can be run. Another process writes it: one that this one starts meanwhile, for another test,
 * would have the file open too, and a file that is open for writing can't be run (ETXTBSY).
 */
export async function writeScript(path: string, script: string): Promise<void> {
  const words = ["sh", "-c", `printf '#!/bin/sh\\n%s\\n' "$1" > "$0" && chmod +x "$0"`, path, script];
  const { status, stderr } = await run(words, { cwd: "/" });
  if (status !== 0) throw new Error(stderr);
}

/** Runs the client to its end: `args` is its command line. */
export function runClient(args: string[], { cwd, permissions }: ProcessOptions): Promise<Output> {
  return run([...command("client", permissions), ...args], { cwd });
}

/** How many descriptors a process has open. */
export async function descriptors(pid: number): Promise<number> {
  const { stdout } = await run(["ls", `/proc/${pid}/fd`], { cwd: "/" });
  return stdout.trim().split("\n").length;
}

/** A long-lived process whose lines can be awaited. */
export class Process implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  /** The lines of its standard output so far. */
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly #reading: Promise<unknown>;
  #onLine: () => void = () => {};

  constructor(words: string[], place: Place) {
    const [program, ...args] = words;
    const options = { args, ...place, stdin: "null", stdout: "piped", stderr: "piped" } as const;
    this.child = new Deno.Command(program!, options).spawn();
    this.#reading = Promise.all([
      this.#collect(this.child.stdout, this.lines),
      this.#collect(this.child.stderr, this.errors),
    ]);
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, lines: string[]): Promise<void> {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      lines.push(line);
      this.#onLine();
    }
  }

  /** Awaits the first line of output from number `from` on that matches, for a minute at most. */
  line(pattern: RegExp, from = 0): Promise<string> {
    return this.#find(this.lines, pattern, from);
  }

  /** Awaits the first line on standard error from number `from` on that matches, for a minute at most. */
  errorLine(pattern: RegExp, from = 0): Promise<string> {
    return this.#find(this.errors, pattern, from);
  }

  async #find(lines: string[], pattern: RegExp, from: number): Promise<string> {
    const deadline = performance.now() + LIMIT_MS;
    while (true) {
      const found = lines.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new Error(
          `no line ${pattern} among ${JSON.stringify(this.lines)}, errors ${JSON.stringify(this.errors)}`,
        );
      }
      let timer;
      await Promise.race([
        new Promise<void>((resolve) => this.#onLine = resolve),
        new Promise((resolve) => timer = setTimeout(resolve, left)),
      ]);
      clearTimeout(timer);
    }
  }

  /** Awaits the end of the process and of its output; its exit status. */
  async ended(): Promise<number> {
    const { code } = await this.child.status;
    await this.#reading;
    return code;
  }

  /** Ends the process by SIGTERM: then `lines` and `errors` have all that it printed. Its exit status. */
  end(): Promise<number> {
    this.child.kill("SIGTERM");
    return this.ended();
  }

  /** Kills the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
  }
}

/** Our server in a process of its own, on a free port. */
export class ServerProcess extends Process {
  port = 0;

  /** Starts it with `-v` in the folder `cwd`, and waits until it listens. */
  static start(args: string[], { cwd, permissions }: ProcessOptions): Promise<ServerProcess> {
    return ServerProcess.run([...command("server", permissions), "0", "-v", ...args], { cwd });
  }

  /** Starts it by a command line of one's own, which has `-v`. */
  static async run(words: string[], place: Place): Promise<ServerProcess> {
    const server = new ServerProcess(words, place);
    server.port = Number((await server.line(/^server waiting on port \d+$/)).match(/\d+$/)![0]);
    return server;
  }
}
