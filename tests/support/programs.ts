/** Starts the real programs as processes of their own, from source or, if the environment names them, compiled. */

// @ts-types="./types/streams.d.ts"
import { TextLineStream } from "@std/streams/text-line-stream";

const HERE = `${import.meta.dirname}/../..`;
/** The project's configuration. */
export const DENO_JSON = `${HERE}/deno.json`;
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-write"];

/** A program's command line: the executable that BLOCKFERRY_CLIENT or BLOCKFERRY_SERVER names, or `deno run`. */
export function command(program: "client" | "server", permissions = PERMISSIONS): string[] {
  const compiled = Deno.env.get(`BLOCKFERRY_${program.toUpperCase()}`);
  if (compiled) return [compiled];
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...permissions, `${HERE}/${program}.ts`];
}

/** Whether a program is an executable, which has its permissions built in. */
export function isCompiled(program: "client" | "server"): boolean {
  return Deno.env.has(`BLOCKFERRY_${program.toUpperCase()}`);
}

/** How a process is started. */
export interface ProcessOptions {
  cwd: string;
  /** Deno's permission flags, where they matter. */
  permissions?: string[];
  /** What the process reads on its standard input. */
  input?: string;
}

/** What a process printed and how it ended. */
export interface Output {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs any command to its end. */
export async function run(words: string[], { cwd }: { cwd: string }): Promise<Output> {
  const [program, ...args] = words;
  const command = new Deno.Command(program!, { args, cwd, stdin: "null", stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  return { status: code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Runs the client to its end: `args` is its command line. */
export function runClient(args: string[], { cwd, permissions }: ProcessOptions): Promise<Output> {
  return run([...command("client", permissions), ...args], { cwd });
}

/** A command's words to have its system calls written to a file; `undefined`, with a word, where that can't be done. */
export async function traced(words: string[], calls: string, file: string): Promise<string[] | undefined> {
  // -D: the command stays our own child, so that it can be ended. -y: what a descriptor is, stands behind it.
  const strace = ["strace", "-D", "-f", "-y", "-qq", "-e", `trace=${calls}`, "-o", file];
  const isThere = await run([...strace, "true"], { cwd: "/" }).then(({ status }) => status === 0, () => false);
  if (isThere) return [...strace, ...words];
  console.log("left out: strace can't be run here");
  return undefined;
}

/** A long-lived process whose lines can be awaited. */
export class Process implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  /** The lines of its standard output so far. */
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly #reading: Promise<unknown>;
  #onLine: () => void = () => {};

  constructor(words: string[], { cwd }: { cwd: string }) {
    const [program, ...args] = words;
    this.child = new Deno.Command(program!, { args, cwd, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
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

  /** Awaits the first line of output from number `from` on that matches, for ten seconds at most. */
  line(pattern: RegExp, from = 0): Promise<string> {
    return this.#find(this.lines, pattern, from);
  }

  /** Awaits the first line on standard error that matches, for ten seconds at most. */
  errorLine(pattern: RegExp): Promise<string> {
    return this.#find(this.errors, pattern, 0);
  }

  async #find(lines: string[], pattern: RegExp, from: number): Promise<string> {
    const deadline = performance.now() + 10_000;
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

  /** Ends the process. */
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
  static async run(words: string[], options: { cwd: string }): Promise<ServerProcess> {
    const server = new ServerProcess(words, options);
    server.port = Number((await server.line(/^server waiting on port \d+$/)).match(/\d+$/)![0]);
    return server;
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

/** A folder that goes with the test. */
export class Folder implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "blockferry_test_" }));

  /** The path of something in it. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Makes a folder in it. */
  async folder(name: string): Promise<string> {
    await Deno.mkdir(this.at(name));
    return this.at(name);
  }

  /** The names of all that is in it, drafts included, sorted. */
  async names(name = "."): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.at(name)), (entry) => entry.name)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Bytes that no accident repeats. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += 65536) crypto.getRandomValues(bytes.subarray(start, start + 65536));
  return bytes;
}

/**
 * Tries again what hangs on real time, such as a rest that must arrive within 50 ms: on a busy machine it may not. A
 * program that does not wait for it fails each time.
 */
export async function withinTime(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 5; tries > 1; tries--) {
    try {
      return await attempt();
    } catch {
      // Late, perhaps.
    }
  }
  await attempt();
}

/** A command that must work, or a word on the console of why the test is left out. */
export async function works(words: string[]): Promise<boolean> {
  try {
    const { status, stderr } = await run(words, { cwd: "/" });
    if (status !== 0) console.log(`left out: ${words.join(" ")}: ${stderr.trim()}`);
    return status === 0;
  } catch (error) {
    console.log(`left out: ${words.join(" ")}: ${(error as Error).message}`);
    return false;
  }
}
