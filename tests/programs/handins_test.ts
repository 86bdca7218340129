/** What learning platforms make of a class's hand-ins, and of its gradebook. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { fill } from "../../scripts/grade/gradebook.ts";
import { CheckError } from "../../scripts/lab/launch.ts";
import { findHandins, stage } from "../../scripts/grade/handins.ts";
import { DEFAULT_POINTS, mark } from "../../scripts/grade/marks.ts";
import { replace } from "../../scripts/grade/results.ts";
import { judge } from "../../scripts/lab/causes.ts";
import { VERSION } from "../../scripts/lab/recording.ts";
import { Folder } from "../../scripts/support/folder.ts";
import { Disk, DISK_BYTES } from "../support/disk.ts";
import { handIn } from "../support/grade.ts";
import { session } from "../support/lab.ts";
import { LINUX, MOUNTS, PYTHON, testWith } from "../support/needs.ts";
import { run } from "../../scripts/support/programs.ts";

const NAMES = { client: [], server: [] };

/** What is found in a download: each hand-in's name and number, its programs, and what does not count. */
async function found(
  folder: Folder,
  root: string,
  names: Partial<Parameters<typeof stage>[2]> = {},
): Promise<unknown[]> {
  const work = await folder.folder(`work ${crypto.randomUUID()}`);
  return await Promise.all((await findHandins(root, work)).map(async (handin, index) => {
    const { programs, notes } = await stage(handin, `${work}/${index}`, { ...NAMES, ...names });
    return [handin.name, handin.id, Object.values(programs).sort(), handin.earlier.length + notes.length];
  }));
}

Deno.test("Brightspace's folders and flat files are found, the latest of each counts", async () => {
  await using folder = new Folder();
  const files = Object.fromEntries([
    "149842-3829 - Jane Doe - Oct 3, 2024 1111 PM/client.py",
    "149842-3829 - Jane Doe - Oct 3, 2024 1111 PM/server.py",
    "149842-3829 - Jane Doe - Oct 12, 2024 101 AM/client.py",
    "149842-3829 - Jane Doe - Oct 12, 2024 101 AM/Lab 3/server.py",
    "77-3829 - Ann - Marie O'Neil - Sep 30, 2024 9:05 AM/lab2client.py",
    "index.html",
    "5 - 李 Ünal, Jr. - Oct 4, 2024 1200 PM - client.py",
    "5 - 李 Ünal, Jr. - Oct 4, 2024 1200 PM - my - server.py",
  ].map((name) => [name, ""]));
  await handIn(folder.at("in"), files);
  assertEquals(await found(folder, folder.at("in")), [
    ["Ann - Marie O'Neil", "77", ["lab2client.py"], 1],
    ["Jane Doe", "149842", ["Lab 3/server.py", "client.py"], 1],
    ["李 Ünal, Jr.", "5", ["client.py", "my - server.py"], 1],
  ]);
  const [ann, jane] = await findHandins(folder.at("in"), folder.path);
  assertEquals([ann?.at, jane?.at], [new Date(2024, 8, 30, 9, 5), new Date(2024, 9, 12, 1, 1)]);
});

