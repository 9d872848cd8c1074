/**
 * What HTTP/1.1 as ugate speaks it looks like to somebody in no hurry: whole strings, regular expressions, one rule after the other.
 * Written from the RFCs and docs/errors.md, not from the parsers, which are held against it. One character is one byte.
 */

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TEXT = '[\\t\\x20-\\x7e\\x80-\\xff]*';
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*(${TEXT}?)[ \\t]*$`);
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21\\x22\\x24-\\x7e]+) HTTP/1\\.(\\d)$`);
const STATUS_LINE = new RegExp(`^HTTP/1\\.\\d ([1-5]\\d\\d)( ${TEXT})?$`);

const HOP_BY_HOP = ['connection', 'transfer-encoding', 'upgrade', 'keep-alive', 'te', 'trailer', 'proxy-connection'];
/** May not be named in Connection. */
const PROTECTED = /^(host|content-length|content-type|transfer-encoding|cookie|authorization|forwarded|via|x-real-ip|x-forwarded-.+)$/;
const NOT_IN_TRAILERS = [
  ...[...HOP_BY_HOP, 'host', 'content-length', 'content-type', 'expect', 'proxy', 'cookie', 'authorization'],
  ...['accept-encoding', 'content-encoding', 'content-range', 'uwsgi-encoding'],
];

export interface ModelField {
  readonly name: string;
  readonly value: string;
  readonly dropped: boolean;
}

/** `incomplete`: no line that has ended breaks a rule, and the end has not come. */
export type Verdict<T> = { readonly kind: 'incomplete' } | { readonly kind: 'refused' } | { readonly kind: 'complete'; readonly message: T };

const INCOMPLETE = { kind: 'incomplete' } as const;
const REFUSED = { kind: 'refused' } as const;

interface Lines {
  readonly lines: readonly string[];
  /** Offset behind the empty line; −1 when it has not come. */
  readonly end: number;
}

/** The lines that have ended, up to the empty one; null when one does not end in CRLF though it must. */
function linesOf(text: string, start: number, bareLf: boolean): Lines | null {
  const lines: string[] = [];
  for (let at = start; ; ) {
    const lf = text.indexOf('\n', at);
    if (lf === -1) return { lines, end: -1 };
    const hasCr = lf > at && text[lf - 1] === '\r';
    if (!hasCr && !bareLf) return null;
    const line = text.slice(at, hasCr ? lf - 1 : lf);
    at = lf + 1;
    if (line === '' && lines.length > 0) return { lines, end: at };
    lines.push(line);
  }
}

interface RawField {
  readonly name: string;
  readonly value: string;
}

/** Null when a line is no field, or there are too many or too large ones. `bytes` is their length with line ends. */
function fieldsOf(lines: readonly string[], bytes: number, maxBytes: number, maxCount: number): RawField[] | null {
  if (lines.length > maxCount || bytes > maxBytes) return null;
  const fields: RawField[] = [];
  for (const line of lines) {
    const match = FIELD_LINE.exec(line);
    if (match === null) return null;
    fields.push({ name: match[1]!, value: match[2]!.replace(/[ \t]+$/, '') });
  }
  return fields;
}

const values = (fields: readonly RawField[], name: string): string[] =>
  fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value);
const members = (value: string): string[] => value.split(',').map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''));

interface ConnectionSays {
  readonly wantsClose: boolean;
  readonly wantsKeepAlive: boolean;
  readonly wantsUpgrade: boolean;
  readonly names: readonly string[];
}

function connectionOf(fields: readonly RawField[]): ConnectionSays | null {
  const said = values(fields, 'connection')
    .flatMap(members)
    .map((member) => member.toLowerCase())
    .filter((member) => member !== '');
  const names = said.filter((member) => !['close', 'keep-alive', 'upgrade'].includes(member));
  if (names.length > 64 || names.some((name) => !new RegExp(`^${TOKEN}$`).test(name) || PROTECTED.test(name))) return null;
  return { wantsClose: said.includes('close'), wantsKeepAlive: said.includes('keep-alive'), wantsUpgrade: said.includes('upgrade'), names };
}

function decimal(text: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  return BigInt(text) <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(text) : null;
}

// Hosts

const QUAD = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    const parts = half === '' ? [] : half.split(':');
    for (const [place, part] of parts.entries()) {
      const isLast = index === halves.length - 1 && place === parts.length - 1;
      if (isLast && QUAD.test(part)) groups += 2;
      else if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** An IP literal as the configuration takes it: with a zone, without brackets. */
export function isIp(text: string): boolean {
  const match = /^([^%]*)(%[\w.-]+)?$/.exec(text);
  return match !== null && (isIpv6(match[1]!) || (match[2] === undefined && QUAD.test(match[1]!)));
}

export function isHost(text: string): boolean {
  const match = /^(?:\[([^\]]*)\]|((?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9a-fA-F]{2})+))(?::(\d*))?$/.exec(text);
  if (match === null || text.length > 255 || BigInt(match[3] || '0') > 65535n) return false;
  return match[1] === undefined || isIpv6(match[1]);
}

