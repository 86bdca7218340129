/** System calls of a program, as strace writes them to a file. */

/** The command line that runs `words` and writes its system calls, such as `write,sendto`, to a file. */
export function traced(words: string[], calls: string, file: string): string[] {
  // -D: the command stays our own child, so that it can be ended. -y: a descriptor is followed by what it is.
  return ["strace", "-D", "-f", "-y", "-qq", "-e", `trace=${calls}`, "-o", file, ...words];
}

/** The calls in a trace, a line each. Where another thread's call came between, strace splits a call over two lines. */
export async function readTrace(file: string): Promise<string[]> {
  const unfinished = new Map<string, string>();
  const calls: string[] = [];
  for (const line of (await Deno.readTextFile(file)).split("\n")) {
    const [, thread = "", call = ""] = line.match(/^(\d+) +(.*)$/) ?? [];
    const [, resumed] = call.match(/^<\.\.\. \w+ resumed>(.*)$/) ?? [];
    if (call.endsWith("<unfinished ...>")) unfinished.set(thread, call.replace(/ *<unfinished \.\.\.>$/, ""));
    else calls.push(resumed === undefined ? call : (unfinished.get(thread) ?? "") + resumed);
  }
  return calls;
}
