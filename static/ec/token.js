// The person's token, from the host page. Without one, the cookie speaks.

/** Asked for when it is needed, and again when the server wants a fresher one. */
export class Token {
  #get;
  #token = null;

  /** @param {(() => Promise<string | null>) | undefined} get */
  constructor(get) {
    this.#get = get;
  }

  /** @param {boolean} [anew] @returns {Promise<string | null>} */
  read = async (anew = false) => {
    if (anew || !this.#token) this.#token = (await this.#get?.()) ?? null;
    return this.#token;
  };

  /** Whom it is about, only to keep people's stores apart: the server is the one that checks it. */
  async subject() {
    try {
      const [, claims] = (await this.read()).split('.');
      return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).sub;
    } catch {
      return undefined;
    }
  }
}
