/** Grading a class as a command, with real programs in a real sandbox. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { attack, grade, gradesOf, gradeWords, handIn, processesWith } from "../support/grade.ts";
import { waitFor } from "../support/net.ts";
import { PYTHON, SANDBOX, TERMINAL, testWith, UNIX } from "../support/needs.ts";
import { PEERS } from "../support/lab.ts";
import { Process, run, writeScript } from "../../scripts/support/programs.ts";

testWith([SANDBOX, PYTHON], "a program in the sandbox reaches nothing but its own files", async () => {
  await using folder = new Folder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await handIn(folder.at("class/Ann O'Neil"), { "client.py": attack(folder.path, listener.addr.port) });
  await handIn(folder.at("class/Ben"), { "notes.txt": "secret" });
  const files = await folder.names("class/Ben");
  // A shell that has a folder open, as for a lock.
  const opened = ["bash", "-c", 'exec 9< "$0"; exec "$@"', folder.path];
  const words = [...opened, ...gradeWords(folder.at("class"), "--out", folder.at("out"))];
  const { stdout, stderr } = await run(words, { cwd: "/" });
  const [ann, ben] = await gradesOf(folder.at("out"));
  const nothing = "it ended with exit status 3 before it connected: got nothing";
  assertStringIncludes(ann?.notes ?? "", nothing, stdout + stderr);
  assertEquals([ann?.status, ben?.status], ["no program", "no program"]);
  assertEquals([await folder.names("class/Ben"), await folder.names("class/Ann O'Neil")], [files, ["client.py"]]);
  // Without the sandbox the same program gets a lot: it does try.
  await grade(folder.at("class"), "--out", folder.at("open"), "--no-sandbox", "--anonymous");
  const [open] = await gradesOf(folder.at("open"));
  assertMatch(open?.notes ?? "", /before it connected: got .*its home.*another's.*connection/);
  const page = await Deno.readTextFile(folder.at("open/index.html"));
  assertEquals([open?.name, page.includes("Neil")], ["Ann O'Neil", false]);
});

testWith([SANDBOX, PYTHON], "hand-ins that break off cost their own row; a second run does what is new", async () => {
  await using folder = new Folder();
  const at = (name: string): string => folder.at(`class/${name}`);
  const server = await Deno.readTextFile(`${PEERS}/naive_server.py`);
  await handIn(at("Ada"), { "lab3/Server.PY": server.replaceAll('b"READY"', 'b"READY\\n"') });
  await handIn(at("Bob"), { "client.py": `import os\nwhile True: os.fork()\n` });
  await handIn(at("Cy"), { "client.py": "if True\n", "client_old.py": "" });
  await handIn(at("=Dan\x1b[2J"), { "my_client.py": "pass\n", "a_client.py": "" });
  const run = (...args: string[]): ReturnType<typeof grade> =>
    grade(folder.at("class"), "--out", folder.at("out"), ...args);
  const first = await run("--gradescope");
  const rows = await gradesOf(folder.at("out"));
  const doubt = "which one is the client: a_client.py, my_client.py?";
  const told = rows.map(({ name, status, points, notes }) => [name, status, points, notes]);
  assertEquals(told, [
    ["'=Dan\\x1b[2J", "no program", "0", `${doubt}; there is no server.py`],
    ["Ada", "no program", "32.94", "there is no client.py"],
    ["Bob", "timed out", "0", "there is no server.py; the client was ended: it had more than 100 processes"],
    ["Cy", "no program", "0", rows[3]!.notes],
  ], first.stdout + first.stderr);
  assertStringIncludes(rows[3]!.notes, "SyntaxError: expected ':', in client.py line 1: if True");
  assertEquals([first.status, rows[1]!.causes], [1, "1.1 2.1 3.1"]);
  const [own, cys] = (await folder.names("out")).filter((name) => /^(Ada|Cy)\./.test(name));
  const page = await Deno.readTextFile(folder.at(`out/${cys}/report.html`));
  assertEquals([page.includes("SyntaxError"), page.includes(folder.path)], [true, false]);
  assertStringIncludes(page, "<h1>Lab check of client.py by Cy</h1>");
  assertEquals(await folder.names(`out/${own}`), ["junit.xml", "report.html", "result.json", "results.json"]);
  assertEquals((await folder.names("out")).filter((name) => name.startsWith(".")), []);

  // Each line of the second run is one that was played.
  await Deno.writeTextFile(`${at("Cy")}/client.py`, "import sys\nsys.exit(4)\n");
  const second = await run();
  assertEquals(second.stdout.match(/^(graded|no program|timed out) .*$/gm)?.length, 1, second.stdout);
  assertStringIncludes((await gradesOf(folder.at("out")))[3]!.notes, "exit status 4");
  const third = await run("--again", "cy");
  assertEquals(third.stdout.match(/^no program .*$/gm)?.length, 1, third.stdout);

  // Other names are no reason to play again.
  const fourth = await run("--anonymous");
  assertEquals(fourth.stdout.match(/^(graded|no program|timed out) .*$/gm), null, fourth.stdout);
  const names = await folder.names("out");
  assertEquals([names.length, names.some((name) => /Ada|Bob|Cy|Dan/.test(name))], [6, false]);
});

testWith([TERMINAL, PYTHON], "what fails once, and not when played alone, is left to a person to mark", async () => {
  await using folder = new Folder();
  const client = await Deno.readTextFile(`${PEERS}/naive_client.py`);
  // Its line for a DEL is right as soon as there is a first result; it counts its runs before and after.
  const counted = `import glob, os
is_second = bool(glob.glob("${folder.at("out")}/Ann*/result.json"))
open("${folder.path}/" + ("second" if is_second else "first"), "a").write("x")
word = "deleting" if is_second else "removing"`;
  await handIn(folder.at("class/Ann_12_assignsubmission_file_"), {
    "client.py": client.replace("import os", counted).replace("client deleting", "client {word}"),
  });
  const book = 'Identifier,"Full name",Grade,"Maximum Grade"\r\nParticipant 12,Ann,,100\r\nParticipant 13,Bo,,100\r\n';
  await Deno.writeTextFile(folder.at("grades.csv"), book);
  const args = [folder.at("class"), "--no-sandbox", "--out", folder.at("out"), "--gradebook", folder.at("grades.csv")];
  const words = gradeWords(...args).map((word) => `'${word}'`).join(" ");
  const { status, stdout: shown } = await run(["script", "-qec", words, "/dev/null"], { cwd: "/" });
  const stdout = shown.replaceAll("\r\x1b[K", "\n").replaceAll("\r", "");
  assertMatch(
    stdout,
    /^\[-{20}\] 0 of 1 plays$[^]*^\[#{10}-{10}\] 1 of 2 plays, about \d+:\d\d left$[^]*^\[#{20}\] 2 of 2 plays/m,
  );
  // A machine that stood still for seconds may add a sentence of its own.
  const [, once] = stdout.match(/^unsteady .* Ann .*; failed once, and not when played alone: (.*\b4\.3\b.*)$/m) ?? [];
  assert(once, stdout);
  const runs = async (name: string): Promise<number> => (await Deno.readTextFile(folder.at(name))).length;
  const [first, second] = [await runs("first"), await runs("second")];
  assert(second > 0 && second < first / (once === "4.3" ? 4 : 2), `${second} runs after ${first}`);
  assertMatch(
    stdout,
    /"Grade" is filled in 0 rows\.\nLeft as they were, to be looked at: Ann\.\nRows without a hand-in: Bo\.$/m,
  );
  assertEquals([status, await Deno.readTextFile(folder.at("out/gradebook.csv"))], [1, book]);
  const [own] = (await folder.names("out")).filter((name) => name.startsWith("Ann"));
  const kept = JSON.parse(await Deno.readTextFile(folder.at(`out/${own}/result.json`)));
  // Steady results are filled in, and points are counted anew without playing.
  await Deno.writeTextFile(folder.at(`out/${own}/result.json`), JSON.stringify({ ...kept, status: "graded" }));
  await Deno.writeTextFile(folder.at("points.json"), '{"points": {"4": 0}}');
  const again = await grade(...args, "--points", folder.at("points.json"), "--due", "2026-10-03 23:59");
  assertEquals([again.status, again.stdout.includes("Ann")], [0, false], again.stdout);
  assertStringIncludes(again.stdout, "so --due reports nothing");
  assertMatch(await Deno.readTextFile(folder.at("out/gradebook.csv")), /^Participant 12,Ann,\d\d(\.\d+)?,100\r$/m);
  const [{ points, of, causes } = { points: "", of: "", causes: "" }] = await gradesOf(folder.at("out"));
  // All else that a naive client does holds.
  if (once === "4.3") assertEquals(causes, once);
  else assertMatch(causes!, /\b4\.3\b/);
  assertStringIncludes(await Deno.readTextFile(folder.at(`out/${own}/report.html`)), `${points} of ${of} points`);
});

testWith([SANDBOX, PYTHON], "nothing of a hand-in is left, and Ctrl-C keeps what is done", async () => {
  await using folder = new Folder();
  const mark = crypto.randomUUID();
  // A process that leaves its session, and does not hear SIGTERM.
  const leave = `import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "${mark}"])
