/** Three servers on a volume with two mounts, and a balancer before them; and the ways to break parts of it. */

import { command, Process } from "../support/programs.ts";
import { get, ServerError } from "../../lib/mod.ts";
import { until, Volume } from "./gluster.ts";

const HOST = "127.0.0.1";
// The balancer connects from an address of its own, so that the servers tell it from clients that come directly.
const BALANCER = "127.0.0.2";
const NAMES = ["one", "two", "three"] as const;
const FIRST_PORT = 7001;
const ENTRANCE = 7000;

/** One of the servers. */
export class Node {
  readonly name: string;
  readonly port: number;
  readonly #earlier: string[] = [];
  readonly #folder: string;
  #process: Process | undefined;

  constructor(name: string, port: number, folder: string) {
    this.name = name;
    this.port = port;
    this.#folder = folder;
  }

  /** What it has said on standard error, in all of its lives. */
  get said(): readonly string[] {
    return [...this.#earlier, ...this.#process?.errors ?? []];
  }

  /** Starts it, and waits until it listens. */
  async start(): Promise<void> {
    const options = ["--host", HOST, "--root", this.#folder, "--clients", "20", "--proxy-from", BALANCER, "-v"];
    this.#process = new Process([...command("server"), `${this.port}`, ...options], { cwd: "/" });
    await this.#process.line(/^server waiting/);
  }

  /** Sends it a signal; a killed one is gone when the promise is fulfilled. */
  async signal(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const process = this.#process!;
    process.child.kill(signal);
    if (signal !== "SIGKILL" && signal !== "SIGTERM") return;
    await process.ended();
    this.#earlier.push(...process.errors);
    this.#process = undefined;
  }

  /** Ends it. */
  async end(): Promise<void> {
    if (!this.#process) return;
    await this.signal("SIGCONT");
    await this.signal("SIGTERM");
  }
}

/** All of it. */
export class Cluster implements AsyncDisposable {
  readonly volume: Volume;
  readonly nodes: readonly [Node, Node, Node];
  /** Where clients connect. */
  readonly hostname = HOST;
  readonly port = ENTRANCE;
  readonly #balancer: Process;

  private constructor(volume: Volume, nodes: Cluster["nodes"], balancer: Process) {
    this.volume = volume;
    this.nodes = nodes;
    this.#balancer = balancer;
  }

  /** Sets it up in a folder. */
  static async start(folder: string): Promise<Cluster> {
    const volume = await Volume.make(folder);
    // Two of them on one mount, as on one machine.
    const [first, second] = volume.mounts;
    const [one, two, three] = NAMES.map((name, index) =>
      new Node(name, FIRST_PORT + index, index === 0 ? first : second)
    ) as [Node, Node, Node];
    const nodes = [one, two, three] as const;
    for (const node of nodes) await node.start();
    const servers = nodes.map(({ port }, index) => `SERVER${index + 1}=${HOST}:${port}`);
    const settings = [`ADDRESS=${HOST}`, `PORT=${ENTRANCE}`, `BALANCER=${BALANCER}`, ...servers];
    const config = `${import.meta.dirname}/haproxy.cfg`;
    const balancer = new Process(["env", ...settings, "haproxy", "-db", "-f", config], { cwd: "/" });
    await until(
      "the balancer's first look at its servers",
      () => get("none", { hostname: HOST, port: ENTRANCE }).then(() => true, (error) => error instanceof ServerError),
    );
    return new Cluster(volume, nodes, balancer);
  }

  /** What the balancer has said of its servers. */
  get balancerSaid(): readonly string[] {
    return this.#balancer.errors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node.end();
    await this.#balancer[Symbol.asyncDispose]();
    await this.volume.remove();
  }
}
