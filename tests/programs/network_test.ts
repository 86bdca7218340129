import { Buffer } from "node:buffer";
// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { command, Folder, Process, randomBytes, run, ServerProcess, works } from "../support/programs.ts";

/** Two hosts on this machine, with a network between them that delays and loses packets. */
class LossyNetwork implements AsyncDisposable {
  readonly hosts = ["server", "client"].map((role) => `blockferry-${Deno.pid}-${role}`) as [string, string];
  /** The first host's address. */
  readonly address = "10.99.0.1";

  /** Sets it up; false, and a word on the console, where that can't be done. */
  async isUp(): Promise<boolean> {
    const [server, client] = this.hosts;
    const link = ["ip", "-n", server, "link", "add", "ferry", "type", "veth", "peer", "name", "ferry", "netns", client];
    for (const host of this.hosts) if (!await works(["ip", "netns", "add", host])) return false;
    if (!await works(link)) return false;
    for (const [index, host] of this.hosts.entries()) {
      const address = `10.99.0.${index + 1}/24`;
      const loss = ["netem", "delay", "20ms", "loss", "1%"];
      if (!await works(["ip", "-n", host, "address", "add", address, "dev", "ferry"])) return false;
      if (!await works(["ip", "-n", host, "link", "set", "ferry", "up"])) return false;
      if (!await works(["tc", "-n", host, "qdisc", "add", "dev", "ferry", "root", ...loss])) return false;
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The link goes with its ends. What was never made can't be removed, which is as well.
    for (const host of this.hosts) await run(["ip", "netns", "del", host], { cwd: "/" }).catch(() => {});
  }
}

Deno.test("over a network that loses one packet in a hundred both directions come through whole", async () => {
  await using folder = new Folder();
  const [served, mine] = [await folder.folder("served"), await folder.folder("mine")];
  await using network = new LossyNetwork();
  if (!await network.isUp()) return;
  const [serverHost, clientHost] = network.hosts;
  const bytes = randomBytes(2_000_000);
  await Deno.writeFile(`${mine}/f`, bytes);
  const inside = (host: string): string[] => ["ip", "netns", "exec", host];
  await using server = await ServerProcess.run([...inside(serverHost), ...command("server"), "0", "-v"], {
    cwd: served,
  });
  const words = [...inside(clientHost), ...command("client"), network.address, String(server.port)];
  {
    await using put = new Process([...words, "PUT", "f"], { cwd: mine });
    assertEquals(await put.ended(), 0);
  }
  assert(Buffer.compare(await Deno.readFile(`${served}/f`), bytes) === 0);
  await Deno.remove(`${mine}/f`);
  await using get = new Process([...words, "GET", "f"], { cwd: mine });
  assertEquals(await get.ended(), 0);
  assertMatch(get.lines.at(-1)!, /^Complete$/);
  assert(Buffer.compare(await Deno.readFile(`${mine}/f`), bytes) === 0);
});
