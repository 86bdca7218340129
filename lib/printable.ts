// Control characters, and those that reorder or hide the text around them (Unicode TR 36, 3.1).
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes text from the other side, or a file's name, safe for a terminal: control characters become `\x1b` or `\u202e`,
 * everything else stays.
 *
 * @example Usage
 * ```ts
 * import { printable } from "./printable.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
 * ```
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