`;
  await handIn(folder.at("class/Ann"), { "client.py": `${leave}time.sleep(0.2)\nsys.exit(3)\n` });
  await handIn(folder.at("class/Zoe"), {
    "client.py": `${leave}time.sleep(600)\n`,
    "server.py": "import time\ntime.sleep(600)\n",
  });
  await using grading = new Process(gradeWords(folder.at("class"), "--out", folder.at("out")), { cwd: "/" });
  await grading.line(/^no program .*Ann/);
  await waitFor(() => processesWith(mark).length > 0);
  grading.child.kill("SIGINT");
  assertEquals(await grading.ended(), 130);
  assertMatch(grading.errors.join(), /interrupted; what is done is kept/);
  await waitFor(() => processesWith(mark).length === 0);
  assertEquals((await gradesOf(folder.at("out"))).map(({ name }) => name), ["Ann"]);
  const names = (await folder.names("out")).map((name) => name.replace(/\.\w{8}$/, ""));
  assertEquals(names, ["Ann", "grades.csv", "index.html"]);
});

testWith([UNIX], "where there is no sandbox, one sentence says why and nothing runs", async () => {
  await using folder = new Folder();
  await handIn(folder.at("class/Ann"), { "client.py": `open("${folder.at("ran")}", "w")\n` });
  const path = await folder.folder("bin");
  const bwrap = 'case $1 in --version) ;; *) echo "bwrap: setting up uid map: Permission denied" >&2; exit 1;; esac\n';
  for (const [script, words] of [[bwrap, "AppArmor"], ["exit 127\n", "apt-get install bubblewrap"]] as const) {
    await writeScript(`${path}/bwrap`, script);
    const env = ["env", `PATH=${path}:${Deno.env.get("PATH")}`];
    const { status, stderr } = await run([...env, ...gradeWords(folder.at("class"))], { cwd: "/" });
    assertEquals([status, stderr.trim().split("\n").length], [2, 1], stderr);
    assertStringIncludes(stderr, Deno.build.os === "linux" ? words : "needs Linux");
    assertStringIncludes(stderr, "--no-sandbox");
  }
  assertEquals(await folder.names(), ["bin", "class"]);
});

Deno.test("what is wrong with the command line or a file is one sentence", async () => {
  await using folder = new Folder();
  await handIn(folder.path, {
    "class/Ann/notes.txt": "",
    "points.json": '{"points": {"9": 1}}',
    "large.json": '{"points": {"1": 1e999}}',
    "list.json": "[]",
    "book.csv": "Name,Mark\nAnn,\n",
    "two.csv": "Student,ID,Lab 1 (1),Lab 2 (2)\n",
    "no.zip": "PK",
  });
  await Deno.symlink("class", folder.at("link"));
  const cases: [args: string[], words: string][] = [
    [[], "give one folder or zip file"],
    [[folder.at("none")], "there is no folder and no zip file"],
    [[folder.at("no.zip")], "is no class: it can't be unpacked"],
    [[folder.at("class"), "--out", folder.at("class/out")], "DIR can't be in HANDINS"],
    [[folder.at("./class"), "--out", folder.at("link/new/out")], "DIR can't be in HANDINS"],
    [[folder.at("class"), "--due", "soon"], 'a day and a time, such as "2026-10-03 23:59", not "soon"'],
    [[folder.at("class"), "--due", "2026-10-03"], 'not "2026-10-03"'],
    [[folder.at("class"), "--again", "Ana"], 'there is no hand-in of "Ana"; did you mean Ann?'],
    [[folder.at("class"), "--points", folder.at("points.json")], "there is no sentence 9"],
    [[folder.at("class"), "--points", folder.at("large.json")], "1 needs 0 to 1000000 points"],
    [[folder.at("class"), "--points", folder.at("list.json")], "it holds no object"],
    [[folder.at("class"), "--gradebook", folder.at("book.csv")], "no export of Brightspace, Canvas or Moodle"],
    [[folder.at("class"), "--gradebook", folder.at("two.csv")], '--item names one of "Lab 1 (1)", "Lab 2 (2)"'],
  ];
  for (const [args, words] of cases) {
    const { status, stderr } = await grade("--no-sandbox", ...args);
    assertEquals([status, stderr.trim().split("\n").length], [2, 1], stderr);
    assertStringIncludes(stderr, words);
  }
  assertEquals((await folder.names()).includes("none-grades"), false);
});
