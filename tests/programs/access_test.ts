import { assert, assertEquals, assertRejects } from "@std/assert";
import { toText } from "@std/streams";
import { del, get, put, serve, ServerError } from "../../lib/mod.ts";
import { within } from "../../lib/within.ts";
import { age, type Folder } from "../../scripts/support/folder.ts";
import { Disk } from "../support/disk.ts";
import { IPV6, MOUNTS, OTHER_USER, SOURCES, STRACE, testWith } from "../support/needs.ts";
import { asNobody } from "../support/nobody.ts";
import { client, folders, Pair } from "../../scripts/support/pair.ts";
import { command, ended, run, ServerProcess } from "../../scripts/support/programs.ts";
import { readTrace, traced } from "../support/trace.ts";

const FILES = { "served/f": "served", "mine/f": "mine" };

/** All that a server says to a client that says nothing; `undefined` if there is none at the address. */
async function greeting(hostname: string, port: number): Promise<string | undefined> {
  try {
    using conn = await Deno.connect({ hostname, port });
    await conn.closeWrite();
    return await within(toText(conn.readable), 60_000) ?? "nothing, for a minute";
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return undefined;
    if (error instanceof Deno.errors.ConnectionReset) return "";
    throw error;
  }
}

/** Checks that a server of `f` refuses to write in the lab's words, changes nothing and still sends; what it says why. */
async function assertOnlySends(folder: Folder, server: ServerProcess, names = ["f", "new"]): Promise<string[]> {
  for (const name of names) await Deno.writeTextFile(folder.at(`mine/${name}`), "mine");
  const before = await folder.names("served");
  const options = { hostname: "127.0.0.1", port: server.port };
  for (const name of names) {
    const putting = (): Promise<void> => put(name, { ...options, from: folder.at(`mine/${name}`) });
    assertEquals((await assertRejects(putting, ServerError)).said, `unable to create file ${name}`);
  }
  assertEquals((await assertRejects(() => del("f", options), ServerError)).said, "unable to delete f");
  await get("f", { ...options, to: folder.at("mine/f") });
  assertEquals(await Deno.readTextFile(folder.at("mine/f")), "served");
  assertEquals(await folder.names("served"), before);
  await server.end();
  return server.errors;
}

Deno.test("with --read-only a GET works, and nothing is made or deleted", async () => {
  const abandoned = `.blockferry-${crypto.randomUUID()}.part`;
  await using folder = await folders({ ...FILES, [`served/${abandoned}`]: "" });
  await age(folder.at("served"));
  await using server = await ServerProcess.start(["--read-only"], { cwd: folder.at("served") });
  await assertOnlySends(folder, server);
  assertEquals(await folder.names("served"), [abandoned, "f"]);
});

for (
  const [needs, args, greetings] of [
    [[], ["--host", "127.0.0.1"], { "127.0.0.1": "READY", "127.0.0.2": undefined }],
    [[], [], { "127.0.0.1": "READY", "127.0.0.2": "READY" }],
    [[IPV6], ["--host", "::1"], { "::1": "READY", "127.0.0.1": undefined }],
    [[IPV6], ["--host", "::"], { "::1": "READY", "127.0.0.1": "READY" }],
  ] as const
) {
  testWith([...needs], `a server with the arguments "${args.join(" ")}" listens at its addresses alone`, async () => {
    await using pair = await Pair.start(...args);
    for (const [hostname, said] of Object.entries(greetings)) {
      assertEquals(await greeting(hostname, pair.server.port), said, hostname);
    }
  });
}

Deno.test("a server closes connections from outside the networks it allows, without READY", async () => {
  await using folder = await folders(FILES);
  // On an address of its own, and of IPv4 and IPv6 clients on a server for both.
  const cases = [
    { allowed: "127.0.0.0/8", ipv4: "READY", ipv6: "" },
    { allowed: "127.0.0.1", ipv4: "READY", ipv6: "" },
    { allowed: "0.0.0.0/0", ipv4: "READY", ipv6: "" },
    { allowed: "127.0.0.2", ipv4: "", ipv6: "" },
    { allowed: "10.0.0.0/8,192.0.2.1,2001:db8::/32", ipv4: "", ipv6: "" },
    { allowed: "::ffff:127.0.0.0/104", ipv4: "READY", ipv6: "" },
    { allowed: "::ffff:127.0.0.1", ipv4: "READY", ipv6: "" },
    { allowed: "::1", ipv4: "", ipv6: "READY" },
    { allowed: "::/0", ipv4: "", ipv6: "READY" },
    { allowed: "10.0.0.0/8,127.0.0.1/32,::1/128", ipv4: "READY", ipv6: "READY" },
  ];
  for (const { allowed, ipv4, ipv6 } of cases) {
    const options = { port: 0, root: folder.at("served"), allowFrom: allowed.split(",") };
    await using own = await serve({ ...options, hostname: "127.0.0.1" });
    assertEquals(await greeting("127.0.0.1", own.address.port), ipv4, allowed);
    await using both = await serve({ ...options, hostname: "::" });
    const { port } = both.address;
    // A refused client that stays delays nobody.
    using _stays = ipv4 === "" ? await Deno.connect({ hostname: "127.0.0.1", port }) : undefined;
    assertEquals([await greeting("127.0.0.1", port), await greeting("::1", port)], [ipv4, ipv6], allowed);
  }
});