Deno.test("Canvas's flat files, Moodle's folders and plain folders are found", async () => {
  await using folder = new Folder();
  const make = (root: string, ...names: string[]): Promise<void> =>
    handIn(folder.at(root), Object.fromEntries(names.map((name) => [name, ""])));
  await make(
    "canvas",
    "doejane_LATE_12_901_client.py",
    "doejane_LATE_12_903_client-1.py",
    "doejane_LATE_12_902_server.py",
    "oneilann_13_904_my_3_4_client.py",
    "roeal_LATE_15_906_x_14_assignsubmission_file_client.py",
  );
  await Deno.symlink("/etc/passwd", folder.at("canvas/poesam_14_905_client.py"));
  assertEquals(await found(folder, folder.at("canvas")), [
    ["doejane", "12", ["client.py", "server.py"], 1],
    ["oneilann", "13", ["my_3_4_client.py"], 2],
    ["roeal", "15", ["x_14_assignsubmission_file_client.py"], 2],
  ]);
  const [late, other] = await findHandins(folder.at("canvas"), folder.path);
  assertEquals([late?.isLate, other?.isLate], [true, false]);
  const others: string[] = [];
  await make("canvas", "textonly_12_text.html", "anon_a1B2c_907_server.py");
  const all = await findHandins(folder.at("canvas"), folder.path, (names) => others.push(...names));
  assertEquals([all[0]?.id, all.length, others], ["a1B2c", 4, ["textonly_12_text.html"]]);
  assertStringIncludes(String(late?.sources.get("client.py")), "_903_client-1.py");
  await make(
    "moodle",
    "Jane O'Doe_657737_assignsubmission_file_/src/server.py",
    "Jane O'Doe_657737_assignsubmission_onlinetext_/onlinetext.html",
    "Bo_Li_657738_assignsubmission_file_client.py",
    "Cy Day_657739_assignsubmission_file/client.py",
    "Di Roe_657740_assignsubmission_file_x_657738_assignsubmission_file_client.py",
    "Ed Roe_657741_assignsubmission_file_1_2_client.py",
    "Cy Day_657739_assignsubmission_onlinetext/onlinetext.html",
  );
  assertEquals(await found(folder, folder.at("moodle")), [
    ["Bo_Li", "657738", ["client.py"], 1],
    ["Cy Day", "657739", ["client.py"], 1],
    ["Di Roe", "657740", ["x_657738_assignsubmission_file_client.py"], 2],
    ["Ed Roe", "657741", ["1_2_client.py"], 2],
    ["Jane O'Doe", "657737", ["src/server.py"], 1],
  ]);
  // Two that could be meant are a doubt, not a guess; the very name is none.
  await make("plain", "a b/client.py", "a b/test_client.py", "d/client.py", "d/old/client.py", "d/TcpServer.py");
  await handIn(folder.at("plain"), { "c/a/server.py": "1", "c/b/server.py": "2", "c/server.txt": "" });
  await Deno.symlink("/etc/passwd", folder.at("plain/c/client.py"));
  const plain: Awaited<ReturnType<typeof found>> = [["a b", "a b", ["client.py"], 1], ["c", "c", [], 2]];
  // Copies are no doubt; another name is noted.
  assertEquals(await found(folder, folder.at("plain")), [...plain, ["d", "d", ["TcpServer.py", "client.py"], 1]]);
  const [, named] = await found(folder, folder.at("plain"), { server: ["./a/server.py"] });
  assertEquals(named, ["c", "c", ["a/server.py"], 2]);
  // An executable has the bare name.
  await make("bare", "a/client", "a/lab2server", "a/client.c", "a/server-notes");
  assertEquals(await found(folder, folder.at("bare")), [["a", "a", ["client", "lab2server"], 0]]);
  // A name that is given goes first, and hand-ins that do not have it are found as before.
  await make("named", "a/client.py", "a/transfer.py", "b/client.py");
  assertEquals(await found(folder, folder.at("named"), { client: ["transfer.py"] }), [
    ["a", "a", ["transfer.py"], 3],
    ["b", "b", ["client.py"], 1],
  ]);
});

