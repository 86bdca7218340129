/** Ports, and what depends on real time. */

import { delay } from "@std/async";

export { freePort } from "../../scripts/support/ports.ts";

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
