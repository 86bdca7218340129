/** Ports, and what depends on real time. */

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
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
