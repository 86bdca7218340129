/** Ports, and what depends on real time. */

// Below the ports that a system gives to connections and for port 0 (32,768 and up on Linux, 49,152 elsewhere): one of
// these would take the port before the program that it is meant for.
const [FIRST_PORT, LAST_PORT] = [10_240, 32_767];

/** A port that was free a moment ago. */
export function freePort(): number {
  while (true) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    try {
      using _ = Deno.listen({ port, hostname: "127.0.0.1" });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/**
 * Tries again what depends on real time, such as a rest that must arrive within 50 ms: on a busy machine it may be late.
 * A program that does not wait for it fails every time.
 */
export async function withinTime(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 5; tries > 1; tries--) {
    try {
      return await attempt();
    } catch {
      // Late, perhaps.
    }
  }
  await attempt();
}
