// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab, program } from "../support/lab.ts";
import { PYTHON, testWith, UNIX } from "../support/needs.ts";
import { run } from "../support/programs.ts";

testWith([UNIX], "our programs hold to every sentence of the document, strictly", async () => {
  const output = await lab("--strict", "--timeout", "20");
  assertEquals([output.status, failed(output)], [0, []], output.stdout);
});

testWith([UNIX, PYTHON], "the naive pair holds to every sentence of the document", async () => {
  const output = await lab(...program("naive_server"), ...program("naive_client"), "--timeout", "20");
  assertEquals([output.status, failed(output)], [0, []], output.stdout);
});

testWith([UNIX], "a program that hangs, crashes, prints for ever or leaves children ends with its check", async () => {
  await using folder = new Folder();
  const marker = `sleep 98${Deno.pid}`;
  for (const server of ["sleep 1000", "false", "yes", `${marker} & exit 3`]) {
    const script = folder.at("server.sh");
    await Deno.writeTextFile(script, `${server}\n`);
    const output = await lab("--server", `sh ${script} {port}`, "--only", "1.1", "--timeout", "1");
    assertEquals([output.status, failed(output)], [1, ["1.1"]], server);
  }
  const { stdout } = await run(["ps", "-eo", "args"], { cwd: "/" });
  assert(!stdout.includes(marker) && !stdout.includes(folder.path), "a process of a program under test is left");
});

testWith([UNIX], "the lab check lists, selects, and tells a wrong command line", async () => {
  const list = await lab("--list", "--only", "3");
  assertEquals([list.status, list.stdout.split("\n").length], [0, 5], list.stdout);
  for (const args of [["--only", "9"], ["--server", "server"], ["--client", "client {port}"], ["extra"]]) {
    assertEquals((await lab(...args)).status, 2, args.join(" "));
  }
});

testWith([UNIX, PYTHON], "the JUnit file has each check, with its failure", async () => {
  await using folder = new Folder();
  const file = folder.at("results.xml");
  await lab(...program("mistakes/server_newline"), "--only", "1,6.4", "--timeout", "2", "--junit", file);
  const xml = await Deno.readTextFile(file);
  assertStringIncludes(xml, '<testsuite name="1 GET" tests="4" failures="1" skipped="3">');
  assertStringIncludes(xml, "Likely: a newline follows: send the bytes alone, as in sock.sendall(b&quot;OK&quot;)");
  assertStringIncludes(xml, '<skipped message="the document makes it optional; --strict runs it"/>');
});
