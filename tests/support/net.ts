/** Ports, and what depends on real time. */

// Below the ports that Linux gives to connections and for port 0: one of these would take the port before the program
// that it is meant for.
const [FIRST_PORT, LAST_PORT] = [10_240, 32_767];

/** A port that was free a moment ago, and on Linux is no closed connection's either: some programs can't listen there. */
export function freePort(): number {
  if (Deno.build.os !== "linux") {
    using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    return listener.addr.port;
  }
  // Not by Deno, which reads /proc with all permissions only.
  const args = ["/proc/net/tcp", "/proc/net/tcp6"];
  const { stdout } = new Deno.Command("cat", { args, stderr: "null" }).outputSync();
  const sockets = new TextDecoder().decode(stdout).matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) /gm);
  const used = new Set(Array.from(sockets, ([, port]) => parseInt(port!, 16)));
  while (true) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (!used.has(port)) return port;
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
