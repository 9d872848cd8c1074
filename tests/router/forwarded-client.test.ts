import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latin1 } from '../../src/http1/bytes.ts';
import { MembersFromRight, readForwardedElement } from '../../src/http1/forwarded.ts';
import type { RequestHead } from '../../src/http1/request-head.ts';
import { CidrSet } from '../../src/net/cidr.ts';
import { formatPeer, type PeerAddress, peerAddress, UNIX_PEER } from '../../src/net/peer.ts';
import { forwardedClient } from '../../src/router/forwarded-client.ts';
import { bytesOf, requestHead } from '../http1/support.ts';
import { check, fc } from '../support/fast-check.ts';
import { isWithin } from '../support/wait.ts';

const TRUSTED = new CidrSet(['10.0.0.0/8', 'fd00::/8']);
const PROXY = peerAddress('10.0.0.1', 999);

function head(...fields: string[]): RequestHead {
  return requestHead(`${['GET / HTTP/1.1', 'Host: test', ...fields].join('\r\n')}\r\n\r\n`);
}

/** The client as text, with `https`, `http` or `?` before it. */
function client(fields: readonly string[], peer: PeerAddress = PROXY): string {
  const { remote, isSecure } = forwardedClient(head(...fields), peer, TRUSTED);
  return `${isSecure === null ? '?' : isSecure ? 'https' : 'http'} ${formatPeer(remote)}`;
}

function forwardedFor(value: string): string {
  return client([`X-Forwarded-For: ${value}`]);
}

test('X-Forwarded-For is walked from the right, past those who are trusted', () => {
  const walks: readonly (readonly [value: string, remote: string])[] = [
    ['1.2.3.4', '1.2.3.4:0'],
    ['6.6.6.6, 1.2.3.4', '1.2.3.4:0'],
    ['1.2.3.4, 10.0.0.2', '1.2.3.4:0'],
    ['6.6.6.6, 1.2.3.4, 10.0.0.3, fd00::1', '1.2.3.4:0'],
    ['10.9.9.9, 1.2.3.4, 10.0.0.2', '1.2.3.4:0'],
    // All trusted: the leftmost.
    ['10.0.0.4,10.0.0.3,10.0.0.2', '10.0.0.4:0'],
    ['10.0.0.2', '10.0.0.2:0'],
    // Empty members do not count.
    [',, 1.2.3.4 ,\t, 10.0.0.2,,', '1.2.3.4:0'],
    [', ,', '10.0.0.1:999'],
    ['', '10.0.0.1:999'],
    // As addresses are written.
    ['1.2.3.4:567', '1.2.3.4:567'],
    ['1.2.3.4:567, 10.0.0.2:80', '1.2.3.4:567'],
    ['2001:DB8::0:1', '[2001:db8::1]:0'],
    ['[2001:db8::1]', '[2001:db8::1]:0'],
    ['[2001:db8::1]:567', '[2001:db8::1]:567'],
    ['[::ffff:1.2.3.4]:5', '1.2.3.4:5'],
    ['1.2.3.4, ::ffff:10.0.0.2', '1.2.3.4:0'],
    ['1.2.3.4, [FD00::2]:80', '1.2.3.4:0'],
    ['fe80::1%eth0', '[fe80::1]:0'],
    ['1.2.3.4:65535', '1.2.3.4:65535'],
    ['1.2.3.4:00080', '1.2.3.4:80'],
  ];
  for (const [value, remote] of walks) assert.equal(forwardedFor(value), `? ${remote}`, value);
});

