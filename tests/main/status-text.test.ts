/** The text of SIGUSR1. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatStatus } from '../../src/main/status-text.ts';

const MASTER = { version: 'ugate 0.1.0 (bun 1.4.5)', pid: 100, uptime: 3_723_000, generation: 3, isPaused: false };

test('one line for the master and one for each process, in columns', () => {
  const lines = formatStatus({
    ...MASTER,
    routers: [{ id: 1, pid: 101, connections: 1, requests: 12345, running: 2 }],
    workers: [
      { id: 1, pid: 102, state: 'ready', requests: 1, running: 0, request: null, since: null },
      { id: 12, pid: 4194303, state: 'draining', requests: 0, running: 1, request: 'GET /slow HTTP/1.1', since: null },
    ],
  });
  assert.deepEqual(lines, [
    'ugate 0.1.0 (bun 1.4.5), pid 100, up 1 h 2 min, generation 3',
    'router 1   pid 101      12345 requests  1 connection, 2 running',
    'worker 1   pid 102      1 request       ready',
    'worker 12  pid 4194303  0 requests      draining, GET /slow HTTP/1.1',
  ]);
});

test('without processes there is the master alone, and a pause is told', () => {
  assert.deepEqual(formatStatus({ ...MASTER, isPaused: true, routers: [], workers: [] }), [
    'ugate 0.1.0 (bun 1.4.5), pid 100, up 1 h 2 min, generation 3, paused',
  ]);
});

test('spans have two units at most', () => {
  const up = (uptime: number): string => /up (.*), generation/.exec(formatStatus({ ...MASTER, uptime, routers: [], workers: [] })[0]!)![1]!;
  assert.deepEqual([0, 999, 59_000, 60_000, 3_600_000, 90_061_000].map(up), ['0 s', '0 s', '59 s', '1 min 0 s', '1 h 0 min', '1 d 1 h']);
});
