/** Ports, and what depends on real time. */

import { delay } from "@std/async";

export { freePort } from "../../scripts/support/ports.ts";

/** Awaits that something holds, for a minute at most; `instead` says what there is instead. */
export async function waitFor(
  holds: () => boolean | Promise<boolean>,
  instead: () => unknown = () => holds,
): Promise<void> {
  for (const deadline = performance.now() + 60_000; !await holds();) {
    if (performance.now() > deadline) throw new Error(`a minute was not enough: ${await instead()}`);
    await delay(20);
  }
}

/**
 * Tries again what depends on real time, such as a rest that must arrive within 50 ms: on a busy machine it may be late.
 * A program that does not wait for it fails every time.
 */
export async function withinTime(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    try {
      return await attempt();
    } catch {
      // Late, perhaps: the machine may have more time in a while.
      await delay(20 * tries);
    }
  }
  await attempt();
}
