/** The lab check as a command. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { compile } from "../../scripts/lab/java.ts";
import { VERSION } from "../../scripts/lab/recording.ts";
import { Folder } from "../../scripts/support/folder.ts";
import { failed, lab, PEERS } from "../support/lab.ts";
import { JAVA, PYTHON, SANDBOX, testWith, UNIX } from "../support/needs.ts";

testWith([UNIX], "our programs hold to every sentence of the document, strictly", async () => {
  // The executable does not have them in it.
  const own = ["CLIENT", "SERVER"].flatMap((role) => Deno.env.get(`BLOCKFERRY_${role}`) ?? []);
  const output = await lab("--strict", "--timeout", "20", ...own);
  assertEquals([output.status, failed(output)], [0, []], output.stdout);
});

testWith(
  [UNIX, PYTHON],
  "a wrong command line, or what can't be started, is a sentence and exit status 2",
  async () => {
    await using folder = new Folder();
    await Deno.writeTextFile(folder.at("server.py"), "if True\n");
    await Deno.writeTextFile(folder.at("what.txt"), "");
    const damaged = JSON.stringify({ version: VERSION, programs: { client: 1 }, recordings: "none" });
    await Deno.writeTextFile(folder.at("damaged.json"), damaged);
    const cases: [args: string[], words: string][] = [
      [["--only", "9"], "there is no section or sentence 9"],
      [["--server", "server"], "needs {port}"],
      [["--client", "client {port}"], "needs {command}"],
      [["naive_clint.py", "naive_server.py"], "did you mean naive_client.py?"],
      [["--replay", "none.json"], "can't be read"],
      [["--replay", folder.at("damaged.json")], "is a damaged recording"],
      [[folder.at("what.txt"), "naive_server.py"], "it is not executable"],
      [["one.py", "two.py", "three.py"], 'unexpected argument "three.py"'],
      [[folder.at("server.py")], "SyntaxError: expected ':', in server.py line 1: if True"],
      [["naive_server.py", "--only", "5.1", "--record", "/none/here.json"], "can't be written"],
    ];
    for (const [args, words] of cases) {
      const { status, stderr } = await lab(...args);
      assertEquals([status, stderr.trim().split("\n").length], [2, 1], stderr);
      assertStringIncludes(stderr, words);
    }
  },
);

testWith([UNIX, PYTHON], "files are found from where the user stands, whatever their names are", async () => {
  await using folder = new Folder();
  const name = "it's my server.py";
  await Deno.copyFile(`${PEERS}/naive_server.py`, folder.at(name));
  const output = await lab(folder.at(name), "naive_client.py", "--only", "3.1,3.3");
  assertEquals([output.status, output.stdout.match(/^ok .*$/gm)?.length], [0, 2], output.stdout + output.stderr);
});

testWith([UNIX, PYTHON], "a recording that is judged again says the same, and the JUnit file too", async () => {
  await using folder = new Folder();
  const source = await Deno.readTextFile(`${PEERS}/naive_server.py`);
  await Deno.writeTextFile(folder.at("server.py"), source.replaceAll('b"OK"', 'b"OK\\x1b"'));
  const [record, xml] = [folder.at("all.json"), folder.at("all.xml")];
  const first = await lab(folder.at("server.py"), "--only", "1,6.4", "--record", record, "--junit", xml);
  const again = await lab("--replay", record, "--only", "1,6.4");
  assertEquals([first.status, again.status], [1, 1]);
  assertEquals(first.stdout.slice(0, again.stdout.length), again.stdout);
  assertStringIncludes(again.stdout, "came     the bytes 4f 4b 1b\n");
  const text = await Deno.readTextFile(xml);
  assertMatch(text, /<testsuite name="1 GET" tests="4" failures="1" skipped="\d">/);
  assertStringIncludes(text, "expected &quot;OK&quot;; came the bytes 4f 4b 1b");
});

testWith([SANDBOX, PYTHON], "in the sandbox programs that are right hold to what they hold to without", async () => {
  const args = ["--sandbox", "naive_server.py", "naive_client.py", "--only", "3.1,4.1,7.3"];
  const { status, stdout, stderr: none } = await lab(...args);
  const holds = "ok   naive_client.py: 1 of 1 sentences hold\nok   naive_server.py: 2 of 2 sentences hold\n";
  assertEquals([status, stdout], [0, holds], none);
  const { stderr } = await lab("--sandbox", "--server", `python3 '${import.meta.filename}' {port}`, "--only", "3.1");
  assertMatch(stderr, /^lab: .* can't be checked: .* can't open file .*lab_test.ts/);
});

testWith([JAVA], "a Java file is compiled once, with the others that it uses, and its first class is run", async () => {
  await using folder = new Folder();
  const compiled = async (source: string): Promise<string | undefined> => {
    await Deno.writeTextFile(folder.at("Client.java"), source);
    return await compile(folder.at("Client.java"), folder.at("classes"));
  };
  const main = "{ public static void main(String[] args) { System.out.println(args[0]); } }";
  const pair = `/* class No */ package lab.one;\n// class Nor\nrecord Pair(int a) ${main}`;
  assertEquals(await compiled(pair), "lab.one.Pair");
  assertEquals(await compiled(`interface First ${main} class Second ${main}`), "First");
  assertEquals(await compiled("class Broken {"), undefined);
  const other = "package lab.two; class Other { static int a; }";
  const using = "package lab.two; class Client { public static void main(String[] args) { Other.a = 1; } }";
  for (const inside of ["flat", "packages/lab/two"]) {
    await Deno.mkdir(folder.at(inside), { recursive: true });
    await Deno.writeTextFile(folder.at(`${inside}/Client.java`), using);
    await Deno.writeTextFile(folder.at(`${inside}/Other.java`), other);
    assertEquals(await compile(folder.at(`${inside}/Client.java`), folder.at(`${inside}/classes`)), "lab.two.Client");
  }
});
