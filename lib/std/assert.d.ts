/** Types of the functions of `@std/assert` that are used. */
// deno-lint-ignore no-explicit-any
type Class<T> = abstract new (...args: any[]) => T;
export function assert(condition: unknown, message?: string): asserts condition;
export function assertEquals<T>(actual: T, expected: T, message?: string): void;
export function assertInstanceOf<T>(actual: unknown, expected: Class<T>, message?: string): asserts actual is T;
export function assertMatch(actual: string, expected: RegExp, message?: string): void;
export function assertRejects<E extends Error = Error>(
  call: () => PromiseLike<unknown>,
  errorClass?: Class<E>,
  messageIncludes?: string,
  message?: string,
): Promise<E>;
export function assertStringIncludes(actual: string, expected: string, message?: string): void;
export function assertThrows<E extends Error = Error>(
  call: () => unknown,
  errorClass?: Class<E>,
  messageIncludes?: string,
  message?: string,
): E;
