/** Draws two terminals as an SVG picture: what the real server and client print. */

import { randomBytes } from "./folder.ts";
import { Pair } from "./pair.ts";

const FILE = "photo.jpg";
const COMMANDS = [["PUT", FILE], ["GET", FILE, "--as", "copy.jpg"], ["DEL", FILE], ["GET", FILE]];
const [PORT, CLIENT_PORT] = [12345, 54321];
// Of a monospace font of 13 pixels, a little more than any has.
const [COLUMN, LINE] = [8, 19];
const [TITLE, MARGIN, GAP] = [30, 14, 16];

/** A session of both programs as two terminals side by side. */
export async function terminalPicture(): Promise<string> {
  await using pair = await Pair.start();
  await Deno.writeFile(`${pair.mine}/${FILE}`, randomBytes(2_718_281));
  const client: string[] = [];
  for (const words of COMMANDS) {
    const before = pair.server.lines.length;
    client.push(`$ client localhost ${PORT} ${words.join(" ")}`);
    const { stdout, stderr } = await pair.client(...words);
    client.push(...`${stdout}${stderr}`.trimEnd().split("\n"));
    // Then it has printed all of this client.
    await pair.server.line(/waiting/, before);
  }
  const lines = [`$ server ${PORT} -v`, ...pair.server.lines];
  let next = CLIENT_PORT;
  const server = lines.map((line) =>
    line.replace(/(waiting on port) \d+$/, `$1 ${PORT}`).replace(/:\d+$/, () => `:${next++}`)
  );
  return svg([server, client]);
}

function svg(terminals: string[][]): string {
  const widths = terminals.map((lines) => 2 * MARGIN + COLUMN * Math.max(...lines.map(({ length }) => length)));
  const height = TITLE + MARGIN + LINE * Math.max(...terminals.map(({ length }) => length));
  const width = widths.reduce((sum, each) => sum + GAP + each, -GAP);
  let left = 0;
  const drawn = terminals.map((lines, index) => {
    const texts = lines.map((line, row) => {
      const kind = line.startsWith("$ ") ? ' class="command"' : "";
      return `<text${kind} x="${MARGIN}" y="${TITLE + MARGIN + LINE * row}">${escaped(line)}</text>`;
    });
    const terminal = [
      `<g transform="translate(${left})">`,
      `<rect class="window" width="${widths[index]}" height="${height}" rx="8"/>`,
      ...[0, 1, 2].map((dot) => `<circle class="dot" cx="${MARGIN + 5 + 16 * dot}" cy="15" r="5"/>`),
      ...texts,
      "</g>",
    ];
    left += widths[index]! + GAP;
    return terminal.join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    "<style>",
    "text { font: 13px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #c9d1d9; white-space: pre }",
    ".command { fill: #7ee787 }",
    ".window { fill: #161b22 }",
    ".dot { fill: #484f58 }",
    "</style>",
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char]!);
}
