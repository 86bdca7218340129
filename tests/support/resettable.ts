/** TCP connections whose close is a reset, which the close of Deno's own is not. */

import { createServer, Socket } from "node:net";
import { type Conn, Raw } from "../../scripts/support/raw.ts";

/** Whether this Deno can reset a connection; older ones can't. */
export const CAN_RESET = "resetAndDestroy" in Socket.prototype;

/** Connects to a server. */
export async function connect(port: number): Promise<Raw> {
  const socket = new Socket();
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, "127.0.0.1", resolve);
  });
  return new Raw(resettable(socket));
}

/** Listens for one connection. */
export async function listen(): Promise<{ port: number; accept(): Promise<Raw> } & Disposable> {
  const server = createServer();
  const accepted = new Promise<Raw>((resolve) =>
    server.once("connection", (socket: Socket) => {
      resolve(new Raw(resettable(socket)));
    })
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    accept: () => accepted,
    [Symbol.dispose]: () => void server.close(),
  };
}

function resettable(socket: Socket): Conn {
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
    close: () => void socket.resetAndDestroy(),
  };
}
