// Times in words.

const STEPS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
  ['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000],
]);
const WEEK_MS = 7 * 86_400_000;

/** Says times in one language. */
export class Times {
  #words;
  #relative;
  #date;
  #full;

  /** @param {import('./i18n.js').Words} words */
  constructor(words) {
    this.#words = words;
    this.#relative = new Intl.RelativeTimeFormat(words.language, { numeric: 'auto' });
    this.#date = new Intl.DateTimeFormat(words.language, { day: 'numeric', month: 'short' });
    this.#full = new Intl.DateTimeFormat(words.language, { dateStyle: 'long', timeStyle: 'short' });
  }

  /** "5 minutes ago", "in 2 hours", and a date once it is a week away. */
  ago(at) {
    const distance = new Date(at).getTime() - Date.now();
    if (Number.isNaN(distance)) return '';
    if (Math.abs(distance) > WEEK_MS) return this.#date.format(new Date(at));
    const step = STEPS.find(([, ms]) => Math.abs(distance) >= ms);
    return step ? this.#relative.format(Math.round(distance / step[1]), step[0]) : this.#words.t('now');
  }

  full(at) {
    const date = new Date(at);
    return Number.isNaN(date.getTime()) ? '' : this.#full.format(date);
  }
}

/** "1:05" or "2:10:00": what is left of a deadline. */
export function countdown(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, index) => (index ? String(part).padStart(2, '0') : part)).join(':');
}
