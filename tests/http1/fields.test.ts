import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIELD, fieldId } from '../../src/http1/field-names.ts';
import { Fields, fieldHash, PARSE, UNDERSCORE } from '../../src/http1/fields.ts';
import { bytesOf } from './support.ts';

const LINES = 'Host: a\r\nX_Y-z: one\r\nCookie: b=c\r\n\r\n';

/** What a reader of fields can ask, for the field `i`. */
function about(fields: Fields, i: number) {
  return [
    fields.nameStart(i),
    fields.nameEnd(i),
    fields.valueStart(i),
    fields.valueEnd(i),
    fields.id(i),
    fields.hasUnderscore(i),
    fields.isDropped(i),
    fields.hash(i),
  ];
}

test('a field that is added is what the same one is as a line', () => {
  const bytes = bytesOf(LINES);
  const parsed = new Fields();
  parsed.reset(0);
  assert.equal(parsed.parse(bytes, bytes.length, false), PARSE.complete);
  const added = new Fields();
  added.reset(0);
  for (let i = 0; i < parsed.count; i++) {
    const [start, end] = [parsed.nameStart(i), parsed.nameEnd(i)];
    const kind = fieldId(bytes, start, end) | (bytes.subarray(start, end).includes(0x5f) ? UNDERSCORE : 0);
    added.add(start, end, parsed.valueStart(i), parsed.valueEnd(i), kind, fieldHash(bytes, start, end));
  }
  assert.equal(added.count, 3);
  for (let i = 0; i < 3; i++) assert.deepEqual(about(added, i), about(parsed, i));
  assert.equal(added.id(0), FIELD.host);
});

test('names that make the same CGI name have the same hash', () => {
  const hash = (name: string): number => fieldHash(bytesOf(name), 0, name.length);
  assert.equal(hash('X-Real_ip'), hash('x_real-IP'));
  assert.notEqual(hash('x-real-ip'), hash('x-real-iq'));
});
