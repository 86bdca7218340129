// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab } from "../support/lab.ts";
import { testWith, UNIX } from "../support/needs.ts";
import { Process, run } from "../support/programs.ts";

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

testWith([UNIX], "a lab check that is ended by a signal ends its programs and removes their folder", async () => {
  await using folder = new Folder();
  const marker = `sleep 97${Deno.pid}`;
  const script = `${import.meta.dirname}/../../scripts/lab/main.ts`;
  const lab = ["env", `TMPDIR=${folder.path}`, Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", script];
  const words = [...lab, "--server", `sh -c 'touch ${folder.path}/started; ${marker}' {port}`, "--only", "1.1"];
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await using check = new Process(words, { cwd: folder.path });
    while (!(await folder.names()).includes("started")) await new Promise((resolve) => setTimeout(resolve, 50));
    check.child.kill(signal);
    assertEquals(await check.ended(), { SIGINT: 130, SIGTERM: 143 }[signal]);
    const { stdout } = await run(["ps", "-eo", "args"], { cwd: "/" });
    assert(!stdout.includes(marker), "a process of a program under test is left");
    await Deno.remove(folder.at("started"));
    assertEquals(await folder.names(), []);
  }
});
