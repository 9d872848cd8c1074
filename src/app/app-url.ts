/** What the URL standard would write otherwise: characters it escapes, dot segments, backslashes. */
const UNUSUAL = /["'<>\\^`{|}]|\/\.|\/%2e/i;

/** The URLs of requests, as the URL standard writes them, without asking it each time. */
export class AppUrls {
  #host = '';
  #isSecure = false;
  #origin = '';

  /** @param target path and query; @returns null when there is no such URL (`Host: a%ff`) */
  make(isSecure: boolean, host: string, target: string): string | null {
    if (this.#host !== host || this.#isSecure !== isSecure || host === '') {
      const origin = URL.parse(`${isSecure ? 'https' : 'http'}://${host || 'localhost'}/`)?.origin;
      if (origin === undefined) return null;
      this.#host = host;
      this.#isSecure = isSecure;
      this.#origin = origin;
    }
    const path = target.charCodeAt(0) === 0x2f ? target : `/${target}`;
    const url = this.#origin + path;
    return UNUSUAL.test(path) ? new URL(url).href : url;
  }
}
