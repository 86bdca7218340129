/** The folders and files that faults are tried on, and what may be in them afterwards. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { isDraft } from "../../../lib/files/draft.ts";
import { sweep } from "../../../lib/files/sweep.ts";
import type { Bytes } from "../../../lib/bytes.ts";
import { type ClientOptions, get, put, TransferError } from "../../../lib/mod.ts";
import { age, Folder, isSame, randomBytes } from "../folder.ts";

// Far longer than the sweep of a folder of two files takes on the slowest machine.
const SWEEP_LIMIT_MS = 10_000;

export type Transfer = "GET" | "PUT";

export const TRANSFERS: readonly Transfer[] = ["GET", "PUT"];
export const HOSTNAME = "127.0.0.1";
// Two versions of one file. The large one takes long enough to be killed in the middle.
export const OLD = randomBytes(200_001);
export const NEW = randomBytes(300_002);
export const LARGE_OLD = randomBytes(4_000_001);
export const LARGE_NEW = randomBytes(4_000_002);

/** The file `f` is whole and one of `versions` (`undefined`: there is none); nothing but drafts is with it. */
export async function assertWhole(folder: Folder, versions: readonly (Bytes | undefined)[]): Promise<void> {
  const names = (await folder.names()).filter((name) => !isDraft(name));
  if (names.length === 0 && versions.includes(undefined)) return;
  assertEquals(names, ["f"]);
  const bytes = await Deno.readFile(folder.at("f"));
  assert(
    versions.some((version) => version && isSame(version, bytes)),
    `the ${bytes.length} bytes of the file are not of a version that may stand here`,
  );
}

export async function drafts(folder: Folder): Promise<string[]> {
  return (await folder.names()).filter(isDraft);
}

export function assertNoDrafts(folder: Folder): Promise<void> {
  return assertDrafts(folder, (names) => assertEquals(names, []));
}

/** Checks that a sweep removes what killed programs left, once that is old enough. */
export async function assertSwept(folder: Folder, left: string[] = []): Promise<void> {
  await age(folder.path);
  await sweep(folder.path, { recursive: false });
  assertEquals(await drafts(folder), left);
}

/** Checks the drafts, which a server's sweep removes while it serves. */
export async function assertDrafts(folder: Folder, check: (names: string[]) => void): Promise<void> {
  for (const deadline = performance.now() + SWEEP_LIMIT_MS; performance.now() < deadline;) {
    try {
      return check(await drafts(folder));
    } catch {
      await delay(20);
    }
  }
  check(await drafts(folder));
}

/** A folder with the file `f`. */
export async function folderWith(bytes: Bytes): Promise<Folder> {
  const folder = new Folder();
  await Deno.writeFile(folder.at("f"), bytes);
  return folder;
}

/** Moves the file `f` of a client in this process: whether it was done, or failed as a transfer may. */
export async function moved(verb: Transfer, path: string, options: Omit<ClientOptions, "hostname">): Promise<boolean> {
  try {
    if (verb === "PUT") await put("f", { ...options, hostname: HOSTNAME, from: path });
    else await get("f", { ...options, hostname: HOSTNAME, to: path });
    return true;
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    return false;
  }
}

/** A large file in two folders: the new version where it comes from, the old one where it goes to. */
export async function largeFolders(verb: Transfer): Promise<{ served: Folder; mine: Folder }> {
  const [served, mine] = verb === "GET" ? [LARGE_NEW, LARGE_OLD] : [LARGE_OLD, LARGE_NEW];
  return { served: await folderWith(served), mine: await folderWith(mine) };
}

export async function assertLarge(verb: Transfer, served: Folder, mine: Folder, isDone: boolean): Promise<void> {
  const [source, target] = verb === "GET" ? [served, mine] : [mine, served];
  await assertWhole(source, [LARGE_NEW]);
  // A side that breaks off after the last byte has the new file, and the other side does not know.
  await assertWhole(target, isDone ? [LARGE_NEW] : [LARGE_OLD, LARGE_NEW]);
}

/** The client says truly whether it has the file. */
export async function assertTold(verb: Transfer, mine: Folder, isDone: boolean): Promise<void> {
  if (verb === "GET") await assertWhole(mine, [isDone ? LARGE_NEW : LARGE_OLD]);
}