testWith([STRACE], "with --fsync the file is on disk before its rename, and the rename before DONE", async () => {
  await using folder = await folders(FILES);
  const trace = folder.at("trace");
  const calls = "fsync,rename,renameat,renameat2,sendto,write";
  const words = traced([...command("server"), "0", "-v", "--fsync"], calls, trace);
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  assertEquals((await client(folder, server.port, "PUT", "f")).status, 0);
  assertEquals(await Deno.readTextFile(folder.at("served/f")), "mine");
  await server[Symbol.asyncDispose]();
  const made = await readTrace(trace);
  const rename = made.findIndex((call) => /rename.*\.blockferry-.*\.part".*\/f"/.test(call));
  const done = made.findIndex((call) => /(write|sendto)\(\d+<socket.*>, "DONE"/.test(call));
  const syncs = (from: number, to: number): number =>
    made.slice(from, to).filter((call) => /fsync\(\d+<.*>\) += 0/.test(call)).length;
  const began = made.findIndex((call) => /\(\d+<socket.*>, "READY"/.test(call));
  assert(0 < began && began < rename && rename < done, made.join("\n"));
  assertEquals([syncs(began, rename), syncs(rename, done)], [1, 1], made.slice(began).join("\n"));
});

testWith([SOURCES], "a server without --allow-write sends the lab's errors, and still sends files", async () => {
  await using folder = await folders(FILES);
  const permissions = ["--allow-net", "--allow-read"];
  await using server = await ServerProcess.start([], { cwd: folder.at("served"), permissions });
  assertEquals(await assertOnlySends(folder, server), [
    "server: no permission to write, so PUT and DEL will be refused (run it with --allow-write, or --read-only)",
    "server: unable to create file f: no permission to write it (run it with --allow-write)",
    "server: unable to create file new: no permission to write it (run it with --allow-write)",
    "server: unable to delete f: no permission to write (run it with --allow-write)",
  ]);
});

testWith([MOUNTS], "on a read-only disk PUT and DEL get the lab's errors, and GET works", async () => {
  await using folder = await folders(FILES);
  await using disk = await Disk.mount(folder.at("served"));
  await Deno.writeTextFile(folder.at("served/f"), "served");
  await run(["mount", "-o", "remount,ro", disk.path], { cwd: "/" });
  await using server = await ServerProcess.start([], { cwd: folder.at("served") });
  assertEquals(await assertOnlySends(folder, server), [
    "server: unable to create file f: read-only file system",
    "server: unable to create file new: read-only file system",
    "server: unable to delete f: read-only file system",
  ]);
});

testWith([OTHER_USER], "in a folder that its user can't write, a server sends the lab's errors", async () => {
  await using folder = await folders({ ...FILES, "served/open": "served", "served/secret": "secret" });
  await Deno.chmod(folder.at("served/open"), 0o666);
  await Deno.chmod(folder.at("served/secret"), 0o600);
  const words = [...await asNobody(folder, "server"), "0", "-v"];
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  const secret = await client(folder, server.port, "GET", "secret");
  assertEquals([secret.status, secret.stdout], [1, "server error: secret does not exist\n"]);
  const errors = await assertOnlySends(folder, server, ["f", "open", "new"]);
  assert(errors.every((line) => line.endsWith(": permission denied")), errors.join("\n"));
  // A folder that the user may not enter is not served at all.
  await Deno.chmod(await folder.folder("closed"), 0o700);
  const said = "server: there is no folder ../closed that can be read\n";
  assertEquals(await run([...words, "--root", "../closed"], { cwd: folder.at("served") }), ended(1, "", said));
});
