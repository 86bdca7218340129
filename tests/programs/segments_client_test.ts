import { assertEquals } from "@std/assert";
import { VERBS } from "../../lib/protocol.ts";
import { Asked, everyCut, NAME } from "../support/asked.ts";
import { assertBytes, bytewise, conversation, type Message, wire } from "../../scripts/support/raw.ts";
import { withinTime } from "../support/net.ts";
import { runClient } from "../../scripts/support/programs.ts";

Deno.test("the real client works with a server that sends byte by byte", async () => {
  await using asked = new Asked();
  const doing = { GET: "receiving", PUT: "sending", DEL: "deleting" };
  for (const verb of VERBS) {
    await Deno.writeFile(asked.path, verb === "GET" ? wire("old") : asked.data);
    const client = runClient(["127.0.0.1", `${asked.port}`, verb, NAME], { cwd: asked.folder.path });
    await asked.play(everyCut(conversation(verb, NAME, asked.data)).at(-1)!, client);
    const bytes = verb === "DEL" ? "" : " (60 bytes)";
    assertEquals(await client, {
      status: 0,
      stdout: `client ${doing[verb]} file ${NAME}${bytes}\nComplete\n`,
      stderr: "",
    });
    assertBytes(await Deno.readFile(asked.path), asked.data);
    assertEquals(await asked.folder.names(), [NAME]);
  }
});

Deno.test("the real client prints an ERROR that comes byte by byte", async () => {
  await using asked = new Asked();
  await withinTime(async () => {
    const [ready, command] = conversation("DEL", NAME) as [Message, Message];
    const error = bytewise({ from: "server", bytes: wire(`ERROR: ${NAME} does not exist`) });
    const client = runClient(["127.0.0.1", `${asked.port}`, "DEL", NAME], { cwd: asked.folder.path });
    await asked.play([ready, command, ...error], client, { finish: true });
    assertEquals(await client, {
      status: 1,
      stdout: `client deleting file ${NAME}\nserver error: ${NAME} does not exist\n`,
      stderr: "",
    });
  });
});