// Requests

export interface ModelRequest {
  readonly end: number;
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly path: string;
  readonly query: string | null;
  readonly host: string;
  readonly isAsterisk: boolean;
  readonly isAbsolute: boolean;
  readonly contentLength: number;
  readonly isChunked: boolean;
  readonly wantsClose: boolean;
  readonly wantsKeepAlive: boolean;
  readonly wantsUpgrade: boolean;
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
  readonly lines: readonly ModelField[];
}

interface Target {
  readonly path: string;
  readonly query: string | null;
  readonly host: string | null;
  readonly isAsterisk: boolean;
}

function targetOf(method: string, target: string): Target | null {
  if (target === '*') return method === 'OPTIONS' ? { path: '*', query: null, host: null, isAsterisk: true } : null;
  const absolute = /^http:\/\/([^/?]*)(.*)$/i.exec(target);
  if (absolute === null && !target.startsWith('/')) return null;
  const host = absolute?.[1] ?? null;
  if (host !== null && !isHost(host)) return null;
  const rest = absolute?.[2] ?? target;
  const mark = rest.indexOf('?');
  return {
    path: mark === -1 ? rest : rest.slice(0, mark),
    query: mark === -1 ? null : rest.slice(mark + 1),
    host,
    isAsterisk: method === 'OPTIONS' && rest === '',
  };
}

/** A request head at the start of `text`, with Expect managed. */
export function modelRequest(text: string): Verdict<ModelRequest> {
  const start = /^(?:\r\n)*/.exec(text)![0].length;
  if (start > 8) return REFUSED;
  const found = linesOf(text, start, false);
  if (found === null) return REFUSED;
  const [first, ...lines] = found.lines;
  if (first === undefined) return INCOMPLETE;
  const line = REQUEST_LINE.exec(first);
  if (line === null) return REFUSED;
  const [, method, target, digit] = line as unknown as [string, string, string, string];
  const asked = targetOf(method, target);
  if (method.length > 64 || target.length > 16 * 1024 || method === 'CONNECT' || asked === null) return REFUSED;
  const fields = fieldsOf(lines, lines.join('..').length + (lines.length > 0 ? 2 : 0), 64 * 1024, 1000);
  if (fields === null) return REFUSED;
  return found.end === -1 ? INCOMPLETE : checkRequest(found.end, method, target, digit === '0' ? 0 : 1, asked, fields);
}

function checkRequest(end: number, method: string, target: string, minor: number, asked: Target, fields: readonly RawField[]): Verdict<ModelRequest> {
  const hosts = values(fields, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && minor === 1)) return REFUSED;
  if (hosts.length === 1 && !isHost(hosts[0]!) && !(minor === 0 && hosts[0] === '')) return REFUSED;
  const connection = connectionOf(fields);
  if (connection === null) return REFUSED;
  const lengths = values(fields, 'content-length');
  const encodings = values(fields, 'transfer-encoding');
  if (lengths.length + encodings.length > 1) return REFUSED;
  const contentLength = lengths.length === 1 ? decimal(lengths[0]!) : -1;
  if (contentLength === null) return REFUSED;
  if (encodings.length === 1 && (minor === 0 || encodings[0]!.toLowerCase() !== 'chunked')) return REFUSED;
  const expects = values(fields, 'expect');
  if (minor === 1 && expects.some((value) => value.toLowerCase() !== '100-continue')) return REFUSED;
  const upgrades = values(fields, 'upgrade');
  const hasBody = contentLength > 0 || encodings.length === 1;
  const message = {
    end,
    method,
    target,
    minor,
    path: asked.path,
    query: asked.query,
    host: asked.host ?? hosts[0] ?? '',
    isAsterisk: asked.isAsterisk,
    isAbsolute: asked.host !== null,
    contentLength,
    isChunked: encodings.length === 1,
    wantsClose: connection.wantsClose,
    wantsKeepAlive: connection.wantsKeepAlive,
    wantsUpgrade: connection.wantsUpgrade && minor === 1 && !hasBody && upgrades.length > 0 && upgrades.flatMap(members).every(isUpgrade),
    expectsContinue: minor === 1 && expects.length > 0,
    acceptsTrailers: values(fields, 'te')
      .flatMap(members)
      .some((member) => member.toLowerCase() === 'trailers'),
    lines: marked(fields, [...HOP_BY_HOP, 'expect', 'proxy', ...connection.names]),
  };
  return { kind: 'complete', message };
}

