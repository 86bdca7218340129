/**
 * Makes the package for npm, `blockferry-<version>.tgz`, in the folder that is its argument. `deno pack` rewrites no import
 * map and leaves deno.json out, so what those two say is written into the sources first.
 */

import { relative } from "node:path";

const PROJECT = `${import.meta.dirname}/../`;
const { imports, publish: { include }, version } = JSON.parse(await Deno.readTextFile(`${PROJECT}deno.json`));
const folder = await Deno.makeTempDir({ prefix: "blockferry_pack_" });
try {
  for (const path of include) await copy(path);
  const output = `${Deno.args[0] ?? PROJECT}/blockferry-${version}.tgz`;
  const args = ["pack", "--quiet", "--allow-dirty", "--output", output];
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: folder, stdin: "null" }).spawn().status;
  if (success) console.log(`packed ${output}`);
  else Deno.exitCode = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function copy(path: string): Promise<void> {
  if ((await Deno.stat(PROJECT + path)).isDirectory) {
    await Deno.mkdir(`${folder}/${path}`);
    for await (const { name } of Deno.readDir(PROJECT + path)) await copy(`${path}/${name}`);
    return;
  }
  const text = await Deno.readTextFile(PROJECT + path);
  await Deno.writeTextFile(`${folder}/${path}`, path.endsWith(".ts") ? resolved(path, text) : text);
}

/** A source without names of the import map, and with the version. */
function resolved(path: string, text: string): string {
  return text.replace(/"@std\/[\w/]+"/g, (name) => {
    const from = relative(`${path}/..`, imports[JSON.parse(name)]);
    return JSON.stringify(from.startsWith(".") ? from : `./${from}`);
  }).replace(/await import\("[./]+deno\.json".*?\)/, `{ default: { version: "${version}" } }`);
}
