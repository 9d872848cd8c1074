import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogWriter, MAX_WAITING, type Outlet } from '../../src/log/log-writer.ts';
import { FakeTime } from '../support/fake-time.ts';

/** An outlet that takes `room` bytes, then says that it is full; -1 is for one that takes nothing any more. */
class Pipe implements Outlet {
  readonly piece: number;
  room: number;
  readonly pieces: string[] = [];
  calls = 0;
  isEnding = false;

  constructor(room = Number.POSITIVE_INFINITY, piece = 4096) {
    this.room = room;
    this.piece = piece;
  }

  get text(): string {
    return this.pieces.join('');
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    this.calls++;
    if (this.room <= 0) return this.room;
    const count = Math.min(end - start, this.room);
    this.room -= count;
    this.pieces.push(new TextDecoder().decode(bytes.slice(start, start + count)));
    return count;
  }

  ending(): void {
    this.isEnding = true;
  }
}

const LINE = `${'x'.repeat(99)}\n`;

test('lines are gathered for 50 ms and written together', () => {
  using time = new FakeTime();
  const pipe = new Pipe();
  const writer = new LogWriter(pipe);
  writer.write('a\n');
  time.advance(49);
  writer.write('b\n');
  assert.deepEqual(pipe.pieces, []);
  time.advance(1);
  assert.deepEqual(pipe.pieces, ['a\nb\n']);
  time.advance(1000);
  assert.equal(pipe.calls, 1);
  assert.equal(time.pending, 0);
});

test('a batch is written at once when it is long, in pieces of whole lines', () => {
  using time = new FakeTime();
  const pipe = new Pipe();
  const writer = new LogWriter(pipe);
  for (let i = 0; i < 1000; i++) writer.write(LINE);
  assert.ok(pipe.text.length >= 64_000, 'before any time has passed');
  writer.flush();
  assert.equal(pipe.text, LINE.repeat(1000));
  for (const piece of pipe.pieces) assert.ok(piece.length <= 4096 && piece.endsWith('\n'), `${piece.length}`);
  assert.ok(pipe.calls < 30);
  assert.equal(time.pending, 0);
});

test('a line longer than a piece goes in several', () => {
  const pipe = new Pipe(Number.POSITIVE_INFINITY, 10);
  const writer = new LogWriter(pipe);
  writer.write(`short\n${'ä'.repeat(12)}\nshort\n`);
  writer.flush();
  assert.equal(pipe.pieces[0], 'short\n');
  assert.equal(pipe.pieces.at(-1), 'short\n');
  assert.equal(pipe.pieces.length, 5);
});

test('B26: what a full pipe does not take waits for it, and nothing is lost or twice', () => {
  using time = new FakeTime();
  const pipe = new Pipe(250);
  const writer = new LogWriter(pipe);
  for (let i = 0; i < 10; i++) writer.write(LINE);
  time.advance(50);
  assert.equal(pipe.text.length, 250);
  time.advance(10_000);
  assert.equal(pipe.text.length, 250);
  writer.write('later\n');
  pipe.room = 333;
  time.advance(100);
  assert.equal(pipe.text.length, 583);
  pipe.room = Number.POSITIVE_INFINITY;
  time.advance(100);
  assert.equal(pipe.text, `${LINE.repeat(10)}later\n`);
  assert.equal(time.pending, 0);
});

test('F7: a pipe that is never read costs 1 MiB, and what is lost is counted and told when it is', () => {
  using time = new FakeTime();
  const pipe = new Pipe(0);
  const writer = new LogWriter(pipe);
  const count = 3 * Math.ceil(MAX_WAITING / LINE.length);
  for (let i = 0; i < count; i++) writer.write(LINE);
  time.advance(1000);
  assert.ok(pipe.calls < 30, `${pipe.calls} system calls for lines that nobody reads`);
  pipe.room = Number.POSITIVE_INFINITY;
  time.advance(100);
  const lines = pipe.text.split('\n').slice(0, -1);
  const told = /^\S+ warn log lines were lost: they were not taken in time code=log-lost lines=(\d+)$/.exec(lines.at(-1) ?? '');
  assert.ok(told !== null, `${lines.at(-1)}`);
  assert.equal(lines.length - 1 + Number(told[1]), count);
  assert.ok(lines.length * LINE.length <= MAX_WAITING + 2 * LINE.length);
  writer.write('after\n');
  time.advance(100);
  assert.match(pipe.text, /log-lost lines=\d+\nafter\n$/);
  assert.equal(time.pending, 0);
});

test('F7: an outlet that takes nothing (EPIPE, ENOSPC) is tried again with the next line, not all the time', () => {
  using time = new FakeTime();
  const pipe = new Pipe(-1);
  const writer = new LogWriter(pipe);
  for (let i = 0; i < 5; i++) {
    writer.write('gone\ngone\n');
    time.advance(100);
  }
  assert.equal(pipe.calls, 5);
  assert.equal(time.pending, 0);
  pipe.room = 5;
  writer.write('here\n');
  time.advance(100);
  // The line that tells of it is refused in its turn, and its count is not lost.
  assert.equal(pipe.text, 'here\n');
  pipe.room = Number.POSITIVE_INFINITY;
  writer.write('there\n');
  time.advance(200);
  assert.match(pipe.text, /^here\n(.*lines=10\nthere\n|there\n.*lines=10\n)$/);
});

test('N2: the end writes all that waits, also what was written a moment before', () => {
  using time = new FakeTime();
  const pipe = new Pipe();
  const writer = new LogWriter(pipe);
  writer.write('a\n');
  writer.end(1000);
  assert.equal(pipe.text, 'a\n');
  assert.ok(pipe.isEnding);
  writer.write('b\n');
  assert.equal(pipe.text, 'a\nb\n', 'what is said behind the end is written at once');
  assert.equal(time.pending, 0);
});

test('N2: an end waits for a full pipe, and not for ever', () => {
  const pipe = new Pipe(3);
  const writer = new LogWriter(pipe);
  writer.write(LINE);
  const began = performance.now();
  writer.end(60);
  assert.ok(performance.now() - began >= 60);
  assert.equal(pipe.text.length, 3);
  const again = performance.now();
  writer.end(10_000);
  assert.ok(performance.now() - again < 5000, 'only once');
});
