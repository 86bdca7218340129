import { assert, assertEquals } from "@std/assert";
import { isDraft } from "../../lib/files/draft.ts";
import { Folder, isSame, randomBytes } from "../../scripts/support/folder.ts";
import { PROJECT, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation } from "../../scripts/support/raw.ts";

const OLD = randomBytes(1_000_001);
const NEW = randomBytes(1_000_002);

Deno.test("eight clients at once lose nothing in 80 transfers", async () => {
  const { status, stdout, stderr } = await run([Deno.execPath(), "task", "load", "8", "80"], { cwd: PROJECT });
  const [, clients, transfers, bytes, lost] = stdout.trim().split("\n").at(-1)!.split("|").map((cell) => cell.trim());
  assertEquals({ status, clients, transfers, lost }, { status: 0, clients: "8", transfers: "80", lost: "0" }, stderr);
  assert(Number(bytes) > 0);
});

Deno.test("a GET that has begun sends all of the old file whatever a PUT or a DEL does", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start(["--clients", "2"], { cwd: folder.path });
  for (const [verb, last] of [["PUT", "g"], ["DEL", "c"]] as const) {
    await Deno.writeFile(folder.at("f"), OLD);
    using reader = await Conversation.start(server.port, "GET", "f", OLD);
    await reader.until("e");
    using other = await Conversation.start(server.port, verb, "f", NEW);
    await other.until(last);
    assert(verb === "DEL" ? (await folder.names()).length === 0 : isSame(await Deno.readFile(folder.at("f")), NEW));
    await reader.until("h");
  }
});

Deno.test("a GET during a PUT gets the old file, and one after it the new", async () => {
  await using folder = new Folder();
  await Deno.writeFile(folder.at("f"), OLD);
  await using server = await ServerProcess.start(["--clients", "2"], { cwd: folder.path });
  using writer = await Conversation.start(server.port, "PUT", "f", NEW);
  await writer.until("half");
  using before = await Conversation.start(server.port, "GET", "f", OLD);
  await before.until("h");
  await writer.until("g");
  using after = await Conversation.start(server.port, "GET", "f", NEW);
  await after.until("h");
});

Deno.test("two PUTs of one name are each whole when done, and the later one stays", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start(["--clients", "2"], { cwd: folder.path });
  using one = await Conversation.start(server.port, "PUT", "f", OLD);
  using other = await Conversation.start(server.port, "PUT", "f", NEW);
  await one.until("half");
  await other.until("half");
  assertEquals((await folder.names()).filter(isDraft).length, 2);
  await other.until("g");
  assert(isSame(await Deno.readFile(folder.at("f")), NEW));
  await one.until("g");
  assert(isSame(await Deno.readFile(folder.at("f")), OLD));
  assertEquals(await folder.names(), ["f"]);
});

for (const clients of [1, 2]) {
  Deno.test(`with --clients ${clients} the next client gets its READY when one of them is done`, async () => {
    await using folder = new Folder();
    await using server = await ServerProcess.start(clients === 1 ? [] : ["--clients", "2"], { cwd: folder.path });
    using stack = new DisposableStack();
    const served: Conversation[] = [];
    for (const name of ["f", "g"].slice(0, clients)) {
      served.push(stack.use(await Conversation.start(server.port, "PUT", name, NEW)));
    }
    await Promise.all(served.map((each) => each.until("a")));
    using next = await Conversation.start(server.port, "GET", "f", NEW);
    let isReady = false;
    const ready = next.until("a").then(() => isReady = true);
    await Promise.all(served.map((each) => each.until("half")));
    assert(!isReady);
    await served[0]!.until("g");
    await ready;
    await next.until("h");
    await served[1]?.until("g");
    await server.end();
    const turns = server.lines.filter((line) => /connected|request/.test(line)).map((line) => line.split(" ")[1]);
    if (clients === 1) assertEquals(turns, ["connected", "receiving", "connected", "receiving"]);
  });
}

Deno.test("every line of -v is one client's, whole, however many are served at once", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start(["--clients", "8"], { cwd: folder.path });
  const expected: string[] = [];
  // Long names, so that a line that were written in parts would be cut.
  const client = async (number: number): Promise<void> => {
    const name = String(number).repeat(200);
    for (let round = 0; round < 5; round++) {
      using put = await Conversation.start(server.port, "PUT", name, new Uint8Array(number));
      await put.until("g");
      using get = await Conversation.start(server.port, "GET", name, new Uint8Array(number));
      await get.until("h");
      using del = await Conversation.start(server.port, "DEL", name);
      await del.until("c");
      expected.push(
        `server receiving request: PUT ${name}`,
        `server receiving ${number} bytes`,
        `server receiving request: GET ${name}`,
        `server sending ${number} bytes`,
        `server receiving request: DEL ${name}`,
        `server deleting file ${name}`,
      );
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, index) => client(index + 1)));
  await server.end();
  const others = new RegExp(`^server (waiting on port ${server.port}|connected to client at 127\\.0\\.0\\.1:\\d+)$`);
  assertEquals(server.lines.filter((line) => !others.test(line)).sort(), expected.sort());
  assertEquals(server.errors, []);
});

Deno.test("clients that wait are accepted at once and served in that order", async () => {
  await using folder = new Folder();
  await Deno.writeFile(folder.at("f"), OLD);
  await using server = await ServerProcess.start([], { cwd: folder.path });
  using first = await Conversation.start(server.port, "PUT", "g", NEW);
  await first.until("half");
  using stack = new DisposableStack();
  const others: Conversation[] = [];
  // More than the system's own queue takes: a connection that it dropped would be made a second later, or never.
  for (let number = 0; number < 10; number++) {
    others.push(stack.use(await Conversation.start(server.port, "GET", "f", OLD)));
  }
  await first.until("g");
  const order: number[] = [];
  await Promise.all(others.map((other, number) => other.until("h").then(() => order.push(number))));
  assertEquals(order, [...others.keys()]);
});
