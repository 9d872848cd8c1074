/** What other proxies say of a client, and what a client says it takes: read from anything, held against simple models. */

import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { acceptsGzip } from '../../src/http1/accept-encoding.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { CidrSet } from '../../src/net/cidr.ts';
import type { PeerAddress } from '../../src/net/peer.ts';
import { MAX_PROXY_HEADER_BYTES, MAX_PROXY_LINE_BYTES, readProxyHeader } from '../../src/net/proxy-protocol.ts';
import { forwardedClient } from '../../src/router/forwarded-client.ts';
import { NO_FRONT } from '../../src/router/front.ts';
import { Peer } from '../../src/router/peer.ts';
import { Prelude } from '../../src/router/prelude.ts';
import { bytesOf } from '../http1/support.ts';
import { type ModelRequest, modelRequest } from './model.ts';
import { pieces, type Random, show } from './random.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

// PROXY headers

interface ModelHeader {
  readonly end: number;
  /** Null where the header tells none. */
  readonly source: { readonly address: string; readonly port: number } | null;
}

/** A line of version 1 at the start of `text`; null when it is none. */
function modelLine(text: string): ModelHeader | null {
  const line = /^PROXY ([^\r\n]*)\r\n/.exec(text);
  if (line === null || line[0].length > MAX_PROXY_LINE_BYTES) return null;
  const end = line[0].length;
  if (/^UNKNOWN( |$)/.test(line[1]!)) return { end, source: null };
  const [family, source = '', destination = '', ...ports] = line[1]!.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  const isPort = (port: string): boolean => /^(0|[1-9]\d{0,4})$/.test(port) && Number(port) <= 65535;
  if (ports.length !== 2 || !ports.every(isPort) || ![source, destination].every((one) => isAddress(one) && !one.includes('%'))) return null;
  return { end, source: { address: source, port: Number(ports[0]) } };
}

/** Any bytes before a request: they are a header of either version, or none, or broken, however they come. */
export function checkProxy(text: string, random: Random): string {
  const whole = readProxyHeader(bytesOf(text), 0, text.length);
  const padded = readProxyHeader(bytesOf(`xx${text}\r\n\0`), 2, 2 + text.length);
  assert.deepEqual(padded.kind === 'complete' ? { ...padded, end: padded.end - 2 } : padded, whole, `it depends on what lies around: ${show(text)}`);
  for (let i = 0; i < 4; i++) {
    const length = random.below(text.length + 1);
    const early = readProxyHeader(bytesOf(text.slice(0, length)), 0, length);
    if (early.kind === 'incomplete') assert.ok(length < MAX_PROXY_HEADER_BYTES, 'it holds back more than a header');
    else if (early.kind !== 'invalid') assert.deepEqual(early, whole, `another verdict after ${length} bytes: ${show(text)}`);
    else assert.equal(whole.kind, 'invalid', `broken after ${length} bytes only: ${show(text)}`);
  }
  if (text.startsWith('PROXY ')) {
    const model = modelLine(text);
    assert.equal(whole.kind === 'complete', model !== null, show(text));
    if (whole.kind === 'complete') {
      assert.equal(whole.end, model!.end);
      assert.deepEqual(whole.source?.port, model!.source?.port);
      if (whole.source?.family === 'ipv4' && isIPv4(model!.source!.address)) assert.equal(whole.source.address, model!.source!.address);
    }
  } else if (whole.kind === 'complete') {
    assert.ok(text.startsWith(SIGNATURE), show(text));
    assert.equal(whole.end, 16 + 256 * text.charCodeAt(14) + text.charCodeAt(15));
    const isTold = (text.charCodeAt(12) & 15) === 1 && [1, 2].includes(text.charCodeAt(13) >> 4) && (text.charCodeAt(13) & 15) !== 0;
    assert.equal(whole.source !== null, isTold, show(text));
  } else if (whole.kind !== 'none')
    assert.ok(
      [SIGNATURE, 'PROXY '].some((start) => start.startsWith(text.slice(0, start.length))),
      show(text),
    );
  return `${whole.kind} ${checkPrelude(text, random)} ${whole.kind === 'complete' ? `${whole.source?.family} ${Math.min(whole.end, 40)}` : ''}`;
}

/** A prelude takes the header and hands on what follows, every byte of it, whatever pieces they come in. */
function checkPrelude(text: string, random: Random): string {
  const read = (cuts: readonly number[]): string => {
    const peer = new Peer(NO_FRONT, { remote: LOCAL, local: LOCAL, tls: null });
    const prelude = new Prelude({ proxyProtocol: true, proxyFrom: null, studFrom: null }, peer);
    let rest = '';
    for (const piece of pieces(text, cuts)) {
      const left = prelude.read(bytesOf(piece));
      if (prelude.refusal !== null) return prelude.refusal.code;
      if (left !== null) rest += Buffer.from(left).toString('latin1');
    }
    const { remote } = peer;
    return remote === LOCAL ? `nobody ${rest}` : `${remote.address} ${remote.port} ${rest}`;
  };
  const whole = read([]);
  const cut = read(random.cuts(text.length, 6));
  assert.equal(cut, whole, `in pieces: ${show(text)}`);
  return whole.slice(0, 10);
}

// X-Forwarded-For and the like

