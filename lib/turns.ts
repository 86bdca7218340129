import { ConnectionError } from "./errors.ts";

/** The queue: a number of turns, given in the order in which they are asked for. */
export class Turns {
  readonly #count: number;
  readonly #onFree: () => void;
  readonly #queue: PromiseWithResolvers<void>[] = [];
  #taken = 0;
  #isClosed = false;

  /** `onFree` is called each time that a turn is free for the next one, whether that waits already or not. */
  constructor(count: number, onFree: () => void) {
    this.#count = count;
    this.#onFree = onFree;
    onFree();
  }

  /** How many have a turn. */
  get taken(): number {
    return this.#taken;
  }

  /** Waits for a turn. Rejected when there will be none. */
  take(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#queue.push(turn);
    if (this.#isClosed) this.close();
    else if (this.#taken < this.#count) this.#giveNext();
    return turn.promise;
  }

  /** Gives a turn back. */
  leave(): void {
    this.#taken--;
    if (this.#isClosed) return;
    if (this.#taken === this.#count - 1) this.#onFree();
    if (this.#queue.length > 0) this.#giveNext();
  }

  #giveNext(): void {
    this.#taken++;
    this.#queue.shift()!.resolve();
    if (this.#taken < this.#count) this.#onFree();
  }

  /** Gives no more turns. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#queue.splice(0)) reject(new ConnectionError("the server was closed"));
  }
}
