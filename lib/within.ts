/** Waits that end: after a time, or when a signal is aborted. */

/** Awaits a promise for `ms` milliseconds at most; `undefined` when they have passed. */
export async function within<T>(wait: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: passed, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([wait, passed]);
  } finally {
    clearTimeout(timer);
  }
}

/** Awaits a promise until the signal is aborted; then fails with the signal's reason, whatever the promise does. */
export async function abortable<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([wait, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
