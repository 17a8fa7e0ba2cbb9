// The words of the checks and the steps of the guides, in one language, loaded when somebody looks.

/** @typedef {typeof import('../texts/checks-en.js').WORDS} Words */

const LANGUAGES = /** @type {Record<string, () => Promise<[any, any]>>} */ ({
  en: () => Promise.all([import('../texts/checks-en.js'), import('../texts/guides-en.js')]),
  ru: () => Promise.all([import('../texts/checks-ru.js'), import('../texts/guides-ru.js')]),
});

/** @param {string} lang a BCP 47 tag */
export async function speak(lang) {
  const language = lang.slice(0, 2).toLowerCase() in LANGUAGES ? lang.slice(0, 2).toLowerCase() : 'en';
  const [{ WORDS }, { STEPS }] = await /** @type {() => Promise<[any, any]>} */ (LANGUAGES[language])();
  return new Speech(language, WORDS, STEPS);
}

export class Speech {
  /** @param {string} lang @param {Words} words @param {Record<string, string[]>} steps */
  constructor(lang, words, steps) {
    this.lang = lang;
    this.words = words;
    this.steps = steps;
    this.plurals = new Intl.PluralRules(lang);
  }

  /** A text with a number in it. @param {Record<string, string>} forms @param {number} n */
  count(forms, n) {
    return (forms[this.plurals.select(n)] ?? forms.other ?? '').replace('{n}', String(n));
  }

  /** @param {number} ms */
  ms(ms) {
    return new Intl.NumberFormat(this.lang, { style: 'unit', unit: 'millisecond' }).format(ms);
  }

  /** @param {string} code */
  code(code) {
    return /** @type {Record<string, string>} */ (this.words.codes)[code] ?? code;
  }

  /** @param {string} day as 2026-11-23 */
  day(day) {
    return new Intl.DateTimeFormat(this.lang, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
  }
}
