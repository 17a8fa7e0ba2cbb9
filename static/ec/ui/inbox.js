// <ec-inbox>: everything that was said to the person, newest first.

import { ICONS, h, icon } from '../dom.js';
import { sheet } from '../theme.js';
import { Times } from '../times.js';
import { Base } from './base.js';
import { ENTRY, entryRow, serviceOf } from './entry.js';
import { fold } from './fold.js';
import { Rows } from './rows.js';

const FIRST_PAGE = 30;
const PAGE = 100; // Whoever scrolls, scrolls on.
const FILTERS = ['all', 'unread', 'archived', 'snoozed'];
const BROKEN = ['offline', 'waiting', 'unauthorized', 'refused'];

const STYLE = sheet(`
:host { display: flex; flex-direction: column; min-block-size: 0; block-size: min(40rem, 80dvh); background: var(--bg); }
.top { display: flex; align-items: center; gap: .5rem; padding: .85rem .75rem .5rem 1rem; }
h2 { flex: 1; font-size: 1.1rem; font-weight: 650; letter-spacing: -.01em; }
.plain { min-block-size: 2.25rem; padding: .2rem .6rem; border: 0; border-radius: .6rem; background: none; color: var(--accent); font-size: .875rem; font-weight: 550; }
.plain:hover { background: var(--raised); }
.filters { display: flex; flex-wrap: wrap; gap: .3rem; padding: .1rem .85rem .7rem; border-block-end: 1px solid var(--border); }
.filters :is(button, select) { flex: none; min-block-size: 2rem; padding: .2rem .65rem; border: 1px solid transparent; border-radius: 2rem; background: none; color: var(--muted); font-size: .8125rem; }
.filters :is(button, select):hover { background: var(--raised); }
.filters [aria-pressed=true] { background: var(--fg); color: var(--bg); }
.filters select { border-color: var(--border); max-inline-size: 11rem; }
.line { padding: .5rem 1rem; color: var(--muted); background: var(--raised); font-size: .875rem; text-align: center; }
.scroll { flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; overflow-anchor: auto; }
.note { display: grid; justify-items: center; gap: .35rem; padding: 3rem 1.5rem; color: var(--muted); text-align: center; text-wrap: balance; }
.note svg { inline-size: 2.5rem; block-size: 2.5rem; margin-block-end: .5rem; stroke-width: 1.2; color: var(--accent); }
.note strong { color: var(--fg); font-size: 1.05rem; font-weight: 600; }
@media (pointer: coarse) { .plain, .filters :is(button, select) { min-block-size: 2.75rem; } }
`);

/** The inbox as a list with filters. */
export class Inbox extends Base {
  #center = null;
  #entries = [];
  #next = null;
  #head = 0;
  #filter = 'all';
  #service = '';
  #services = new Set();
  #isLoading = false;
  #hasFailed = false;
  #run = 0;
  #frame = 0; // Many that come at once are drawn at once.
  #rows;
  #parts;

  constructor() {
    super(ENTRY, STYLE);
  }

