/** What the client prints, letter for letter, and the status that it ends with. */

import { assertEquals } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { playServer, withServer } from "../support/played.ts";
import { SIZE_5, spoken } from "../../scripts/support/raw.ts";
import { ended } from "../../scripts/support/programs.ts";

Deno.test("a path is shown as typed; PUT sends its last part, GET asks for all of it", async () => {
  await using folder = new Folder();
  await folder.folder("dir");
  await Deno.writeTextFile(folder.at("dir/f"), "world");
  assertEquals(
    await playServer(["PUT", "dir/f"], folder, "READY", "PUT f", "OK", SIZE_5, "OK", "world", "DONE"),
    ended(0, "client sending file dir/f (5 bytes)\nComplete\n"),
  );
  const get = ["READY", "GET dir/f", "OK", "READY", SIZE_5, "OK", "helloDONE"];
  assertEquals(
    await playServer(["GET", "dir/f"], folder, ...get),
    ended(0, "client receiving file dir/f (5 bytes)\nComplete\n"),
  );
  assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
  assertEquals(await Deno.readTextFile(folder.at("dir/f")), "world");
  assertEquals(
    await playServer(["DEL", "dir/f"], folder, "READY", "DEL dir/f", "DONE"),
    ended(0, "client deleting file dir/f\nComplete\n"),
  );
});

Deno.test("file data that looks like an error is data", async () => {
  await using folder = new Folder();
  const get = ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "ERRORDONE"];
  assertEquals(
    await playServer(["GET", "f"], folder, ...get),
    ended(0, "client receiving file f (5 bytes)\nComplete\n"),
  );
  assertEquals(await Deno.readTextFile(folder.at("f")), "ERROR");
});

// What is said in turn until the data has been sent, without a GET's last turn, which has the data too.
const GET = ["READY", "GET f", "OK", "READY", SIZE_5, "OK"];
const PUT = ["READY", "PUT f", "OK", SIZE_5, "OK", "hello"];
const RECEIVING = "client receiving file f (5 bytes)\n";
const SENDING = "client sending file f (5 bytes)\n";
const DELETING = "client deleting file f\n";

/** A conversation that fails: what is said in turn, the lines that the client has printed by then, and the reason. */
type Failure = [verb: string, turns: string[], lines: string, reason: string];

/** Asserts that each of them ends the client with the reason that this side gives, and leaves the file. */
async function assertFail(failures: Failure[], side: "server" | "client", { closes = false } = {}): Promise<void> {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  for (const [verb, turns, lines, reason] of failures) {
    const shown = await withServer([verb, "f"], folder, async (raw) => {
      await raw.play(spoken(...turns), "server");
      if (closes) await raw.finish();
    });
    const said = side === "server"
      ? ended(1, `${lines}server error: ${reason}\n`)
      : ended(1, lines, `client: ${reason}\n`);
    assertEquals(shown, said);
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
    assertEquals(await folder.names(), ["f"]);
  }
}

Deno.test("a server's error is shown without its prefix, in place of any message", async () => {
  const error = "ERROR: file f does not exist";
  const reason = "file f does not exist";
  const failures: Failure[] = [
    ["GET", [error], "", reason],
    ["GET", ["READY", "GET f", error], "", reason],
    ["GET", [...GET, `hello${error}`], RECEIVING, reason],
    ["PUT", [...PUT.slice(0, 4), error], "", reason],
    ["PUT", [...PUT, error], SENDING, reason],
    ["DEL", ["READY", "DEL f", error], DELETING, reason],
  ];
  await assertFail(failures, "server");
});

Deno.test("what a server says can't drive the client's terminal", async () => {
  await using folder = new Folder();
  assertEquals(
    await playServer(["GET", "f"], folder, "READY", "GET f", "ERROR: \x1b[2J\x07 \u202egone\nüber"),
    ended(1, "server error: \\x1b[2J\\x07 \\u202egone\\x0aüber\n"),
  );
  assertEquals(
    await playServer(["GET", "f"], folder, "HI\x1b[2J"),
    ended(1, "", 'client: expected READY, but received "HI\\x1b[2J" (at step "a. server: READY")\n'),
  );
});

Deno.test("a message that the protocol does not have is one sentence on stderr", async () => {
  const failures: Failure[] = [
    ["GET", ["HELLO"], "", 'expected READY, but received "HELLO" (at step "a. server: READY")'],
    ["GET", [...GET, "helloGONE"], RECEIVING, 'expected DONE, but received "GONE" (at step "h. server: DONE")'],
    ["PUT", [...PUT.slice(0, 4), "KO"], "", 'expected OK, but received "KO" (at step "e. server: OK")'],
    ["PUT", [...PUT, "OKAY"], SENDING, 'expected DONE, but received "OKAY" (at step "g. server: DONE")'],
    ["DEL", ["READY", "DEL f", "OKNO"], DELETING, 'expected DONE, but received "NO" (at step "c. server: DONE")'],
  ];
  await assertFail(failures, "client");
});

Deno.test("a server that goes away is one sentence on stderr", async () => {
  const closed = "but the connection was closed";
  const perhaps = "has the server stopped, is it busy, does it use TLS (--tls), or does it refuse your address?";
  const failures: Failure[] = [
    ["GET", [], "", `expected READY, ${closed} (at step "a. server: READY"); ${perhaps}`],
    [
      "GET",
      [...GET.slice(0, 4), SIZE_5.slice(0, 7)],
      "",
      `expected 1 more bytes of a size, ${closed} (at step "e. server: <# bytes>")`,
    ],
    [
      "GET",
      [...GET, "hell"],
      RECEIVING,
      `the server closed the connection after 4 of 5 bytes (at step "g. server: sends bytes")`,
    ],
    ["GET", [...GET, "helloDON"], RECEIVING, 'expected DONE, but received "DON" (at step "h. server: DONE")'],
    ["PUT", PUT, SENDING, `expected DONE, ${closed} (at step "g. server: DONE")`],
  ];
  await assertFail(failures, "client", { closes: true });
});

for (const ending of ["closes", "stays"]) {
  Deno.test(`an error in the middle of an upload is shown, if the server then ${ending}`, async () => {
    await using folder = new Folder();
    // More than the buffers of both sides hold: the client can't have sent it all.
    const size = 256 * 1024 * 1024;
    await Deno.writeFile(folder.at("large"), new Uint8Array(0));
    await Deno.truncate(folder.at("large"), size);
    const output = await withServer(["PUT", "large"], folder, async (raw) => {
      const data = "\0".repeat(5000);
      const begun = spoken("READY", "PUT large", "OK", "\0\0\0\0\x10\0\0\0", "OK", data, "ERROR: the disk is full");
      await raw.play(begun, "server");
      if (ending === "closes") raw[Symbol.dispose]();
    });
    assertEquals(output, ended(1, `client sending file large (${size} bytes)\nserver error: the disk is full\n`));
  });
}
