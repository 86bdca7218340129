/** Checks of the library's options, where they come in. */

import { MAX_SIZE } from "./protocol.ts";

/** The most blocks in one call to the kernel: half a mebibyte, more of which gains nothing. */
export const MAX_GATHER = 512;

// A TLS record carries 16 KiB at most (RFC 8446, 5.1), and costs as much with less in it.
const TLS_GATHER = 16;

/** How many blocks go to the kernel in one call by default: one, the lab's way, and inside TLS a record's worth. */
export function defaultGather({ tls }: { tls?: unknown }): number {
  return tls ? TLS_GATHER : 1;
}

/** Throws a `RangeError` that names the option unless its value, if there is one, is a number in the range. */
export function checkNumber(
  name: string,
  value: number | undefined,
  { min, max = Infinity, isWhole, isNeeded }: { min: number; max?: number; isWhole?: boolean; isNeeded?: boolean },
): void {
  if (value === undefined && !isNeeded) return;
  if (typeof value === "number" && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return;
  const kind = isWhole ? "a whole number" : "a number";
  const least = min === Number.MIN_VALUE ? "above 0" : `of at least ${min}`;
  const range = max === Infinity ? least : `from ${min} to ${max}`;
  throw new RangeError(`${name} must be ${kind} ${range}, not ${Deno.inspect(value)}`);
}

/** Throws a `RangeError` that names the option unless its value, if there is one, is a size of 8 bytes. */
export function checkSize(name: string, value: bigint | undefined): void {
  if (value === undefined || (typeof value === "bigint" && value >= 0n && value <= MAX_SIZE)) return;
  throw new RangeError(`${name} must be a bigint from 0 to 2^64-1, not ${value}`);
}

/** Checks what clients and servers have in common; only a server's port may be 0. */
export function checkCommon(
  options: { hostname: string; port: number; timeoutMs?: number; gather?: number | undefined },
  { minPort }: { minPort: number },
): void {
  const { hostname } = options;
  if (typeof hostname !== "string" || hostname === "") {
    throw new RangeError(`hostname must be a name or an address, not ${Deno.inspect(hostname)}`);
  }
  checkNumber("port", options.port, { min: minPort, max: 65535, isWhole: true, isNeeded: true });
  checkNumber("timeoutMs", options.timeoutMs, { min: 0 });
  checkNumber("gather", options.gather, { min: 1, max: MAX_GATHER, isWhole: true });
}
