import { assert, assertEquals } from "@std/assert";
import { isDraft } from "../../lib/files/draft.ts";
import { Folder, isSame, randomBytes } from "../../scripts/support/folder.ts";
import { ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation } from "../../scripts/support/raw.ts";

const OLD = randomBytes(1_000_001);
const NEW = randomBytes(1_000_002);

Deno.test("a GET sends the file that was there when it began, whatever a PUT or a DEL does", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start(["--clients", "3"], { cwd: folder.path });
  const get = (data: Uint8Array): Promise<Conversation> => Conversation.start(server.port, "GET", "f", data);
  for (const [verb, last] of [["PUT", "g"], ["DEL", "c"]] as const) {
    await Deno.writeFile(folder.at("f"), OLD);
    using reader = await get(OLD);
    await reader.until("e");
    using other = await Conversation.start(server.port, verb, "f", NEW);
    if (verb === "PUT") {
      await other.until("half");
      using during = await get(OLD);
      await during.until("h");
    }
    await other.until(last);
    await reader.until("h");
    if (verb === "DEL") return assertEquals(await folder.names(), []);
    using after = await get(NEW);
    await after.until("h");
  }
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
    const lines = { PUT: `receiving ${number} bytes`, GET: `sending ${number} bytes`, DEL: `deleting file ${name}` };
    for (let round = 0; round < 5; round++) {
      for (const [verb, last] of [["PUT", "g"], ["GET", "h"], ["DEL", "c"]] as const) {
        using conversation = await Conversation.start(server.port, verb, name, new Uint8Array(number));
        await conversation.until(last);
        expected.push(`server receiving request: ${verb} ${name}`, `server ${lines[verb]}`);
      }
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
