// The page /check: everything that a notification needs, in the language of `?lang=`, else of the browser.

import { h } from './dom.js';
import './diag/panel.js';

const LEADS = /** @type {Record<string, [string, string]>} */ ({
  en: ['Environment check', 'What notifications need to reach you here, and how to switch on what is missing. Nothing is asked of you until you press “Try”.'],
  ru: ['Проверка среды', 'Что нужно, чтобы уведомления до вас доходили, и как включить то, чего не хватает. Пока вы не нажмёте «Проверить», вас ни о чём не спросят.'],
});

const wanted = new URLSearchParams(location.search).get('lang') ?? navigator.language;
const lang = wanted.slice(0, 2) in LEADS ? wanted.slice(0, 2) : 'en';
const [title, lead] = /** @type {[string, string]} */ (LEADS[lang]);
document.documentElement.lang = lang;
document.title = title;
/** @param {string} id */
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
place('title').textContent = title;
place('lead').textContent = lead;
place('lead').after(h('ec-diagnostics', { mode: 'page', lang }));
