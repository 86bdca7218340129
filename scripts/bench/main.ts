/**
 * Measures the programs beside other tools over this machine's loopback interface, in rounds in which each has its
 * turn, so that a noisy machine hits all alike. Prints Markdown tables of medians. Needs Linux and Python.
 */

import { type Arguments, readCommandLine, UsageError } from "../../lib/cli/arguments.ts";
import { Folder } from "../support/folder.ts";
import { run } from "../support/programs.ts";
import { interrupt } from "./measure.ts";
import type { Bench } from "./rivals.ts";
import { type Options, SECTIONS } from "./sections.ts";

const USAGE = `Usage: deno task bench [options]

Options:
      --size MIB    the largest file (default: 1024 for big and tls, 8192 for growth, 5120 for memory)
      --rounds N    how often each figure is measured; the median counts (default 5)
      --svg FILE    draw growth as a picture
      --only NAME   one section: ${Object.keys(SECTIONS).join(", ")}
  -h, --help        show this text

The files lie in a temporary folder, in the one that TMPDIR names.
`;

type Name = keyof typeof SECTIONS;

function readOptions(args: Arguments): Options & { names: Name[] } {
  if (args.positional.length > 0) throw new UsageError(`unexpected argument "${args.positional[0]}"`);
  const only = args.value("only");
  const names = Object.keys(SECTIONS).filter((name) => only === undefined || name === only) as Name[];
  if (names.length === 0) throw new UsageError(`there is no section "${only}"`);
  return {
    sizeMib: args.integer("size", 1, 1024 * 1024),
    rounds: args.integer("rounds", 1, 1000) ?? 5,
    svg: args.value("svg"),
    names,
  };
}

/** Runs a section with folders and servers of its own. */
async function section(name: Name, python: string, options: Options): Promise<void> {
  // The folder is removed after the servers have ended.
  await using folder = new Folder();
  await using stack = new AsyncDisposableStack();
  const bench: Bench = {
    folder: folder.path,
    from: await folder.folder("from"),
    served: await folder.folder("served"),
    to: await folder.folder("to"),
    python,
    stack,
  };
  await SECTIONS[name](bench, options);
}

async function main(): Promise<number> {
  const options = await readCommandLine({ name: "bench", usage: USAGE }, readOptions);
  if (typeof options === "number") return options;
  try {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => interrupt.abort(new Error("interrupted")));
    }
    const script = "import platform, sys; print(sys.executable, platform.python_version(), sep='\\n')";
    const { status, stdout, stderr } = await run(["python3", "-c", script], { cwd: "/" });
    if (status !== 0) throw new Error(`python3 does not run: ${stderr}`);
    const [python, version] = stdout.split("\n");
    const congestion = (await run(["cat", "/proc/sys/net/ipv4/tcp_congestion_control"], { cwd: "/" })).stdout.trim();
    const machine = `${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, TCP with ${congestion}`;
    console.log(`${machine}, Deno ${Deno.version.deno}, Python ${version}; medians of ${options.rounds} rounds\n`);
    for (const name of options.names) await section(name, python!, options);
    return 0;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    console.error("bench: interrupted");
    return 130;
  }
}

Deno.exit(await main());
