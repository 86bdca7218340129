/** Our programs with each other, and with others that are written from the lab's document alone: what is moved and what is printed. */

import { assert, assertEquals } from "@std/assert";
import { Folder, isSame, randomBytes } from "../../scripts/support/folder.ts";
import { PYTHON, testWith } from "../support/needs.ts";
import { command, Process, run } from "../../scripts/support/programs.ts";
import { PYTHON_WORDS } from "../support/python.ts";

const PEERS = `${import.meta.dirname}/../../scripts/support/peers/`;
const CLIENTS = { our: command("client"), Python: [...PYTHON_WORDS, `${PEERS}naive_client.py`] };
const SERVERS = { our: command("server"), Python: [...PYTHON_WORDS, `${PEERS}naive_server.py`] };

// Sizes around one block, and names that a careless reader would cut; the third has 255 bytes.
const FILES: readonly (readonly [name: string, size: number])[] = [
  ["empty", 0],
  ["grüße  你好.txt", 1024],
  [`${"ä".repeat(127)}x`, 1025],
  [" GET OK", 3 * 1024 * 1024 + 7],
];

for (const [client, server] of [["our", "our"], ["our", "Python"], ["Python", "our"]] as const) {
  const needs = client === server ? [] : [PYTHON];
  const peersTest = (name: string, work: (pairing: Pairing) => Promise<void>): void =>
    testWith(needs, `${client} client and ${server} server ${name}`, async () => {
      await using pairing = new Pairing(client, server);
      await pairing.start();
      await work(pairing);
      await pairing.end();
    });
  peersTest("move files of any size and name, and print the lab's lines", transfers);
  // Each program's errors are those that the Python one gets or sends.
  if (client !== server) peersTest("tell each error in the lab's words, and leave the files alone", errors);
}

async function transfers({ client, folder, perform }: Pairing): Promise<void> {
  // A file that is there already, and longer, is simply overwritten.
  await Deno.writeFile(folder.at("served/grüße  你好.txt"), randomBytes(2000));
  for (const [name, size] of FILES) {
    const [mine, served] = [folder.at(`mine/${name}`), folder.at(`served/${name}`)];
    const data = randomBytes(size);
    await Deno.writeFile(mine, data);
    if (size === 0 && client === "Python") {
      // Between the server's OK and its DONE there is nothing to wait for: a bare recv() may bring both.
      await Deno.writeFile(served, data);
    } else {
      await perform("PUT", name, {
        client: [`client sending file ${name} (${size} bytes)`, "Complete"],
        server: [`server receiving ${size} bytes`],
      });
    }
    await assertHolds(served, data);
    await Deno.writeFile(mine, randomBytes(size + 10));
    await perform("GET", name, {
      client: [`client receiving file ${name} (${size} bytes)`, "Complete"],
      server: [`server sending ${size} bytes`],
    });
    await assertHolds(mine, data);
    await perform("DEL", name, {
      client: [`client deleting file ${name}`, "Complete"],
      server: [`server deleting file ${name}`],
    });
  }
  assertEquals(await folder.names("served"), []);
}

async function assertHolds(path: string, data: Uint8Array): Promise<void> {
  assert(isSame(await Deno.readFile(path), data), `${path} differs`);
}

async function errors({ folder, perform }: Pairing): Promise<void> {
  // A folder in a file's place stops everyone, root too.
  await folder.folder("served/folder");
  await folder.folder("mine/blocked");
  await Deno.writeTextFile(folder.at("served/blocked"), "theirs");
  await Deno.writeTextFile(folder.at("mine/folder"), "mine");

  await perform("GET", "not here", { status: 1, client: ["server error: not here does not exist"], server: [] });
  await perform("DEL", "not here", {
    status: 1,
    client: ["client deleting file not here", "server error: not here does not exist"],
    server: [],
  });
  await perform("DEL", "folder", {
    status: 1,
    client: ["client deleting file folder", "server error: unable to delete folder"],
    server: ["server deleting file folder"],
  });
  await perform("PUT", "folder", { status: 1, client: ["server error: unable to create file folder"], server: [] });
  // These two the client knows without a connection.
  await perform("GET", "blocked", {
    status: 1,
    client: ["client error: unable to create file blocked"],
    reason: "that is a folder",
  });
  await perform("PUT", "not here", { status: 1, client: ["client error: not here does not exist"] });

  const both = ["blocked", "folder"];
  assertEquals([await folder.names("served"), await folder.names("mine")], [both, both]);
  assertEquals(await Deno.readTextFile(folder.at("served/blocked")), "theirs");
  assertEquals(await Deno.readTextFile(folder.at("mine/folder")), "mine");
}

/** What one run of the client is to end with and print, and the server if there is to be a connection. */
interface Expected {
  status?: number;
  client: string[];
  server?: string[];
  reason?: string;
}

/** A server at work in the folder `served`, and a client in the folder `mine`. */
class Pairing implements AsyncDisposable {
  readonly folder = new Folder();
  readonly client: keyof typeof CLIENTS;
  readonly #server: Process;
  readonly #serverLines: string[] = [];
  #port = "";

  constructor(client: keyof typeof CLIENTS, server: keyof typeof SERVERS) {
    Deno.mkdirSync(this.folder.at("served"));
    Deno.mkdirSync(this.folder.at("mine"));
    this.client = client;
    this.#server = new Process([...SERVERS[server], "0", "-v"], { cwd: this.folder.at("served") });
  }

  async start(): Promise<void> {
    const line = await this.#server.line(/^server waiting on port \d+$/);
    this.#port = line.match(/\d+$/)![0];
    this.#serverLines.push(line);
  }

  readonly perform = async (
    verb: string,
    name: string,
    { status = 0, client, server, reason }: Expected,
  ): Promise<void> => {
    const output = await run([...CLIENTS[this.client], "127.0.0.1", this.#port, verb, name], {
      cwd: this.folder.at("mine"),
    });
    // Ours says why on standard error, where the lab's line says too little.
    const stderr = reason && this.client === "our" ? `client: ${name}: ${reason}\n` : "";
    assertEquals(output, { status, stdout: client.map((line) => `${line}\n`).join(""), stderr });
    if (!server) return;
    this.#serverLines.push("server connected to client at 127.0.0.1:*", `server receiving request: ${verb} ${name}`);
    this.#serverLines.push(...server, `server waiting on port ${this.#port}`);
  };

  /** Ends the server, and compares all that it printed. */
  async end(): Promise<void> {
    await this.#server.line(/^server waiting/, this.#serverLines.length - 1);
    await this.#server.end();
    // The client's port is the system's choice.
    const lines = this.#server.lines.map((line) => line.replace(/^(server connected .*:)\d+$/, "$1*"));
    assertEquals(lines, this.#serverLines);
    const errors = this.#server.errors.filter((line) => !line.endsWith("folder: that is a folder"));
    assertEquals(errors, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
