/** A bad network on this machine: passes a connection on to a server, late or not to its end. */

import { delay } from "@std/async";

/** What happens to one connection. */
export interface Plan {
  /** `late` loses nothing; a connection that is cut ends with FIN on both sides, one that is reset with RST. */
  fault: "late" | "cut" | "reset";
  /** The direction that is counted, and how many bytes of it pass. */
  direction: "up" | "down";
  at: number;
  /** Numbers from 0 to 1, for the sizes of pieces and the pauses between them. */
  random: () => number;
}

const PIECE_BYTES = 256 * 1024;
const MAX_PAUSE_MS = 4;

// Half of the pieces are so short that the words of the protocol are cut, too.
function pieceLength({ random }: Plan): number {
  return 1 + Math.floor(random() * (random() < 0.5 ? 4 : PIECE_BYTES));
}

/** Passes one connection on to a server, as planned; ends with it. */
export class FlakyProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  /** Where the client connects to. */
  readonly port = this.#listener.addr.port;
  readonly #running: Promise<void>;

  /** Waits for the one client of the server on `port`. */
  constructor(port: number, plan: Plan) {
    this.#running = this.#run(port, plan);
  }

  async #run(port: number, plan: Plan): Promise<void> {
    using client = await this.#listener.accept();
    using server = await Deno.connect({ hostname: "127.0.0.1", port });
    let isCut = false;
    const pass = async (from: Deno.Conn, to: Deno.Conn, direction: "up" | "down"): Promise<void> => {
      let left = plan.fault !== "late" && plan.direction === direction ? plan.at : Infinity;
      const buffer = new Uint8Array(PIECE_BYTES);
      while (true) {
        const count = await from.read(buffer.subarray(0, plan.fault === "late" ? pieceLength(plan) : PIECE_BYTES));
        if (count === null) break;
        // What comes after a cut is read and dropped: a close would make a reset of it.
        if (isCut) continue;
        if (plan.fault === "late") await delay(plan.random() * MAX_PAUSE_MS);
        const passing = Math.min(count, left);
        for (let start = 0; start < passing;) start += await to.write(buffer.subarray(start, passing));
        left -= passing;
        if (left > 0) continue;
        // With both connections closed at once, what is still on its way to them is answered with RST.
        if (plan.fault === "reset") throw new Error("reset");
        isCut = true;
        await Promise.all([client.closeWrite(), server.closeWrite()]);
      }
      if (!isCut) await to.closeWrite();
    };
    // The first failure, a planned one too, ends both directions: `using` closes both connections.
    await Promise.all([pass(client, server, "up"), pass(server, client, "down")]).catch(() => {});
  }

  /** Waits until the connection is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    this.#listener.close();
  }
}