test('a malformed member ends the walk at the last good one', () => {
  const bad = [
    ...['unknown', '_hidden', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4:', '1.2.3.4:x', '1.2.3.4:65536', '1.2.3.4:-1', '1.2.3.4 5'],
    ...[
      '"1.2.3.4"',
      '"',
      '[1.2.3.4]',
      '[1.2.3.4]:80',
      '[::1',
      '::1]',
      '[]',
      '[',
      ']',
      '[::1]x',
      '[::1]:',
      '[::1]80',
      ':',
      ':80',
      'for=1.2.3.4',
      '1.2.3.4;',
      '\xff',
    ],
    ...['1'.repeat(1000), `1.2.3.4:${'0'.repeat(1000)}80`, `fe80::1%${'a'.repeat(100)}`],
  ];
  for (const member of bad) {
    assert.equal(forwardedFor(member), '? 10.0.0.1:999', member);
    assert.equal(forwardedFor(`6.6.6.6, ${member}`), '? 10.0.0.1:999', member);
    assert.equal(forwardedFor(`6.6.6.6, ${member}, 10.0.0.2`), '? 10.0.0.2:0', member);
    assert.equal(forwardedFor(`6.6.6.6, ${member}, 10.0.0.3, 10.0.0.2:5`), '? 10.0.0.3:0', member);
    assert.equal(forwardedFor(`${member}, 1.2.3.4, 10.0.0.2`), '? 1.2.3.4:0', member);
  }
});

test('all lines of a field are one list, in their order', () => {
  assert.equal(client(['X-Forwarded-For: 6.6.6.6', 'Other: x', 'x-forwarded-FOR: 1.2.3.4, 10.0.0.3', 'X-Forwarded-For: 10.0.0.2']), '? 1.2.3.4:0');
  assert.equal(client(['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For:', 'X-Forwarded-For: 10.0.0.2']), '? 1.2.3.4:0');
  assert.equal(client(['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: 5.6.7.8']), '? 5.6.7.8:0');
  // A quote in one line reaches neither over a comma nor over a line.
  assert.equal(client(['X-Forwarded-For: "6.6.6.6', 'X-Forwarded-For: ", 1.2.3.4, 10.0.0.2']), '? 1.2.3.4:0');
  assert.equal(client(['X-Forwarded-Fo: 1.2.3.4', 'X-Forwarded-Fore: 1.2.3.4', 'XForwarded-For: 1.2.3.4']), '? 10.0.0.1:999');
});

test('the scheme is that of the same hop', () => {
  const list = (members: string, protos: string): string => client([`X-Forwarded-For: ${members}`, `X-Forwarded-Proto: ${protos}`]);
  assert.equal(list('1.2.3.4', 'https'), 'https 1.2.3.4:0');
  assert.equal(list('1.2.3.4', 'HTTPS'), 'https 1.2.3.4:0');
  for (const other of ['http', 'wss', 'httpss', 'on', '"https"', 'https;']) assert.equal(list('1.2.3.4', other), 'http 1.2.3.4:0');
  assert.equal(list('1.2.3.4, 10.0.0.2', 'https, http'), 'https 1.2.3.4:0');
  assert.equal(list('1.2.3.4, 10.0.0.2', 'http, https'), 'http 1.2.3.4:0');
  assert.equal(list('6.6.6.6, 1.2.3.4, 10.0.0.2', 'https, http, https'), 'http 1.2.3.4:0');
  assert.equal(list('6.6.6.6, 1.2.3.4', 'https, http'), 'http 1.2.3.4:0');
  // Written once by the outer proxy, or for a walk that ended early.
  assert.equal(list('1.2.3.4, 10.0.0.2', 'https'), 'https 1.2.3.4:0');
  assert.equal(list('6.6.6.6, unknown, 10.0.0.2', 'https, https, http'), 'http 10.0.0.2:0');
  assert.equal(list('unknown', 'https'), 'https 10.0.0.1:999');
  assert.equal(list('1.2.3.4', ', ,'), '? 1.2.3.4:0');
  assert.equal(client(['X-Forwarded-Proto: http', 'X-Forwarded-Proto: https']), 'https 10.0.0.1:999');
  assert.equal(client(['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Proto: https', 'X-Forwarded-Proto: http']), 'http 1.2.3.4:0');
  assert.equal(client(['X-Forwarded-For: 1.2.3.4']), '? 1.2.3.4:0');
});

test('Forwarded is read where there is no X-Forwarded-For', () => {
  const walks: readonly (readonly [value: string, told: string])[] = [
    ['for=1.2.3.4', '? 1.2.3.4:0'],
    ['For="1.2.3.4:567";Proto=HTTPS', 'https 1.2.3.4:567'],
    ['for="[2001:DB8::1]:567";proto=http;by=_me;host="a,b"', 'http [2001:db8::1]:567'],
    ['for="[2001:db8::1]"', '? [2001:db8::1]:0'],
    ['for=[2001:db8::1]:5', '? [2001:db8::1]:5'],
    ['for="1.2.3.4:_port"', '? 1.2.3.4:0'],
    ['for="\\1.2.3\\.4"', '? 1.2.3.4:0'],
    ['for=1.2.3.4; proto=https ;', 'https 1.2.3.4:0'],
    [';;for=1.2.3.4;;proto=https', 'https 1.2.3.4:0'],
    ['for=6.6.6.6;proto=https, for=1.2.3.4;proto=http, for=10.0.0.2;proto=https', 'http 1.2.3.4:0'],
    ['for=6.6.6.6, for="1.2.3.4";x="a, b\\", for=10.9.9.9", for="10.0.0.2"', '? 1.2.3.4:0'],
    ['for=10.0.0.3;proto=https,,for=10.0.0.2', 'https 10.0.0.3:0'],
    ['for=1.2.3.4, for=10.0.0.2;proto=https', '? 1.2.3.4:0'],
    // What hides the client, or does not name it, ends the walk.
    ['for=6.6.6.6, for=unknown, for=10.0.0.2', '? 10.0.0.2:0'],
    ['for=6.6.6.6, for="_hidden:80", for=10.0.0.2;proto=http', 'http 10.0.0.2:0'],
    ['for=6.6.6.6, proto=https, for=10.0.0.2', '? 10.0.0.2:0'],
    ['for=unknown;proto=https', 'https 10.0.0.1:999'],
    ['for=6.6.6.6, proto=https', 'https 10.0.0.1:999'],
    // A quote left open by somebody on the left swallows nothing of what was added on the right.
    ['for="6.6.6.6, for=1.2.3.4', '? 1.2.3.4:0'],
    ['for=6.6.6.6;x=", for="[2001:db8::1]"', '? [2001:db8::1]:0'],
    ['for=6.6.6.6;x="\\, for="10.0.0.2"', '? 10.0.0.2:0'],
    ['for="6.6.6.6\\", for=1.2.3.4, for=10.0.0.2', '? 1.2.3.4:0'],
    ['', '? 10.0.0.1:999'],
  ];
  for (const [value, told] of walks) assert.equal(client([`Forwarded: ${value}`]), told, value);
  const malformed = [
    'for',
    'for=',
    '=1.2.3.4',
    'for =1.2.3.4',
    'for= 1.2.3.4',
    'for=1.2.3.4 x',
    'for=1.2.3.4;x',
    'for=1.2.3.4;for=5.6.7.8',
    'for="1.2.3.4',
  ];
  const more = ['for="1.2.3.4"x', 'for=1.2.3.4;proto=http;proto=https', 'for=""', '"for"=1.2.3.4', 'for=1.2.3.4;a=b=c', 'for="a\\', '"', '\xff=1'];
  for (const element of [...malformed, ...more]) {
    assert.equal(client([`Forwarded: ${element}`]), '? 10.0.0.1:999', element);
    assert.equal(client(['Forwarded: for=6.6.6.6', `Forwarded: ${element}`, 'Forwarded: for=10.0.0.2;proto=https']), 'https 10.0.0.2:0', element);
  }
  // Whoever keeps one of the two passes the other on as it came: they are not mixed.
  assert.equal(client(['Forwarded: for=5.6.7.8;proto=https', 'X-Forwarded-For: 1.2.3.4']), '? 1.2.3.4:0');
  assert.equal(client(['Forwarded: for=5.6.7.8', 'X-Forwarded-Proto: https']), '? 5.6.7.8:0');
  assert.equal(client(['Forwarded: for=5.6.7.8', 'X-Forwarded-For: unknown']), '? 10.0.0.1:999');
});

const TELLING = [
  ...['Forwarded: for=1.2.3.4;proto=https', 'X-Forwarded-For: 1.2.3.4', 'x-forwarded-proto: https', 'X-FORWARDED-HOST: evil', 'X-Forwarded-Port: 1'],
  ...['X-Forwarded-Prefix: /x', 'X-Real-IP: 1.2.3.4', 'X-Real_Ip: 1.2.3.4', 'X_Forwarded_For: 1.2.3.4', 'x-forwarded_anything: 1'],
];
const OTHERS = [
  'X-Forwarded: 1',
  'X-Forwarded-: 1',
  'Forwarded-For: 1',
  'X-Real-IPs: 1',
  'X-Real-I: 1',
  'XX-Forwarded-For: 1',
  'Via: 1.1 x',
  'X-Forward-For: 1',
  'F: 1',
];

/** The names of the fields that would go on. */
function kept(request: RequestHead): string[] {
  const { bytes, fields } = request;
  return Array.from({ length: fields.count }, (_, i) => i)
    .filter((i) => !fields.isDropped(i))
    .map((i) => latin1(bytes, fields.nameStart(i), fields.nameEnd(i)));
}

function namesOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.slice(0, line.indexOf(':')));
}

