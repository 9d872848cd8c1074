import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, editDistance, suggest } from '../../src/options/suggest.ts';

test('edit distance counts changes, additions, losses and swaps', () => {
  for (const [a, b, distance] of [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['http', 'htpt', 1],
    ['http', 'htp', 1],
    ['http', 'httpp', 1],
    ['http', 'hxtp', 1],
    ['kitten', 'sitting', 3],
  ] as const) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
  }
});

test('the nearest names, and names that go on', () => {
  const names = ['http', 'http-to', 'http-timeout', 'http-keepalive', 'uid', 'gid'];
  assert.deepEqual(suggest('htttp', names), ['http']);
  assert.deepEqual(suggest('HTTP_TO', names), ['http-to']);
  assert.deepEqual(suggest('http-keep', names), ['http-keepalive']);
  assert.deepEqual(suggest('HTTP_KEEP', names), ['http-keepalive']);
  assert.deepEqual(suggest('http-t', names), ['http-timeout', 'http-to']);
  assert.deepEqual(suggest('vid', names), ['gid', 'uid']);
  assert.deepEqual(suggest('emperor', names), []);
});

test('the words', () => {
  assert.equal(didYouMean('vid', ['uid', 'gid', 'pid'], '--'), 'did you mean "--gid", "--pid" or "--uid"?');
  assert.equal(didYouMean('vi', ['uid']), null);
});
