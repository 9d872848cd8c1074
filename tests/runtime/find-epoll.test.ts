import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEpoll } from '../../src/runtime/epoll/find-epoll.ts';

/** /proc/self/fdinfo of an epoll descriptor that watches these. */
const info = (...watched: number[]): string =>
  `pos:\t0\nflags:\t02000002\nmnt_id:\t15\n${watched.map((fd) => `tfd: ${String(fd).padStart(8)} events:       19 data: ffff\n`).join('')}`;

test('B24: the epoll of the runtime is found among the first descriptors, and no others are read', () => {
  const reads: number[] = [];
  const proc = new Map([
    [3, 'pos:\t0\nflags:\t02\n'],
    [4, info(9)],
    [6, info(7, 12)],
    [5000, info(40)],
  ]);
  const read = (fd: number): string => {
    reads.push(fd);
    return proc.get(fd) ?? '';
  };
  assert.equal(findEpoll({ watched: 12 }, read), 6);
  assert.deepEqual(reads, [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(findEpoll({}, read), 4);
  assert.equal(findEpoll({ own: 4 }, read), 6);
  reads.length = 0;
  // Ten thousand connections may be open.
  assert.equal(findEpoll({ watched: 40 }, read), -1);
  assert.equal(reads.length, 64);
});
