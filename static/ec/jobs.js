// Jobs under way: one bar for each, however many ticks a second their services report.

import { jobKey } from './event.js';
import { BAR, Speaker, bar } from './ui/progress.js';

const PAINT_MS = 250; // Four times a second is smooth enough with a transition between.
const JOBS_MAX = 20; // More running jobs than that, and the oldest bar gives way; its end is told all the same.

/** The bars of a page. */
export class Jobs {
  #center;
  #speaker = new Speaker();
  #latest = new Map();
  #shown = new Set();
  #dismissed = new Set();
  #timer = 0;

  /** @param {import('./ui/center.js').NotificationCenter} center */
  constructor(center) {
    this.#center = center;
    center.dress(BAR);
  }

  take(event) {
    const key = jobKey(event);
    this.#latest.set(key, event);
    this.#timer ||= setTimeout(() => this.#paint(), this.#shown.has(key) ? PAINT_MS : 0);
  }

  /** It is over: a toast takes the place of its bar. */
  end(event) {
    const key = jobKey(event);
    this.#latest.delete(key);
    this.#shown.delete(key);
    this.#dismissed.delete(key);
    this.#speaker.forget(key);
  }

  #paint() {
    this.#timer = 0;
    for (const [key, event] of this.#latest) this.#move(key, event);
    this.#latest.clear();
  }

  #move(key, event) {
    if (this.#dismissed.has(key)) return;
    const percent = percentOf(event);
    if (!this.#center.advance(key, percent, event.title)) this.#show(key, event, percent);
    this.#speaker.say(key, percent, this.#center.words.t('progress_at', { title: event.title, n: percent ?? 0 }));
  }

  #show(key, event, percent) {
    if (this.#shown.size >= JOBS_MAX) this.#center.settle(this.#shown.values().next().value);
    this.#shown.add(key);
    const onDismiss = () => {
      this.#shown.delete(key);
      this.#dismissed.add(key);
    };
    this.#center.toastOf(event, { key, ms: Infinity, bar: bar(percent, event.title), onDismiss });
  }
}

/** A whole number from 0 to 100; null when the service does not know. */
function percentOf({ data }) {
  return Number.isFinite(data?.percent) ? Math.round(Math.min(100, Math.max(0, data.percent))) : null;
}
