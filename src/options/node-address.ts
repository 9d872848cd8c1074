/** How a node is written: `10.0.0.1:3031,weight=3,backup=1`, `http://app.example:8000`, `puwsgi:/run/app.sock,uwsgi=/run/plain.sock`. */

import { AddressError, type ConnectAddress, isIpLiteral, parseConnectAddress } from '../net/address.ts';
import { adviseAddress } from './address-advice.ts';
import { didYouMean } from './suggest.ts';
import { quote } from './value-error.ts';

/** A node as it was understood. */
export interface ParsedNode {
  readonly kind: 'uwsgi' | 'http' | 'puwsgi';
  readonly address: ConnectAddress;
  /** Of a `puwsgi` node: where requests with a body go; null when it has no such address. */
  readonly plain: ConnectAddress | null;
  /** 1–1000. */
  readonly weight: number;
  readonly isBackup: boolean;
  /** 0–255; null when the router's own shall be used. */
  readonly modifier1: number | null;
  readonly modifier2: number | null;
  /** 0 for no limit. */
  readonly maxConnections: number;
  /** Failures in a row that make it dead; null when nothing is said. */
  readonly fails: number | null;
  /** As the user wrote it, without its options. */
  readonly text: string;
}

type Kind = ParsedNode['kind'];

const KINDS: readonly Kind[] = ['uwsgi', 'http', 'puwsgi'];
const HTTP_PORT = 80;

/** The options that are numbers, and their bounds. */
const RANGES: ReadonlyMap<string, readonly [min: number, max: number]> = new Map([
  ['weight', [1, 1000]],
  ['backup', [0, 1]],
  ['modifier1', [0, 255]],
  ['modifier2', [0, 255]],
  ['max-conns', [0, 1_000_000]],
  ['fails', [1, 1000]],
]);

/**
 * Reads one node. Without a scheme it is of `defaultKind`; `http://host` alone has port 80.
 * A number behind the address is modifier1, as uWSGI's mappers have it (`10.0.0.1:3031,5`).
 * @throws {AddressError} with what to write instead
 */
export function parseNode(text: string, defaultKind: 'uwsgi' | 'http'): ParsedNode {
  const [written = '', ...pieces] = text.split(',').map((piece) => piece.trim());
  const { kind, place, isHost } = splitScheme(written, defaultKind);
  const address = isHost ? parseHost(written, kind, place) : parsePlace(written, place);
  const options = readOptions(text, kind, pieces);
  const number = (name: string): number | null => (options.has(name) ? Number(options.get(name)) : null);
  const plain = options.get('uwsgi');
  return {
    kind,
    address,
    plain: plain === undefined ? null : parsePlain(text, plain, address),
    weight: number('weight') ?? 1,
    isBackup: number('backup') === 1,
    modifier1: number('modifier1'),
    modifier2: number('modifier2'),
    maxConnections: number('max-conns') ?? 0,
    fails: number('fails'),
    text: written,
  };
}

function fail(text: string, problem: string, hint: string): never {
  throw new AddressError(`${quote(text)}: ${problem}; ${hint}`);
}

/** `uwsgi:3031` is port 3031 of a host of that name: a scheme has two slashes behind it, or a path, or an abstract name. */
function splitScheme(written: string, defaultKind: Kind): { kind: Kind; place: string; isHost: boolean } {
  const match = /^([a-z][a-z0-9+.-]*):(?:(\/\/)|(?=[/@.]))/i.exec(written);
  if (match === null) return { kind: defaultKind, place: written, isHost: false };
  const scheme = match[1].toLowerCase();
  const kind = KINDS.find((one) => one === scheme);
  if (kind === undefined) return failScheme(written, scheme);
  return { kind, place: written.slice(match[0].length), isHost: match[2] !== undefined };
}

function failScheme(written: string, scheme: string): never {
  if (scheme === 'https') return fail(written, 'TLS towards nodes is not available yet', 'write http:// where the network between can be trusted');
  if (scheme === 'fd') return fail(written, 'an inherited descriptor can only be listened on', 'write the address of the node');
  const known = didYouMean(scheme, KINDS) ?? adviseAddress(written) ?? `a node is ${KINDS.join(', ')}, or has no scheme`;
  return fail(written, `"${scheme}" is nothing that nodes speak`, known);
}

