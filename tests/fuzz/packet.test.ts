/** uwsgi packets: vars go in and come out, broken ones are told, and what a request becomes is what the model makes of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_PACKET_BYTES, readPacket, writePacketHeader } from '../../src/uwsgi/packet.ts';
import { encodeVars, makeVarsTemplate, writeRequestVars } from '../../src/uwsgi/request-vars.ts';
import { bytesOf, requestHead } from '../http1/support.ts';
import { check, fc } from '../support/fast-check.ts';
import * as made from './messages.ts';
import { modelPacket } from './packet-model.ts';
import { Random } from './random.ts';
import { TARGETS } from './targets.ts';

const RANDOM = new Random(1);
const ascii = fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[^\x00-\x7f]/g, '?'));
const vars = fc.array(
  fc.tuple(
    ascii.filter((key) => key !== ''),
    ascii,
  ),
  { maxLength: 12 },
);
const modifier = fc.nat(255);

function packetOf(list: readonly (readonly [string, string])[], modifier1 = 0, modifier2 = 0): Uint8Array {
  const block = encodeVars(list);
  const out = new Uint8Array(4 + block.length);
  out.set(block, 4);
  writePacketHeader(out, out.length, modifier1, modifier2);
  return out;
}

test('vars that are written are read back in order, and what lies behind the packet does not count', () => {
  check(
    fc.property(vars, modifier, modifier, made.bytes, (list, modifier1, modifier2, behind) => {
      const packet = packetOf(list, modifier1, modifier2);
      const bytes = new Uint8Array([...packet, ...bytesOf(behind)]);
      assert.deepEqual(readPacket(bytes), { modifier1, modifier2, vars: list, end: packet.length });
      for (let length = 0; length < packet.length; length++) assert.equal(readPacket(packet.subarray(0, length)), null);
    }),
    300,
  );
});

test('a broken packet is told from a good one as the model does it', () => {
  check(
    fc.property(vars, fc.array(fc.tuple(fc.nat(), modifier), { maxLength: 4 }), (list, changes) => {
      const packet = packetOf(list);
      for (const [at, byte] of changes) packet[at % packet.length] = byte;
      TARGETS.packet!(Buffer.from(packet).toString('latin1'), RANDOM);
    }),
  );
  check(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      if (bytes.length > 2) bytes[2] = 0;
      TARGETS.packet!(Buffer.from(bytes).toString('latin1'), RANDOM);
    }),
    1500,
  );
});

test('a request becomes the vars of the model, and nothing else', () => {
  const more = fc.array(
    fc.constantFrom(
      'Cookie: a=b\r\n',
      'cookie: c\r\n',
      'Content-Type: x\r\n',
      'Proxy: y\r\n',
      'X_A: z\r\n',
      'X-A: 1\r\n',
      'x-a:2\r\n',
      'Connection: x-a\r\n',
      'Content-Length: 7\r\n',
      'Connection: upgrade\r\nUpgrade: a\r\n',
    ),
    { maxLength: 6 },
  );
  check(fc.property(made.request, more, (request, fields) => void TARGETS.vars!(made.requestText(request, fields.join('')), RANDOM)));
});

test('a path is decoded and cleaned as the model does it', () => {
  const piece = fc.constantFrom('/', '//', '.', '..', '/.', '/..', '/../', '%2e', '%2F', '%2f..', 'a', '%00', '%', '%4', '%zz', '%e9', ';', '...');
  check(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.boolean(),
      (pieces, isAbsolute) => void TARGETS.vars!(`GET ${isAbsolute ? 'http://a' : ''}/${pieces.join('')} HTTP/1.1\r\nHost: a\r\n\r\n`, RANDOM),
    ),
    1500,
  );
});

test('a packet is never longer than its room, whatever the room is', () => {
  const template = makeVarsTemplate({
    serverName: 'x'.repeat(50),
    serverPort: '80',
    vars: [['K', 'v']],
    serverNameAsHttpHost: true,
    allowUnderscores: true,
    lenientPath: false,
    chunkedInput: true,
  });
  const fields = fc.array(fc.tuple(fc.constantFrom('a', 'a-b', 'a_b', 'cookie', 'c', 'd'), fc.oneof(fc.nat(40), fc.nat(9000))), { maxLength: 8 });
  const write = (out: Uint8Array, text: string): unknown => writeRequestVars(out, requestHead(text), template, { address: '1.2.3.4', port: 1 }, 12);
  check(
    fc.property(made.request, fields, fc.nat(600), (request, list, less) => {
      const text = made.requestText(request, list.map(([name, size]) => `${name}: ${'v'.repeat(size)}\r\n`).join(''));
      if (text.length > 60_000) return;
      const largest = write(new Uint8Array(MAX_PACKET_BYTES), text);
      if (typeof largest !== 'number') return;
      // Around the room it needs; a write behind the end of a typed array would be lost without a word.
      const out = new Uint8Array(Math.max(largest - less + 200, 0));
      const end = write(out, text);
      if (typeof end !== 'number') return;
      assert.equal(end, largest);
      assert.ok(end <= out.length, `${end} of ${out.length}`);
      writePacketHeader(out, end, 0, 0);
      const read = modelPacket(Buffer.from(out.subarray(0, end)).toString('latin1'));
      assert.ok(read !== null && read !== 'broken' && read.end === end && read.vars.at(-1)!.join() === 'K,v');
    }),
  );
});
