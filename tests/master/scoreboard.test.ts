/** What a worker does, seen from outside while its event loop is blocked. */

import assert from 'node:assert/strict';
import { statSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import { HarakiriWatch, type StuckRequest, type WatchedWorker } from '../../src/master/harakiri.ts';
import { Scoreboard, ScoreboardReader } from '../../src/master/scoreboard.ts';
import { temporaryFolder } from '../support/paths.ts';
import { startProcess } from '../support/process.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { commandFor } from './fixture-command.ts';

const reader = new ScoreboardReader();
const now = (): number => performance.now();

function requests(path: string): string[] {
  return reader.read(path).map(({ request }) => request);
}

test('tells the requests in flight and when they began', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('board');
  const board = Scoreboard.open(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(reader.read(path), []);
  const before = Date.now();
  const first = board.begin('GET /a-longer-one HTTP/1.1');
  const second = board.begin('GET /\xe9 HTTP/1.1');
  const running = reader.read(path).sort((a, b) => a.id - b.id);
  assert.deepEqual(
    running.map(({ id, request }) => [id, request]),
    [
      [1, 'GET /a-longer-one HTTP/1.1'],
      [2, 'GET /\xe9 HTTP/1.1'],
    ],
  );
  assert.ok(running[0]!.startedAt >= before && running[0]!.startedAt <= Date.now());
  board.end(first);
  assert.deepEqual(requests(path), ['GET /\xe9 HTTP/1.1']);
  // In the slot of a longer one: nothing of that shows.
  board.begin('GET /b HTTP/1.1');
  assert.deepEqual(requests(path).sort(), ['GET /b HTTP/1.1', 'GET /\xe9 HTTP/1.1']);
  board.end(second);
  board.close();
});

test('keeps the first 240 characters', async () => {
  await using folder = temporaryFolder();
  const board = Scoreboard.open(folder.file('board'));
  board.begin('x'.repeat(10_000));
  assert.deepEqual(requests(folder.file('board')), ['x'.repeat(240)]);
  board.close();
});

test('requests beyond its slots are not counted, and free slots serve again', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('board');
  const board = Scoreboard.open(path);
  const slots = Array.from({ length: 70 }, (_, n) => board.begin(`GET /${n} HTTP/1.1`));
  assert.deepEqual(slots.slice(64), [-1, -1, -1, -1, -1, -1]);
  assert.equal(new Set(slots.slice(0, 64)).size, 64);
  assert.equal(reader.read(path).length, 64);
  for (const slot of slots) board.end(slot);
  assert.deepEqual(reader.read(path), []);
  assert.notEqual(board.begin('GET / HTTP/1.1'), -1);
  assert.equal(reader.read(path).length, 1);
  board.close();
});

test('a file that is missing or cut off has no requests', async () => {
  await using folder = temporaryFolder();
  const board = Scoreboard.open(folder.file('board'));
  board.begin('GET / HTTP/1.1');
  truncateSync(folder.file('board'), 1000);
  assert.deepEqual(reader.read(folder.file('board')), []);
  assert.deepEqual(reader.read(folder.file('none')), []);
  board.close();
});

class Stuck {
  readonly told: { worker: WatchedWorker; requests: readonly StuckRequest[] }[] = [];
  readonly #watch: HarakiriWatch;

  constructor(limit: number, workers: () => Iterable<WatchedWorker>) {
    this.#watch = new HarakiriWatch(now, limit, workers, (worker, requests) => this.told.push({ worker, requests }));
  }

  [Symbol.dispose](): void {
    this.#watch.stop();
  }
}

test('a worker whose loop is blocked is found once, with its request', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('board');
  await using child = startProcess(commandFor('blocked-worker.ts', path), { lifetime: 20_000 });
  const worker = { id: 7, pid: child.pid, scoreboardPath: path };
  const fine = { id: 8, pid: 1, scoreboardPath: folder.file('none') };
  await child.said(/blocked/);
  const started = now();
  using stuck = new Stuck(300, () => [fine, worker]);
  await waitFor('the stuck worker', () => stuck.told.length > 0);
  const took = now() - started;
  assert.ok(took > 800 && isWithin(2500, started), `after ${took} ms`);
  const { worker: found, requests } = stuck.told[0]!;
  assert.equal(found, worker);
  assert.deepEqual(
    requests.map(({ request, id }) => [request, id]),
    [['GET /stuck HTTP/1.1', 2]],
  );
  assert.ok(requests[0]!.age > 800);
  await sleep(600);
  assert.equal(stuck.told.length, 1);
  child.kill('SIGKILL');
});

test('many short requests in the same slot are not one long one', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('board');
  const board = Scoreboard.open(path);
  using stuck = new Stuck(500, () => [{ id: 1, pid: 1, scoreboardPath: path }]);
  for (let n = 0; n < 15; n++) {
    const slot = board.begin('GET / HTTP/1.1');
    await sleep(100);
    board.end(slot);
  }
  assert.deepEqual(stuck.told, []);
  board.close();
});

test('a wall clock that jumps makes nobody stuck', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('board');
  const board = Scoreboard.open(path);
  using stuck = new Stuck(10_000, () => [{ id: 1, pid: 1, scoreboardPath: path }]);
  const real = Date.now;
  Date.now = () => real() - 3_600_000;
  try {
    board.begin('GET / HTTP/1.1');
  } finally {
    Date.now = real;
  }
  await sleep(700);
  assert.deepEqual(stuck.told, []);
  board.close();
});
