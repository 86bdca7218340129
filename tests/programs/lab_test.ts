// @ts-types="../support/types/assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab, PEERS, program } from "../support/lab.ts";
import { PYTHON, STDBUF, testWith, UNIX } from "../support/needs.ts";
import { PYTHON_WORDS } from "../support/python.ts";

testWith([UNIX], "our programs hold to every sentence of the document, strictly", async () => {
  const output = await lab("--strict", "--timeout", "20");
  assertEquals([output.status, failed(output)], [0, []], output.stdout);
});

testWith([UNIX], "the lab check lists, selects, and tells a wrong command line", async () => {
  const list = await lab("--list", "--only", "3");
  assertEquals([list.status, list.stdout.split("\n").length], [0, 5], list.stdout);
  for (const args of [["--only", "9"], ["--server", "server"], ["--client", "client {port}"], ["extra"]]) {
    assertEquals((await lab(...args)).status, 2, args.join(" "));
  }
});

testWith([UNIX, PYTHON, STDBUF], "lines that C's stdio would keep until the end are seen", async () => {
  await using folder = new Folder();
  // sed prints by stdio, as a server written in C does.
  const script = `${PYTHON_WORDS.join(" ")} ${PEERS}/naive_server.py "$@" | sed ""\n`;
  await Deno.writeTextFile(folder.at("server.sh"), script);
  const output = await lab("--server", `sh ${folder.at("server.sh")} {port}`, "--only", "1.1,5.1");
  assertEquals([output.status, failed(output)], [0, []], output.stdout);
});

testWith([UNIX, PYTHON], "the JUnit file has each check, with its failure", async () => {
  await using folder = new Folder();
  const file = folder.at("results.xml");
  await lab(...program("mistakes/server_newline"), "--only", "1,6.4", "--timeout", "5", "--junit", file);
  const xml = await Deno.readTextFile(file);
  assertStringIncludes(xml, '<testsuite name="1 GET" tests="4" failures="1" skipped="3">');
  assertStringIncludes(xml, "Likely: a newline follows: send the bytes alone, as in sock.sendall(b&quot;OK&quot;)");
  assertStringIncludes(xml, '<skipped message="the document makes it optional; --strict runs it"/>');
});