Deno.test("a hand-in keeps the name that it was found by, and what it lacks is looked for in an earlier submission", async () => {
  await using folder = new Folder();
  await handIn(folder.at("class"), {
    "7-1 - Bo - Oct 3, 2024 1111 PM/client.py": "",
    "7-1 - Bo - Oct 4, 2024 1111 PM/server.py": "",
    "8-1 - Em - Oct 4, 2024 1111 PM/transfer.py": "",
    "8-1 - Em - Oct 4, 2024 1111 PM/server.py": "1",
    "8-1 - Em - Oct 4, 2024 1111 PM/server (1).py": "2",
  });
  const [bo, em] = await findHandins(folder.at("class"), folder.path);
  const { notes } = await stage(bo!, folder.at("1"), NAMES);
  assertEquals(notes, ["there is no client.py", "an earlier submission has it: client.py"]);
  const kept = await stage(em!, folder.at("2"), NAMES, { client: "transfer.py" });
  assertEquals([kept.programs, kept.notes], [{ client: "transfer.py", server: "server.py" }, [
    "its client is called: transfer.py",
    "it has other files for a server: server (1).py",
  ]]);
});

testWith([LINUX], "a folder that can't be read costs no other hand-in", async () => {
  await using folder = new Folder();
  await handIn(folder.at("class"), { "Ann/client.py": "", "Bo/client.py": "" });
  // No name that Deno has is this one.
  await run(["sh", "-c", `mv Bo "Bo$(printf '\\377')"`], { cwd: folder.at("class") });
  const [ann, bo] = await findHandins(folder.at("class"), folder.path);
  assertEquals((await stage(ann!, folder.at("1"), NAMES)).notes, ["there is no server.py"]);
  await assertRejects(() => stage(bo!, folder.at("2"), NAMES));
});

