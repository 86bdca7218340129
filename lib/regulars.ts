/** Clients whose commands come whole, one right after the other: those of a program that sends each in one call. */

// So many in a row are no chance: of a program that writes a byte a call, one in four arrives whole.
const ENOUGH = 3;
// One command of a program that deletes many files follows the last within a few milliseconds.
const PAUSE_MS = 100;
// More addresses than send commands in the same tenth of a second.
const MAX_ADDRESSES = 1000;

/** Remembers, for a moment, whose commands have come whole. */
export class Regulars {
  readonly #known = new Map<string, { count: number; time: number }>();

  /** Whether the address has sent enough whole commands, the last of them just now. */
  has(address: string): boolean {
    const known = this.#known.get(address);
    const now = performance.now();
    if (known === undefined || now - known.time > PAUSE_MS || known.count < ENOUGH) return false;
    known.time = now;
    return true;
  }

  /** Takes note of a command; one that came in pieces ends the row. */
  note(address: string, isWhole: boolean): void {
    const known = this.#known.get(address);
    const now = performance.now();
    const isRow = known !== undefined && now - known.time <= PAUSE_MS;
    if (this.#known.size >= MAX_ADDRESSES) this.#known.clear();
    this.#known.set(address, { count: isWhole ? (isRow ? known.count + 1 : 1) : 0, time: now });
  }
}
