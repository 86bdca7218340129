/** Types of `@std/cli`, as far as the programs use it. */
export function parseArgs(args: readonly string[], options?: {
  /** Options that take no value. */
  boolean?: readonly string[];
  /** Options whose value stays text. */
  string?: readonly string[];
  /** Called with each option that is not declared. */
  collect?: readonly string[];
  unknown?: (arg: string, key?: string) => unknown;
}): Record<string, unknown>;
