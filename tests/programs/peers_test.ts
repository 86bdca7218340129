/** Our programs with others that are written from the lab's document alone: what is moved and what is printed. */

import { assert, assertEquals } from "@std/assert";
import { isSame, randomBytes } from "../../scripts/support/folder.ts";
import { PYTHON, testWith } from "../support/needs.ts";
import { folders } from "../../scripts/support/pair.ts";
import { command, ended, run, ServerProcess } from "../../scripts/support/programs.ts";
import { naive } from "../support/python.ts";

const CLIENTS = { our: command("client"), Python: naive("client") };
const SERVERS = { our: command("server"), Python: naive("server") };

// Sizes around one block, and names that a careless reader would cut; the third has 255 bytes.
const FILES: readonly (readonly [name: string, size: number])[] = [
  ["empty", 0],
  ["grüße  你好.txt", 1024],
  [`${"ä".repeat(127)}x`, 1025],
  [" GET OK", 3 * 1024 * 1024 + 7],
];

for (const [ofClient, ofServer] of [["our", "Python"], ["Python", "our"]] as const) {
  testWith([PYTHON], `${ofClient} client and ${ofServer} server move any file, and print the lab's lines`, async () => {
    await using folder = await folders();
    await using server = await ServerProcess.run([...SERVERS[ofServer], "0", "-v"], { cwd: folder.at("served") });
    const waiting = `server waiting on port ${server.port}`;
    const printed = [waiting];
    /** Runs the client, which prints one line, as does the server besides those of every connection. */
    const perform = async (verb: string, name: string, clientLine: string, serverLine: string): Promise<void> => {
      const words = [...CLIENTS[ofClient], "127.0.0.1", `${server.port}`, verb, name];
      assertEquals(await run(words, { cwd: folder.at("mine") }), ended(0, `client ${clientLine}\nComplete\n`));
      printed.push("server connected to client at 127.0.0.1:*", `server receiving request: ${verb} ${name}`);
      printed.push(`server ${serverLine}`, waiting);
    };
    // A file that is there already, and longer, is simply overwritten.
    await Deno.writeFile(folder.at("served/grüße  你好.txt"), randomBytes(2000));
    for (const [name, size] of FILES) {
      const [mine, served] = [folder.at(`mine/${name}`), folder.at(`served/${name}`)];
      const data = randomBytes(size);
      await Deno.writeFile(mine, data);
      // Between the OK and the DONE of an empty file there is nothing to wait for: a bare recv() may bring both.
      if (size === 0 && ofClient === "Python") await Deno.writeFile(served, data);
      else await perform("PUT", name, `sending file ${name} (${size} bytes)`, `receiving ${size} bytes`);
      assert(isSame(await Deno.readFile(served), data), `${served} differs`);
      await Deno.writeFile(mine, randomBytes(size + 10));
      await perform("GET", name, `receiving file ${name} (${size} bytes)`, `sending ${size} bytes`);
      assert(isSame(await Deno.readFile(mine), data), `${mine} differs`);
      await perform("DEL", name, `deleting file ${name}`, `deleting file ${name}`);
    }
    assertEquals(await folder.names("served"), []);
    await server.line(/^server waiting/, printed.length - 1);
    await server.end();
    // The client's port is the system's choice.
    const lines = server.lines.map((line) => line.replace(/^(server connected .*:)\d+$/, "$1*"));
    assertEquals([lines, server.errors], [printed, []]);
  });
}
