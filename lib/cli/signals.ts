/** The signals that both programs heed. */

const IS_WINDOWS = Deno.build.os === "windows";

// The exit status is 128 and the signal's number, as shells have it.
const END_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Calls `act` with the exit status at each signal that asks the program to end. */
export function onEndSignal(act: (status: number) => void): void {
  for (const [signal, status] of Object.entries(END_STATUS)) {
    if (IS_WINDOWS && signal !== "SIGINT") continue;
    Deno.addSignalListener(signal as Deno.Signal, () => act(status));
  }
  // A file larger than the system's limit for this user is to fail as a write, not to end the program.
  if (!IS_WINDOWS) Deno.addSignalListener("SIGXFSZ", () => {});
}
