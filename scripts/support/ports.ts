/** Free ports, for tests and scripts that run at the same time. */

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
  return new Set(sockets().map(({ port }) => port));
}

/** The addresses at which something listens on a port, as far as this machine says. */
export function listeningHosts(port: number): string[] {
  return sockets().filter((socket) => socket.port === port && socket.state === "0A").map(({ address }) => {
    // Each 32 bits are written in the order of the machine; the last ones may be an IPv4 address.
    const bytes = Array.from(address.slice(-8).matchAll(/../g), ([hex]) => parseInt(hex, 16));
    if (address.length === 8 || address.slice(16, 24) === "FFFF0000") return bytes.toReversed().join(".");
    return /^0*$/.test(address) ? "::" : "::1";
  });
}

function sockets(): { address: string; port: number; state: string }[] {
  if (Deno.build.os !== "linux") return [];
  // Not by Deno, which reads /proc with all permissions only.
  const args = ["/proc/net/tcp", "/proc/net/tcp6"];
  const { stdout } = new Deno.Command("cat", { args, stderr: "null" }).outputSync();
  const found = new TextDecoder().decode(stdout).matchAll(/^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2})/gm);
  return Array.from(found, ([, address, port, state]) => (
    { address: address!, port: parseInt(port!, 16), state: state! }
  ));
}
