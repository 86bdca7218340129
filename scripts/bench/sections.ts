/** The sections of the benchmark, by the names that `--only` takes. */

import { command, Process, PROJECT, run } from "../support/programs.ts";
import { certificates } from "../support/certificates.ts";
import { chart, type Line, sizeLabel } from "./chart.ts";
import { many } from "./many.ts";
import {
  BIG_MIB,
  conclude,
  inTurn,
  load,
  loader,
  makeFile,
  median,
  MIB,
  race,
  table,
  timed,
  type Verb,
} from "./measure.ts";
import {
  bareLoop,
  type Bench,
  ftp,
  isFile,
  naivePython,
  netcat,
  ours,
  rsync,
  scp,
  serve,
  startOnFreePort,
  type Tool,
  which,
} from "./rivals.ts";

/** What the command line asks for. */
export interface Options {
  sizeMib: number | undefined;
  rounds: number;
  svg: string | undefined;
}

const VERBS = ["put", "get"] as const;
const SMALL_BYTES = 1024;
const SMALL_SECONDS = 2;
const GROWTH_MIB = [1, 4, 16, 64, 256, 1024, 4096, 8192];
const MEMORY_MIB = { small: 50, large: 5 * 1024 };
const CLIENTS = 64;
const CLIENT_MIB = 16;
const LARGE_CLIENTS = 8;

/** How fast one tool must be, in parts of another's speed. */
type Aim = [name: string, part: number, than: string];

/** One file, all the tools, each of which has its turn in every round. */
async function contest(bench: Bench, tools: Tool[], sizeMib: number, rounds: number, aims: Aim[]): Promise<void> {
  await makeFile(bench, "big", sizeMib * MIB);
  const times = await race(bench, tools, "big", rounds);
  const seconds = (name: string, verb: Verb): number => median(times.get(name)![verb]);
  const speed = (time: number): string => (sizeMib * MIB / time / 1e6).toFixed(0);
  table(
    ["", ...VERBS.flatMap((verb) => [`${verb.toUpperCase()} s`, "MB/s", "slowest to fastest", "time : ours"])],
    tools.map(({ name }) => [
      name,
      ...VERBS.flatMap((verb) => [
        seconds(name, verb).toFixed(2),
        speed(seconds(name, verb)),
        `${speed(Math.max(...times.get(name)![verb]))} to ${speed(Math.min(...times.get(name)![verb]))}`,
        (seconds(name, verb) / seconds("ours", verb)).toFixed(2),
      ]),
    ]),
  );
  conclude(
    aims.filter(([, , than]) => times.has(than)).flatMap(([name, part, than]) =>
      VERBS.map((verb): [string, boolean] => {
        const ratio = seconds(than, verb) / seconds(name, verb);
        const said = `${name} ${verb.toUpperCase()} ${ratio.toFixed(2)} x as fast as ${than} (target ${part})`;
        return [said, ratio >= part];
      })
    ),
  );
}

/** Plain TCP. */
async function big(bench: Bench, { sizeMib = BIG_MIB, rounds }: Options): Promise<void> {
  console.log(`## A file of ${sizeLabel(sizeMib)}, from the start of the client's process to its exit\n`);
  const own = [await ours(bench), await ours(bench, ["--gather", "256"]), await naivePython(bench)];
  const bare = [await bareLoop(bench, 1024), await bareLoop(bench, 256 * 1024)];
  const rivals = [...netcat(bench), ...await rsync(bench), ...await ftp(bench)];
  const tools = [...own, ...bare, ...rivals, ...await scp(bench)];
  await contest(bench, tools, sizeMib, rounds, [
    ["ours", 0.85, bare[0]!.name],
    ["ours", 2, "naive Python"],
    ...rivals.map(({ name }): Aim => ["ours --gather 256", 1, name]),
  ]);
}

/** The same inside TLS. */
async function tls(bench: Bench, { sizeMib = BIG_MIB, rounds }: Options): Promise<void> {
  console.log(`## The same inside TLS, a file of ${sizeLabel(sizeMib)}\n`);
  if (!which("openssl")) return console.log("Left out: apt install openssl\n");
  await certificates(bench.folder);
  const isTls = { isTls: true };
  const own = [await ours(bench, [], isTls), await ours(bench, ["--gather", "256"], isTls)];
  const bare = [await bareLoop(bench, 1024, isTls), await bareLoop(bench, 256 * 1024, isTls)];
  const tools = [...own, await naivePython(bench, isTls), ...bare, ...await scp(bench)];
  await contest(bench, tools, sizeMib, rounds, [
    ["ours", 0.6, bare[0]!.name],
    ["ours", 1, "naive Python"],
    ["ours --gather 256", 0.5, bare[1]!.name],
    ["ours --gather 256", 1, "scp + sshd"],
  ]);
}

