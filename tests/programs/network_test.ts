import { assert, assertEquals, assertMatch } from "@std/assert";
import { Folder, isSame, randomBytes } from "../../scripts/support/folder.ts";
import { NETEM, ROOT, testWith } from "../support/needs.ts";
import { command, Process, run, ServerProcess } from "../../scripts/support/programs.ts";

async function succeed(...words: string[]): Promise<void> {
  const { status, stderr } = await run(words, { cwd: "/" });
  assertEquals(status, 0, `${words.join(" ")}: ${stderr}`);
}

function ip(...args: string[]): Promise<void> {
  return succeed("ip", ...args);
}

/** Two hosts on this machine, with a network between them that delays and loses packets. */
class LossyNetwork implements AsyncDisposable {
  readonly hosts = ["server", "client"].map((role) => `blockferry-${Deno.pid}-${role}`) as [string, string];
  /** The first host's address. */
  readonly address = "10.99.0.1";

  /** Sets it up. */
  async start(): Promise<void> {
    const [server, client] = this.hosts;
    for (const host of this.hosts) await ip("netns", "add", host);
    await ip("-n", server, "link", "add", "ferry", "type", "veth", "peer", "name", "ferry", "netns", client);
    for (const [index, host] of this.hosts.entries()) {
      await ip("-n", host, "address", "add", `10.99.0.${index + 1}/24`, "dev", "ferry");
      await ip("-n", host, "link", "set", "ferry", "up");
      const netem = ["netem", "delay", "20ms", "loss", "1%"];
      await succeed("tc", "-n", host, "qdisc", "add", "dev", "ferry", "root", ...netem);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Deleting a host deletes its end of the link. A host that was never added can't be deleted.
    for (const host of this.hosts) await run(["ip", "netns", "del", host], { cwd: "/" }).catch(() => {});
  }
}

testWith([ROOT, NETEM], "over a network that loses one packet in a hundred, files arrive whole", async () => {
  await using folder = new Folder();
  const [served, mine] = [await folder.folder("served"), await folder.folder("mine")];
  await using network = new LossyNetwork();
  await network.start();
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
  assert(isSame(await Deno.readFile(`${served}/f`), bytes));
  await Deno.remove(`${mine}/f`);
  await using get = new Process([...words, "GET", "f"], { cwd: mine });
  assertEquals(await get.ended(), 0);
  assertMatch(get.lines.at(-1)!, /^Complete$/);
  assert(isSame(await Deno.readFile(`${mine}/f`), bytes));
});
