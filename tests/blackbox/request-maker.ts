/** Well-formed requests made by chance, the same again for the same seed. */

export interface MadeRequest {
  readonly id: number;
  readonly bytes: string;
  readonly method: string;
  /** As in the target, escapes and all. */
  readonly path: string;
  /** Of an absolute target. */
  readonly authority: string | null;
  readonly body: string;
  /** It asks for an upgrade that may be passed on. */
  readonly isUpgrade: boolean;
  /** OPTIONS with an absolute target of neither path nor query. */
  readonly isServerWide: boolean;
  /** Its Connection names X-Hop. */
  readonly namesHop: boolean;
}

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND', 'get', "X!#$%&'*+-.^_`|~9"];
const SEGMENTS = [
  'a',
  'b.html',
  'long-segment_~1',
  '%20',
  '%c3%a9',
  'a%2Fb',
  'x;y=z',
  '',
  '.',
  '..',
  '...',
  '..b',
  '@:',
  "!$&'()*+,;=",
  '%41%7e',
  '|"<>^`{}[]\\',
];
const DOTS = ['%2e', '%2E%2e', '.%2e'];
const QUERY = ['a=b', 'c', '&', '?', '%20', '+', '%zz', '/../', 'x=%c3%a9', ';', "'"];
const NAMES = [
  'X-One',
  'X-Two',
  'Accept',
  'User-Agent',
  'Accept-Language',
  'Referer',
  'X-Forwarded-For',
  'Via',
  'If-None-Match',
  "X!#$%&'*+.^`|~9",
  'Range',
  'X-The-Quick-Brown-Fox-Jumps-Over-Lazy-Dogs-0123456789',
];
const VALUES = ['', '1', 'a, b', 'text/html;q=0.9,*/*', '"x"', 'a: b:c', '\x80\xff', 'a  b\tc', 'Mozilla/5.0 (X11; "y")', 'bytes=0-1', '%20'];
const HOSTS = ['a.example', 'A.Example:8080', '127.0.0.1', '[::1]:81', 'localhost:'];

export class RequestMaker {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  make(id: number): MadeRequest {
    // Two kinds are so seldom by chance that they would be missing now and then.
    const isServerWide = id % 25 === 0;
    const method = isServerWide ? 'OPTIONS' : this.#pick(METHODS);
    const authority = isServerWide || (id % 25 !== 1 && this.#chance(0.12)) ? this.#pick(['b.example', 'B.example:81', '[::2]']) : null;
    const path = isServerWide ? '' : id % 25 === 1 ? '/..' : this.#path(authority !== null, method === 'OPTIONS');
    const query = !isServerWide && this.#chance(0.5) ? `?${this.#several(QUERY, 5).join('')}` : '';
    const version = this.#pick(['1.1', '1.1', '1.1', '1.1', '1.0', '1.0', '1.2', '1.9']);
    const hasBody = method !== 'HEAD' && this.#chance(0.4);
    const body = hasBody ? this.#body() : '';
    const fields: [string, string][] = [
      ['Host', this.#pick(HOSTS)],
      ['X-Mark', String(id)],
    ];
    for (const name of this.#several(NAMES, 8)) fields.push([name, this.#pick(VALUES)]);
    if (this.#chance(0.04)) for (let i = 0; i < 150; i++) fields.push([`X-Field-${i}`, 'v'.repeat(i)]);
    if (hasBody)
      fields.push(
        ['Content-Length', this.#chance(0.2) ? `00${body.length}` : String(body.length)],
        ['Content-Type', this.#pick(['text/plain', 'a/b; c="d"', ''])],
      );
    for (let i = this.#below(4); i > 0; i--) fields.push(['Cookie', `k${i}=v${i}; l=m`]);
    const isUpgrade = !hasBody && version !== '1.0' && this.#chance(0.1);
    const namesHop = !isUpgrade && this.#chance(0.1);
    if (isUpgrade) fields.push(['Connection', 'Upgrade'], ['Upgrade', 'websocket']);
    else if (namesHop) fields.push(['Connection', 'keep-alive, X-Hop'], ['X-Hop', '1']);
    else if (this.#chance(0.3)) fields.push(['Connection', this.#pick(['close', 'keep-alive', 'Keep-Alive'])]);
    for (const rare of [
      ['Keep-Alive', '5'],
      ['TE', 'trailers'],
      ['Proxy-Connection', 'x'],
      ['Under_Score', '1'],
      ['Proxy', 'http://evil'],
      ['X-Hop', '2'],
    ] as const)
      if (this.#chance(0.07)) fields.push([rare[0], rare[1]]);
    if (hasBody && version !== '1.0' && this.#chance(0.3)) fields.push(['Expect', '100-continue']);
    if (this.#chance(0.1)) fields.push(['Spaced', 'a b']);
    this.#shuffle(fields);
    const lines = fields.map(
      ([name, value]) => `${this.#letters(name)}:${name === 'Spaced' ? `\t${value}  ` : this.#chance(0.1) || value === '' ? value : ` ${value}`}\r\n`,
    );
    const target = `${authority === null ? '' : `http://${authority}`}${path}${query}`;
    const bytes = `${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n${body}`;
    return { id, bytes, method, path, authority, body, isUpgrade, isServerWide, namesHop };
  }

  /** In an absolute target uWSGI takes the scheme for path: dots would climb into its authority. */
  #path(isAbsolute: boolean, isOptions: boolean): string {
    const plain = isAbsolute ? SEGMENTS.filter((segment) => !/^\.{1,2}$|^$/.test(segment)) : SEGMENTS;
    if (isAbsolute && !isOptions && this.#chance(0.2)) return '';
    const segments = this.#several(plain, 6);
    if (!isAbsolute && this.#chance(0.08)) segments.splice(this.#below(segments.length + 1), 0, this.#pick(DOTS));
    return `/${segments.join('/')}`;
  }

  #body(): string {
    const length = this.#pick([0, 1, 5, 100, 5000, 70_000]);
    return Array.from({ length: Math.min(length, 64) }, () => String.fromCharCode(this.#below(256)))
      .join('')
      .repeat(Math.ceil(length / 64))
      .slice(0, length);
  }

  #letters(name: string): string {
    const kind = this.#below(4);
    return kind === 0 ? name.toLowerCase() : kind === 1 ? name.toUpperCase() : name;
  }

  #several<T>(from: readonly T[], most: number): T[] {
    return Array.from({ length: this.#below(most + 1) }, () => this.#pick(from));
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }

  #chance(part: number): boolean {
    return this.#below(10_000) < part * 10_000;
  }

  #shuffle(list: unknown[]): void {
    for (let i = list.length - 1; i > 0; i--) {
      const k = this.#below(i + 1);
      [list[i], list[k]] = [list[k], list[i]];
    }
  }

  /** mulberry32. */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }
}
