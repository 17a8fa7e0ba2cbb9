// Fingers.

const SWIPE_PX = 80;

/** A finger puts a toast away by moving it aside. */
export function swipe(item, away) {
  let from = null;
  item.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch' && !event.target.closest('a, button')) from = event.clientX;
  });
  item.addEventListener('pointermove', (event) => {
    if (from !== null) item.style.translate = `${event.clientX - from}px`;
  });
  for (const type of ['pointerup', 'pointercancel']) {
    item.addEventListener(type, (event) => {
      if (from !== null && Math.abs(event.clientX - from) > SWIPE_PX) away();
      else item.style.translate = '';
      from = null;
    });
  }
}
