/** The letters of the master's FIFO. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf } from '../../src/master/commands.ts';

test('every letter of uWSGI has a command', () => {
  for (const letter of '+-BcCEflLpPqQrRsSwW') assert.notEqual(commandOf(letter), null, letter);
});

test('letters in upper and lower case are told apart', () => {
  assert.deepEqual(commandOf('c'), { kind: 'chain-reload' });
  assert.deepEqual(commandOf('r'), { kind: 'reload', scope: 'all', isBrutal: false });
  assert.deepEqual(commandOf('R'), { kind: 'reload', scope: 'all', isBrutal: true });
  assert.deepEqual(commandOf('w'), { kind: 'reload', scope: 'workers', isBrutal: false });
  assert.deepEqual(commandOf('W'), { kind: 'reload', scope: 'workers', isBrutal: true });
  assert.deepEqual(commandOf('q'), { kind: 'stop', isBrutal: false });
  assert.deepEqual(commandOf('Q'), { kind: 'stop', isBrutal: true });
  assert.deepEqual(commandOf('p'), { kind: 'pause' });
  assert.deepEqual(commandOf('P'), { kind: 'update-pidfiles' });
});

test('what ugate does not have is named with its reason', () => {
  const command = commandOf('L');
  assert.equal(
    command?.kind === 'unavailable' && command.notice,
    'the command L (rotate log files) is not available: ugate logs to standard error and holds no log file',
  );
});

test('other letters are no command', () => {
  for (const letter of 'xX 7\n') assert.equal(commandOf(letter), null);
});
