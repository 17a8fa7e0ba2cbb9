// How the checks look. Colours and sizes are the centre's, so that a host themes both at once.

const CSS = `
:host { display: block; color: var(--ec-fg, CanvasText); font: 400 1rem/1.5 var(--ec-font, system-ui, sans-serif); }
[hidden] { display: none !important; }
svg { inline-size: 1.25rem; block-size: 1.25rem; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }
header { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between; margin-block-end: 1rem; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem; }
.summary { display: flex; gap: .5rem; align-items: center; margin: 0; font-size: 1.25rem; font-weight: 650; }
:host([overall=ok]) .summary svg { color: var(--ec-ok, light-dark(#137a3e, #5ad08a)); }
:host([overall=warn]) .summary svg { color: var(--ec-warn, light-dark(#8a5a00, #f0b849)); }
:host([overall=fail]) .summary svg { color: var(--ec-danger, light-dark(#b3261e, #ff8a80)); }
.group { margin-block-end: 1.25rem; }
h2 { margin: 0 0 .35rem; font-size: .8125rem; font-weight: 600; color: var(--ec-muted, light-dark(#5b6472, #a4adba)); }
ul { list-style: none; margin: 0; padding: 0; border: 1px solid var(--ec-border, light-dark(#d9dee5, #343b46)); border-radius: var(--ec-radius, 14px); background: var(--ec-bg, Canvas); overflow: clip; }
li[data-check] + li[data-check] { border-block-start: 1px solid var(--ec-border, light-dark(#e6eaef, #2b313b)); }
li[data-check] { padding: .7rem .9rem; }
.line { display: flex; gap: .65rem; align-items: center; min-block-size: 1.75rem; }
.name { flex: 1; font-weight: 550; }
.mark { display: flex; inline-size: 1.25rem; }
.word, .note { color: var(--ec-muted, light-dark(#5b6472, #a4adba)); font-size: .875rem; }
[data-status=ok] .mark { color: var(--ec-ok, light-dark(#137a3e, #5ad08a)); }
[data-status=warn] .mark, [data-status=needs_action] .mark { color: var(--ec-warn, light-dark(#8a5a00, #f0b849)); }
[data-status=fail] .mark { color: var(--ec-danger, light-dark(#b3261e, #ff8a80)); }
[data-status=info] .mark, [data-status=skipped] .mark, [data-status=running] .mark { color: var(--ec-muted, light-dark(#5b6472, #a4adba)); }
[data-status=running] .mark svg { animation: turn 1.2s linear infinite; }
@keyframes turn { to { rotate: 1turn; } }
@media (prefers-reduced-motion: reduce) { [data-status=running] .mark svg { animation: none; } }
.text { margin: .25rem 0 0; padding-inline-start: 1.9rem; max-inline-size: 65ch; }
.guide { margin: .4rem 0 0 1.9rem; }
.guide summary { cursor: pointer; color: var(--ec-accent, light-dark(#1f5fd0, #8ab4ff)); inline-size: fit-content; padding-block: .2rem; }
.guide ol { margin: .35rem 0; padding-inline-start: 1.3rem; max-inline-size: 65ch; }
.guide li { margin-block: .25rem; }
.note { margin: .35rem 0 0; }
button { font: inherit; font-weight: 550; min-block-size: 2.25rem; padding: .35rem .9rem; border-radius: 999px; border: 1px solid transparent; cursor: pointer; color: var(--ec-accent-fg, light-dark(#fff, #0b1524)); background: var(--ec-accent, light-dark(#1f5fd0, #8ab4ff)); }
button.quiet, button.try { color: inherit; background: transparent; border-color: var(--ec-border, light-dark(#c3cad4, #454e5b)); }
button:hover { filter: brightness(1.06); }
:focus-visible { outline: 2px solid var(--ec-focus, light-dark(#1f5fd0, #8ab4ff)); outline-offset: 2px; }
@media (pointer: coarse) { button, .guide summary { min-block-size: 44px; } }
.question { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-block-end: 1rem; padding: .8rem 1rem; border-radius: var(--ec-radius, 14px); border: 2px solid var(--ec-accent, light-dark(#1f5fd0, #8ab4ff)); }
.question p { flex: 1 1 12rem; margin: 0; font-weight: 600; }
.panel li:not([data-status=fail], [data-status=warn], [data-status=needs_action]), .badge li, .badge h2, .badge .tools { display: none; }
.panel .group:not(:has([data-status=fail], [data-status=warn], [data-status=needs_action])), .badge .group { display: none; }
.badge header { margin: 0; }
.badge .summary { font-size: 1rem; }
@media (forced-colors: active) { ul, button { border-color: CanvasText; } }
`;

/** @type {CSSStyleSheet | undefined} */
let shared;

/** One for all panels of a page. */
export function sheet() {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(CSS);
  }
  return shared;
}
