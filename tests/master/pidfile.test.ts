/** Pidfiles: written at once, removed by who wrote them, and read to send a signal. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { removePidfile, signalByPidfile, writePidfile } from '../../src/master/pidfile.ts';
import type { Signal } from '../../src/runtime/seam.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { temporaryFolder } from '../support/paths.ts';
import { run, startProcess } from '../support/process.ts';

const runtime = await selectRuntime();

/** Sends nothing: for tests in which nothing may be sent. */
const nobody = { signal: (pid: number, signal: Signal): boolean => assert.fail(`${signal} was sent to ${pid}`) };

test('holds the number and a newline, for everybody to read, and nothing else is left', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  writeFileSync(path, 'an old one that is longer\n');
  chmodSync(path, 0o600);
  writePidfile(path, 4321);
  assert.equal(readFileSync(path, 'utf8'), '4321\n');
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.deepEqual(readdirSync(folder.path), ['u.pid']);
});

test('writes through a symbolic link and does not replace it', async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('real.pid'), '1\n');
  symlinkSync(folder.file('real.pid'), folder.file('link.pid'));
  writePidfile(folder.file('link.pid'), 77);
  assert.equal(readFileSync(folder.file('real.pid'), 'utf8'), '77\n');
  writePidfile('/dev/null', 77);
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('a place that cannot be written is told with a hint', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('missing/u.pid');
  assert.throws(() => writePidfile(path, 1), { name: 'SetupError', message: `the pidfile ${path} cannot be written: ENOENT`, hint: /directory/ });
});

test('removes the file only while it holds our number', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  writePidfile(path, 10);
  removePidfile(path, 11);
  assert.ok(existsSync(path));
  removePidfile(path, 10);
  assert.ok(!existsSync(path));
  removePidfile(path, 10);
});

test('says what is wrong with a pidfile, and sends nothing', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  assert.match(signalByPidfile(nobody, path, 'SIGHUP') ?? '', /there is no pidfile .*u\.pid/);
  for (const text of ['', 'abc\n', '-5\n', '0\n', '12 13\n', '99999999999\n', '4294967299\n', '1'.repeat(100)]) {
    writeFileSync(path, text);
    assert.equal(signalByPidfile(nobody, path, 'SIGHUP'), `the pidfile ${path} does not hold a process id`, text);
  }
  assert.match(signalByPidfile(nobody, folder.path, 'SIGHUP') ?? '', /does not hold a process id/);
  assert.equal((await run(['mkfifo', folder.file('fifo')])).code, 0);
  assert.match(signalByPidfile(nobody, folder.file('fifo'), 'SIGHUP') ?? '', /does not hold a process id/);
});

test('sends the signal to the process, and says when there is none', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  await using child = startProcess(['sleep', '20']);
  writePidfile(path, child.pid);
  assert.equal(signalByPidfile(runtime, path, 'SIGINT'), null);
  assert.equal((await child.exited).signal, 'SIGINT');
  assert.match(signalByPidfile(runtime, path, 'SIGINT') ?? '', new RegExp(`says ${child.pid}, and there is no such process`));
});

test('says why a signal cannot be sent', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  writePidfile(path, 1);
  const denied = Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  const stranger = {
    signal: (): boolean => {
      throw denied;
    },
  };
  assert.equal(signalByPidfile(stranger, path, 'SIGHUP'), `the pidfile ${path} says 1, and that process cannot be sent SIGHUP: EPERM`);
});
