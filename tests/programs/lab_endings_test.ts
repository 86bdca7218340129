/** Programs that do anything to the lab check cost a play, never the run. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { Folder } from "../../scripts/support/folder.ts";
import { lab, labWords } from "../support/lab.ts";
import { PYTHON, testWith, UNIX } from "../support/needs.ts";
import { Process, run } from "../../scripts/support/programs.ts";
import { probe } from "../../scripts/lab/launch.ts";
import { Connection } from "../../scripts/lab/connection.ts";
import { formOf } from "../../scripts/lab/messages.ts";
import { Program } from "../../scripts/lab/program.ts";
import { Recorder } from "../../scripts/lab/recording.ts";

async function processes(): Promise<string> {
  return (await run(["ps", "-eo", "args"], { cwd: "/" })).stdout;
}

testWith([UNIX], "a program that hangs, prints without end or leaves children ends with its check", async () => {
  await using folder = new Folder();
  const marker = `sleep 98${Deno.pid}`;
  const servers: [line: string, status: number][] = [
    [`rm -rf "$PWD"; setsid ${marker} & exec sleep 1000`, 1],
    ["yes | head -n 500000; exec sleep 1000", 1],
    [`${marker} & exit 3`, 2],
    ["false", 2],
  ];
  await Promise.all(servers.map(async ([line, status], index) => {
    const script = folder.at(`server${index}.sh`);
    await Deno.writeTextFile(script, `${line}\n`);
    const output = await lab(script, "--only", "1.1", "--timeout", "1");
    assertEquals(output.status, status, line + output.stdout + output.stderr);
  }));
  const left = await processes();
  assert(!left.includes(marker) && !left.includes(folder.path), "a process of a program under test is left");
});

testWith([UNIX, PYTHON], "what leaves its session and forks twice is ended, with a PID namespace or not", async () => {
  await using folder = new Folder();
  const marker = `sleep 96${Deno.pid}`;
  const machine = await probe();
  for (const enclosed of [machine.enclosed, []]) {
    let isStarted = (): void => {};
    const started = new Promise<void>((resolve) => isStarted = resolve);
    const words = [...enclosed, "sh", "-c", `(setsid ${marker} &) ; echo started; sleep 1000`];
    {
      await using _ = new Program(words, { cwd: folder.path, isEnclosed: enclosed.length > 0, onLine: isStarted });
      await started;
    }
    assert(!(await processes()).includes(marker), `left of ${words}`);
  }
});

testWith(
  [UNIX],
  "--watch waits for a program that is missing for a moment, as when another version is checked out",
  async () => {
    await using folder = new Folder();
    const script = folder.at("server.sh");
    await Deno.writeTextFile(script, "false\n");
    await using watching = new Process(labWords("lab", script, "--watch", "--only", "1.1"), { cwd: folder.path });
    await watching.line(/^Waiting until a program is saved/);
    await Deno.remove(script);
    await delay(1000);
    await Deno.writeTextFile(script, "echo another; false\n");
    await watching.errorLine(/: another$/);
    assertEquals(await watching.end(), 143);
  },
);

/** Both ends of a connection with a server under test: the program's, and the check's. */
async function connected(
  play: string,
  signal: AbortSignal,
): Promise<{ program: Deno.TcpConn; connection: Connection }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const recorder = new Recorder({ play, about: "server", run: 1, port: 1 }, performance.now());
  return { program: await accepted, connection: new Connection(conn, recorder, signal) };
}

Deno.test("what a program never takes holds its play no longer than a message may take", async () => {
  const ends = await connected("large-PUT", new AbortController().signal);
  using _program = ends.program;
  await using connection = ends.connection;
  const large = { do: "say", step: "f", bytes: "", zeros: 50_000_000 } as const;
  assert(!await connection.sayZeros(large, { ms: 300, partMs: 300 }, () => Promise.resolve()));
  await connection.finish();
});

Deno.test("what comes without an end is heard no longer than a message may take, and a signal ends that", async () => {
  const ending = new AbortController();
  const ends = await connected("GET", ending.signal);
  using program = ends.program;
  await using connection = ends.connection;
  const timer = setInterval(() => void program.write(new Uint8Array([0x2e])).catch(() => {}), 20);
  try {
    assertEquals(await connection.hear("c", { word: "OK" }, 300), "endless");
    assertEquals(await connection.hear("g", { data: "a file".repeat(100) }, 300), "endless");
    const heard = connection.hear("h", { word: "DONE" }, 1_000_000);
    ending.abort(new Error("ended"));
    await assertRejects(() => heard, Error, "ended");
  } finally {
    clearInterval(timer);
  }
});

Deno.test("a file of a million line ends of one kind is judged in no more time than another", () => {
  assertEquals(formOf({ data: "hello" }, "\r".repeat(1_000_000)), "other");
  assertEquals(formOf({ data: "hello" }, `${" ".repeat(1_000_000)}x`), "other");
  assertEquals(formOf({ data: "a\nb\r" }, "a\r\r\nb\n"), "lines");
});

testWith([UNIX], "a program under test dies of its own signals, and has a number of its own", async () => {
  await using folder = new Folder();
  const script = folder.at("client.sh");
  await Deno.writeTextFile(script, `touch "${folder.path}/number $$"\nkill -ABRT $$\n`);
  const { stderr } = await lab(script, "--only", "1.5");
  assertStringIncludes(stderr, "it ended by an abort");
  const numbers = (await folder.names()).filter((name) => name.startsWith("number"));
  assertEquals([numbers.length, numbers.includes("number 1")], [2, false]);
});

testWith([UNIX], "a lab check that is ended by a signal ends its programs and removes their folder", async () => {
  await using folder = new Folder();
  const marker = `sleep 97${Deno.pid}`;
  const script = `${import.meta.dirname}/../../scripts/lab/main.ts`;
  const lab = ["env", `TMPDIR=${folder.path}`, Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", script];
  const words = [...lab, "--server", `touch ${folder.path}/started; ${marker}; : {port}`, "--only", "1.1"];
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await using check = new Process([...words, "--junit", folder.at("all.xml")], { cwd: folder.path });
    while (!(await folder.names()).includes("started")) await delay(50);
    check.child.kill(signal);
    assertEquals(await check.ended(), { SIGINT: 130, SIGTERM: 143 }[signal]);
    assert(!(await processes()).includes(marker), "a process of a program under test is left");
    await Deno.remove(folder.at("started"));
    await Deno.remove(folder.at("all.xml"));
    assertEquals(await folder.names(), []);
  }
});
