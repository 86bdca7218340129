/** Types of the functions of `@std/fmt` that the client uses. */
export function format(bytes: number, options?: { binary?: boolean; maximumFractionDigits?: number }): string;
