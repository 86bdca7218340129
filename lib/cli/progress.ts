/** The progress bar: one line of the terminal, cleared when the transfer is over. */

// @ts-types="../types/fmt.d.ts"
import { format } from "@std/fmt/bytes";
// @ts-types="../types/cli_progress.d.ts"
import cliProgress, { type Params, type SingleBar } from "cli-progress";
import process from "node:process";

// A closed terminal must not end the transfer.
process.stderr.on("error", () => {});

/** A progress bar on standard error. */
export class ProgressBar {
  readonly #bar: SingleBar;

  /** Shows the bar of a transfer of `total` bytes that began at `startTime`, `moved` of them so far. */
  constructor(total: bigint, moved: bigint, startTime: number) {
    this.#bar = new cliProgress.SingleBar({
      stream: process.stderr,
      format: (_, params) => {
        const bytesPerSecond = params.value / (performance.now() - startTime) * 1000;
        return progressLine(params, bytesPerSecond, Deno.consoleSize().columns);
      },
      clearOnComplete: true,
      // A client that is stopped by Ctrl-Z or killed must leave a usable terminal.
      hideCursor: false,
      linewrap: true,
      fps: 5,
      // The client handles signals itself.
      gracefulExit: false,
    });
    this.#bar.start(Number(total), Number(moved));
  }

  /** Shows how many bytes have moved. */
  update(bytes: bigint): void {
    this.#bar.update(Number(bytes));
  }

  /** Clears the bar. */
  stop(): void {
    this.#bar.stop();
  }
}

/** The line of a bar: share, bytes, rate and time left, as much of it as fits into `columns`. */
export function progressLine({ value, total, progress }: Params, bytesPerSecond: number, columns: number): string {
  const bytes = (count: number): string => format(count, { binary: true, maximumFractionDigits: 1 });
  const seconds = bytesPerSecond > 0 ? Math.ceil((total - value) / bytesPerSecond) : Infinity;
  const share = `${Math.floor(progress * 100)}%`.padStart(4);
  const parts = [`${bytes(value)} of ${bytes(total)}`, `${bytes(bytesPerSecond)}/s`, `${clock(seconds)} left`];
  // Some terminals wrap the line when its last column is written.
  while (parts.length > 0 && [share, ...parts].join("  ").length > columns - 1) parts.pop();
  const text = [share, ...parts].join("  ");
  const width = Math.min(columns - 1 - text.length - 3, 40);
  if (width < 5) return text.slice(0, Math.max(columns - 1, 0));
  const filled = Math.round(progress * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${text}`;
}

function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "--:--";
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => index === 0 ? String(part) : String(part).padStart(2, "0")).join(":");
}
