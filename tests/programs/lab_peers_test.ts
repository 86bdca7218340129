// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab, program } from "../support/lab.ts";
import { PYTHON, testWith, UNIX } from "../support/needs.ts";
import { run } from "../support/programs.ts";

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
