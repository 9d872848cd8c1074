import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_PACKET_BYTES, MAX_VARS_BYTES, PacketError, readPacket, writePacketHeader } from '../../src/uwsgi/packet.ts';
import { encodeVars } from '../../src/uwsgi/request-vars.ts';
import { bytesOf } from '../http1/support.ts';
import type { Vars } from './support.ts';

function packet(vars: Uint8Array, modifier1 = 0, modifier2 = 0): Uint8Array {
  const out = new Uint8Array(4 + vars.length);
  out.set(vars, 4);
  writePacketHeader(out, out.length, modifier1, modifier2);
  return out;
}

const VARS: Vars = [
  ['A', 'b'],
  ['EMPTY', ''],
  ['A', 'twice'],
  ['LONG', 'x'.repeat(1000)],
];

test('a packet is read as it was written, and the body does not count', () => {
  const bytes = packet(encodeVars(VARS), 5, 30);
  assert.deepEqual(readPacket(bytes), { modifier1: 5, modifier2: 30, vars: VARS, end: bytes.length });
  const withBody = new Uint8Array([...bytes, 1, 2, 3]);
  assert.equal(readPacket(withBody)?.end, bytes.length);
});

test('a packet that is not complete is asked for again, at every byte', () => {
  const bytes = packet(encodeVars(VARS.slice(0, 3)));
  for (let length = 0; length < bytes.length; length++) assert.equal(readPacket(bytes.subarray(0, length)), null, `${length} bytes`);
  assert.notEqual(readPacket(bytes), null);
});

test('a packet without vars, and the largest one', () => {
  assert.deepEqual(readPacket(Uint8Array.of(1, 0, 0, 2)), { modifier1: 1, modifier2: 2, vars: [], end: 4 });
  const largest = packet(encodeVars([['A', 'b'.repeat(MAX_VARS_BYTES - 5)]]));
  assert.equal(largest.length, MAX_PACKET_BYTES);
  assert.deepEqual([...largest.subarray(0, 4)], [0, 0xff, 0xff, 0]);
  assert.equal(readPacket(largest)?.vars[0][1].length, MAX_VARS_BYTES - 5);
});

test('every byte of a value is a character of its own', () => {
  const value = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
  assert.equal(readPacket(packet(bytesOf(`\x01\0A\0\x01${value}`)))?.vars[0][1], value);
});

test('what breaks the protocol is told', () => {
  const broken: readonly (readonly [string, RegExp])[] = [
    ['\0\0\x01\0b', /empty key/],
    ['\x01\0A\x01\0b\0\0\0\0', /empty key/],
    ['\x01', /cut off/],
    ['\x01\0A', /cut off/],
    ['\x01\0A\x01', /cut off/],
    ['\x02\0A', /over the end/],
    ['\x01\0A\x02\0b', /over the end/],
    ['\x01\0A\xff\xffb', /over the end/],
    ['\x01\0A\x01\0b\x01', /cut off/],
  ];
  for (const [vars, says] of broken) {
    assert.throws(
      () => readPacket(packet(bytesOf(vars))),
      (error) => error instanceof PacketError && says.test(error.message),
      JSON.stringify(vars),
    );
    // What lies behind the packet is no part of it.
    assert.throws(() => readPacket(new Uint8Array([...packet(bytesOf(vars)), ...bytesOf('\x01\0A\x01\0b')])), PacketError);
  }
});

test('vars are encoded as UTF-8', () => {
  assert.deepEqual([...encodeVars([['K', 'é']])], [1, 0, 0x4b, 2, 0, 0xc3, 0xa9]);
});
