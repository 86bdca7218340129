/** Types of the functions of `@std/async` that are used. */
export function abortable<T>(wait: Promise<T>, signal: AbortSignal): Promise<T>;
export function delay(ms: number, options?: { signal?: AbortSignal; persistent?: boolean }): Promise<void>;
