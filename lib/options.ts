/** Checks of the library's options, where they come in. */

import { MAX_SIZE } from "./protocol.ts";

/** What a number may be. */
interface Range {
  min: number;
  max?: number;
  isWhole?: boolean;
}

/** Throws a `RangeError` that names the option unless its value, if there is one, is a number in the range. */
export function checkNumber(name: string, value: number | undefined, { min, max = Infinity, isWhole }: Range): void {
  if (value === undefined) return;
  const isRight = typeof value === "number" && value >= min && value <= max && (!isWhole || Number.isInteger(value));
  if (isRight) return;
  const kind = isWhole ? "a whole number" : "a number";
  throw new RangeError(
    `${name} is ${kind} ${max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`}, not ${value}`,
  );
}

/** Throws a `RangeError` that names the option unless its value, if there is one, is a size of 8 bytes. */
export function checkSize(name: string, value: bigint | undefined): void {
  if (value === undefined || (typeof value === "bigint" && value >= 0n && value <= MAX_SIZE)) return;
  throw new RangeError(`${name} is a bigint from 0 to 2^64-1, not ${value}`);
}

/** Checks what clients and servers have in common. */
export function checkCommon(options: { port: number; timeoutMs?: number; gather?: number }): void {
  checkNumber("port", options.port, { min: 0, max: 65535, isWhole: true });
  checkNumber("timeoutMs", options.timeoutMs, { min: 0 });
  checkNumber("gather", options.gather, { min: 1, max: 65536, isWhole: true });
}
