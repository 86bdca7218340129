/** Types of the functions of `@std/csv` that are used. */
export function parse(text: string, options: { skipFirstRow: true }): Record<string, string>[];
export function stringify(
  rows: readonly (readonly unknown[])[],
  options?: { headers?: boolean; crlf?: boolean; bom?: boolean },
): string;