function parsePlace(written: string, place: string): ConnectAddress {
  const advice = adviseAddress(place);
  if (advice !== null) fail(written, 'this is no address', advice);
  return parseConnectAddress(place);
}

/** What stands behind `scheme://`: host and port. What is asked for there is the client's affair, its target passes unchanged. */
function parseHost(written: string, kind: Kind, place: string): ConnectAddress {
  const authority = /^[^/?#]*/.exec(place)![0];
  const at = authority.lastIndexOf('@');
  if (authority === '' || at === 0)
    fail(written, `${kind}:// wants a host`, `write ${kind}://host:port, or ${kind}:${place || '/path.sock'} for a socket`);
  if (at !== -1) fail(written, 'a node has no user name and password', `write "${kind}://${authority.slice(at + 1)}"`);
  if (authority !== place) fail(written, 'a node has no path and no query: targets pass as they came', `write "${kind}://${authority}"`);
  if (isIpLiteral(authority) && authority.includes(':'))
    fail(written, 'an IPv6 address stands in brackets', `write "${kind}://[${authority}]${kind === 'http' ? '' : ':3031'}"`);
  const hasPort = /:[^\]:]*$/.test(authority);
  if (!hasPort && kind !== 'http') fail(written, 'the port is missing', `write "${written}:3031"`);
  return parseConnectAddress(hasPort ? authority : `${authority}:${HTTP_PORT}`);
}

/** Host names are looked up, and a node is one address of its name: the plain one can move with it only when the name is the same. */
function parsePlain(text: string, plain: string, address: ConnectAddress): ConnectAddress {
  const parsed = parsePlace(text, plain);
  if (parsed.kind === 'tcp' && !isIpLiteral(parsed.host) && (address.kind !== 'tcp' || address.host !== parsed.host))
    fail(text, `the name "${parsed.host}" in uwsgi= is not that of the node`, 'write the same name there, or an IP address');
  return parsed;
}

function readOptions(text: string, kind: Kind, pieces: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (const [index, piece] of pieces.entries()) {
    const [name, value] = splitOption(text, index, piece);
    if (options.has(name)) fail(text, `${name} is there twice`, 'keep one of them');
    options.set(name, value);
    const range = RANGES.get(name);
    if (range !== undefined) checkNumber(text, name, value, range);
    if (kind === 'http' && name.startsWith('modifier')) fail(text, `${name} is for uwsgi`, 'leave it out, or write the node as uwsgi://host:port');
    if (kind !== 'puwsgi' && name === 'uwsgi')
      fail(text, 'uwsgi= is the plain uwsgi address of a puwsgi node', 'give this node an http-to of its own, or write puwsgi:// before it');
  }
  return options;
}

function splitOption(text: string, index: number, piece: string): readonly [name: string, value: string] {
  if (index === 0 && /^\d+$/.test(piece)) return ['modifier1', piece];
  if (piece === '') fail(text, 'a comma stands alone', 'write an option such as weight=3 behind it, or leave it out');
  const equals = piece.indexOf('=');
  const name = (equals === -1 ? piece : piece.slice(0, equals)).trim();
  if (!RANGES.has(name) && name !== 'uwsgi') {
    if (equals === -1 && /[:@]/.test(piece)) fail(text, `${quote(piece)} is no option`, 'give http-to once for each node');
    const names = [...RANGES.keys(), 'uwsgi'];
    const list = `the options of a node are ${names.join(', ')}; a path with a comma cannot be written here`;
    fail(text, `a node has no option ${quote(name)}`, didYouMean(name, names) ?? list);
  }
  if (equals === -1) fail(text, `${name} wants a value`, `write ${name}=${name === 'uwsgi' ? '127.0.0.1:3031' : '1'}`);
  return [name, piece.slice(equals + 1).trim()];
}

function checkNumber(text: string, name: string, value: string, [min, max]: readonly [number, number]): void {
  if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return;
  fail(text, `${name} cannot be ${quote(value)}`, `write a number from ${min} to ${max}`);
}
