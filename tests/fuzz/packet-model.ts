/** uwsgi packets, and the vars of a request, as a person would write them down: strings, lists, no offsets. */

import type { ModelRequest } from './model.ts';

export type Var = readonly [key: string, value: string];

/** The vars of a packet, `null` when it is not whole, `'broken'` when its entries do not fill it exactly or a key is empty. */
export function modelPacket(text: string): { readonly vars: Var[]; readonly end: number } | null | 'broken' {
  const size = (at: number): number => text.charCodeAt(at) + 256 * text.charCodeAt(at + 1);
  if (text.length < 4 || text.length < 4 + size(1)) return null;
  const end = 4 + size(1);
  const texts: string[] = [];
  let at = 4;
  while (at < end) {
    if (at + 2 > end || at + 2 + size(at) > end) return 'broken';
    texts.push(text.slice(at + 2, at + 2 + size(at)));
    at += 2 + texts.at(-1)!.length;
  }
  if (texts.length % 2 === 1) return 'broken';
  const vars = texts.flatMap((key, i) => (i % 2 === 0 ? [[key, texts[i + 1]!] as const] : []));
  return vars.some(([key]) => key === '') ? 'broken' : { vars, end };
}

/** PATH_INFO of a raw path: escapes first, then dot segments; null for a bad escape or %00. */
export function modelPath(path: string): string | null {
  if (path === '') return '/';
  if (/%(?![0-9a-f]{2})|%00/i.test(path)) return null;
  const decoded = path.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const kept: string[] = [];
  const segments = decoded.split('/').slice(1);
  for (const [i, segment] of segments.entries()) {
    const isDots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!isDots) kept.push(segment);
    else if (i === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/** What a request's fields and line become, without the vars of the config; null when the path cannot be. */
export function modelVars(request: ModelRequest): Var[] | null {
  const path = request.isAsterisk ? '*' : modelPath(request.path);
  if (path === null) return null;
  const vars: Var[] = [
    ['REQUEST_METHOD', request.method],
    ['REQUEST_URI', request.target],
    ['PATH_INFO', path],
    ['QUERY_STRING', request.query ?? ''],
    ['SERVER_PROTOCOL', `HTTP/1.${request.minor}`],
  ];
  const fields = new Map<string, string>();
  for (const { name, value, dropped } of request.lines) {
    const lower = name.toLowerCase();
    const isUpgrade = request.wantsUpgrade && (lower === 'upgrade' || lower === 'connection');
    if ((dropped && !isUpgrade) || lower === 'proxy' || name.includes('_')) continue;
    const cgi = lower.toUpperCase().replaceAll('-', '_');
    const key = lower === 'content-length' || lower === 'content-type' ? cgi : `HTTP_${cgi}`;
    const before = fields.get(key);
    if (lower === 'host') fields.set(key, request.host);
    else fields.set(key, before === undefined ? value : `${before}${lower === 'cookie' ? '; ' : ', '}${value}`);
  }
  if (request.isAbsolute && !fields.has('HTTP_HOST')) fields.set('HTTP_HOST', request.host);
  return [...vars, ...fields];
}
