/**
 * Builds client, server and lab check as executables that need no runtime, into `dist/`: for this machine, or with `--all` for every
 * target. What could be built stays when something else could not; the exit status is then 1.
 */

import { encodeHex } from "@std/encoding";
import config from "../deno.json" with { type: "json" };

const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];
// TERM tells a terminal that can't show a progress bar.
const NARROW = ["--allow-net", "--allow-read", "--allow-write", "--allow-env=TERM"];
const PROGRAMS = [
  { name: "client", source: "client.ts", permissions: NARROW },
  { name: "server", source: "server.ts", permissions: NARROW },
  // It starts others' programs, which may do what the user may.
  { name: "lab", source: "scripts/lab/executable.ts", permissions: ["--allow-all"] },
];

const [option, ...rest] = Deno.args;
if (rest.length > 0 || (option !== undefined && option !== "--all")) {
  console.error("usage: deno task compile [--all]");
  Deno.exit(2);
}
const targets = option === "--all" ? TARGETS : [Deno.build.target];

Deno.chdir(new URL("..", import.meta.url));
const build = await buildFolder();
let hasFailed = false;
// What could not be built, by the reason: without a network it is the same for all.
const unbuilt = new Map<string, string[]>();
try {
  for (const { name: program, source, permissions } of PROGRAMS) {
    // One file of just what the program uses: the npm packages as a whole, tests' among them, stay out.
    await deno(["bundle", "--quiet", "--platform", "deno", "--output", `${build}/${program}.js`, source]);
    for (const target of targets) {
      const name = `blockferry-${program}-${config.version}-${target}${target.includes("windows") ? ".exe" : ""}`;
      try {
        await compile(`${build}/${program}.js`, permissions, target, `${build}/${name}`);
        if (target === Deno.build.target) await probe(`${build}/${name}`, `blockferry-${program} ${config.version}\n`);
        await Deno.rename(`${build}/${name}`, `dist/${name}`);
        console.log(`built dist/${name} (${((await Deno.stat(`dist/${name}`)).size / 1e6).toFixed(1)} MB)`);
      } catch (error) {
        const { message } = error as Error;
        unbuilt.set(message, [...unbuilt.get(message) ?? [], name]);
      }
    }
  }
} catch (error) {
  hasFailed = true;
  console.error((error as Error).message);
} finally {
  await Deno.remove(build, { recursive: true });
}
for (const [reason, names] of unbuilt) console.error(`not built: ${names.join(", ")}: ${reason}`);
await writeSums();
Deno.exit(hasFailed || unbuilt.size > 0 ? 1 : 0);

// In dist, so that a finished file moves to its name in one step.
async function buildFolder(): Promise<string> {
  try {
    await Deno.mkdir("dist", { recursive: true });
    return await Deno.makeTempDir({ dir: "dist", prefix: ".build-" });
  } catch (error) {
    console.error(`cannot build in the folder dist: ${(error as Error).message}`);
    Deno.exit(1);
  }
}

async function compile(source: string, permissions: string[], target: string, output: string): Promise<void> {
  const isHost = target === Deno.build.target;
  try {
    await deno(
      [
        "compile",
        "--quiet",
        "--no-check",
        "--no-config",
        // It lies in the temporary folder under a name that everyone knows: others' code could wait there to be run.
        "--no-code-cache",
        "--no-prompt",
        ...permissions,
        "--target",
        target,
        "--output",
        output,
        source,
      ],
      { withRuntime: isHost },
    );
  } catch (error) {
    const said = (error as Error).message;
    const runtime = Deno.env.get("DENORT_BIN");
    if (isHost && runtime && /denort at|Invalid object/.test(said)) {
      throw new Error(`DENORT_BIN names ${runtime}, which is no denort`);
    }
    if (!/download|sending request|dns error/i.test(said)) throw error;
    throw new Error(
      "the runtime for this target could not be downloaded; build on a network that reaches the place Deno downloads it " +
        `from${isHost ? ", or set DENORT_BIN to the path of a denort of this Deno's version" : ""}`,
    );
  }
}

// A runtime of another version, or another program altogether, can be built with, but does not find our program.
async function probe(program: string, version: string): Promise<void> {
  const { stdout } = await new Deno.Command(program, { args: ["--version"], stdin: "null", stderr: "null" }).output();
  if (new TextDecoder().decode(stdout) !== version) {
    throw new Error("it does not run; DENORT_BIN has to name a denort of this Deno's version");
  }
}

async function deno(args: string[], { withRuntime = true } = {}): Promise<void> {
  // Before 2.9, Deno asks for the system's certificates by this name alone.
  const env: Record<string, string> = { DENO_TLS_CA_STORE: "system,mozilla", ...Deno.env.toObject(), NO_COLOR: "1" };
  // It is this machine's runtime, but Deno would put it into every target's executable.
  if (!withRuntime) delete env.DENORT_BIN;
  const command = new Deno.Command(Deno.execPath(), { args, stdin: "null", stderr: "piped", clearEnv: true, env });
  const { success, stderr } = await command.output();
  if (success) return;
  // Deno tells what it was doing and then the causes, numbered if there are several: these say it.
  const causes = new TextDecoder().decode(stderr).split(/\n\s*Stack backtrace/)[0]!.split("Caused by:").at(-1)!;
  throw new Error(causes.trim().split(/\s*\n\s*(?:\d+: )?/).join(": ").replace(/^0: /, "") || `deno ${args[0]} failed`);
}

/** Lists the SHA-256 of every executable of this version, as `sha256sum --check` reads it. */
async function writeSums(): Promise<void> {
  const names = (await Array.fromAsync(Deno.readDir("dist"), (entry) => entry.name))
    .filter((name) => name.startsWith("blockferry-") && name.includes(`-${config.version}-`)).sort();
  const lines = await Promise.all(names.map(async (name) => {
    const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(`dist/${name}`));
    return `${encodeHex(sum)}  ${name}\n`;
  }));
  if (lines.length > 0) await Deno.writeTextFile("dist/SHA256SUMS", lines.join(""));
}