function isUpgrade(member: string): boolean {
  return new RegExp(`^${TOKEN}(/${TOKEN})?$`).test(member) && !/^h2c(\/|$)/i.test(member);
}

function marked(fields: readonly RawField[], dropped: readonly string[]): ModelField[] {
  return fields.map((field) => ({ ...field, dropped: dropped.includes(field.name.toLowerCase()) }));
}

// Answers

export interface ModelResponse {
  readonly end: number;
  readonly status: number;
  readonly reason: string;
  readonly contentLength: number;
  readonly isChunked: boolean;
  readonly wantsClose: boolean;
  readonly wantsKeepAlive: boolean;
  readonly wantsUpgrade: boolean;
  readonly hasDate: boolean;
  readonly hasUpgrade: boolean;
  readonly lines: readonly ModelField[];
}

/** The head of a backend's answer at the start of `text`; a lone LF ends a line. */
export function modelResponse(text: string): Verdict<ModelResponse> {
  const found = linesOf(text, 0, true)!;
  const [first, ...lines] = found.lines;
  if (first === undefined) return INCOMPLETE;
  const status = STATUS_LINE.exec(first);
  const lineEnd = text.indexOf('\n');
  if (status === null || lineEnd > 8 * 1024) return REFUSED;
  const headEnd = found.end === -1 ? text.lastIndexOf('\n') + 1 : text.lastIndexOf('\n', found.end - 2) + 1;
  const fields = fieldsOf(lines, headEnd - lineEnd - 1, 64 * 1024, 1000);
  if (fields === null) return REFUSED;
  if (found.end === -1) return INCOMPLETE;
  const lengths = values(fields, 'content-length');
  const encodings = values(fields, 'transfer-encoding');
  const connection = connectionOf(fields);
  if (lengths.length + encodings.length > 1 || connection === null) return REFUSED;
  const contentLength = lengths.length === 1 ? decimal(lengths[0]!) : -1;
  if (contentLength === null || encodings.some((value) => value.toLowerCase() !== 'chunked')) return REFUSED;
  const { names, ...says } = connection;
  const message = {
    end: found.end,
    status: Number(status[1]),
    reason: status[2] ?? '',
    contentLength,
    isChunked: encodings.length === 1,
    ...says,
    hasDate: values(fields, 'date').length > 0 && !names.includes('date'),
    hasUpgrade: values(fields, 'upgrade').length > 0,
    lines: marked(fields, [...HOP_BY_HOP, ...names]),
  };
  return { kind: 'complete', message };
}

// The chunked coding

export interface ModelBody {
  readonly length: number;
  readonly data: string;
  /** As they came, with their line ends. */
  readonly trailers: string;
}

const WS = '[ \\t]*';
const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
const EXTENSION = `;${WS}${TOKEN}(?:${WS}=${WS}(?:${TOKEN}|${QUOTED}))?`;
const SIZE_LINE = new RegExp(`^([0-9a-fA-F]{1,16})((?:${EXTENSION}(?:${WS}(?=;))?)*)\\r$`);

/** A chunked body at the start of `text`. */
export function modelChunked(text: string): Verdict<ModelBody> {
  let data = '';
  let extensions = 0;
  for (let at = 0; ; ) {
    const lf = text.indexOf('\n', at);
    if (lf === -1) return INCOMPLETE;
    const match = SIZE_LINE.exec(text.slice(at, lf));
    if (match === null) return REFUSED;
    const size = BigInt(`0x${match[1]}`);
    // Of a size line with extensions everything between the first `;` and the LF counts.
    if (match[2] !== '') extensions += match[2]!.length;
    if (size > BigInt(Number.MAX_SAFE_INTEGER) || extensions > 16 * 1024) return REFUSED;
    at = lf + 1;
    if (size === 0n) return modelTrailers(text, at, data);
    const end = at + Number(size);
    const mark = text.slice(end, end + 2);
    if (!'\r\n'.startsWith(mark)) return REFUSED;
    if (mark.length < 2) return INCOMPLETE;
    data += text.slice(at, end);
    at = end + 2;
  }
}

function modelTrailers(text: string, start: number, data: string): Verdict<ModelBody> {
  const found = linesOf(`x\r\n${text.slice(start)}`, 0, false);
  if (found === null) return REFUSED;
  const lines = found.lines.slice(1);
  const trailers = lines.map((line) => `${line}\r\n`).join('');
  const fields = fieldsOf(lines, trailers.length, 8 * 1024, 100);
  if (fields === null) return REFUSED;
  if (found.end === -1) return INCOMPLETE;
  if (fields.some(({ name }) => NOT_IN_TRAILERS.includes(name.toLowerCase()))) return REFUSED;
  return { kind: 'complete', message: { length: start + found.end - 3, data, trailers } };
}