  async connectedCallback() {
    if (this.#center) return;
    this.#center = await this.center();
    this.#build(this.#center.words);
    const { client } = this.#center;
    client.listen('entry', (detail) => this.#add(detail));
    client.listen('marks', (detail) => this.#mark(detail));
    client.listen('gap', () => this.load());
    client.listen('replayed', (detail) => detail.count > 0 && this.load());
    client.listen('counts', () => this.#offerToRead());
    client.listen('status', () => this.#showStatus());
    document.addEventListener('visibilitychange', () => this.#see());
    this.#offerToRead();
    this.#showStatus();
    await this.load();
  }

  /** Reads the list anew, from its top. */
  async load() {
    this.#run++;
    this.#next = null;
    this.#isLoading = false;
    await this.#loadPage();
  }

  #build(words) {
    const filter = (name) => h('button', {
      type: 'button', value: name, 'aria-pressed': String(name === this.#filter), onclick: () => this.#choose({ filter: name }),
    }, words.t(name));
    const list = h('ul', { role: 'list', 'aria-label': words.t('notifications'), part: 'list' });
    const readAll = h('button', { type: 'button', class: 'plain', onclick: () => this.#readAll() }, words.t('read_all'));
    const note = h('div', { class: 'note', role: 'status' });
    this.#parts = {
      list, note, readAll,
      status: h('p', { class: 'line', role: 'status', hidden: true }),
      filters: h('div', { class: 'filters', role: 'group', 'aria-label': words.t('filter') }, FILTERS.map(filter)),
      service: h('select', { 'aria-label': words.t('service'), hidden: true, onchange: ({ target }) => this.#choose({ service: target.value }) },
        h('option', { value: '' }, words.t('every_service'))),
      scroll: h('div', {
        class: 'scroll', tabindex: '0', role: 'group', 'aria-label': words.t('notifications'), onkeydown: (event) => this.#move(event),
      }, list, note),
    };
    const { status, filters, service, scroll } = this.#parts;
    filters.append(service);
    this.root.append(
      h('div', { class: 'top', part: 'header' },
        h('h2', { tabindex: '-1' }, words.t('notifications')),
        readAll,
        h('slot', { name: 'header' })),
      filters, status, scroll, h('slot', { name: 'footer' }));
    const times = new Times(words);
    this.#rows = new Rows({
      scroller: scroll, list,
      keyOf: ({ event }) => event.id,
      build: (entry) => entryRow(entry, this.#center, times),
      onNearEnd: () => this.#next && this.#loadPage(),
    });
  }

  async #loadPage() {
    if (this.#isLoading) return;
    const isFirst = this.#next === null;
    this.#isLoading = true;
    this.#hasFailed = false;
    const run = this.#run;
    if (isFirst) this.#note();
    const where = isFirst ? { limit: FIRST_PAGE } : { before: this.#next, limit: PAGE };
    const query = { ...where, filter: this.#filter, service: this.#service };
    const page = await this.#center.client.inbox(query).catch(() => null);
    if (run !== this.#run) return;
    this.#isLoading = false;
    this.#hasFailed = page === null;
    if (page) {
      // What came while a list was read anew is not in it.
      const kept = isFirst ? this.#entries.filter(({ seq }) => seq > page.last_seq) : this.#entries;
      const known = new Set(kept.map(({ event }) => event.id));
      this.#entries = [...kept, ...page.entries.filter(({ event }) => !known.has(event.id))];
      this.#next = page.next ?? null;
      this.#head = Math.max(this.#head, page.last_seq);
      page.entries.forEach(({ event }) => this.#learnService(event));
    }
    this.#draw();
    this.#see();
  }

  #draw() {
    this.#note();
    this.#rows.set(fold(this.#entries));
  }

  /** What stands where the list has nothing more to show. */
  #note() {
    const { words } = this.#center;
    const { note } = this.#parts;
    const isEmpty = this.#entries.length === 0;
    note.hidden = !isEmpty && !this.#hasFailed;
    if (this.#hasFailed) {
      const retry = h('button', { type: 'button', class: 'button', onclick: () => this.#loadPage() }, words.t('retry'));
      note.replaceChildren(h('span', {}, words.t('load_failed')), retry);
    } else if (this.#isLoading) note.replaceChildren(words.t('loading'));
    else if (this.#filter === 'all' && !this.#service) {
      note.replaceChildren(icon(ICONS.bell), h('strong', {}, words.t('empty')), h('span', {}, words.t('empty_hint')));
    } else note.replaceChildren(words.t('empty_filter'));
  }

  #choose({ filter = this.#filter, service = this.#service }) {
    this.#filter = filter;
    this.#service = service;
    for (const button of this.#parts.filters.querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(button.value === filter));
    }
    this.#entries = [];
    this.#parts.scroll.scrollTop = 0;
    this.#draw();
    this.load();
  }

  #learnService(event) {
    const service = serviceOf(event);
    if (service === null || this.#services.has(service)) return;
    this.#services.add(service);
    this.#parts.service.append(h('option', { value: service }, service));
    this.#parts.service.hidden = this.#services.size < 2;
  }

  /** Something new, on top of the list if it belongs there. */
  #add({ event, seq }) {
    if (this.#center.client.isReplaying) return; // The list is read anew after that.
    this.#head = Math.max(this.#head, seq);
    this.#learnService(event);
    const belongs = ['all', 'unread'].includes(this.#filter) && (!this.#service || serviceOf(event) === this.#service);
    if (!belongs || this.#entries.some((entry) => entry.event.id === event.id)) return;
    this.#entries = [{ seq, event }, ...this.#entries];
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
      this.#see();
    });
  }

  #mark({ op, ids, up_to_seq, until }) {
    if (!ids && up_to_seq == null) return void this.load();
    if (op === 'seen') return; // No row says it.
    const isReading = this.#isLoading && this.#next === null; // What is read may be from before the mark,
    const isMoved = op === 'unarchive' || op === 'unsnooze'; // and it takes a place that only the server knows.
    if (isReading || isMoved) this.load();
    const at = new Date().toISOString();
    const change = {
      read: { read_at: at }, unread: { read_at: null }, archive: { archived_at: at },
      unarchive: { archived_at: null }, snooze: { snoozed_until: until ?? at }, unsnooze: { snoozed_until: null },
    }[op];
    const isMeant = ({ event, seq }) => (ids ? ids.includes(event.id) : seq <= up_to_seq);
    this.#entries = this.#entries
      .map((entry) => (isMeant(entry) ? { ...entry, ...change } : entry))
      .filter((entry) => this.#belongs(entry));
    this.#draw();
  }

  /** Whether an entry is still in the list; what was just read stays under "unread" until the list is read anew. */
  #belongs({ archived_at, snoozed_until }) {
    if (this.#filter === 'archived') return archived_at != null;
    if (this.#filter === 'snoozed') return snoozed_until != null;
    return !archived_at && !snoozed_until;
  }

  #offerToRead() {
    this.#parts.readAll.hidden = this.#center.client.counts.unread === 0;
  }

  /** Up to what the list has shown: what comes meanwhile stays unread. */
  #readAll() {
    this.#center.client.mark('read', { up_to_seq: this.#head }).catch((error) => this.#center.say('ec-error', { error }));
  }

  /** Whoever looks at the list has seen what is in it. */
  #see() {
    const { client } = this.#center;
    if (document.hidden || !this.checkVisibility() || client.counts.unseen === 0) return;
    client.mark('seen', { up_to_seq: this.#head }).catch(() => {}); // Looking again says it again.
  }

  #showStatus() {
    const { client, words } = this.#center;
    const { status } = this.#parts;
    status.hidden = !BROKEN.includes(client.status);
    status.textContent = status.hidden ? '' : words.t(client.status === 'unauthorized' ? 'unauthorized' : 'offline');
  }

  /** Arrow keys go from entry to entry; Tab goes through what is in one. */
  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.localName === 'select') return;
    const titles = [...this.#parts.list.querySelectorAll('.title')];
    const here = titles.indexOf(event.target.closest('li')?.querySelector('.title'));
    const next = titles[here + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /** The list has come into view. */
  shown() {
    this.#rows?.draw();
    if (this.#rows) this.#see();
  }

  focus() {
    this.root.querySelector('h2')?.focus();
  }
}

customElements.define('ec-inbox', Inbox);
