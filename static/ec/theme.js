// One look for all elements. A host sets `--ec-…` properties on any ancestor; whether it is light or dark follows the
// page's own `color-scheme`, unless the attribute `theme` says so.

/** A style sheet for a shadow root. CSP forbids style elements, not these. */
export function sheet(css) {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}

export const THEME = sheet(`
:host {
  --font: var(--ec-font, system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif);
  --bg: var(--ec-bg, light-dark(#ffffff, #1c1e26));
  --raised: var(--ec-raised, light-dark(#f6f6f9, #262933));
  --fg: var(--ec-fg, light-dark(#191a21, #eeeff4));
  --muted: var(--ec-muted, light-dark(#5b5e6c, #a5a9b8));
  --border: var(--ec-border, light-dark(#e4e4eb, #343846));
  --accent: var(--ec-accent, light-dark(#4a45d6, #a3a1ff));
  --accent-fg: var(--ec-accent-fg, light-dark(#ffffff, #16162d));
  --info: var(--ec-info, var(--accent));
  --ok: var(--ec-ok, light-dark(#0b6e45, #63d7a0));
  --warn: var(--ec-warn, light-dark(#8a5000, #f4bd55));
  --danger: var(--ec-danger, light-dark(#b91f33, #ff929b));
  --radius: var(--ec-radius, 14px);
  --shadow: var(--ec-shadow, 0 1px 2px light-dark(rgb(18 18 40 / .06), rgb(0 0 0 / .3)), 0 12px 32px -6px light-dark(rgb(18 18 40 / .18), rgb(0 0 0 / .6)));
  --focus: var(--ec-focus, var(--accent));
  --level: var(--info);
  font: 400 .9375rem/1.45 var(--font);
  color: var(--fg);
  text-align: start;
}
:host([theme=light]) { color-scheme: light; }
:host([theme=dark]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h2, h3, p, ul, ol { margin: 0; padding: 0; font: inherit; }
ul, ol { list-style: none; }
bdi { overflow-wrap: anywhere; }
svg { inline-size: 1.25em; block-size: 1.25em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
button, select { font: inherit; color: inherit; cursor: pointer; }
option { background: var(--bg); color: var(--fg); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
[data-level=ok] { --level: var(--ok); }
[data-level=warning] { --level: var(--warn); }
[data-level=error], [data-level=critical] { --level: var(--danger); }
:host, [data-level], .alarming { --tint: color-mix(in srgb, var(--level) 13%, var(--bg)); }
.alarming { --level: var(--danger); color: var(--level); background: var(--tint); }
.glyph { display: grid; place-items: center; flex: none; inline-size: 2.25rem; block-size: 2.25rem; border-radius: .7rem; color: var(--level); background: var(--tint); }
.button {
  display: inline-flex; align-items: center; justify-content: center; gap: .4rem; min-block-size: 2.25rem; padding: .3rem .85rem;
  border: 1px solid var(--border); border-radius: .65rem; background: var(--bg); color: inherit; font-weight: 550; text-align: center; text-decoration: none; cursor: pointer;
  transition: background .15s, border-color .15s;
}
.button:hover { background: var(--raised); }
.button.primary { border-color: var(--accent); background: var(--accent); color: var(--accent-fg); }
.button.primary:hover { background: color-mix(in srgb, var(--accent) 88%, var(--fg)); }
.button[aria-disabled=true] { opacity: .6; cursor: progress; }
.quiet { display: inline-grid; place-items: center; min-inline-size: 2.25rem; min-block-size: 2.25rem; padding: 0; border: 0; border-radius: .6rem; background: none; color: var(--muted); }
.quiet:hover { background: var(--raised); color: var(--fg); }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.snooze { position: relative; }
.snooze:focus-within { outline: 2px solid var(--focus); outline-offset: 2px; }
.snooze select { position: absolute; inset: 0; inline-size: 100%; opacity: 0; cursor: pointer; }
@media (pointer: coarse) { .button, .quiet { min-block-size: 2.75rem; min-inline-size: 2.75rem; } }
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .glyph, .button { border: 1px solid; } }
`);
