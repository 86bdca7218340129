/** Clients that move files through the cluster while parts of it break, and remember what they were promised. */

import { delay } from "@std/async";
import { get, put, TransferError } from "../../lib/mod.ts";
import { isSame, randomBytes } from "../support/folder.ts";
import type { Cluster } from "./cluster.ts";

// No two are as long, so that a file tells by its length what its bytes must be.
const VERSIONS = [0, 1, 1023, 1024, 1025, 5000, 65_536, 200_001].map(randomBytes);
// After so many PUTs of a name, a client takes another one.
const PUTS_A_NAME = 5;
// How long each fault lasts.
const DEAD_MS = 2000;
const STOPPED_MS = 8000;
// A client that finds no server goes on after a pause.
const PAUSE_MS = 100;

/** What a name may hold: the version that was complete, or what a failed PUT may have left. */
type Possible = (Uint8Array | undefined)[];

/** The load, its faults and its verdict. */
export class Load {
  readonly #cluster: Cluster;
  readonly #transfers: number;
  readonly #clients: number;
  readonly #names = new Map<string, Possible>();
  readonly #failures = new Map<string, number>();
  #begun = 0;
  #complete = 0;
  #lost = 0;
  #phase = "all well";
  readonly #start = performance.now();

  constructor(cluster: Cluster, { transfers, clients }: { transfers: number; clients: number }) {
    this.#cluster = cluster;
    this.#transfers = transfers;
    this.#clients = clients;
  }

  /** Runs it, and prints what happened; whether nothing was lost. */
  async run(): Promise<boolean> {
    const clients = Array.from({ length: this.#clients }, (_, number) => this.#client(number));
    await Promise.all([...clients, this.#faults()]);
    const seconds = (performance.now() - this.#start) / 1000;
    await this.#cluster.volume.heal();
    this.#phase = "afterwards";
    const checked = await this.#check();
    console.log(`
| ${this.#transfers} transfers by ${this.#clients} clients | |
| --- | ---: |
| complete | ${this.#complete} |
${[...this.#failures].sort().map(([cause, count]) => `| failed, ${cause} | ${count} |`).join("\n")}
| seconds | ${seconds.toFixed(0)} |
| files compared, from each of the three servers | ${checked} |
| lost or wrong | ${this.#lost} |
`);
    for (const { name, said } of this.#cluster.nodes) print(`server ${name} said:`, said);
    print("the balancer said:", this.#cluster.balancerSaid);
    return this.#lost === 0;
  }

  async #client(number: number): Promise<void> {
    let count = 0;
    let puts = 0;
    while (this.#begun < this.#transfers) {
      if (puts++ % PUTS_A_NAME === 0) count++;
      const name = `client-${number}-${count}`;
      const version = VERSIONS[Math.floor(Math.random() * VERSIONS.length)]!;
      const before = this.#names.get(name) ?? [undefined];
      const isPut = await this.#transfer(async (options) => {
        // Until it is complete, either may be there; even later, if the server was only stopped.
        this.#names.set(name, [...before, version]);
        const from = new Blob([version as Uint8Array<ArrayBuffer>]).stream();
        await put(name, { ...options, from, size: BigInt(version.length) });
        this.#names.set(name, [version]);
      });
      // A name in doubt is left alone.
      if (!isPut) puts = 0;
      else await this.#transfer((options) => this.#compare(name, options));
    }
  }

  async #transfer(work: (options: { hostname: string; port: number }) => Promise<void>): Promise<boolean> {
    if (this.#begun++ >= this.#transfers) return false;
    try {
      await work(this.#cluster);
      this.#complete++;
      return true;
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      const cause = `${this.#phase}: ${error.message.replaceAll(/\d+ of \d+|\d{2,}/g, "N").replace(/client-\S+/, "F")}`;
      this.#failures.set(cause, (this.#failures.get(cause) ?? 0) + 1);
      await delay(PAUSE_MS);
      return false;
    }
  }

  /** Fetches a file and compares it with what it may be. */
  async #compare(name: string, { hostname, port }: { hostname: string; port: number }): Promise<void> {
    const { readable } = await get(name, { hostname, port });
    const content = new Uint8Array(await new Response(readable).arrayBuffer());
    const possible = this.#names.get(name)!;
    if (possible.some((version) => version && isSame(version, content))) return;
    this.#lose(`${name} has ${content.length} bytes, not ${possible.map((version) => version?.length).join(" or ")}`);
  }

  #lose(what: string): void {
    this.#lost++;
    console.error(`lost (${this.#phase}): ${what}`);
  }

  /** Every name, from every server. */
  async #check(): Promise<number> {
    const { hostname, nodes } = this.#cluster;
    for (const [name, possible] of this.#names) {
      for (const { port } of nodes) {
        try {
          await this.#compare(name, { hostname, port });
        } catch (error) {
          if (!possible.includes(undefined)) this.#lose(`${name}: ${(error as Error).message}`);
        }
      }
    }
    return this.#names.size;
  }

  async #faults(): Promise<void> {
    const { nodes: [one, two], volume } = this.#cluster;
    const at = async (part: number, phase: string): Promise<void> => {
      while (this.#begun < part * this.#transfers) await delay(PAUSE_MS);
      const seconds = ((performance.now() - this.#start) / 1000).toFixed(0);
      console.log(`after ${Math.min(this.#begun, this.#transfers)} transfers, ${seconds} s: ${phase}`);
      this.#phase = phase;
    };
    await at(0.15, "server one killed");
    await one.signal("SIGKILL");
    await delay(DEAD_MS);
    await one.start();
    await at(0.3, "all well again");
    await at(0.4, "server two stopped");
    await two.signal("SIGSTOP");
    await delay(STOPPED_MS);
    await two.signal("SIGCONT");
    await at(0.6, "all well again");
    await at(0.7, "a brick killed");
    await volume.killBrick();
    await at(0.85, "the brick back");
    await volume.heal();
  }
}

function print(title: string, lines: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const kind = line.replaceAll(/\d{3,}|client-\S+/g, "N");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  console.log(title);
  for (const [line, count] of counts) console.log(`  ${count} x ${line}`);
}
