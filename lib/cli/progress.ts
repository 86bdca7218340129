/** The progress bar: one line of the terminal, cleared when the transfer is over. */

// @ts-types="../types/fmt.d.ts"
import { format } from "@std/fmt/bytes";
import { stderr } from "./output.ts";

// Fast enough to look alive.
const FRAME_MS = 200;
// Some terminals wrap the line when its last column is written; an echoed ^C, or a letter typed by mistake, fits too.
const FREE_COLUMNS = 3;
// After these the terminal may be another one, or show something else on the bar's line.
const REDRAW_SIGNALS = ["SIGWINCH", "SIGCONT"] as const;

/** The terminal's width; 0 if there is no terminal, or it is one that can't move its cursor or does not say how wide it is. */
export function terminalColumns(): number {
  if (!Deno.stderr.isTerminal()) return 0;
  const isKnown = Deno.permissions.querySync({ name: "env", variable: "TERM" }).state === "granted";
  if (isKnown && Deno.env.get("TERM") === "dumb") return 0;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 0;
  }
}

/**
 * Writes a line over the one that the cursor is in, unless the last one has not been taken yet. The cursor goes back to
 * the line's start: a terminal that becomes narrower wraps the line, and all of it is then below the cursor. The line
 * itself wraps nowhere (DECAWM is off), since the terminal may be narrower already than it says.
 */
export function overwriteLine(text: string): void {
  if (!stderr.isIdle) return;
  const line = text.slice(0, Math.max(terminalColumns() - FREE_COLUMNS, 0));
  void stderr.write(`\r\x1b[?7l${line}\x1b[J\x1b[?7h\r`);
}

/** Leaves the line empty. */
export function clearLine(): void {
  void stderr.write("\r\x1b[J");
}

/** What a bar shows. */
export interface Progress {
  /** What the transfer is, if there is more than one. */
  label: string;
  /** The bytes to move. */
  total: bigint;
  /** The bytes moved so far. */
  moved: () => bigint;
  /** When it began, on the clock of `performance.now()`. */
  startTime: number;
}

/** A progress bar on standard error, until it is disposed of. */
export class ProgressBar implements Disposable {
  readonly #draw: () => void;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Shows the bar. */
  constructor({ label, total, moved, startTime }: Progress) {
    this.#draw = (): void => {
      const seconds = (performance.now() - startTime) / 1000;
      const [value, size] = [Number(moved()), Number(total)];
      overwriteLine(label + progressLine(value, size, value / seconds, terminalColumns() - label.length));
    };
    this.#draw();
    this.#timer = setInterval(this.#draw, FRAME_MS);
    if (Deno.build.os === "windows") return;
    for (const signal of REDRAW_SIGNALS) Deno.addSignalListener(signal, this.#draw);
  }

  /** Clears the bar. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    clearLine();
    if (Deno.build.os === "windows") return;
    for (const signal of REDRAW_SIGNALS) Deno.removeSignalListener(signal, this.#draw);
  }
}

/** The line of a bar: share, bytes, rate and time left, as much of it as fits into `columns`. */
export function progressLine(value: number, total: number, bytesPerSecond: number, columns: number): string {
  const width = Math.max(columns - FREE_COLUMNS, 0);
  const seconds = bytesPerSecond > 0 ? Math.ceil((total - value) / bytesPerSecond) : Infinity;
  const share = `${Math.floor(value / total * 100)}%`.padStart(4);
  const parts = [`${bytes(value)} of ${bytes(total)}`, `${bytes(bytesPerSecond)}/s`, `${clock(seconds)} left`];
  while (parts.length > 0 && [share, ...parts].join("  ").length > width) parts.pop();
  const text = [share, ...parts].join("  ");
  // The bar, its brackets and a space.
  const barWidth = Math.min(width - text.length - 3, 40);
  if (barWidth < 5) return text.slice(0, width);
  const filled = Math.round(value / total * barWidth);
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${text}`;
}

/** A number of bytes, as people read it. */
export function bytes(count: number): string {
  return format(count, { binary: true, maximumFractionDigits: 1 });
}

function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "--:--";
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => index === 0 ? String(part) : String(part).padStart(2, "0")).join(":");
}
