/** What the client prints, letter for letter, and the status that it ends with. */

import { assertEquals } from "@std/assert";
import { Folder } from "../../scripts/support/folder.ts";
import { playServer, withServer } from "../support/played.ts";
import { SIZE_5, spoken } from "../../scripts/support/raw.ts";
import { ended } from "../../scripts/support/programs.ts";

Deno.test("the client prints the lab's lines for a GET, a PUT and a DEL", async () => {
  await using folder = new Folder();
  const get = ["READY", "GET my file.txt", "OK", "READY", SIZE_5, "OK", "helloDONE"];
  assertEquals(
    await playServer(["GET", "my file.txt"], folder, ...get),
    ended(0, "client receiving file my file.txt (5 bytes)\nComplete\n"),
  );
  const put = ["READY", "PUT my file.txt", "OK", SIZE_5, "OK", "hello", "DONE"];
  assertEquals(
    await playServer(["PUT", "my file.txt"], folder, ...put),
    ended(0, "client sending file my file.txt (5 bytes)\nComplete\n"),
  );
  assertEquals(
    await playServer(["DEL", "my file.txt"], folder, "READY", "DEL my file.txt", "DONE"),
    ended(0, "client deleting file my file.txt\nComplete\n"),
  );
});

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

Deno.test("a server's error is shown without its prefix, at every step", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const places: [string, string[], string][] = [
    ["GET", [], ""],
    ["GET", ["READY", "GET f"], ""],
    ["GET", ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "hello"], "client receiving file f (5 bytes)\n"],
    ["PUT", ["READY", "PUT f"], ""],
    ["PUT", ["READY", "PUT f", "OK", SIZE_5], ""],
    ["PUT", ["READY", "PUT f", "OK", SIZE_5, "OK", "hello"], "client sending file f (5 bytes)\n"],
    ["DEL", ["READY", "DEL f"], "client deleting file f\n"],
  ];
  for (const [verb, turns, stdout] of places) {
    // Where the server speaks twice in a row, its two texts are one turn.
    const last = turns.length % 2 === 1 ? turns.pop()! : "";
    assertEquals(
      await playServer([verb, "f"], folder, ...turns, `${last}ERROR: file f does not exist`),
      ended(1, `${stdout}server error: file f does not exist\n`),
    );
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
    assertEquals(await folder.names(), ["f"]);
  }
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
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const surprises: [string, string[], string, string][] = [
    ["GET", ["HELLO"], "", 'expected READY, but received "HELLO" (at step "a. server: READY")'],
    ["GET", ["READY", "GET f", "NO"], "", 'expected OK, but received "NO" (at step "c. server: OK")'],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "helloGONE"],
      "client receiving file f (5 bytes)\n",
      'expected DONE, but received "GONE" (at step "h. server: DONE")',
    ],
    ["PUT", ["READY", "PUT f", "READY"], "", 'expected OK, but received "READY" (at step "c. server: OK")'],
    ["PUT", ["READY", "PUT f", "OK", SIZE_5, "KO"], "", 'expected OK, but received "KO" (at step "e. server: OK")'],
    [
      "PUT",
      ["READY", "PUT f", "OK", SIZE_5, "OK", "hello", "OKAY"],
      "client sending file f (5 bytes)\n",
      'expected DONE, but received "OKAY" (at step "g. server: DONE")',
    ],
    [
      "DEL",
      ["READY", "DEL f", "OKNO"],
      "client deleting file f\n",
      'expected DONE, but received "NO" (at step "c. server: DONE")',
    ],
  ];
  for (const [verb, turns, stdout, message] of surprises) {
    assertEquals(await playServer([verb, "f"], folder, ...turns), {
      status: 1,
      stdout,
      stderr: `client: ${message}\n`,
    });
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
  }
  assertEquals(await folder.names(), ["f"]);
});

Deno.test("a server that goes away is one sentence on stderr", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("f"), "hello");
  const ends: [string, string[], string, string][] = [
    [
      "GET",
      [],
      "",
      'expected READY, but the connection was closed (at step "a. server: READY"); has the server stopped, is it busy, does it use TLS (--tls), or does it refuse your address?',
    ],
    ["GET", ["READY", "GET f"], "", 'expected OK, but the connection was closed (at step "c. server: OK")'],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5.slice(0, 7)],
      "",
      'expected 1 more bytes of a size, but the connection was closed (at step "e. server: <# bytes>")',
    ],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "hell"],
      "client receiving file f (5 bytes)\n",
      'expected file data, but the connection was closed (at step "g. server: sends bytes")',
    ],
    [
      "GET",
      ["READY", "GET f", "OK", "READY", SIZE_5, "OK", "helloDON"],
      "client receiving file f (5 bytes)\n",
      'expected DONE, but received "DON" (at step "h. server: DONE")',
    ],
    [
      "PUT",
      ["READY", "PUT f", "OK", SIZE_5, "OK", "hello"],
      "client sending file f (5 bytes)\n",
      'expected DONE, but the connection was closed (at step "g. server: DONE")',
    ],
  ];
  for (const [verb, turns, stdout, message] of ends) {
    const output = await withServer([verb, "f"], folder, async (raw) => {
      await raw.play(spoken(...turns), "server");
      await raw.finish();
    });
    assertEquals(output, { status: 1, stdout, stderr: `client: ${message}\n` });
    assertEquals(await Deno.readTextFile(folder.at("f")), "hello");
  }
  assertEquals(await folder.names(), ["f"]);
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
