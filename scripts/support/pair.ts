/** A server and a client, each with a folder of its own. */

import { Folder } from "./folder.ts";
import { command, type Output, run, runClient, ServerProcess } from "./programs.ts";

/** A folder with the folders `served` and `mine`, and in them the given files, such as `{ "served/f": "text" }`. */
export async function folders(files: Record<string, string> = {}): Promise<Folder> {
  const folder = new Folder();
  for (const name of ["served", "mine"]) await folder.folder(name);
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(folder.at(name), text);
  return folder;
}

/** Runs the client in the folder `mine`. */
export function client(folder: Folder, port: number, ...args: string[]): Promise<Output> {
  return runClient(["127.0.0.1", String(port), ...args], { cwd: folder.at("mine") });
}

/** A running server of the folder `served`, and clients in the folder `mine`. */
export class Pair implements AsyncDisposable {
  readonly folder: Folder;
  readonly server: ServerProcess;

  private constructor(folder: Folder, server: ServerProcess) {
    this.folder = folder;
    this.server = server;
  }

  /** Starts the server with these arguments. */
  static async start(...args: string[]): Promise<Pair> {
    const folder = await folders();
    return new Pair(folder, await ServerProcess.start(args, { cwd: folder.at("served") }));
  }

  get mine(): string {
    return this.folder.at("mine");
  }

  /** The client's command line. */
  words(...args: string[]): string[] {
    return [...command("client"), "localhost", String(this.server.port), ...args];
  }

  client(...args: string[]): Promise<Output> {
    return run(this.words(...args), { cwd: this.mine });
  }

  /** Runs a shell script in which `"$@"` is the client's command line. */
  shell(script: string): Promise<Output> {
    return run(["bash", "-c", script, "bash", ...this.words()], { cwd: this.mine });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
