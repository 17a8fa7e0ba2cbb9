// Words in the person's language, with its plurals, its clock and its direction.

const LANGUAGES = { ru: () => import('./locales/ru.js'), en: () => import('./locales/en.js') };
const STEPS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
  ['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000],
]);
const WEEK_MS = 7 * 86_400_000;

/** One language. */
export class Words {
  /** @param {string} language @param {Record<string, any>} texts */
  constructor(language, texts) {
    this.language = language;
    this.texts = texts;
    this.plural = new Intl.PluralRules(language);
    this.relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
    this.number = new Intl.NumberFormat(language);
    this.time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
    this.date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
    this.full = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short' });
  }

  /** The words for the first language that we have; English when we have none. */
  static async load(wanted = '') {
    const known = [wanted, document.documentElement.lang, ...navigator.languages]
      .map((tag) => tag.slice(0, 2).toLowerCase())
      .find((tag) => tag in LANGUAGES);
    const language = known ?? 'en';
    return new Words(language, (await LANGUAGES[language]()).default);
  }

  /**
   * A text by its name. `{name}` is replaced; a text with plural forms is chosen by `n`.
   * @param {string} name
   * @param {Record<string, string | number>} [values]
   */
  t(name, values = {}) {
    const found = this.texts[name];
    const text = typeof found === 'object' ? found[this.plural.select(Number(values.n))] ?? found.other : found ?? name;
    return text.replace(/\{(\w+)\}/g, (_, key) => this.#show(values[key]));
  }

  #show(value) {
    return typeof value === 'number' ? this.number.format(value) : String(value ?? '');
  }

  /** "5 minutes ago", and a date once it is a week away. */
  ago(at, now = Date.now()) {
    const distance = new Date(at).getTime() - now;
    if (Number.isNaN(distance)) return '';
    if (Math.abs(distance) > WEEK_MS) return this.date.format(new Date(at));
    const step = STEPS.find(([, ms]) => Math.abs(distance) >= ms);
    return step ? this.relative.format(Math.trunc(distance / step[1]), step[0]) : this.t('now');
  }

  /** "1:05" or "2:10:00": what is left of a deadline. */
  countdown(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const shown = parts[0] > 0 ? parts : parts.slice(1);
    return shown.map((part, index) => (index ? String(part).padStart(2, '0') : part)).join(':');
  }
}
