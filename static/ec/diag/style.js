// How the checks look, in the theme of everything else.

import { sheet } from '../theme.js';

export const STYLE = sheet(`
:host { display: block; font-size: 1rem; line-height: 1.5; }
svg { inline-size: 1.25rem; block-size: 1.25rem; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }
header { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between; margin-block-end: 1rem; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem; }
.summary { display: flex; gap: .5rem; align-items: center; margin: 0; font-size: 1.25rem; font-weight: 650; }
:host([overall=ok]) .summary svg { color: var(--ok); }
:host([overall=warn]) .summary svg { color: var(--warn); }
:host([overall=fail]) .summary svg { color: var(--danger); }
.group { margin-block-end: 1.25rem; }
h2 { margin: 0 0 .35rem; font-size: .8125rem; font-weight: 600; color: var(--muted); }
ul { list-style: none; margin: 0; padding: 0; border: 1px solid var(--border); border-radius: var(--radius); background: var(--bg); overflow: clip; }
li[data-check] + li[data-check] { border-block-start: 1px solid var(--border); }
li[data-check] { padding: .7rem .9rem; }
.line { display: flex; gap: .65rem; align-items: center; min-block-size: 1.75rem; }
.name { flex: 1; font-weight: 550; }
.mark { display: flex; inline-size: 1.25rem; }
/* Beside a button there is no room for it, and a picture; who does not see that hears it. */
.line:has(.try) .word { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
.word, .note { color: var(--muted); font-size: .875rem; }
[data-status=ok] .mark { color: var(--ok); }
[data-status=warn] .mark, [data-status=needs_action] .mark { color: var(--warn); }
[data-status=fail] .mark { color: var(--danger); }
[data-status=info] .mark, [data-status=skipped] .mark, [data-status=running] .mark { color: var(--muted); }
[data-status=running] .mark svg { animation: turn 1.2s linear infinite; }
@keyframes turn { to { rotate: 1turn; } }
@media (prefers-reduced-motion: reduce) { [data-status=running] .mark svg { animation: none; } }
.text { margin: .25rem 0 0; padding-inline-start: 1.9rem; max-inline-size: 65ch; }
.guide { margin: .4rem 0 0 1.9rem; }
.guide summary { cursor: pointer; color: var(--accent); inline-size: fit-content; padding-block: .2rem; }
.guide ol { list-style: decimal; margin: .35rem 0; padding-inline-start: 1.3rem; max-inline-size: 65ch; }
.guide li { margin-block: .25rem; }
.guide .note { margin: .35rem 0 0; }
.mend { margin: .5rem 0 0 1.9rem; }
.links { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .4rem 0 0; padding-inline-start: 1.9rem; font-size: .875rem; }
.links li { display: flex; align-items: center; gap: .35rem; }
.links svg { inline-size: 1rem; block-size: 1rem; color: var(--ok); }
.links [data-ok=false] svg { color: var(--danger); }
button { font: inherit; font-weight: 550; min-block-size: 2.25rem; padding: .35rem .9rem; border-radius: 999px; border: 1px solid transparent; cursor: pointer; color: var(--accent-fg); background: var(--accent); }
button.quiet, button.try { padding: .35rem .9rem; border: 1px solid var(--border); border-radius: 999px; color: inherit; background: transparent; }
button:hover { filter: brightness(1.06); }
@media (pointer: coarse) { button, .guide summary { min-block-size: 44px; } }
.question { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-block-end: 1rem; padding: .8rem 1rem; border-radius: var(--radius); border: 2px solid var(--accent); }
.question p { flex: 1 1 12rem; margin: 0; font-weight: 600; }
.panel li[data-check]:not([data-status=fail], [data-status=warn], [data-status=needs_action]) { display: none; }
.panel .group:not(:has([data-status=fail], [data-status=warn], [data-status=needs_action])) { display: none; }
.panel .summary, .badge .summary { font-size: 1rem; }
.badge { display: inline-block; color: inherit; text-decoration: none; border-radius: .5rem; }
.badge:hover { text-decoration: underline; }
@media (forced-colors: active) { ul, button { border-color: CanvasText; } }
`);
