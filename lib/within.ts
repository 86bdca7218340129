/** Waits that end: after a time, or when a signal is aborted. */

/** The longest time that a timer can wait, in milliseconds: a timer for more fires at once (HTML, "timers"). */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Awaits a promise for `ms` milliseconds at most; `undefined` when they have passed. More than a timer can wait, 24 days,
 * is no limit.
 */
export async function within<T>(wait: Promise<T>, ms: number): Promise<T | undefined> {
  if (ms > MAX_TIMER_MS) return await wait;
  const { promise: passed, resolve } = Promise.withResolvers<undefined>();
  // After a pause of the whole process, timers go off before sockets are looked at: what has come meanwhile still counts.
  let timer = setTimeout(() => timer = setTimeout(() => resolve(undefined), 1), ms);
  try {
    return await Promise.race([wait, passed]);
  } finally {
    clearTimeout(timer);
  }
}

// A read of data that is there already resolves after two; the streams on top of it take some more.
const MICROTASKS = 50;

/** Whether a promise is fulfilled without waiting for anything outside of this process. */
export async function isReady(wait: Promise<unknown>): Promise<boolean> {
  let isFulfilled = false;
  wait.then(() => isFulfilled = true, () => {});
  for (let count = 0; count < MICROTASKS && !isFulfilled; count++) await undefined;
  return isFulfilled;
}