test('a peer that is not trusted is the client, and what it tells of others is dropped', () => {
  for (const peer of [peerAddress('9.9.9.9', 5), peerAddress('::1', 5), peerAddress('11.0.0.1', 5)]) {
    const request = head(...TELLING, ...OTHERS);
    assert.deepEqual(forwardedClient(request, peer, TRUSTED), { remote: peer, isSecure: null });
    assert.deepEqual(kept(request), ['Host', ...namesOf(OTHERS)]);
  }
});

test('a trusted peer keeps its fields, but for disguised ones', () => {
  for (const peer of [PROXY, UNIX_PEER, peerAddress('fd00::1', 5), peerAddress('::ffff:10.0.0.1', 5)]) {
    const request = head(...TELLING, ...OTHERS);
    const { remote, isSecure } = forwardedClient(request, peer, TRUSTED);
    assert.deepEqual([formatPeer(remote), isSecure], ['1.2.3.4:0', true]);
    assert.deepEqual(kept(request), ['Host', ...namesOf([...TELLING.filter((line) => !line.includes('_')), ...OTHERS])]);
  }
  assert.equal(client(['X_Forwarded_For: 1.2.3.4']), '? 10.0.0.1:999');
  assert.deepEqual(forwardedClient(head(), UNIX_PEER, new CidrSet([])), { remote: UNIX_PEER, isSecure: null });
  assert.equal(client(['X-Forwarded-For: 6.6.6.6, 1.2.3.4'], UNIX_PEER), '? 1.2.3.4:0');
});

