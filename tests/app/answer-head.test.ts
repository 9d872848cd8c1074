/** Heads of answers: most are the same as the one before, and must not be taken for it when they are not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerHead } from '../../src/app/answer-head.ts';
import { bodyKey, type ResponseParts } from '../../src/app/app-response.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { check, fc } from '../support/fast-check.ts';

interface Parts {
  status: number;
  statusText: string;
  body: string | null;
  pairs: string[];
  isHead: boolean;
}

function write(head: AnswerHead, { status, statusText, body, pairs, isHead }: Parts): string {
  const headers = new Headers();
  for (let i = 0; i < pairs.length; i += 2) headers.append(pairs[i]!, pairs[i + 1]!);
  const response = { status, statusText, headers, pairs, [bodyKey]: body } as unknown as ResponseParts;
  assert.equal(head.write(response, isHead), true);
  const { bytes, end } = head.head;
  return `${latin1(bytes, 0, end)}${latin1(head.bytes, head.bodyStart, head.bodyEnd)}`;
}

const TYPES = ['content-type', 'application/json'];
const parts = fc.record({
  status: fc.constantFrom(200, 204, 304, 404),
  statusText: fc.constantFrom('', '', 'Fine'),
  body: fc.constantFrom(null, '', 'one', 'two', 'three', 'ö'),
  pairs: fc.constantFrom(TYPES, [...TYPES, 'x-a', '1'], [...TYPES, 'x-a', '2'], ['x-a', '1', ...TYPES], [], ['content-length', '7', ...TYPES]),
  isHead: fc.boolean(),
});

test('an answer is the same behind any other as alone', () => {
  check(
    fc.property(fc.array(parts, { minLength: 2, maxLength: 6 }), (answers) => {
      const one = new AnswerHead();
      for (const answer of answers) assert.equal(write(one, answer), write(new AnswerHead(), answer));
    }),
  );
});

test('a head that was refused is not taken for the one before', () => {
  const head = new AnswerHead();
  const good: Parts = { status: 200, statusText: '', body: 'x', pairs: TYPES, isHead: false };
  const first = write(head, good);
  for (let i = 0; i < 2; i++) assert.throws(() => write(head, { ...good, pairs: [...TYPES, 'transfer-encoding', 'gzip'] }));
  assert.equal(write(head, good), first);
});
