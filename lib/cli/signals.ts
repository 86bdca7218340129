/** The signals that both programs handle. */

const IS_WINDOWS = Deno.build.os === "windows";

// As shells report it: 128 plus the signal's number.
const END_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Calls `act` with the exit status, and the signal, at each signal that asks the program to end. */
export function onEndSignal(act: (status: number, signal: Deno.Signal) => void): void {
  for (const [name, status] of Object.entries(END_STATUS)) {
    const signal = name as Deno.Signal;
    if (IS_WINDOWS && signal !== "SIGINT") continue;
    Deno.addSignalListener(signal, () => act(status, signal));
  }
  // Writing beyond the file size limit (ulimit -f) must fail as a write, not kill the program.
  if (!IS_WINDOWS) Deno.addSignalListener("SIGXFSZ", () => {});
}