testWith([PYTHON], "a zip file is bounded, and no path or link leaves its folder", async () => {
  await using folder = new Folder();
  const script = `
import sys, zipfile
def zip(name, files):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in files:
            z.writestr(path, data)
link = zipfile.ZipInfo("server.py")
link.external_attr = 0o120777 << 16
zip("Ann.zip", [("client.py", "1"), ("../../out.py", "2"), ("/abs.py", "3"), ("a/../../b.py", "4"), (link, "/etc/passwd"), ("ü" * 150, "5")])
zip("Ben.zip", [("client.py", b"0" * (60 << 20))])
zip("Ivy.zip", [("a/" * 12 + "client.py", "1")])
zip("Fay.zip", [("/".join("a" * 30), "1"), *((f"venv/{n}.py", "") for n in range(900)), *((f"{n}.py", "") for n in range(500))])
zip("Cy.zip", [(f"{n}.py", "") for n in range(600)])
open("Dan.zip", "w").write("PK no zip")
zip("Eve.zip", [("client.py", "1"), ("client.py/server.py", "2")])
with zipfile.ZipFile("all.zip", "w") as z:
    for name in ["Ann", "Ben", "Cy", "Dan", "Eve"]:
        z.write(f"{name}.zip", f"Lab 3 Download/{name}/lab.zip")
    for name in ["Ann", "Fay"]:
        z.write(f"{name}.zip", f"Lab 3 Download/Fay/{name}.zip")
    z.writestr("Lab 3 Download/Gus.tar.gz", "packed")
    z.writestr("Lab 3 Download/Hal/", "")
    z.write("Ivy.zip", "Lab 3 Download/Ivy/lab.zip")
    for text in "12":
        z.writestr("Lab 3 Download/Jo/client.py", text)
    z.writestr(f"Lab 3 Download/{'ü' * 150}/client.py", "")
`;
  const { stderr } = await run(["python3", "-c", script], { cwd: folder.path });
  assertEquals(stderr.replace(/.*Duplicate name.*\n.*\n/, ""), "");
  const work = await folder.folder("work");
  const others: string[] = [];
  const handins = await findHandins(folder.at("all.zip"), work, (names) => others.push(...names));
  assertEquals(others, ["Lab 3 Download/Jo/client.py", `Lab 3 Download/${"ü".repeat(150)}/client.py`]);
  const staged = await Promise.all(handins.map((each, index) => stage(each, `${work}/${index}`, NAMES)));
  const about = staged.map(({ notes }) => notes.filter((note) => note.startsWith("lab.zip")).join());
  assertEquals(about.map((note) => note.replace(/unpacked: .*can't.*/, "broken")), [
    "",
    "lab.zip is not unpacked: it has more than 50 MB",
    "lab.zip is not unpacked: it has more than 500 files",
    "lab.zip is not broken",
    "lab.zip is not unpacked: client.py/server.py in it would replace another of its files",
    "",
    "",
    "",
    "",
    "",
  ]);
  const [fay, gus, hal, ivy, jo] = staged.slice(-5);
  assertEquals(hal?.notes, ["there is no client.py", "there is no server.py", "it has no files"]);
  // As deep as a Java project is.
  assertEquals([ivy, jo].map((each) => each?.programs.client), [`lab.zip/${"a/".repeat(12)}client.py`, "client.py"]);
  assertEquals([fay, gus].flatMap((each) => each!.notes.filter((note) => note.includes("unpacked"))), [
    "Fay.zip is not unpacked: it has more than 499 files",
    "not unpacked: Gus.tar.gz",
  ]);
  assertEquals(await folder.names("work/0/lab.zip"), ["client.py"]);
  const zips = ["Ann", "Ben", "Cy", "Dan", "Eve", "Fay", "Ivy", "all"].map((name) => `${name}.zip`);
  assertEquals(await folder.names(), [...zips, "work"]);
});

Deno.test("a gradebook's column is filled, and all other bytes stay as they were", () => {
  const marks = [
    { name: "Jane Doe", id: "12", points: 59, of: 59 },
    { name: "O'Neil Ann", id: "13", points: 20, of: 59 },
    { name: "Sam Poe", id: "98", points: 1, of: 59 },
    { name: "Not Here", id: "99", points: 1, of: 59 },
    { name: "Two Same", id: "96", points: 1, of: 59 },
    { name: "two same", id: "97", points: 1, of: 59 },
    { name: "Bo Li", id: "657738", points: undefined, of: 59 },
  ];
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const filled = (text: string): unknown[] => {
    const { bytes, unmatched, missing } = fill(encode(text), marks, undefined);
    return [new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), unmatched.length, missing];
  };
  const head = 'OrgDefinedId,Username,Last Name,First Name,"Lab 3 Points Grade <Numeric MaxPoints:10 Weight:5>",';
  assertEquals(
    filled(
      `\ufeff${head}End-of-Line Indicator\r\n#900,jd,Doe,Jane,,#\r\n#901,ao,O'Neil,"Ann",5,#\r\n#902,s1,Poe,Sam,,#\r\n#903,s2,Poe,Sam,,#\r\n#904,t,Same,Two,,#\r\n`,
    ),
    [
      `\ufeff${head}End-of-Line Indicator\r\n#900,jd,Doe,Jane,10,#\r\n#901,ao,O'Neil,"Ann",3.39,#\r\n#902,s1,Poe,Sam,,#\r\n#903,s2,Poe,Sam,,#\r\n#904,t,Same,Two,,#\r\n`,
      5,
      ["Sam Poe", "Sam Poe", "Two Same"],
    ],
  );
  const marked = `${head}End-of-Line Indicator\n#901,ao,O'Neil,"Ann",5,#\n#902,jd,Doe,Jane,10.0,#\n`;
  assertEquals(fill(encode(marked), marks, undefined).replaced, ["O'Neil Ann, 5"]);
  const canvas = (first: string, second: string): string =>
    `Student,ID,Section,Lab 3 (77),Final Score\n,,,Manual Posting,\n    Points Possible,,,20.00,(read only)\n"Doe, ""J"" Jane",12, x ,${first},\n"O'Neil, Ann",14,"a\nb",${second},9`;
  assertEquals(filled(canvas("", '""')), [canvas("20", '"6.78"'), 5, []]);
  // A number that two hand-ins have is nobody's.
  const shared = fill(encode(canvas("", '""')), [...marks, { ...marks[0]!, name: "Not Doe" }], undefined);
  assertEquals(new TextDecoder().decode(shared.bytes), canvas("", '"6.78"'));
  // A number of the school's is not one of Canvas.
  const other = 'Student,ID,SIS User ID,Lab 3 (77)\n"Roe, Al",11,12,\n';
  assertEquals(filled(other), [other, 7, ["Roe, Al"]]);
  const split = (mark: string): string =>
    `LastName,FirstName,ID,Lab 3 (77)\n    Points Possible,,,10\nDoe,Jane,11,${mark}\nStudent,Test,10,\n`;
  assertEquals(filled(split("")), [split("10"), 6, []]);
  // Numbers as they are written elsewhere; what is none is not passed over.
  for (const [maximum, mark] of [["20,00", "20"], ["1,000.00", "1000"], ["1.000,50", "1000.5"], ["12.500", "12.5"]]) {
    const comma = (mark = ""): string =>
      `Student;ID;Lab 3 (77)\n    Points Possible;;${maximum}\n"Doe, Jane";12;${mark}\n`;
    assertEquals(filled(comma())[0], comma(mark));
  }
  assertThrows(
    () => filled("Student,ID,Lab 3 (77)\n    Points Possible,,many\n"),
    CheckError,
    'the maximum of "Lab 3 (77)" in the gradebook is "many", which is no number',
  );
  assertThrows(() => fill(Uint8Array.of(0xff, 0xfe, 0x53, 0), marks, undefined), CheckError, "is in UTF-16");
  const moodle = (grade: string, maximum: string): string =>
    `Identifier;"Full name";Grade;"${maximum}"\n"Participant 12";"J\xe4ne";${grade};"100,00"\n"Participant 657738";"Bo Li";;100\n`;
  const latin = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
  for (const maximum of ["Maximum Grade", "Maximum grade"]) {
    const { bytes } = fill(latin(moodle("", maximum)), marks, undefined);
    assertEquals(bytes, latin(moodle("100", maximum)));
  }
});

