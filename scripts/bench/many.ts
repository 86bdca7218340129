/** Many small files in one command: how long each verb takes, and how that grows with their number. */

import { randomBytes } from "../support/folder.ts";
import { command, PROJECT, run } from "../support/programs.ts";
import { conclude, interrupt, median, table, timed } from "./measure.ts";
import { type Bench, serve, sshServer } from "./rivals.ts";

const FILE_BYTES = 1500;
const COUNT = 2000;
const GROWTH = [500, COUNT, 10 * COUNT];
const CROWD = 100_000;
const LINE_FILES = 100;
const LINE_MS = 25;
const STARTS = 20;

const VERBS = ["PUT", "GET", "DEL"] as const;
type Verb = typeof VERBS[number];

/** A tool that moves many files in one command; where it has no such verb, `words` says nothing. */
interface Mover {
  name: string;
  words: (verb: Verb, names: string[]) => string[] | undefined;
}

/** Makes files of random bytes in the folder `from`, and empties the others; their names. */
async function makeFiles({ from, served, to }: Bench, count: number): Promise<string[]> {
  for (const folder of [from, served, to]) {
    for await (const { name } of Deno.readDir(folder)) await Deno.remove(`${folder}/${name}`);
  }
  const names = Array.from({ length: count }, (_, index) => `f${String(index).padStart(6, "0")}`);
  for (const name of names) {
    interrupt.signal.throwIfAborted();
    await Deno.writeFile(`${from}/${name}`, randomBytes(FILE_BYTES));
  }
  return names;
}

/** PUT, GET and DEL of all files, one after the other; the seconds of each, where the tool has it. */
async function measure(bench: Bench, { name, words }: Mover, names: string[]): Promise<(number | undefined)[]> {
  const seconds: (number | undefined)[] = [];
  for (const verb of VERBS) {
    const line = words(verb, names);
    seconds.push(line && await timed(line, verb === "GET" ? bench.to : bench.from));
    if (verb === "GET") await check(bench, name, names);
  }
  for (const name of words("DEL", names) ? [] : names) await Deno.remove(`${bench.served}/${name}`);
  for (const name of names) await Deno.remove(`${bench.to}/${name}`);
  return seconds;
}

async function check({ from, to }: Bench, tool: string, names: string[]): Promise<void> {
  const { status, stdout } = await run(["diff", "-rq", from, to], { cwd: from });
  if (status !== 0) throw new Error(`${tool} changed some of ${names.length} files: ${stdout.slice(0, 200)}`);
}

async function ours(bench: Bench, clients: number, options: string[] = []): Promise<Mover> {
  const port = await serve(bench, (port) => [...command("server"), `${port}`, "--clients", `${clients}`]);
  return {
    name: ["ours", ...options].join(" "),
    words: (verb, names) => [...command("client"), "127.0.0.1", `${port}`, verb, ...names, ...options],
  };
}

async function naive(bench: Bench): Promise<Mover> {
  const port = await serve(
    bench,
    (port) => [bench.python, `${PROJECT}/scripts/support/peers/naive_server.py`, `${port}`],
  );
  return {
    name: "naive Python pair",
    words: (verb, names) => [bench.python, `${import.meta.dirname}/many_client.py`, `${port}`, verb, ...names],
  };
}

// Not curl and vsftpd: vsftpd closes each data connection with SO_LINGER, so a file takes it 1 to 140 ms, by chance.
async function rivals(bench: Bench): Promise<Mover[]> {
  const movers: Mover[] = [];
  const ssh = await sshServer(bench);
  if (ssh) {
    movers.push({
      name: "scp + sshd",
      words: (verb, names) =>
        verb === "PUT"
          ? [...ssh.words, ...names, ssh.remote("")]
          : verb === "GET"
          ? [...ssh.words, ssh.remote("f*"), "."]
          : undefined,
    });
  }
  return movers;
}

const shown = (seconds: number | undefined): string => seconds === undefined ? "-" : seconds.toFixed(2);

/** The section. */
export async function many(bench: Bench, { rounds }: { rounds: number }): Promise<void> {
  console.log(`## Files of ${FILE_BYTES} bytes, one command for all of them, s\n`);
  const own = await ours(bench, 1);
  const movers = [own, await ours(bench, 8, ["--parallel", "8"]), ...await rivals(bench), await naive(bench)];
  const names = await makeFiles(bench, COUNT);
  const all = movers.map((): (number | undefined)[][] => []);
  for (let round = 1; round <= rounds; round++) {
    console.error(`${COUNT} files, round ${round} of ${rounds}`);
    for (const [index, mover] of movers.entries()) all[index]!.push(await measure(bench, mover, names));
  }
  const medians = all.map((rows) =>
    VERBS.map((_, verb) => {
      const figures = rows.flatMap((row) => row[verb] ?? []);
      return figures.length > 0 ? median(figures) : undefined;
    })
  );
  table([`${COUNT} files`, ...VERBS], movers.map(({ name }, index) => [name, ...medians[index]!.map(shown)]));
  const scp = medians[movers.findIndex(({ name }) => name.startsWith("scp"))];
  if (scp) {
    // scp deletes nothing, so a DEL is held against its PUT.
    const than = [scp[0]!, scp[1]!, scp[0]!];
    conclude(VERBS.map((verb, index) => {
      const ratio = medians[0]![index]! / than[index]!;
      return [`${verb} takes ${ratio.toFixed(2)} x the time of scp (target at most 1)`, ratio <= 1];
    }));
  }
  await growth(bench, own, rounds);
  await crowd(bench, own, rounds);
  await single(bench);
  await line(bench);
}

