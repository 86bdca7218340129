/** The queue: who has a turn, and who waits for one. */

/** What waits for its turn. */
export interface Waiting {
  /** Called when it has its turn. */
  begin(): void;
  /** Called when it will never have one. */
  close(): void;
}

/** A number of turns, given in the order in which they are asked for. */
export class Turns {
  readonly #count: number;
  readonly #onFree: () => void;
  readonly #queue: Waiting[] = [];
  #taken = 0;
  #isFreeReported = false;
  #isClosed = false;

  /** `onFree` is called each time that a turn is free for the next one, whether that waits already or not. */
  constructor(count: number, onFree: () => void) {
    this.#count = count;
    this.#onFree = onFree;
  }

  /** How many have a turn. */
  get taken(): number {
    return this.#taken;
  }

  /** How many wait for one. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Asks for a turn. */
  queue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.fill();
  }

  /** Gives a turn back. */
  leave(): void {
    this.#taken--;
    this.fill();
  }

  /** Gives the free turns to those who wait. */
  fill(): void {
    while (this.#taken < this.#count && !this.#isClosed) {
      if (!this.#isFreeReported) this.#onFree();
      const next = this.#queue.shift();
      this.#isFreeReported = next === undefined;
      if (next === undefined) return;
      this.#taken++;
      next.begin();
    }
  }

  /** Gives no more turns. */
  close(): void {
    this.#isClosed = true;
    for (const waiting of this.#queue.splice(0)) waiting.close();
  }
}
