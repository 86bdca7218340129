import { assertStringIncludes } from "@std/assert";
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

  Deno.test(`PROTOCOL.md names every step of a ${verb} as the code does`, () => {
    for (const step of STEPS[verb]) {
      const [, letter, speaker, said] = step.match(/^(\w)\. (\w+): (.*)$/)!;
      const arrow = speaker === "server" ? "S->>C" : "C->>S";
      assertStringIncludes(page, `${arrow}: ${letter}. ${escaped(said!)}`);
    }
  });
}

Deno.test("PROTOCOL.md has the lab's error texts", () => {
  for (const text of Object.values(ERROR_TEXTS)) assertStringIncludes(page, `ERROR: ${text("<filename>")}`);
});
