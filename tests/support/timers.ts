/** Timers whose waits pass at once, to test how long something would wait, and a clock that stands still. */

/** Makes waits that a test chooses last a moment, and keeps how long they were to be, in milliseconds. */
export class FastTimers implements Disposable {
  readonly waits: number[] = [];
  readonly #setTimeout = globalThis.setTimeout;

  /** Begins with it for waits of at least `minMs`, and below `endMs`. */
  constructor(minMs = 1000, endMs = Infinity) {
    const fast = (call: () => void, ms = 0): ReturnType<typeof setTimeout> => {
      const isChosen = ms >= minMs && ms < endMs;
      if (isChosen) this.waits.push(ms);
      return this.#setTimeout.call(globalThis, call, isChosen ? 10 : ms);
    };
    globalThis.setTimeout = fast as typeof setTimeout;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

/** Stops the clock, which a test then sets. */
export class Clock implements Disposable {
  readonly #now = performance.now;
  ms = 0;

  constructor() {
    performance.now = (): number => this.ms;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
  }
}