const address = fc.constantFrom('10.0.0.2', '10.1.2.3', 'fd00::2', '1.2.3.4', '2001:db8::1', '8.8.8.8', 'unknown', '1.2.3');
const spaces = fc.constantFrom('', ' ', '\t ');

test('the walk finds what a plain reading of the joined list finds', () => {
  check(
    fc.property(fc.array(fc.array(fc.tuple(spaces, fc.oneof(address, fc.constant('')), spaces), { maxLength: 5 }), { maxLength: 4 }), (lines) => {
      const values = lines.map((line) => line.map((parts) => parts.join('')).join(','));
      const members = values
        .join(',')
        .split(',')
        .map((member) => member.trim())
        .filter((member) => member !== '');
      let remote = '10.0.0.1:999';
      for (const member of members.reverse()) {
        if (member === 'unknown' || member === '1.2.3') break;
        remote = member.includes(':') ? `[${member}]:0` : `${member}:0`;
        if (!TRUSTED.contains(member)) break;
      }
      assert.equal(client(values.map((value) => `X-Forwarded-For: ${value}`)), `? ${remote}`);
    }),
  );
});

test('nobody left of a trusted hop can change what is read', () => {
  const forged = fc.array(fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'for=', '6.6.6.6', '[', ']', 'proto=https', '10.0.0.9', ':', '\xff'), {
    maxLength: 12,
  });
  check(
    fc.property(forged, fc.constantFrom('', '";x="'), (pieces, inside) => {
      const text = pieces.join('');
      assert.equal(
        client([`X-Forwarded-For: ${text}, 1.2.3.4, 10.0.0.2`, `X-Forwarded-Proto: ${text.replaceAll(',', '')}x, http, https`]),
        'http 1.2.3.4:0',
      );
      const quoted = inside === '' ? '' : ';x="a,\\"b\\\\"';
      const added = `for="[2001:db8::1]:5";proto=http${quoted}, for=10.0.0.2;proto=https`;
      assert.equal(client([`Forwarded: ${text}, ${added}`]), 'http [2001:db8::1]:5', text);
      assert.equal(client([`Forwarded: ${text}`, `Forwarded: ${added}`]), 'http [2001:db8::1]:5', text);
    }),
  );
});

test('no value makes the readers throw, and a long one is read in one pass', () => {
  check(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      const value = text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ',');
      client([`Forwarded: ${value}`, `X-Forwarded-Proto: ${value}`]);
      client([`X-Forwarded-For: ${value}`]);
      const bytes = bytesOf(value);
      readForwardedElement(bytes, 0, bytes.length);
    }),
  );
  for (const piece of ['10.0.0.2,', ',', '"', '\\"', '"\\\\', ', "', '[', ';', 'a=b;', 'for="10.0.0.2",']) {
    const value = piece.repeat(Math.floor(60_000 / piece.length));
    const started = performance.now();
    client([`X-Forwarded-For: ${value}`]);
    client([`Forwarded: ${value}`]);
    assert.ok(isWithin(1000, started), piece);
  }
});

test('members come from the right, with quoted commas left whole where values may be quoted', () => {
  const members = (isQuotable: boolean, ...values: string[]): string[] => {
    const { bytes, fields } = head(...values.map((value) => `List: ${value}`));
    const walk = new MembersFromRight(bytes, fields, bytesOf('list'), isQuotable);
    const found: string[] = [];
    while (walk.next()) found.push(latin1(bytes, walk.start, walk.end));
    assert.equal(walk.next(), false);
    return found;
  };
  assert.deepEqual(members(false, 'a, b', ' c ,,', '', 'd'), ['d', 'c', 'b', 'a']);
  assert.deepEqual(members(false, 'a="x,y"'), ['y"', 'a="x']);
  assert.deepEqual(members(true, 'a="x,y", b="\\",\\\\",c'), ['c', 'b="\\",\\\\"', 'a="x,y"']);
  assert.deepEqual(members(true, 'a, b", c'), ['c', 'a, b"']);
  assert.deepEqual(members(true), []);

  const { bytes, fields } = head('List: a', 'List: b');
  fields.drop(2);
  const walk = new MembersFromRight(bytes, fields, bytesOf('list'), false);
  assert.ok(walk.next() && walk.start === fields.valueStart(1) && !walk.next());
});
