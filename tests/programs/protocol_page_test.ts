import { assert, assertStringIncludes } from "@std/assert";
import { ERROR_TEXTS, STEPS, VERBS } from "../../lib/protocol.ts";
import { recordedDump } from "../../scripts/support/recording.ts";

const page = await Deno.readTextFile(new URL("../../lib/PROTOCOL.md", import.meta.url));

/** Text as Mermaid takes it. */
function escaped(text: string): string {
  return text.replace(/[#<>]/g, (char) => ({ "#": "#35;", "<": "#lt;", ">": "#gt;" })[char]!);
}

for (const verb of VERBS) {
  Deno.test(`PROTOCOL.md shows the bytes that the programs send for a ${verb}`, async () => {
    assertStringIncludes(page, `<!-- ${verb} dump -->\n\n\`\`\`\n${await recordedDump(verb)}\n\`\`\`\n`);
  });
}

Deno.test("PROTOCOL.md draws every step of a GET as the code names it", () => {
  for (const step of STEPS.GET) {
    const [, letter, speaker, said] = step.match(/^(\w)\. (\w+): (.*)$/)!;
    const arrow = speaker === "server" ? "S->>C" : "C->>S";
    assertStringIncludes(page, `${arrow}: ${letter}. ${escaped(said!)}`);
  }
});

Deno.test("the way through the source is below 900 lines, and each file names the next", async () => {
  const way = ["protocol.ts", "client.ts", "server.ts", "peer.ts", "framing.ts"];
  const read = (name: string): Promise<string> => Deno.readTextFile(new URL(`../../lib/${name}`, import.meta.url));
  const texts = [page.split("\n## States\n")[0]!, ...await Promise.all(way.map(read))];
  for (const [index, next] of way.entries()) {
    assertStringIncludes(texts[index]!.slice(0, 600), `\`${next}\``);
  }
  assert(texts.join("").split("\n").length < 900);
});

Deno.test("PROTOCOL.md has the lab's error texts", () => {
  for (const text of Object.values(ERROR_TEXTS)) assertStringIncludes(page, `ERROR: ${text("<filename>")}`);
});
