/**
 * Records anew what the documents show, from runs of the real programs: the hex dumps in `lib/PROTOCOL.md`, the screen in
 * `README.md`, and its pictures. The picture of the lab check's page needs Chromium, and stays as it is without it.
 */

import { VERBS } from "../lib/protocol.ts";
import { Folder } from "./support/folder.ts";
import { pairWithMistake } from "./support/peers.ts";
import { run } from "./support/programs.ts";
import { recordedDump } from "./support/recording.ts";
import { terminalPicture } from "./support/terminal_picture.ts";

const project = `${import.meta.dirname}/..`;

/** Puts a text into the code block after a comment. */
async function replaceBlock(file: string, marker: string, text: string): Promise<void> {
  const page = await Deno.readTextFile(`${project}/${file}`);
  const block = new RegExp(`(<!-- ${marker} -->\n\n\`\`\`\n)[^]*?(\n\`\`\`)`);
  await Deno.writeTextFile(`${project}/${file}`, page.replace(block, (_, start, end) => start + text + end));
}

for (const verb of VERBS) await replaceBlock("lib/PROTOCOL.md", `${verb} dump`, await recordedDump(verb));

await Deno.writeTextFile(`${project}/.github/terminal.svg`, await terminalPicture());

await using folder = new Folder();
for (const [name, text] of Object.entries(await pairWithMistake())) await Deno.writeTextFile(folder.at(name), text);
const files = ["client.py", "server.py", "--html", "page.html"];
// Named here, since a task keeps that of the task which started it.
const lab = ["env", `INIT_CWD=${folder.path}`, Deno.execPath(), "task", "--quiet", "lab", ...files];
const { stdout, stderr } = await run(lab, { cwd: project });
if (stdout === "") throw new Error(`the lab check printed nothing but ${stderr}`);
// As who stands in the project sees it.
await replaceBlock("README.md", "lab screen", stdout.trimEnd().replace(/ --config \S+/, ""));

const screenshot = [
  "chromium",
  "--headless",
  "--no-sandbox", // It opens a page of ours alone.
  "--hide-scrollbars",
  "--window-size=1000,900",
  `--screenshot=${folder.at("page.png")}`,
  `file://${folder.at("page.html")}`,
];
try {
  await run(screenshot, { cwd: folder.path });
  await Deno.copyFile(folder.at("page.png"), `${project}/.github/page.png`);
} catch (error) {
  console.error(`.github/page.png stays as it was: ${(error as Error).message}`);
}
