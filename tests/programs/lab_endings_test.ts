// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab } from "../support/lab.ts";
import { testWith, UNIX } from "../support/needs.ts";
import { run } from "../support/programs.ts";

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
