/** Types of cli-progress, as far as the client uses it. */
export interface Params {
  total: number;
  value: number;
  /** From 0 to 1. */
  progress: number;
}
export class SingleBar {
  constructor(options: {
    stream: unknown;
    format: (options: unknown, params: Params) => string;
    clearOnComplete: boolean;
    hideCursor: boolean;
    linewrap: boolean;
    fps: number;
    gracefulExit: boolean;
  });
  start(total: number, value: number): void;
  update(value: number): void;
  stop(): void;
}
declare const cliProgress: { SingleBar: typeof SingleBar };
export default cliProgress;
