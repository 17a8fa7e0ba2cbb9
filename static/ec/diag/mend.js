// What the checks can mend by themselves, from a click: turning pushes on, in a page that may have no notification center.

import { Push } from '../push.js';
import { Rest } from '../rest.js';

/** Nothing is kept: whoever turns pushes on here has not said no. */
const NO_STORE = { get: async () => undefined, set: async () => undefined };

/** @param {{server: string, token: () => Promise<string | null> | string | null}} options */
export async function turnOn({ server, token }) {
  const rest = new Rest(new URL(server, location.href), async () => token(), /** @type {any} */ (null));
  await new Push({ client: { rest, store: NO_STORE }, say: () => {}, getAttribute: () => null }).enable();
}