/** Files so small that all but the data counts. */
async function small(bench: Bench, { rounds }: Options): Promise<void> {
  console.log(`## Files of ${SMALL_BYTES} bytes\n`);
  await makeFile(bench, "small", SMALL_BYTES);
  await Deno.copyFile(`${bench.from}/small`, `${bench.served}/small`);
  const python = (script: string): Promise<number> =>
    serve(bench, (port) => [bench.python, `${PROJECT}/${script}`, `${port}`]);
  const port = await serve(bench, (port) => [...command("server"), `${port}`]);
  const rates = await inTurn(
    {
      ours: port,
      "minimal CPython": await python("scripts/bench/minimal_server.py"),
      "naive Python": await python("scripts/support/peers/naive_server.py"),
    },
    rounds,
    async (port) => (await load(bench, { port, file: "small", seconds: SMALL_SECONDS })).rate,
  );
  table(
    ["server", "GETs a second, one client, a connection each", "rate : ours"],
    Object.entries(rates).map(([name, rate]) => [name, rate.toFixed(0), (rate / rates.ours).toFixed(2)]),
  );

  const naive = `${PROJECT}/scripts/support/peers/naive_client.py`;
  const pythons = [...new Set([which("python3")!, "/usr/bin/python3"])].filter(isFile);
  const clients = {
    ours: command("client"),
    ...Object.fromEntries(pythons.map((path) => [`naive_client.py, ${path}`, [path, naive]])),
  };
  const seconds = await inTurn(
    clients,
    20,
    (words) => timed([...words, "127.0.0.1", `${port}`, "GET", "small"], bench.to),
  );
  table(
    ["client, with our server", "one GET, start to exit, ms", "time : ours"],
    Object.entries(seconds).map(([name, time]) => [name, (1000 * time).toFixed(1), (time / seconds.ours).toFixed(2)]),
  );
  const ratio = rates.ours / rates["minimal CPython"];
  conclude([[`GETs a second ${ratio.toFixed(2)} x the minimal CPython server's (target 0.8)`, ratio >= 0.8]]);
}

/** What a user waits for before anything happens. */
async function start({ folder }: Bench): Promise<void> {
  console.log("## Start of the client\n");
  await Deno.writeTextFile(`${folder}/empty.ts`, "");
  const seconds = await inTurn(
    {
      "an empty file": [Deno.execPath(), "run", "--quiet", "--no-prompt", `${folder}/empty.ts`],
      "client --help": [...command("client"), "--help"],
    },
    30,
    (words) => timed(words, folder),
  );
  table(["", "ms"], Object.entries(seconds).map(([name, time]) => [name, (1000 * time).toFixed(1)]));
  const ratio = seconds["client --help"] / seconds["an empty file"];
  conclude([[`--help takes ${ratio.toFixed(2)} x the time of an empty file (target 1.5 at most)`, ratio <= 1.5]]);
}

/** Files of all sizes, and many clients. */
async function growth(bench: Bench, options: Options): Promise<void> {
  console.log("## Time over size: nanoseconds a byte\n");
  const own = [await ours(bench), await ours(bench, ["--gather", "256"])];
  const all = [...own, await naivePython(bench), ...netcat(bench)];
  const sizes = GROWTH_MIB.filter((size) => size <= (options.sizeMib ?? Infinity));
  const lines = { PUT: all.map(({ name }): Line => ({ name, points: [] })), GET: [] as Line[] };
  lines.GET = structuredClone(lines.PUT);
  for (const size of sizes) {
    const file = `${size}MiB`;
    await makeFile(bench, file, size * MIB);
    // The biggest ones are not for the other tools, and once is enough.
    const isBig = size > BIG_MIB;
    const times = await race(bench, isBig ? own : all, file, isBig ? 1 : options.rounds);
    await Deno.remove(`${bench.from}/${file}`);
    for (const [index, { name }] of all.entries()) {
      const seconds = times.get(name);
      if (!seconds) continue;
      lines.PUT[index]!.points.push([size, size * MIB / 1e6 / median(seconds.put)]);
      lines.GET[index]!.points.push([size, size * MIB / 1e6 / median(seconds.get)]);
    }
  }
  const nanoseconds = (line: Line, row: number): string =>
    line.points[row] ? (1e3 / line.points[row][1]).toFixed(2) : "";
  const pairs = all.flatMap((_, index) => [lines.PUT[index]!, lines.GET[index]!]);
  table(
    ["", ...all.flatMap(({ name }) => [`${name} PUT`, "GET"])],
    sizes.map((size, row) => [sizeLabel(size), ...pairs.map((line) => nanoseconds(line, row))]),
  );
  if (options.svg) await Deno.writeTextFile(options.svg, chart(lines));
  await manyClients(bench, options);
}

