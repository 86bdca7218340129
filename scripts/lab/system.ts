/** Other programs of this machine, its processes and its load. */

/** What a command prints; empty if it fails. */
export async function output(words: string[]): Promise<string> {
  const { success, stdout } = await ran(words);
  return success ? new TextDecoder().decode(stdout).trim() : "";
}

export async function runs(words: string[], signal?: AbortSignal): Promise<boolean> {
  return (await ran(words, signal)).success;
}

async function ran(
  [program, ...args]: string[],
  signal?: AbortSignal,
): Promise<{ success: boolean; stdout?: Uint8Array }> {
  const command = new Deno.Command(program!, { args, stdin: "null", stderr: "null", ...signal && { signal } });
  // Deno 2.6 throws at once when there is no such program.
  return await Promise.try(() => command.output()).catch(() => ({ success: false }));
}

/** Ends a process, or a group by its negative number; false if there is none. */
export function kill(pid: number, signal: Deno.Signal = "SIGKILL"): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Removes a folder of any depth, which `Deno.remove` can't. Whether all of it is gone. */
export async function removeTree(path: string): Promise<boolean> {
  if (await runs(["rm", "-rf", path])) return true;
  // Without a PATH there is no rm.
  if (await runs(["rm", "-f"])) return false;
  return await Deno.remove(path, { recursive: true }).then(
    () => true,
    (error) => error instanceof Deno.errors.NotFound,
  );
}

export const MAX_SLOWNESS = 3;

/** How many times as long a program may take, since the machine has other things to do. */
export function slowness(): number {
  const [load = 0] = Deno.loadavg();
  return Math.min(MAX_SLOWNESS, Math.max(1, load / navigator.hardwareConcurrency / 2));
}
