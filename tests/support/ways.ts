/** TCP connections that are closed by a FIN or by a reset, which the close of Deno's own is not. */

import { createServer, Socket } from "node:net";
import { within } from "../../lib/within.ts";
import { type Conn, LIMIT_MS, Raw } from "../../scripts/support/raw.ts";

/** How a connection is closed. */
export const WAYS = ["FIN", "reset"] as const;
export type Way = typeof WAYS[number];

/** Whether this Deno can reset a connection; older ones can't. */
export const CAN_RESET = "resetAndDestroy" in Socket.prototype;

/** Connects to a server. */
export async function connect(port: number, way: Way): Promise<Raw> {
  const socket = new Socket();
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, "127.0.0.1", resolve);
  });
  return new Raw(closedBy(way, socket));
}

/** Listens for one connection, for which `accept` waits as long as there may be one. */
export async function listen(way: Way): Promise<{ port: number; accept(): Promise<Raw> } & Disposable> {
  const server = createServer();
  const connected = Promise.withResolvers<Socket>();
  server.once("connection", connected.resolve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    accept: async () => {
      const socket = await within(connected.promise, LIMIT_MS);
      if (!socket) throw new Error("nobody has connected");
      return new Raw(closedBy(way, socket));
    },
    [Symbol.dispose]: () => void server.close(),
  };
}

function closedBy(way: Way, socket: Socket): Conn {
  // Whatever fails says so itself.
  socket.on("error", () => {});
  return {
    read: async (buffer): Promise<number | null> => {
      while (true) {
        const piece: Uint8Array | null = socket.read(Math.min(buffer.length, socket.readableLength || 1));
        buffer.set(piece ?? []);
        if (piece) return piece.length;
        if (socket.readableEnded || socket.destroyed) return null;
        await new Promise<void>((resolve) => {
          socket.once("readable", resolve);
          socket.once("close", resolve);
        });
      }
    },
    write: (bytes) =>
      new Promise((resolve, reject) => socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))),
    closeWrite: () => new Promise((resolve) => socket.end(resolve)),
    setNoDelay: (on) => void socket.setNoDelay(on),
    close: () => void (way === "reset" ? socket.resetAndDestroy() : socket.destroy()),
  };
}
