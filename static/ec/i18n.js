// Words in the person's language, with its plurals.

const LANGUAGES = { ru: () => import('./locales/ru.js'), en: () => import('./locales/en.js') };

/** One language. */
export class Words {
  /** @param {string} language @param {Record<string, any>} texts */
  constructor(language, texts) {
    this.language = language;
    this.texts = texts;
    this.plural = new Intl.PluralRules(language);
    this.number = new Intl.NumberFormat(language);
  }

  /** The words for the first language that we have; English when we have none. */
  static async load(wanted = '') {
    const known = [wanted, document.documentElement.lang, ...navigator.languages]
      .map((tag) => tag.slice(0, 2).toLowerCase())
      .find((tag) => tag in LANGUAGES);
    const language = known ?? 'en';
    return new Words(language, (await LANGUAGES[language]()).default);
  }

  /** A text by its name; one with plural forms is chosen by `n`. @param {string} name @param {Record<string, string | number>} [values] */
  t(name, values = {}) {
    const found = this.texts[name];
    const text = typeof found === 'object' ? found[this.plural.select(Number(values.n))] ?? found.other : found ?? name;
    return text.replace(/\{(\w+)\}/g, (_, key) => this.#show(values[key]));
  }

  #show(value) {
    return typeof value === 'number' ? this.number.format(value) : String(value ?? '');
  }
}