testWith([MOUNTS], "a full disk leaves the table as it was, and no part of a new one", async () => {
  await using folder = new Folder();
  await using disk = await Disk.mount(await folder.folder("out"));
  await replace(`${disk.path}/grades.csv`, "old");
  await assertRejects(() => replace(`${disk.path}/grades.csv`, new Uint8Array(DISK_BYTES)), Error, "o space left");
  const table = await Deno.readTextFile(`${disk.path}/grades.csv`);
  assertEquals([await folder.names("out"), table], [["grades.csv"], "old"]);
});

Deno.test("a cause costs once, and what nothing holds of has no points", () => {
  const right = session("server");
  const result = judge(right);
  const all = mark(result, DEFAULT_POINTS);
  assertEquals([all.points, result.causes], [34, []]);
  const wrong = session("server", (recording) => {
    for (const event of recording.events) if (event.type === "came" && event.bytes === "READY") event.bytes = "READY\n";
  });
  const once = mark(judge(wrong), DEFAULT_POINTS);
  const each = mark(judge(wrong), { ...DEFAULT_POINTS, cause: "each sentence" });
  assertEquals([once.points, each.points, once.of], [18.06, 17, 63]);
  const none = judge({ version: VERSION, programs: { server: "server.py" }, recordings: [] });
  assertEquals([mark(none, DEFAULT_POINTS).points, mark(undefined, DEFAULT_POINTS).points], [0, 0]);
  assertEquals(mark(none, { ...DEFAULT_POINTS, notShown: 0.5 }).points, 0);
  // Without strace a class is marked by less; a disk that a hand-in fills costs that one.
  const hidden = (reason: string): number =>
    mark({ ...result, sentences: [{ ...result.sentences[0]!, outcome: "not shown", reason }] }, DEFAULT_POINTS).of;
  assertEquals([hidden("strace is not installed"), hidden("the temporary folder has less than 1 MB free")], [62, 63]);
  assertEquals(hidden('at step "a. server: READY" came "strace is not installed"'), 63);
});
