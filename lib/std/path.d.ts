/** Types of the functions of `@std/path` that the programs use. */
export function basename(path: string, suffix?: string): string;
export function dirname(path: string): string;
export function join(path: string, ...paths: string[]): string;
export function resolve(...paths: string[]): string;
