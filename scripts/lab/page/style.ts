/** How the pages look: on a screen, light and dark, wide and narrow, and on paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f8, #14171a);
  --card: light-dark(#fff, #1c2024);
  --text: light-dark(#1d2329, #e4e7ea);
  --muted: light-dark(#59636d, #9aa5af);
  --line: light-dark(#d5dae0, #363d45);
  --life: light-dark(#aab4be, #56616c);
  --arrow: light-dark(#6b7681, #8a95a0);
  --link: light-dark(#1a5ba8, #7db4f5);
  --good: light-dark(#176d41, #63c492);
  --bad: light-dark(#b02318, #ff8a7d);
  --bad-back: light-dark(#fdf0ee, #35201e);
  --doubt: light-dark(#805300, #dcae5c);
  --code: ui-monospace, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 72rem; margin: auto; padding: 2rem 1.25rem 4rem; }
code, dd, .command { font-family: var(--code); font-size: 0.9em; }
code, dd, h1, h2, td { unicode-bidi: isolate; overflow: clip; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 0; font-size: 1.15rem; line-height: 1.35; }
h3 { margin: 1.5rem 0 0.25rem; font-size: 0.95rem; }
.over { margin: 0; color: var(--muted); font-size: 0.85rem; letter-spacing: 0.06em; text-transform: uppercase; }
.lead { margin: 0.5rem 0 1rem; font-size: 1.15rem; }
.programs, .sentences { list-style: none; margin: 0; padding: 0; }
.programs li { display: flex; gap: 0.6rem; align-items: baseline; }
.mark { flex: none; width: 1.1em; font-weight: 700; text-align: center; }
.mark.holds { color: var(--good); }
.mark.fails { color: var(--bad); }
.mark.not-shown { color: var(--doubt); }
section { margin-top: 1.5rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.6rem; background: var(--card); }
.cause h2 { display: flex; gap: 0.7rem; }
.number {
  flex: none; width: 1.6em; height: 1.6em; border: 2px solid var(--bad); border-radius: 50%;
  color: var(--bad); font-size: 0.85em; line-height: 1.45; text-align: center;
}
.where { margin: 0.35rem 0 0; color: var(--muted); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0.75rem; margin: 1rem 0; }
dl div { padding: 0.5rem 0.9rem; border: 1px solid var(--line); border-left: 4px solid var(--life); border-radius: 0.3rem; }
dl .right { border-left-color: var(--good); }
dl .wrong { border-left-color: var(--bad); }
dt { color: var(--muted); font-size: 0.85rem; }
dd { margin: 0; }
dl .wrong dd { color: var(--bad); }
.hint { margin: 1rem 0; }
.hint b { margin-right: 0.5rem; color: var(--link); }
summary { cursor: pointer; color: var(--muted); }
summary h2 { display: inline; color: var(--text); }
.pair { display: grid; gap: 2rem 2.5rem; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); margin-top: 1rem; }
.command { margin: 0.75rem 0 0; padding: 0.7rem 0.9rem; border: 1px solid var(--line); border-radius: 0.3rem; }

.ladder { min-width: 0; margin: 0; }
.ladder.right { position: sticky; top: 1rem; align-self: start; }
figcaption { font-weight: 600; }
.heads { display: flex; justify-content: space-between; gap: 1rem; margin: 0.5rem 0 0; font-size: 0.85rem; color: var(--muted); }
.heads span { padding: 0.1rem 0.5rem; border: 1px solid var(--life); border-radius: 0.3rem; }
.heads .own { color: var(--text); font-weight: 600; }
.ladder ol { list-style: none; margin: 0 1rem; padding: 0.75rem 0 1rem; border: solid var(--life); border-width: 0 2px; }
.ladder li { margin: 0.5rem 0; }
.text { display: flex; gap: 0.5rem; align-items: baseline; padding: 0 0.75rem; }
.ladder .server:not(.prints) .text { flex-direction: row-reverse; }
.time { margin-left: auto; color: var(--muted); font-size: 0.75rem; white-space: nowrap; }
.ladder .server:not(.prints) .time { margin: 0 auto 0 0; }
.step { font-size: 0.85rem; }
.spoken { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
.verb { color: var(--muted); font-size: 0.8rem; white-space: nowrap; }
.arrow { position: relative; height: 0.4rem; border-bottom: 2px solid; color: var(--arrow); }
.arrow::after {
  content: ""; position: absolute; right: 0; bottom: -6px;
  border: solid transparent; border-width: 5px 0 5px 9px; border-left-color: currentColor;
}
.server .arrow::after { right: auto; left: 0; border-width: 5px 9px 5px 0; border-right-color: currentColor; }
.prints .text { flex-wrap: wrap; margin: 0 10% 0 0.6rem; padding: 0.15rem 0.6rem; border: 1px solid var(--line); border-radius: 0.3rem; }
.prints.server .text { margin: 0 0.6rem 0 10%; }
.prints .time { margin: 0; }
.prints code { order: 1; }
.prints code > * { display: block; white-space: pre-wrap; }
.prints + .prints { margin-top: -0.3rem; }
.note .text { font-size: 0.85rem; color: var(--muted); }
.missing { color: var(--muted); }
.missing .arrow { border-bottom-style: dashed; }
.missing.prints .text { border-style: dashed; }
.ladder .marked { --arrow: currentColor; font-weight: 600; }
.ladder .marked .text { color: inherit; border-color: currentColor; }
.right .marked { color: var(--good); }
.came .marked { padding: 0.35rem 0; background: var(--bad-back); color: var(--bad); }
.came .marked .time, .came .marked .verb { color: inherit; }
.verdict { margin: 0.35rem 0.75rem 0; font-size: 0.85rem; }
.ladder .server .verdict { text-align: right; }

.sentences li { display: flex; gap: 0.5rem; padding: 0.15rem 0; align-items: baseline; }
.sentences b { flex: none; width: 2.6em; }
.reason { display: block; color: var(--muted); font-size: 0.9rem; }
.muted { color: var(--muted); font-size: 0.9rem; font-weight: 400; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.5rem 0.75rem 0.5rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-top: 0; color: var(--muted); font-size: 0.85rem; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
.points, .status { width: 8rem; }
.causes { margin: 0.1rem 0 0; padding-left: 1.1rem; color: var(--muted); font-size: 0.9rem; font-weight: 400; }
.id { color: var(--muted); font-weight: 400; }
meter { display: block; width: 100%; height: 0.6rem; }
.most { margin: 0.75rem 0 0; padding: 0; list-style: none; }
.most summary { color: var(--text); }
.most meter { display: inline-block; width: 5rem; margin-right: 0.6rem; }
@media (max-width: 40rem) {
  main { padding: 1.25rem 0.75rem 3rem; }
  section { padding: 1rem 0.85rem; }
  .ladder ol { margin: 0 0.6rem; }
  .points, .status { width: 5.5rem; }
}
@media print {
  :root { color-scheme: light; font-size: 75%; }
  main { max-width: none; padding: 0; }
  details::details-content { content-visibility: visible; display: block; }
  .ladder li, dl, h2 { break-inside: avoid; break-after: auto; }
}
`;