async function growth(bench: Bench, mover: Mover, rounds: number): Promise<void> {
  const rows: (number | undefined)[][] = [];
  for (const count of GROWTH) {
    const names = await makeFiles(bench, count);
    const figures: (number | undefined)[][] = [];
    for (let round = 0; round < Math.min(rounds, 3); round++) figures.push(await measure(bench, mover, names));
    rows.push(VERBS.map((_, verb) => median(figures.map((row) => row[verb]!))));
  }
  table(["ours", ...VERBS], rows.map((row, index) => [`${GROWTH[index]} files`, ...row.map(shown)]));
  conclude(VERBS.map((verb, index) => {
    const ratio = rows[2]![index]! / rows[1]![index]!;
    return [
      `${verb} of ${GROWTH[2]} files takes ${ratio.toFixed(1)} x that of ${COUNT} (target at most 11)`,
      ratio <= 11,
    ];
  }));
}

/** The same into folders that hold many others. */
async function crowd(bench: Bench, mover: Mover, rounds: number): Promise<void> {
  const names = await makeFiles(bench, COUNT);
  const figures = { empty: [] as (number | undefined)[][], full: [] as (number | undefined)[][] };
  for (let round = 0; round < Math.min(rounds, 3); round++) figures.empty.push(await measure(bench, mover, names));
  for (let index = 0; index < CROWD; index++) {
    interrupt.signal.throwIfAborted();
    for (const folder of [bench.served, bench.to]) await Deno.writeTextFile(`${folder}/other${index}`, "");
  }
  const from = bench.from;
  const { words } = mover;
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const seconds: (number | undefined)[] = [];
    for (const verb of VERBS) seconds.push(await timed(words(verb, names)!, verb === "GET" ? bench.to : from));
    for (const name of names) await Deno.remove(`${bench.to}/${name}`);
    figures.full.push(seconds);
  }
  conclude(VERBS.map((verb, index) => {
    const [empty, full] = [figures.empty, figures.full].map((rows) => median(rows.map((row) => row[index]!)));
    const ratio = full! / empty!;
    return [
      `${verb} into a folder of ${CROWD} takes ${ratio.toFixed(2)} x the time (target at most 1.3)`,
      ratio <= 1.3,
    ];
  }));
}

/** One file: the whole process, and the server's part as a client sees it that is already running. */
async function single(bench: Bench): Promise<void> {
  const port = await serve(bench, (port) => [...command("server"), `${port}`]);
  const names = await makeFiles(bench, COUNT);
  const whole: number[][] = VERBS.map(() => []);
  for (let start = 0; start < STARTS; start++) {
    for (const [index, verb] of VERBS.entries()) {
      const words = [...command("client"), "127.0.0.1", `${port}`, verb, names[0]!];
      whole[index]!.push(await timed(words, verb === "GET" ? bench.to : bench.from));
    }
  }
  const server: number[] = [];
  for (const verb of VERBS) {
    const script = `${import.meta.dirname}/many_client.py`;
    const { stdout } = await run([bench.python, script, `${port}`, verb, ...names], { cwd: bench.from });
    server.push(Number(stdout));
  }
  const medians = whole.map(median);
  table(["one file, ms", ...VERBS], [
    ["the client, from start to exit", ...medians.map((seconds) => (1000 * seconds).toFixed(1))],
    ["a client that is already running", ...server.map((ms) => ms.toFixed(2))],
  ]);
  const spread = Math.max(...medians) / Math.min(...medians);
  conclude([
    [`the verbs differ by ${(100 * (spread - 1)).toFixed(0)} % (target at most 10)`, spread <= 1.1],
    [`the slowest takes the server ${Math.max(...server).toFixed(2)} ms (target below 0.5)`, Math.max(...server) < 0.5],
  ]);
}

/** A line on which every byte takes a while each way. */
async function line(bench: Bench): Promise<void> {
  const names = await makeFiles(bench, LINE_FILES);
  const port = await serve(bench, (port) => [...command("server"), `${port}`, "--clients", "8"]);
  const relay = [Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", `${import.meta.dirname}/relay.ts`];
  const far = await serve(bench, (listen) => [...relay, `${listen}`, `${port}`, `${LINE_MS}`]);
  const rows: string[][] = [];
  for (const options of [[], ["--parallel", "8"]]) {
    const words = (verb: Verb): string[] => [...command("client"), "127.0.0.1", `${far}`, verb, ...names, ...options];
    const seconds = await measure(bench, { name: "ours", words }, names);
    rows.push([["ours", ...options].join(" "), ...seconds.map(shown)]);
  }
  table([`${LINE_FILES} files, ${LINE_MS} ms each way, s`, ...VERBS], rows);
}
