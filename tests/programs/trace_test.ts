import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { folders, Pair } from "../../scripts/support/pair.ts";
import { command, run, ServerProcess } from "../../scripts/support/programs.ts";
import { Conversation, wire } from "../../scripts/support/raw.ts";
import { withinTime } from "../support/net.ts";

/** A trace without its times. */
function timeless(lines: string[]): string[] {
  return lines.map((line) => line.replace(/, [\d.]+ ms$/, ", … ms").replace(/^127\.0\.0\.1:\d+/, "127.0.0.1:…"));
}

const GET = [
  "a. server: READY              <  READY",
  "b. client: GET <filename>     >  GET f",
  "c. server: OK                 <  OK",
  "d. client: READY              >  READY",
  "e. server: <# bytes>          <  00 00 00 00 00 00 04 01  1025",
  "f. client: OK                 >  OK",
  "g. server: sends bytes        <  1025 bytes in 2 blocks, … ms",
  "h. server: DONE               <  DONE",
];
const PUT = [
  "a. server: READY              <  READY",
  "b. client: PUT <filename>     >  PUT f",
  "c. server: OK                 <  OK",
  "d. client: <# bytes>          >  00 00 00 00 00 00 04 01  1025",
  "e. server: OK                 <  OK",
  "f. client: sends bytes        >  1025 bytes in 2 blocks, … ms",
  "g. server: DONE               <  DONE",
];
const DEL = [
  "a. server: READY              <  READY",
  "b. client: DEL <filename>     >  DEL f",
  "c. server: DONE               <  DONE",
];

/** The same conversation as the other side sees it. */
function mirrored(lines: string[]): string[] {
  return lines.map((line) => line.replace(/(?<=^.{30})[<>]/, (arrow) => arrow === "<" ? ">" : "<"));
}

Deno.test("--trace shows each message in the lab's words, on both sides", async () => {
  await using pair = await Pair.start("--trace");
  await Deno.writeFile(`${pair.mine}/f`, new Uint8Array(1025));
  const expected = [];
  for (const [verb, lines] of [["PUT", PUT], ["GET", GET], ["DEL", DEL]] as const) {
    const { stdout, stderr } = await pair.client(verb, "f", "--trace");
    assertEquals(stdout.endsWith("Complete\n"), true);
    // The data and DONE may come together; another test has that.
    const shown = timeless(stderr.trimEnd().split("\n")).map((line) => line.replace(/ {2}\(together.*/, ""));
    assertEquals(shown, lines);
    expected.push(...mirrored(lines));
  }
  // An ERROR stands in the step's place.
  const { stderr } = await pair.client("DEL", "f", "--trace");
  const error = "c. server: DONE               <  ERROR: f does not exist";
  assertEquals(stderr.trimEnd().split("\n"), [...DEL.slice(0, 2), `${error}  (expected DONE)`]);
  expected.push(...mirrored([...DEL.slice(0, 2), error]));
  await pair.server.end();
  assertEquals(timeless(pair.server.errors), expected);
});

Deno.test("messages and the lab's lines stand in the order of their events", async () => {
  await using folder = await folders();
  await Deno.writeFile(folder.at("mine/f"), new Uint8Array(2500));
  const joined = ["bash", "-c", 'exec "$@" 2>&1', "bash"];
  const words = [...joined, ...command("server"), "0", "-v", "--trace"];
  await using server = await ServerProcess.run(words, { cwd: folder.at("served") });
  for (const [verb, doing, steps] of [["PUT", "sending", "fg"], ["GET", "receiving", "fgh"]] as const) {
    const args = ["127.0.0.1", `${server.port}`, verb, "f", "--trace", "--limit-rate", "2K"];
    const { stdout } = await run([...joined, ...command("client"), ...args], { cwd: folder.at("mine") });
    const order = stdout.match(/^\w(?=\.)|^client \w+|^Complete/gm);
    assertEquals(order, [..."abcde", `client ${doing}`, ...steps, "Complete"]);
    // The data took more than a second, DONE came right after it.
    assertEquals(stdout.match(/after .* s/), null);
  }
  await server.end();
  const order = server.lines.flatMap((line) => line.match(/^a(?=\.)|^server connected/)?.[0] ?? []);
  assertEquals(order, Array(2).fill(["server connected", "a"]).flat());
});

Deno.test("a trace shows what came instead, cut or together with its neighbour", async () => {
  await using pair = await Pair.start("--trace", "--clients", "2");
  await Deno.writeTextFile(pair.folder.at("served/f"), "text");
  const traced = async (pieces: string[], last: RegExp): Promise<string[]> => {
    const start = pair.server.errors.length;
    using raw = await Conversation.start(pair.server.port, "GET", "f");
    await raw.until("c");
    for (const piece of pieces) {
      await raw.say(wire(piece));
      await delay(50);
    }
    await pair.server.errorLine(last, start);
    return timeless(pair.server.errors.slice(start)).filter((line) => /[df]\. client/.test(line) && line.includes("<"));
  };
  await withinTime(async () =>
    assertEquals(await traced(["REA", "DYOK"], /h\. server/), [
      "127.0.0.1:…  d. client: READY              <  READY  (in 2 pieces)",
      "127.0.0.1:…  f. client: OK                 <  OK  (together with the message before)",
    ])
  );
  assertEquals(await traced(["Ready\x1b[2J"], /expected READY, but/), [
    "127.0.0.1:…  d. client: READY              <  Ready\\x1b[2J  (expected READY)",
  ]);
});
