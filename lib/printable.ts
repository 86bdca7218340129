// Control characters, and those that can't be seen, or reorder or hide the text around them (Unicode TR 36, 3.1): all
// format characters but the joiners (U+200C, U+200D), which many scripts and emoji need. And what is no character.
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/gu;

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
    const hex = char.codePointAt(0)!.toString(16);
    if (hex.length > 4) return `\\u{${hex}}`;
    return hex.length > 2 ? `\\u${hex.padStart(4, "0")}` : `\\x${hex.padStart(2, "0")}`;
  });
}
