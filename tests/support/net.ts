/** Ports, and what depends on real time. */

// Below the ports that Linux gives to connections and for port 0: one of these would take the port before the program
// that it is meant for.
const FIRST_PORT = 10_240;
const BLOCKS = 88;
// Several times what a lab check needs, since Linux keeps the port of a closed connection for a minute.
const BLOCK_PORTS = 256;

function listen(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** The listener whose port begins a block of ports: nobody else who asks here gets one of them while it is open. */
function claimBlock(): Deno.TcpListener {
  const first = Math.floor(Math.random() * BLOCKS);
  for (let tries = 0; tries < BLOCKS; tries++) {
    const listener = listen(FIRST_PORT + (first + tries) % BLOCKS * BLOCK_PORTS);
    if (listener) return listener;
  }
  throw new Error("no block of ports is free");
}

// Not at the first call: a test may leave nothing open.
const block = claimBlock();
let offset = 0;

/**
 * A port that is free, and that no other test or script is given as long as this one runs. On Linux it is no closed
 * connection's either: some programs can't listen there.
 */
export function freePort(): number {
  const used = usedPorts();
  for (let tries = 0; tries < BLOCK_PORTS; tries++) {
    offset = offset % (BLOCK_PORTS - 1) + 1;
    const port = block.addr.port + offset;
    if (used.has(port)) continue;
    using listener = listen(port);
    if (listener) return port;
  }
  throw new Error("no port is free");
}

function usedPorts(): Set<number> {
  if (Deno.build.os !== "linux") return new Set();
  // Not by Deno, which reads /proc with all permissions only.
  const args = ["/proc/net/tcp", "/proc/net/tcp6"];
  const { stdout } = new Deno.Command("cat", { args, stderr: "null" }).outputSync();
  const sockets = new TextDecoder().decode(stdout).matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) /gm);
  return new Set(Array.from(sockets, ([, port]) => parseInt(port!, 16)));
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
