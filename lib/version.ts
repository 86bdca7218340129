/** The version in deno.json, which a package for npm does not have in it. */
export const VERSION = "0.2.0";
