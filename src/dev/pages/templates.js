// Every mail template in every language, written with its sample. An edited folder is shown as soon as it is sound.

import { make, translate, word } from './words.js';

const LOOK_MS = 2000;
const $ = (id) => document.getElementById(id);
let shown = null;
let listed = '';

async function look() {
  try {
    const text = await (await fetch('/dev/template-list')).text();
    if (text !== listed) list(JSON.parse(text));
    listed = text;
    if (shown) await show(shown);
  } catch {
    // The server is away; the next look may find it.
  }
  setTimeout(look, LOOK_MS);
}

function list({ broken, templates }) {
  $('broken').hidden = !broken;
  $('broken').textContent = word('templates_broken', broken);
  $('templates').replaceChildren(...templates.map(({ name, locale }) => {
    const query = new URLSearchParams({ name, locale }).toString();
    const button = make('button', { type: 'button', onclick: () => show(query) },
      make('strong', { textContent: name }), make('span', { className: 'detail', textContent: locale }));
    button.dataset.query = query;
    return make('li', {}, button);
  }));
}

let seen = '';

async function show(query) {
  const html = await (await fetch(`/dev/template/html?${query}`)).text();
  const { subject, text } = await (await fetch(`/dev/template?${query}`)).json();
  const now = query + html + subject + text;
  shown = query;
  mark();
  if (now === seen) return;
  seen = now;
  const frame = (label, className) => {
    const element = make('iframe', { className, title: label, src: `/dev/template/html?${query}` });
    element.setAttribute('sandbox', '');
    return [make('h3', { textContent: label }), element];
  };
  $('letter').replaceChildren(make('h2', { textContent: subject }), ...frame(word('html_part'), 'mail-part'),
    ...frame(word('phone'), 'mail-part phone'), make('h3', { textContent: word('text_part') }),
    make('pre', { className: 'mail-part', textContent: text }));
}

function mark() {
  for (const button of $('templates').querySelectorAll('button')) {
    if (button.dataset.query === shown) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}

translate();
look();
