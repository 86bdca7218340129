/** On a terminal Deno asks for what was not granted, and everything waits: the programs say so before it can. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { SOURCES, TERMINAL, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import { command, type Output, run, ServerProcess } from "../../scripts/support/programs.ts";

/** The words that run a program on a terminal, where Deno may ask. */
function onTerminal(program: "client" | "server", permissions: string[], args: string[]): string[] {
  const words = [...command(program, permissions).filter((word) => word !== "--no-prompt"), ...args];
  return ["script", "-qefc", words.map((word) => `'${word}'`).join(" "), "/dev/null"];
}

testWith([TERMINAL, SOURCES], "a client says what is not granted before it connects, and Deno never asks", async () => {
  await using folder = await folders({ "mine/f": "mine", "secret": "secret" });
  const [mine, secret] = [folder.at("mine"), folder.at("secret")];
  await Deno.symlink("../secret", folder.at("mine/link"));
  const read = "no permission to read";
  const cases: [permissions: string[], args: string[], reason: string][] = [
    [[], ["GET", "f"], `f: ${read} it (run it with --allow-read)`],
    [["--allow-write"], ["GET", "new"], `new: ${read} it (run it with --allow-read)`],
    [[`--allow-read=${mine}`], ["GET", "f"], "f: no permission to write it (run it with --allow-write)"],
    [[`--allow-read=${mine}`, `--allow-write=${mine}`], ["GET", "f", "--as", "link"], `link: ${read} ${secret}`],
    [["--allow-read", `--allow-write=${mine}`], ["GET", "f", "-o", "link"], `link: no permission to write ${secret}`],
    [[`--allow-read=${mine}/new`, `--allow-write=${mine}/new`], ["GET", "new"], `new: ${read} its folder`],
    [[], ["PUT", "f"], `f: ${read} it (run it with --allow-read)`],
    [[`--allow-read=${mine}`], ["PUT", "link"], `link: ${read} ${secret} (run it with --allow-read)`],
  ];
  for (const [permissions, args, reason] of cases) {
    const words = onTerminal("client", ["--allow-net", ...permissions], ["127.0.0.1", `${freePort()}`, ...args]);
    const { status, stdout } = await run(["timeout", "60", ...words], { cwd: mine });
    assertStringIncludes(stdout, `client: ${reason}`);
    assertEquals([status, stdout.trim().split("\n").length], [1, 2], stdout);
  }
  assertEquals([await folder.names("mine"), await Deno.readTextFile(secret)], [["f", "link"], "secret"]);
});

testWith([TERMINAL, SOURCES], "a GET that may write one file alone does so in place, and Deno never asks", async () => {
  await using folder = await folders({ "mine/f": "longer than served", "served/f": "served" });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  const permissions = ["--allow-net", ...["read", "write"].map((access) => `--allow-${access}=${folder.at("mine/f")}`)];
  for (const option of ["--quiet", "--fsync", "--verify"]) {
    await Deno.writeTextFile(folder.at("mine/f"), "longer than served");
    const words = onTerminal("client", permissions, ["127.0.0.1", `${server.port}`, "GET", "f", option]);
    const { status, stdout } = await run(words, { cwd: folder.at("mine") });
    assertEquals([status, await Deno.readTextFile(folder.at("mine/f"))], [0, "served"], stdout);
  }
});

testWith([TERMINAL, SOURCES], "a server refuses what is not granted to it, and Deno never asks", async () => {
  await using folder = await folders({ "mine/f": "mine", "served/f": "served", "secret": "secret" });
  const root = folder.at("served");
  await Deno.symlink("../secret", folder.at("served/link"));
  // A server that asks does not answer.
  const put = (name: string): Promise<Output> => client(folder, server.port, "PUT", "f", "--as", name);
  const permissions = ["--allow-net", `--allow-read=${root}`, `--allow-write=${root}/f`];
  const words = onTerminal("server", permissions, ["0", "-v", "--root", root]);
  await using server = await ServerProcess.run(words, { cwd: folder.path });
  for (const name of ["f", "new", "link", "../secret"]) {
    assertEquals((await put(name)).stdout, `server error: unable to create file ${name}\n`);
  }
  for (const name of ["link", "../secret"]) {
    assertEquals((await client(folder, server.port, "GET", name)).status, 1);
  }
  assertEquals((await client(folder, server.port, "GET", "f", "--as", "g")).status, 0);
  assertEquals([await folder.names("served"), await Deno.readTextFile(folder.at("secret"))], [["f", "link"], "secret"]);
});
