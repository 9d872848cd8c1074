import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Details, type Level, Log } from '../../src/log/log.ts';
import { FakeTime } from '../support/fake-time.ts';

interface Recorded {
  readonly log: Log;
  /** What the sink got, call by call: a line each. */
  readonly batches: string[];
}

function record(level?: Level): Recorded {
  const batches: string[] = [];
  return { log: new Log((text) => void batches.push(text), level), batches };
}

/** The line without its time. */
function line(message: string, details?: Details): string {
  const { log, batches } = record();
  log.info(message, details);
  log.flush();
  assert.equal(batches.length, 1);
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info (.*)\n$/s.exec(batches[0]);
  assert.ok(match !== null, batches[0]);
  return match[1];
}

test('a line tells time, level, message and details', () => {
  assert.equal(line('hello there'), 'hello there');
  assert.equal(line('m', { node: '127.0.0.1:80', count: 3, gone: undefined, target: '/a?b' }), 'm node=127.0.0.1:80 count=3 target=/a?b');
});

test('values that could be taken for something else are quoted', () => {
  assert.equal(line('m', { a: '' }), 'm a=""');
  assert.equal(line('m', { a: 'b c' }), 'm a="b c"');
  assert.equal(line('m', { a: 'b=c' }), 'm a="b=c"');
  assert.equal(line('m', { a: 'b" c="d' }), 'm a="b\\" c=\\"d"');
  assert.equal(line('m', { a: '\\" b' }), 'm a="\\\\\\" b"');
  assert.equal(line('m', { a: '\\' }), 'm a=\\\\');
});

test('nothing from outside ends a line or steers a terminal', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['\r\n', '\\x0d\\x0a'],
    ['\x1b[2J', '\\x1b[2J'],
    ['\0', '\\x00'],
    ['\x07\x08\x7f', '\\x07\\x08\\x7f'],
    ['\x9b31m', '\\x9b31m'],
    ['\x85', '\\x85'],
    ['\t', '\\x09'],
  ];
  for (const [text, escaped] of cases) {
    assert.equal(line('m', { a: text }), `m a=${escaped}`);
    assert.equal(line(text), escaped);
  }
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
  for (const text of [line(all), line('m', { a: all })]) assert.ok(!/[\x00-\x1f\x7f-\x9f]/.test(text));
});

test('a value is cut before it is escaped', () => {
  assert.equal(line('m', { a: 'b'.repeat(256) }), `m a=${'b'.repeat(256)}`);
  assert.equal(line('m', { a: 'b'.repeat(257) }), `m a=${'b'.repeat(256)}…`);
  assert.equal(line('m', { a: '\n'.repeat(100_000) }), `m a=${'\\x0a'.repeat(256)}…`);
});

test('only lines of the level and above are written', () => {
  const levels: readonly Level[] = ['error', 'warn', 'info', 'debug'];
  for (const [rank, level] of levels.entries()) {
    const { log, batches } = record(level);
    for (const one of levels) log[one](one);
    for (const one of levels) log.event(one, 'c', one);
    log.flush();
    const told = batches.join('').split('\n').slice(0, -1);
    const expected = levels.slice(0, rank + 1);
    assert.deepEqual(
      told.map((text) => text.split(' ')[1]),
      [...expected, ...expected],
    );
    assert.deepEqual(
      levels.map((one) => log.writes(one)),
      levels.map((_, i) => i <= rank),
    );
  }
});

test('a hundred lines a second for one code, and what is left out is told, even when nothing follows', () => {
  using time = new FakeTime();
  const { log, batches } = record();
  for (let i = 0; i < 150; i++) log.event('info', 'flood', 'm');
  for (let i = 0; i < 100; i++) log.event('info', 'calm', 'm');
  time.advance(500);
  assert.equal(batches.join('').match(/code=flood/g)?.length, 100);
  assert.equal(batches.join('').match(/code=calm/g)?.length, 100);
  assert.ok(!batches.join('').includes('left out'));
  time.advance(700);
  assert.match(batches.join(''), / warn log lines left out code=flood lines=50\n$/);
  time.advance(5000);
  assert.equal(batches.join('').match(/left out/g)?.length, 1);
  assert.equal(time.pending, 0);
});

test('a code may write again in the next second, behind the count of what was left out', () => {
  using time = new FakeTime(1_000_000);
  const { log, batches } = record();
  for (let i = 0; i < 101; i++) log.event('warn', 'c', 'm');
  time.sleep(1000);
  log.event('warn', 'c', 'again');
  log.flush();
  assert.match(batches.join(''), /warn log lines left out code=c lines=1\n.* warn again code=c\n$/);
  assert.equal(batches.join('').match(/left out/g)?.length, 1);
});

test('flush tells what was left out so far, and does not tell it twice', () => {
  using time = new FakeTime();
  const { log, batches } = record();
  for (let i = 0; i < 103; i++) log.event('info', 'c', 'm');
  log.flush();
  assert.match(batches.join(''), /code=c lines=3\n$/);
  log.event('info', 'c', 'm');
  log.flush();
  assert.match(batches.join(''), /code=c lines=1\n$/);
  log.flush();
  time.advance(5000);
  assert.equal(batches.join('').match(/left out/g)?.length, 2);
  assert.equal(time.pending, 0);
});

test('lines without a code are not counted', () => {
  const { log, batches } = record();
  for (let i = 0; i < 300; i++) log.info('m');
  log.flush();
  assert.equal(batches.join('').split('\n').length, 301);
});
