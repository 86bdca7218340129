/** Writes the hex dumps in `lib/PROTOCOL.md` anew, from sessions of the real programs: `deno task protocol-page`. */

import { VERBS } from "../lib/protocol.ts";
import { recordedDump } from "./support/recording.ts";

const path = new URL("../lib/PROTOCOL.md", import.meta.url);
let page = await Deno.readTextFile(path);
for (const verb of VERBS) {
  const dump = await recordedDump(verb);
  page = page.replace(
    new RegExp(`(<!-- ${verb} dump -->\n\n\`\`\`\n)[^]*?(\n\`\`\`)`),
    (_, start, end) => start + dump + end,
  );
}
await Deno.writeTextFile(path, page);
