// One entry of the inbox.

import { h, said } from '../dom.js';
import { wordOf } from '../event.js';
import { sheet } from '../theme.js';
import { ctaLink, glyph, iconButton, lookOf } from './base.js';
import { snoozeMenu } from './snooze.js';

export const ENTRY = sheet(`
li { position: relative; display: grid; grid-template-columns: auto 1fr; gap: 0 .8rem; padding: .85rem 1rem .7rem; border-block-end: 1px solid var(--border); }
li:hover, li:focus-within { background: var(--raised); }
li.unread::before { content: ""; position: absolute; inset-block: 0; inset-inline-start: 0; inline-size: 3px; background: var(--accent); }
.what { min-inline-size: 0; }
.head { display: flex; align-items: baseline; gap: .6rem; }
.title { flex: 1; min-inline-size: 0; padding: 0; border: 0; background: none; text-align: start; line-height: 1.35; cursor: pointer; }
.unread .title { font-weight: 620; }
time { flex: none; color: var(--muted); font-size: .8125rem; font-variant-numeric: tabular-nums; }
.body { margin-block-start: .1rem; color: var(--muted); font-size: .875rem; }
.body bdi, .title bdi { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.whole .body bdi { display: block; white-space: pre-line; }
.foot { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .5rem; min-block-size: 2.25rem; margin-block-start: .25rem; color: var(--muted); font-size: .8125rem; }
.tools { display: flex; align-items: center; margin-inline-start: auto; margin-inline-end: -.5rem; }
.foot .button { min-block-size: 2rem; padding-block: .15rem; font-size: .8125rem; }
.service { padding: .05rem .5rem; border-radius: 1rem; background: var(--raised); border: 1px solid var(--border); }
`);

const TOOLS = {
  read: 'M4 12.5l4.5 4.5L20 6',
  unread: 'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
  archive: 'M4 5h16v4H4zM6 9v10h12V9M10 13h4',
  restore: 'M4 9h11a5 5 0 0 1 0 10H9M8 5L4 9l4 4',
};

/** The service that an event says it is from. @param {import('../ec.js').Event} event */
export const serviceOf = ({ data }) => wordOf(data?.service) ?? wordOf(data?.source_service) ?? null;

const IDS_MAX = 500; // The API takes no more at once; what is left of a job stays until all is read.

/**
 * @param {import('../ec.js').Entry & { folded?: string[] }} entry
 * @param {import('./center.js').NotificationCenter} center
 * @param {import('../times.js').Times} times
 */
export function entryRow(entry, center, times) {
  const { event } = entry;
  const { words, client } = center;
  const isUnread = !entry.read_at && !entry.archived_at && !entry.snoozed_until;
  const look = lookOf(event);
  const mark = (op, more = {}) => client.mark(op, { ids: [event.id, ...(entry.folded ?? [])].slice(0, IDS_MAX), ...more }).catch((error) => center.say('ec-error', { error }));
  const unfold = () => {
    row.classList.toggle('whole');
    if (isUnread) mark('read');
  };
  const isQuestion = event.type === 'action.required' && !entry.archived_at;
  const row = h('li', { class: isUnread ? 'unread' : '', 'data-level': look.level, 'data-id': event.id, part: isUnread ? 'item item-unread' : 'item' },
    glyph(look.picture),
    h('div', { class: 'what' },
      h('div', { class: 'head' },
        h('button', { type: 'button', class: 'title', part: 'title', onclick: unfold },
          h('span', { class: 'unseen' }, `${words.t(look.word)}${isUnread ? `, ${words.t('is_unread')}` : ''}: `), said(event.title)),
        h('time', { datetime: event.created_at, title: times.full(event.created_at) }, times.ago(event.created_at))),
      event.body && h('p', { class: 'body', part: 'body' }, said(event.body)),
      h('div', { class: 'foot' },
        serviceOf(event) && h('span', { class: 'service' }, said(serviceOf(event))),
        entry.snoozed_until && words.t('snoozed_until', { at: times.ago(entry.snoozed_until) }),
        isQuestion && h('button', { type: 'button', class: 'button', onclick: () => center.askAgain(event) }, words.t('decide')),
        ctaLink(event, center),
        tools(entry, center, mark))));
  return row;
}

function tools(entry, center, mark) {
  const { words } = center;
  if (entry.snoozed_until) return h('div', { class: 'tools' }, iconButton(TOOLS.restore, words.t('unsnooze'), () => mark('unsnooze')));
  if (entry.archived_at) return h('div', { class: 'tools' }, iconButton(TOOLS.restore, words.t('unarchive'), () => mark('unarchive')));
  return h('div', { class: 'tools', part: 'actions' },
    entry.read_at
      ? iconButton(TOOLS.unread, words.t('make_unread'), () => mark('unread'))
      : iconButton(TOOLS.read, words.t('read'), () => mark('read')),
    snoozeMenu(center, (until) => mark('snooze', { until }), 'quiet'),
    iconButton(TOOLS.archive, words.t('archive'), () => mark('archive')));
}
