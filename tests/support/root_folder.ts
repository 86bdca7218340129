/** What the tests of a served folder try to leave. */

import { Root } from "../../lib/files/root.ts";
import { Folder } from "../../scripts/support/folder.ts";

/** A root with files, folders and links that lead in and out, beside files that are outside of it. */
export class RootFolder extends Folder {
  /** Makes all of it at once. */
  constructor() {
    super();
    for (const folder of ["root", "root/sub", "root/sub/deep", "rootless"]) Deno.mkdirSync(`${this.path}/${folder}`);
    for (const file of ["secret", "rootless/secret"]) Deno.writeTextFileSync(`${this.path}/${file}`, "outside");
    for (const file of ["f", "sub/f", "sub/deep/f"]) Deno.writeTextFileSync(`${this.path}/root/${file}`, "inside");
    const links = {
      link: "f",
      down: "sub",
      out: "../secret",
      up: "..",
      absolute: `${this.path}/secret`,
      "sub/back": `${this.path}/root`,
      "sub/away": "../../rootless",
      chain: "sub/away/secret",
      dangling: "../new",
      loop: "loop",
    };
    for (const [name, target] of Object.entries(links)) Deno.symlinkSync(target, `${this.path}/root/${name}`);
  }

  /** The root, to be read and written. */
  open(): Promise<Root> {
    return Root.open(this.at("root"));
  }

  /** All that is outside of the root: paths, what they are, and what they hold. */
  outside(folder = this.path): string[] {
    return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isFile, isDirectory }) => {
      const path = `${folder}/${name}`;
      if (path === `${this.path}/root`) return [];
      return [`${path} ${isFile ? Deno.readTextFileSync(path) : ""}`, ...(isDirectory ? this.outside(path) : [])];
    }).sort();
  }
}
