/** Types of the functions of `@std/text` that the programs use. */
export function levenshteinDistance(left: string, right: string): number;