async function manyClients(bench: Bench, { sizeMib = CLIENT_MIB * CLIENTS, rounds }: Options): Promise<void> {
  const each = Math.min(CLIENT_MIB, Math.max(1, Math.round(sizeMib / CLIENTS)));
  console.log(`### ${CLIENTS} clients at once, ${sizeLabel(each)} each\n`);
  await makeFile(bench, "large", each * MIB);
  await makeFile(bench, "tiny", SMALL_BYTES);
  for (const file of ["large", "tiny"]) await Deno.rename(`${bench.from}/${file}`, `${bench.served}/${file}`);
  const port = await serve(bench, (port) => [...command("server"), `${port}`, "--clients", `${CLIENTS}`]);
  const oneAfterTheOther = { port, file: "large", clients: 1, gets: CLIENTS };
  const atOnce = { port, file: "large", clients: CLIENTS, gets: 1 };
  const speeds = await inTurn(
    { "one client, one GET after the other": oneAfterTheOther, [`${CLIENTS} clients`]: atOnce },
    rounds,
    async (task) => (await load(bench, task)).rate * each * MIB / 1e6,
  );
  table(["", "MB/s"], Object.entries(speeds).map(([name, speed]) => [name, speed.toFixed(0)]));

  const medians: number[] = [];
  const slowest: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using _ = new Process(loader(bench, { port, file: "large", clients: LARGE_CLIENTS }), { cwd: bench.folder });
    const { medianMs, maxMs } = await load(bench, { port, file: "tiny", seconds: SMALL_SECONDS });
    medians.push(medianMs);
    slowest.push(maxMs);
  }
  const [one, many] = Object.values(speeds) as [number, number];
  const latencyMs = median(medians);
  conclude([
    [`${CLIENTS} clients move ${(many / one).toFixed(2)} x what one does (target 0.8)`, many / one >= 0.8],
    [
      `a small GET among ${LARGE_CLIENTS} large ones takes ${latencyMs.toFixed(1)} ms (target below 100)`,
      latencyMs < 100,
    ],
    [`the slowest one ${median(slowest).toFixed(1)} ms`],
  ]);
}

/** The most memory that the programs hold at once. */
async function memory(bench: Bench, { sizeMib = MEMORY_MIB.large, rounds }: Options): Promise<void> {
  const sizes = [Math.min(MEMORY_MIB.small, sizeMib), sizeMib];
  console.log(`## Peak memory (resident set), MB\n`);
  const time = which("time");
  if (!time) return console.log("Left out: apt install time\n");
  const peaks: Record<string, number[][]> = {};
  for (const [column, size] of sizes.entries()) {
    await makeFile(bench, "memory", size * MIB);
    for (let round = 0; round < rounds; round++) {
      for (const verb of VERBS) {
        const verbName = verb.toUpperCase();
        const { server, port } = await startOnFreePort(bench, (port) => [...command("server"), `${port}`]);
        await using _ = server;
        const client = [...command("client"), "127.0.0.1", `${port}`, verbName, "memory"];
        const report = `${bench.folder}/peak`;
        await timed([time, "-f", "%M", "-o", report, ...client], verb === "put" ? bench.from : bench.to);
        const { stdout: status } = await run(["cat", `/proc/${server.child.pid}/status`], { cwd: bench.folder });
        const kib = {
          [`client ${verbName}`]: Number(await Deno.readTextFile(report)),
          [`server ${verbName}`]: Number(status.match(/VmHWM:\s*(\d+) kB/)![1]),
        };
        for (const [name, peak] of Object.entries(kib)) {
          ((peaks[name] ??= [[], []])[column]!).push(peak * 1024 / 1e6);
        }
      }
      for (const folder of [bench.served, bench.to]) await Deno.remove(`${folder}/memory`);
    }
  }
  const rows = Object.entries(peaks).map(([name, figures]) => {
    const [before, after] = figures.map(median) as [number, number];
    return { name, before, after, growth: after - before };
  });
  table(
    ["", ...sizes.map(sizeLabel), "growth"],
    rows.map(({ name, ...figures }) => [name, ...Object.values(figures).map((figure) => figure.toFixed(1))]),
  );
  const growth = Math.max(...rows.map((row) => row.growth));
  const peak = Math.max(...rows.map((row) => Math.max(row.before, row.after)));
  conclude([
    [`the largest growth is ${growth.toFixed(1)} MB (target below 10)`, growth < 10],
    [`the highest peak is ${peak.toFixed(1)} MB (target below 100)`, peak < 100],
  ]);
}

export const SECTIONS = { big, tls, small, many, start, growth, memory };
