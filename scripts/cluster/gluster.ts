/** A GlusterFS volume of three replicas on this machine, in the namespaces of this process, with two mounts. */

import { delay } from "@std/async";
import { run } from "../support/programs.ts";

/** The name under which the bricks know each other; GlusterFS takes no loopback address. */
const NODE = "blockferry-node";
const VOLUME = "files";
// On a busy machine the first mount takes seconds.
const TRIES = 300;
const PAUSE_MS = 200;
const OPTIONS = {
  // A rename by one server is seen by another at once: nobody keeps what a name or a file's size was.
  "performance.stat-prefetch": "off",
  "performance.quick-read": "off",
  "performance.open-behind": "off",
  "performance.write-behind": "off",
  // A dead brick is noticed after so many seconds; 42 by default.
  "network.ping-timeout": "5",
};

/** Runs a command; throws what it says when it fails. */
export async function must(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(words, { cwd: "/" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${(stderr || stdout).trim()}`);
  return stdout;
}

/** Waits until something is true. */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await isTrue()) return;
    await delay(PAUSE_MS);
  }
  throw new Error(`${what} did not happen within ${TRIES * PAUSE_MS / 1000} seconds`);
}

/** The volume. */
export class Volume {
  /** Where it is mounted, twice. */
  readonly mounts: readonly [string, string];

  private constructor(mounts: readonly [string, string]) {
    this.mounts = mounts;
  }

  /** Makes bricks and mounts in a folder, which must be in a mount and a network namespace of its own. */
  static async make(folder: string): Promise<Volume> {
    await must("ip", "link", "set", "lo", "up");
    // What GlusterFS keeps of its volumes must not meet another one's of this machine.
    for (const path of ["/var/lib/glusterd", "/var/log/glusterfs", "/run/gluster"]) {
      await Deno.mkdir(path, { recursive: true });
      await must("mount", "-t", "tmpfs", "tmpfs", path);
    }
    const hosts = `${folder}/hosts`;
    await Deno.writeTextFile(hosts, `127.0.0.1 localhost ${NODE}\n`);
    await must("mount", "--bind", hosts, "/etc/hosts");
    await must("glusterd");
    const gluster = (...words: string[]): Promise<string> => must("gluster", "--mode=script", ...words);
    await until("the start of glusterd", () => gluster("volume", "list").then(() => true, () => false));
    const bricks = ["one", "two", "three"].map((name) => `${NODE}:${folder}/brick-${name}`);
    await gluster("volume", "create", VOLUME, "replica", "3", ...bricks, "force");
    for (const [name, value] of Object.entries(OPTIONS)) await gluster("volume", "set", VOLUME, name, value);
    await gluster("volume", "start", VOLUME);
    const mounts = [`${folder}/mount-one`, `${folder}/mount-two`] as const;
    for (const mount of mounts) {
      await Deno.mkdir(mount);
      const options = "entry-timeout=0,attribute-timeout=0,negative-timeout=0";
      await must("mount", "-t", "glusterfs", "-o", options, `${NODE}:/${VOLUME}`, mount);
    }
    return new Volume(mounts);
  }

  async #bricks(): Promise<{ path: string; pid: string }[]> {
    const xml = await must("gluster", "--xml", "volume", "status", VOLUME);
    const nodes = xml.matchAll(/<path>([^<]*brick-[^<]*)<\/path>.*?<pid>(-?\d+)<\/pid>/gs);
    return [...nodes].map(([, path, pid]) => ({ path: path!, pid: pid! }));
  }

  /** Kills one brick's process. */
  async killBrick(): Promise<void> {
    const brick = (await this.#bricks())[0]!;
    Deno.kill(Number(brick.pid), "SIGKILL");
  }

  /** Starts what was killed, and waits until all bricks hold the same. */
  async heal(): Promise<void> {
    await must("gluster", "--mode=script", "volume", "start", VOLUME, "force");
    await until("the heal", async () => {
      const info = await must("gluster", "volume", "heal", VOLUME, "info").catch(() => "");
      const counts = [...info.matchAll(/^Number of entries: (.*)$/gm)].map(([, count]) => count);
      return counts.length === 3 && counts.every((count) => count === "0");
    });
  }

  /** Unmounts; the volume's processes end with their namespace. */
  async remove(): Promise<void> {
    for (const mount of this.mounts) await run(["umount", "-l", mount], { cwd: "/" });
  }
}
