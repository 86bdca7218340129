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
