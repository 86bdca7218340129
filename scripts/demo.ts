/**
 * Starts a server on a free port in a temporary folder and moves a real file there and back with the real client, as
 * separate processes, showing what both print; compares the bytes.
 */

import { TextLineStream } from "@std/streams";
import { assertEquals } from "@std/assert";

const project = `${import.meta.dirname}/..`;
const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-net", "--allow-read", "--allow-write"];
const folder = await Deno.makeTempDir({ prefix: "blockferry_demo_" });
const served = `${folder}/served`;
const mine = `${folder}/mine`;
await Deno.mkdir(served);
await Deno.mkdir(mine);

const spawn = (cwd: string, args: string[]): Deno.ChildProcess =>
  new Deno.Command(deno[0]!, { args: [...deno.slice(1), ...args], cwd, stdin: "null", stdout: "piped" }).spawn();

const server = spawn(served, [`${project}/server.ts`, "0", "-v"]);
const listening = Promise.withResolvers<string>();
const serverOutput = (async (): Promise<void> => {
  for await (const line of server.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    console.log(`  server | ${line}`);
    const port = line.match(/^server waiting on port (\d+)$/)?.[1];
    if (port) listening.resolve(port);
  }
})();

async function client(port: string, verb: string, file: string): Promise<void> {
  console.log(`$ client localhost ${port} ${verb} ${file}`);
  const process = spawn(mine, [`${project}/client.ts`, "localhost", port, verb, file]);
  for await (const line of process.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    console.log(`  client | ${line}`);
  }
  assertEquals((await process.status).code, 0, `${verb} failed`);
}

try {
  const port = await listening.promise;
  const sent = await Deno.readFile(`${project}/LICENSE`);
  await Deno.writeFile(`${mine}/license.txt`, sent);
  await client(port, "PUT", "license.txt");
  await Deno.remove(`${mine}/license.txt`);
  await client(port, "GET", "license.txt");
  assertEquals(await Deno.readFile(`${served}/license.txt`), sent);
  assertEquals(await Deno.readFile(`${mine}/license.txt`), sent);
  await client(port, "DEL", "license.txt");
  assertEquals(await Array.fromAsync(Deno.readDir(served)), []);
  console.log(`The ${sent.length} bytes came back as they went.`);
} finally {
  server.kill();
  await server.status;
  await serverOutput;
  await Deno.remove(folder, { recursive: true });
}
