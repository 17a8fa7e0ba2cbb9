// From an event to what the person sees: a table by type, each line of which the host page can take over.

import { chatOf, endOfJob, isOver, jobKey, standingKey } from './event.js';

const BURST_MS = 2000;
const BURST_MAX = 5; // More toasts than that in a burst fold into one that counts them.
const TOAST_MS = 6000;
const ACTION_MS = 10_000; // WCAG 2.2.1: something that can be pressed stays longer.
const REMINDER_MS = 15_000;
const ERROR_MS = 20_000;
const REPLAYED_ACTIONS_MAX = 10; // Of old decisions only the newest are asked for again; all are in the inbox.

/** The DOM event of a type, besides `ec-event`, which every event has. */
const DOM_EVENTS = {
  'job.done': 'ec-job-done',
  'job.progress': 'ec-job-progress',
  'action.required': 'ec-action-required',
  'message.new': 'ec-message-new',
  'reminder.due': 'ec-reminder',
  'system.alert': 'ec-alert',
};

/** Reacts to events, in the tabs that are looked at. */
export class Router {
  #center;
  #client;
  #standing = null;
  #standingCode = null;
  #pending = new Map(); // Toasts of a hidden tab: for whoever comes back first.
  #recent = [];
  #folded = 0;
  #missed = 0;
  #replayed = new Map();

  /** @param {import('./ui/center.js').NotificationCenter} center @param {import('./client.js').EventCenter} client */
  constructor(center, client) {
    this.#center = center;
    this.#client = client;
    client.listen('event', (detail) => this.take(detail));
    client.listen('replayed', () => this.#endReplay());
    client.listen('answered', (detail) => this.#settle(`action:${detail.action_id}`));
    client.listen('peer', (detail) => this.#hear(detail));
    document.addEventListener('visibilitychange', () => this.#showPending());
  }

  /** Shows again what stood when the page was left. */
  async restore() {
    const kept = await this.#client.store.get('standing');
    if (kept?.length > 0) await (await this.#loadStanding()).restore();
  }

  async #loadStanding() {
    this.#standingCode ??= import('./standing.js'); // Kept, so that what waits for it stays in its order.
    const { Standing } = await this.#standingCode;
    return (this.#standing ??= new Standing(this.#center, this.#client));
  }

  async #stand(event, isOld) {
    await (await this.#loadStanding()).stand(event, isOld);
  }

  /** @param {{ event: import('./ec.js').Event, seq: number | null, isReplay: boolean }} entry */
  take({ event, seq, isReplay }) {
    const isTaken = this.#tell(event, seq, isReplay);
    if (isTaken || isOver(event)) return;
    if (!isReplay) this.#react(event);
    else this.#keepForLater(event);
  }

  /** Of what is replayed only that matters which still stands at its end. */
  #keepForLater(event) {
    const key = endOfJob(event) ? null : standingKey(event);
    if (key) this.#replayed.set(key, event);
    else this.#missed++;
    if (endOfJob(event)) this.#replayed.delete(jobKey(event));
  }

  /** Later: the inbox keeps it. */
  putOff(event) {
    this.#settle(standingKey(event));
    this.#client.tell({ t: 'settled', key: standingKey(event) });
  }

  /** @returns {boolean} whether the host has taken it over */
  #tell(event, seq, isReplay) {
    const detail = { event, seq, replay: isReplay };
    const names = ['ec-event', DOM_EVENTS[event.type]].filter(Boolean);
    const extra = event.type === 'message.new' ? { chat_id: chatOf(event) } : {};
    return names.map((name) => this.#center.say(name, { ...detail, ...extra })).includes(false);
  }

  #react(event) {
    const end = endOfJob(event);
    if (end) return this.#endJob(end);
    switch (event.type) {
      case 'job.progress':
      case 'action.required':
      case 'system.alert':
        return void this.#stand(event, false);
      case 'message.new':
        return this.#toast(event, ACTION_MS, { key: `chat:${chatOf(event)}` });
      case 'reminder.due':
        return this.#toast(event, REMINDER_MS, { isSnoozable: true });
      default:
        return this.#toast(event, event.cta ? ACTION_MS : TOAST_MS, {});
    }
  }

  async #endJob(event) {
    if (this.#standingCode) (await this.#loadStanding()).endJob(event); // After the ticks that wait for the same.
    if (document.hidden) this.#center.settle(jobKey(event)); // Another tab may be the one that shows the end.
    this.#toast(event, ACTION_MS, { key: jobKey(event) });
  }

  #toast(event, ms, { key = event.collapse_key ?? event.id, isSnoozable = false }) {
    const { level = 'info' } = event;
    const stay = level === 'critical' ? Infinity : level === 'error' ? Math.max(ms, ERROR_MS) : ms;
    const show = () => this.#center.toastOf(event, { key, ms: stay, isSnoozable });
    if (document.hidden) return void this.#pending.set(event.id, { event, show });
    if (stay !== Infinity && level !== 'error' && this.#isBurst() && !this.#center.hasToast(key)) return this.#fold(event);
    show();
    this.#client.displayed(event.id);
  }

  #isBurst() {
    const now = performance.now();
    this.#recent = this.#recent.filter((at) => now - at < BURST_MS);
    if (this.#recent.length === 0 && !this.#center.hasToast('more')) this.#folded = 0;
    this.#recent.push(now);
    return this.#recent.length > BURST_MAX;
  }

  #fold(event) {
    this.#folded++;
    this.#center.summary('more', this.#folded);
    this.#client.displayed(event.id);
  }

  #showPending() {
    if (document.hidden || this.#pending.size === 0) return;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { event, show } of pending.slice(-this.#center.maxToasts)) {
      show();
      this.#client.displayed(event.id);
    }
    const more = pending.slice(0, -this.#center.maxToasts);
    if (more.length > 0) this.#center.summary('missed', more.length);
    more.forEach(({ event }) => this.#client.displayed(event.id));
  }

  /** Old events are in the inbox; what still matters of them is shown as if it were new. */
  async #endReplay() {
    const replayed = [...this.#replayed.values()];
    const missed = this.#missed;
    this.#replayed.clear();
    this.#missed = 0;
    const actions = replayed.filter(({ type }) => type === 'action.required');
    const others = replayed.filter(({ type }) => type !== 'action.required');
    if (missed > 0) this.#center.summary('missed', missed);
    for (const event of [...others, ...actions.slice(-REPLAYED_ACTIONS_MAX)]) await this.#stand(event, true);
  }

  #settle(key) {
    this.#standing?.remove(key);
    this.#center.settle(key);
  }

  #hear(message) {
    if (message.t === 'displayed') this.#pending.delete(message.id);
    if (message.t === 'settled') this.#settle(message.key);
  }
}
