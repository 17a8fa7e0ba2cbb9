// A long list with a short DOM: only the rows near what is looked at exist; padding stands in for the others.

const ESTIMATE_PX = 96; // A row's height until it was measured.
const MARGIN_PX = 600; // So much above and below exists too, so that scrolling finds it there.
const NEAR_END = 10; // When fewer rows than that are left below, it is time to load more.

/**
 * @template Item
 * @typedef {object} Source
 * @property {HTMLElement} scroller
 * @property {HTMLElement} list
 * @property {(item: Item) => string} keyOf
 * @property {(item: Item) => HTMLElement} build
 * @property {() => void} onNearEnd
 */

const hasFocus = (row) => row.contains(/** @type {ShadowRoot} */ (row.getRootNode()).activeElement);

/** @template Item */
export class Rows {
  #source;
  #items = [];
  #heights = new Map();
  #built = new Map();
  #frame = 0;

  /** @param {Source<Item>} source */
  constructor(source) {
    this.#source = source;
    source.scroller.addEventListener('scroll', () => this.#drawSoon(), { passive: true });
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== width) this.#heights.clear();
      width = contentRect.width;
      this.#drawSoon();
    }).observe(source.scroller);
  }

  /** An item that was replaced by another object of the same key has its row built anew. @param {Item[]} items */
  set(items) {
    this.#items = items;
    this.draw();
  }

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { scroller, list, onNearEnd } = this.#source;
    if (!scroller.clientHeight) return;
    const { start, end } = this.#range(scroller.scrollTop, scroller.scrollTop + scroller.clientHeight);
    this.#place(start, end);
    const isNew = this.#measure(start, end);
    list.style.paddingBlockStart = `${this.#sum(0, start)}px`;
    list.style.paddingBlockEnd = `${this.#sum(end, this.#items.length)}px`;
    if (isNew) this.#drawSoon(); // What was measured may differ from what was guessed.
    if (this.#items.length - end < NEAR_END) onNearEnd();
  }

  #height = (item) => this.#heights.get(this.#source.keyOf(item)) ?? ESTIMATE_PX;
  #sum = (from, to) => this.#items.slice(from, to).reduce((sum, item) => sum + this.#height(item), 0);

  #range(top, bottom) {
    let [y, start] = [0, 0];
    while (start < this.#items.length && y + this.#height(this.#items[start]) < top - MARGIN_PX) y += this.#height(this.#items[start++]);
    let end = start;
    while (end < this.#items.length && y < bottom + MARGIN_PX) y += this.#height(this.#items[end++]);
    return { start, end };
  }

  #place(start, end) {
    const { list, keyOf, scroller } = this.#source;
    const wanted = new Map();
    for (const item of this.#items.slice(start, end)) {
      const key = keyOf(item);
      wanted.set(key, this.#build(item, this.#built.get(key)));
    }
    for (const [key, { row }] of this.#built) {
      if (wanted.has(key)) continue;
      if (hasFocus(row)) scroller.focus({ preventScroll: true });
      row.remove();
    }
    let next = list.firstElementChild;
    for (const { row } of wanted.values()) {
      if (row === next) next = next.nextElementSibling;
      else list.insertBefore(row, next);
    }
    this.#built = wanted;
  }

  #build(item, before) {
    if (before?.item === item) return before;
    const { build, keyOf } = this.#source;
    const row = build(item);
    if (!before) return { item, row };
    this.#heights.delete(keyOf(item));
    const hadFocus = hasFocus(before.row);
    before.row.replaceWith(row);
    if (hadFocus) /** @type {HTMLElement} */ (row.querySelector('a, button')).focus();
    return { item, row };
  }

  #measure(start, end) {
    let isNew = false;
    for (const item of this.#items.slice(start, end)) {
      const key = this.#source.keyOf(item);
      if (this.#heights.has(key)) continue;
      const height = this.#built.get(key).row.getBoundingClientRect().height;
      isNew ||= height !== ESTIMATE_PX;
      this.#heights.set(key, height);
    }
    return isNew;
  }
}
