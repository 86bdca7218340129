import { readCommandLine } from "./lib/cli/arguments.ts";
import { CLIENT, readTask } from "./lib/cli/client_options.ts";
import { printer, reportOutputError } from "./lib/cli/output.ts";
import { onEndSignal } from "./lib/cli/signals.ts";

// Long enough to remove a draft.
const ENDING_MS = 2000;

async function main(): Promise<number> {
  const task = await readCommandLine(CLIENT, readTask);
  if (typeof task === "number") return task;
  const interrupt = new AbortController();
  let endStatus: number | undefined;
  onEndSignal((status) => {
    if (endStatus !== undefined) Deno.exit(status);
    endStatus = status;
    // Some waits can't be cut, such as a write to a pipe that nobody reads.
    setTimeout(() => Deno.exit(status), ENDING_MS);
    interrupt.abort();
  });
  try {
    // Not before: --help and a wrong command line need none of it.
    const { perform } = await import("./lib/cli/transfers.ts");
    const failed = await perform({ ...task, options: { ...task.options, signal: interrupt.signal } });
    await printer.flush();
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (endStatus !== undefined) return endStatus;
    await reportOutputError("client", error);
    return 1;
  } finally {
    await printer.settled();
  }
}

Deno.exit(await main());