const LOCAL: PeerAddress = { family: 'ipv4', address: '127.0.0.1', port: 1 };
const TRUSTED = new CidrSet(['127.0.0.0/8', '10.0.0.0/8', '::1/128']);
const TELLS = /^(forwarded|x-real-ip|x-forwarded-.+)$/;

function headOf(text: string): RequestHead | null {
  const head = new RequestHead();
  const bytes = bytesOf(text);
  return head.parse(bytes, bytes.length, true) === PARSE.complete ? head : null;
}

/** Whoever is not trusted can say nothing; and what stands left of the client, which anyone can write, changes nothing. */
export function checkForwarded(text: string, random: Random): string {
  const verdict = modelRequest(text);
  if (verdict.kind !== 'complete') return verdict.kind;
  const head = headOf(text)!;
  const stranger: PeerAddress = { family: 'ipv4', address: '203.0.113.9', port: 2 };
  const asStranger = forwardedClient(headOf(text)!, stranger, TRUSTED);
  assert.deepEqual(asStranger, { remote: stranger, isSecure: null }, `a stranger is believed: ${show(text)}`);
  const { remote, isSecure } = forwardedClient(head, LOCAL, TRUSTED);
  for (let i = 0; i < head.fields.count; i++) {
    const name = Buffer.from(head.bytes.subarray(head.fields.nameStart(i), head.fields.nameEnd(i)))
      .toString('latin1')
      .toLowerCase();
    if (name.includes('_') && TELLS.test(name.replaceAll('_', '-'))) assert.ok(head.fields.isDropped(i), `${name} goes on: ${show(text)}`);
  }
  const members = listOf(verdict.message, 'x-forwarded-for');
  if (members.length > 0) assert.equal(remote.address, walk(members), show(text));
  if (remote !== LOCAL) {
    assert.ok(isIPv4(remote.address) || isIPv6(remote.address), `${remote.address} is no address`);
    // The walk has ended at a stranger: more to the left is what that one said.
    const name = members.length > 0 ? 'X-Forwarded-For' : 'Forwarded';
    const lie = random.pick(['198.51.100.7', 'for=198.51.100.7', '127.0.0.1', 'unknown', '"', 'for="', ', ,', '\\"', 'for="[::1]:80";proto=https']);
    const more = headOf(text.replace(/(\r\n)/, '$1').replace(/^((?:\r\n)*[^\r]*\r\n)/, `$1${name}: ${lie}\r\n`));
    if (more !== null && !TRUSTED.contains(remote.address)) {
      const lied = forwardedClient(more, LOCAL, TRUSTED);
      assert.deepEqual(lied.remote, remote, `${name}: ${lie} in front changes the client: ${show(text)}`);
      if (members.length === 0) assert.equal(lied.isSecure, isSecure, `${name}: ${lie} in front changes https: ${show(text)}`);
    }
  }
  return `complete ${remote.family} ${remote === LOCAL} ${isSecure} ${members.length}`;
}

function listOf(request: ModelRequest, name: string): string[] {
  return request.lines
    .filter((line) => line.name.toLowerCase() === name && !line.dropped)
    .flatMap(({ value }) => value.split(','))
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
}

/** From the right, past those who are trusted, up to one that is no address. */
function walk(members: readonly string[]): string {
  let address = LOCAL.address;
  for (const member of members.toReversed()) {
    if (member.length > 100) return address;
    // A zone means nothing here.
    const bare = member.replace(/%[\w.-]+$/, '');
    const match = /^(?:([\d.]+)|\[([\da-fA-F:.]+)(?:%[\w.-]+)?\])(?::(\d{1,5}|_[\w.-]+))?$/.exec(member) ?? (isIPv6(bare) ? [bare, bare] : null);
    const found = match?.[1] ?? match?.[2];
    const port = match?.[3];
    if (found === undefined || (!isIPv4(found) && !isIPv6(found)) || (port !== undefined && Number(port) > 65535)) return address;
    address = canonical(found);
    if (!TRUSTED.contains(address)) return address;
  }
  return address;
}

/** One spelling, and IPv4 for what is mapped. */
function canonical(address: string): string {
  if (isIPv4(address)) return address;
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short);
  if (mapped === null) return short;
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

// Accept-Encoding

/** RFC 9110 12.5.3, on strings. */
export function checkGzip(text: string): string {
  const verdict = modelRequest(text);
  if (verdict.kind !== 'complete') return verdict.kind;
  const said = verdict.message.lines.filter(({ name }) => name.toLowerCase() === 'accept-encoding').flatMap(({ value }) => value.split(','));
  const named: boolean[] = [];
  const any: boolean[] = [];
  for (const member of said.map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ''))) {
    const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]*/.exec(member)![0].toLowerCase();
    if (name !== 'gzip' && name !== 'x-gzip' && name !== '*') continue;
    const weight = /^(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i.exec(member.slice(name.length));
    (name === '*' ? any : named).push(weight !== null && Number(weight[1] ?? 1) > 0);
  }
  const decides = named.length > 0 ? named : any;
  const expected = decides.length > 0 && decides.every(Boolean);
  assert.equal(acceptsGzip(headOf(text)!), expected, show(text));
  return `complete ${expected} ${Math.min(named.length, 3)} ${Math.min(any.length, 3)}`;
}
