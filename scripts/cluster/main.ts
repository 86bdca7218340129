/**
 * Several servers of one folder on a distributed file system, behind a balancer, while parts of it die. All of it runs
 * in namespaces of its own: nothing of this machine is touched, and with this process it is gone.
 */

import { type Arguments, readCommandLine, UsageError } from "../../lib/cli/arguments.ts";
import { Folder } from "../support/folder.ts";
import { Cluster } from "./cluster.ts";
import { Load } from "./load.ts";

// With the Debian packages that have them.
const PROGRAMS = { glusterd: "glusterfs-server", haproxy: "haproxy", ip: "iproute2", unshare: "util-linux" };

const USAGE = `Usage: deno task cluster [options]

Sets up three servers on a GlusterFS volume of three replicas behind HAProxy,
moves files through them while a server is killed, another stopped and a brick
killed, compares every byte, and takes it all down. Needs root on Linux with
${Object.values(PROGRAMS).join(", ")}.

Options:
      --transfers N  how many transfers (default 2000)
      --clients N    how many clients at once (default 20)
      --inside DIR   go on in namespaces that were entered, with this folder
  -h, --help         show this text

Exit status: 0 nothing was lost, 1 something was, 2 the command line is wrong.
`;

const NAMESPACES = ["--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"];
// The first process of a namespace inherits the orphans, and a shell reaps them: a killed brick that stays a zombie counts
// as running.
const INIT = ["sh", "-c", '"$@"; exit $?', "sh"];

function readTask(args: Arguments): { transfers: number; clients: number; inside: string | undefined } {
  if (args.positional.length > 0) throw new UsageError(`unexpected argument "${args.positional[0]}"`);
  return {
    transfers: args.integer("transfers", 1, 1_000_000) ?? 2000,
    clients: args.integer("clients", 1, 1000) ?? 20,
    inside: args.value("inside"),
  };
}

/** The packages that are missing for a cluster, and other reasons why there can be none. */
function missingPrograms(): string[] {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return ["root on Linux"];
  const isThere = (program: string): boolean =>
    new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" }).outputSync().success;
  return Object.entries(PROGRAMS).filter(([program]) => !isThere(program)).map(([, name]) => name);
}

async function enter(): Promise<number> {
  const missing = missingPrograms();
  if (missing.length > 0) {
    console.error(`cluster: needs ${missing.join(", ")}`);
    return 1;
  }
  await using folder = new Folder();
  const self = [Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", import.meta.filename!];
  const args = [...NAMESPACES, ...INIT, ...self, "--inside", folder.path, ...Deno.args];
  const child = new Deno.Command("unshare", { args }).spawn();
  // Whatever runs in the namespaces ends with their first process.
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => child.kill("SIGKILL"));
  return (await child.status).code;
}

async function main(): Promise<number> {
  const task = await readCommandLine({ name: "cluster", usage: USAGE }, readTask);
  if (typeof task === "number") return task;
  if (task.inside === undefined) return await enter();
  await using cluster = await Cluster.start(task.inside);
  const load = new Load(cluster, task);
  const isWhole = await load.run();
  return isWhole ? 0 : 1;
}

Deno.exit(await main());
