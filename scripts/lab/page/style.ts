/** How the pages look: on a screen, light and dark, wide and narrow, and on paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f8, #14171a);
  --card: light-dark(#fff, #1c2024);
  --text: light-dark(#1d2329, #e4e7ea);
  --muted: light-dark(#59636d, #9aa5af);
  --line: light-dark(#ccd3da, #3e464f);
  --link: light-dark(#1a5ba8, #7db4f5);
  --good: light-dark(#176d41, #63c492);
  --bad: light-dark(#b02318, #ff8a7d);
  --bad-back: light-dark(#fdf0ee, #35201e);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 72rem; margin: auto; padding: 1.5rem 1rem 3rem; }
code, dd { font: 0.9em/1.5 ui-monospace, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code, dd, h1, h2, td { unicode-bidi: isolate; overflow: clip; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 0; font-size: 1.15rem; }
h3 { margin: 1.25rem 0 0.25rem; font-size: 1rem; }
.lead { margin: 0.5rem 0 1rem; font-size: 1.15rem; }
.muted, summary, dt, .note .text { color: var(--muted); font-size: 0.9rem; font-weight: 400; }
summary { cursor: pointer; }
summary h2 { display: inline; color: var(--text); }
section { margin-top: 1.5rem; padding: 1rem; border: 1px solid var(--line); border-radius: 0.6rem; background: var(--card); }
p { margin: 0.5rem 0; }
.sentences { margin: 0; padding: 0; list-style: none; }
.sentences li { display: flex; gap: 0.5rem; padding: 0.1rem 0; align-items: baseline; }
.sentences li > b { flex: none; width: 2.5em; }
.sentences .muted { display: block; }
.mark { flex: none; width: 1.1em; font-weight: 700; }
.mark.holds { color: var(--good); }
.mark.fails { color: var(--bad); }
dl, .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0.75rem 2.5rem; margin: 0.75rem 0; }
dl div { padding-left: 0.75rem; border-left: 4px solid var(--line); }
dl .right { border-color: var(--good); }
dl .wrong { border-color: var(--bad); }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.5rem 0.75rem 0.5rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
td { width: 7rem; overflow-wrap: normal; }
th ul { margin: 0; padding-left: 1.1rem; }

.ladder { min-width: 0; margin: 0; }
figcaption { font-weight: 600; }
.heads { display: flex; justify-content: space-between; gap: 1rem; }
.ladder ol { list-style: none; margin: 0 0.5rem; padding: 0.25rem 0 1rem; border: solid var(--line); border-width: 0 2px; }
.ladder li { padding: 0.25rem 0; }
.text { display: flex; gap: 0.5rem; align-items: baseline; padding: 0 0.75rem; }
.server.message .text, .server.note .text { flex-direction: row-reverse; }
.time { margin-left: auto; color: var(--muted); font-size: 0.75rem; white-space: nowrap; }
.server.message .time, .server.note .time { margin: 0 auto 0 0; }
.spoken { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
.arrow { position: relative; height: 0.4rem; border-bottom: 2px solid; }
.arrow::after {
  content: ""; position: absolute; right: 0; bottom: -6px;
  border: solid transparent; border-width: 5px 0 5px 9px; border-left-color: currentColor;
}
.server .arrow::after { right: auto; left: 0; border-width: 5px 9px 5px 0; border-right-color: currentColor; }
.prints .text { flex-wrap: wrap; margin: 0 10% 0 0.6rem; border: 1px solid var(--line); border-radius: 0.3rem; }
.prints.server .text { margin: 0 0.6rem 0 10%; }
code > * { display: block; white-space: pre-wrap; }
.message > .arrow, .missing { color: var(--muted); }
.missing .arrow { border-bottom-style: dashed; }
.missing.prints .text { border-style: dashed; }
.ladder .marked, .marked > .arrow, .marked .text, .marked .time { color: var(--bad); border-color: currentColor; font-weight: 600; }
.came .marked { background: var(--bad-back); }
.right .marked, .right .marked > .arrow, .right .marked .text { color: var(--good); }
.verdict { margin: 0.3rem 0.75rem 0; font-size: 0.9rem; }
.server .verdict { text-align: right; }
@media (max-width: 40rem) {
  section { padding: 0.75rem; }
  td { width: 5rem; }
}
@media print {
  :root { color-scheme: light; font-size: 75%; }
  main { max-width: none; padding: 0; }
  details::details-content { content-visibility: visible; display: block; }
  .ladder li, dl, h2 { break-inside: avoid; break-after: auto; }
}
`;
