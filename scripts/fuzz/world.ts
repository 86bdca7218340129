/** What the fuzzer knows to be right: the folders around a server, all that was sent to it, and what went wrong. */

import type { Bytes } from "../../lib/bytes.ts";
import { isDraft } from "../../lib/files/draft.ts";
import { wire } from "../support/raw.ts";
import { Folder } from "../support/folder.ts";
import { fileData, type Message, Random, sizedData } from "./conversations.ts";

/** The most bytes that a file may have which the server is sent. */
export const MAX_BYTES = 64 * 1024;
/** The size of a file that is more than the kernel takes for a client that does not read. */
export const BIG_BYTES = 16 * 1024 * 1024;
/** Files of the root that all rounds fetch, replace and delete. */
export const POOL: readonly string[] = Array.from({ length: 20 }, (_, i) => `pool-${i}`);

/** What can go wrong. */
export type Failure = "crashes" | "hangs" | "escapes" | "half files" | "wrong answers" | "leaks";

// Where a link in the root leads; each way out is one that names can take.
const LINKS = { up: "..", out: "../secret", away: "../beside", dangling: "../new", down: "sub", loop: "loop" };
// What is around the root, and what stands in it.
const AROUND = { ".": "beside,cwd,mine,root,secret", beside: "secret", cwd: "secret", mine: "" };
const SECRETS = ["secret", "beside/secret", "cwd/secret"];

/** A root among folders that are none of the server's business. */
export class World extends Folder {
  /** What the files outside of the root hold. */
  readonly canary = `canary ${crypto.randomUUID()}`;
  /** The folder that is served. */
  readonly root: string = this.at("root");
  /** How often what went wrong. */
  readonly failures: Record<Failure, number> = {
    crashes: 0,
    hangs: 0,
    escapes: 0,
    "half files": 0,
    "wrong answers": 0,
    leaks: 0,
  };
  // What was sent whole, as the server has to understand it: any other file is a half one. Lies about a size make files
  // that are whole for the server alone, so it would not do for a file to say itself how it should end.
  readonly #sent = new Set<string>();

  /** Makes the folders, files and links. */
  static async make(seed: number): Promise<World> {
    const world = new World();
    for (const name of ["beside", "cwd", "mine", "root", "root/sub"]) await world.folder(name);
    for (const name of SECRETS) await Deno.writeTextFile(world.at(name), world.canary);
    for (const [name, target] of Object.entries(LINKS)) await Deno.symlink(target, `${world.root}/${name}`);
    for (const [index, name] of [...POOL, "sub/pool-1", "big"].entries()) {
      const data = name === "big" ? new Uint8Array(BIG_BYTES) : fileData(new Random(seed, -index), MAX_BYTES);
      await Deno.writeFile(`${world.root}/${name}`, data);
      world.send(data);
    }
    return world;
  }

  /** Counts something that went wrong, and tells of it. */
  fail(kind: Failure, round: number | string, what: unknown): void {
    this.failures[kind]++;
    console.log(`round ${round}: ${kind}:`, what);
  }

  /** How much went wrong. */
  get failed(): number {
    return Object.values(this.failures).reduce((sum, count) => sum + count);
  }

  /** Remembers a file that is sent. */
  send(data: Bytes): void {
    this.#sent.add(digest(data));
  }

  /** Remembers what messages to a server make a file of. */
  say(list: readonly Message[]): void {
    // The command is the first message or the first few, glued, and what comes before the first NUL after it; size and
    // data follow.
    for (const start of list.keys()) {
      const bytes = wire(...list.slice(start).map(({ bytes }) => bytes));
      for (const from of [0, bytes.indexOf(0)]) {
        const data = from >= 0 && sizedData(bytes.subarray(from));
        if (data) this.send(data);
      }
    }
  }

  /** Whether somebody has sent all of a file. */
  isSent(data: Bytes): boolean {
    return this.#sent.has(digest(data));
  }

  /** Looks for what should not be there, in the root and around it. */
  async check(): Promise<void> {
    for (const [name, right] of Object.entries(AROUND)) {
      const names = `${await this.names(name)}`;
      if (names !== right) this.fail("escapes", "end", `${name} holds ${JSON.stringify(names)}, not "${right}"`);
    }
    for (const name of SECRETS) {
      const text = await Deno.readTextFile(this.at(name)).catch(String);
      if (text !== this.canary) this.fail("escapes", "end", `${name} has changed`);
    }
    await this.#checkFiles(this.root);
  }

  async #checkFiles(folder: string): Promise<void> {
    for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await this.#checkFiles(path);
      if (isDraft(name)) this.fail("half files", "end", `the draft ${path} was left behind`);
      else if (isFile && !this.isSent(await Deno.readFile(path))) {
        this.fail("half files", "end", `nobody has sent all of ${JSON.stringify(path)}`);
      }
    }
  }
}

// FNV-1a: a half file that is taken for a whole one by accident is one of a million.
function digest(data: Bytes): string {
  let hash = 0x811c9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${data.length}:${hash}`;
}
