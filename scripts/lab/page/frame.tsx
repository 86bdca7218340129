/** What all pages have in common: one file without scripts, in which nothing can be loaded. */

import { createHash } from "node:crypto";
import type { ComponentChildren, VNode } from "preact";
import { renderToStaticMarkup } from "preact-render-to-string";
import { visible } from "../shown.ts";
import { STYLE } from "./style.ts";

// Whitespace alone: the page has no line breaks, see below.
const CSS = STYLE.replaceAll(/\s+/g, " ");
const HASH = createHash("sha256").update(CSS).digest("base64");
const POLICY = `default-src 'none'; style-src 'sha256-${HASH}'; base-uri 'none'; form-action 'none'`;

const MAX_TEXT = 240;

/** A whole page. Text is escaped by JSX; characters that are invisible, or reorder others, become visible in all of it. */
export function page(title: string, children: ComponentChildren): string {
  const html = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={POLICY} />
        <meta name="viewport" content="width=device-width" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <style dangerouslySetInnerHTML={{ __html: CSS }} />
      </head>
      <body>
        <main>{children}</main>
      </body>
    </html>
  );
  return `<!DOCTYPE html>\n${visible(renderToStaticMarkup(html))}\n`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Long text is cut, and says so. */
export function capped(text: string): string {
  const chars = [...text];
  const rest = chars.length - MAX_TEXT;
  return rest <= 0 ? text : `${chars.slice(0, MAX_TEXT).join("")}… and ${count(rest, "more character")}`;
}

export function listed(items: VNode[]): VNode[] {
  return items.map((item, index) => <>{index > 0 && ", "}{item}</>);
}
