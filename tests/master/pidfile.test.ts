/** Pidfiles: written at once, locked and removed by who wrote them, and read to send a signal. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Pidfile } from '../../src/master/pidfile.ts';
import { signalByPidfile } from '../../src/master/pidfile-signal.ts';
import type { Signal } from '../../src/runtime/seam/processes.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { temporaryFolder } from '../support/paths.ts';
import { noteSkip } from '../support/peers.ts';
import { run, startProcess } from '../support/process.ts';

const runtime = await selectRuntime();

/** Sends nothing: for tests in which nothing may be sent. */
const nobody = {
  signal: (pid: number, signal: Signal): boolean => assert.fail(`${signal} was sent to ${pid}`),
  isFileLocked: (path: string) => runtime.isFileLocked(path),
};
/** A runtime that cannot lock, such as an older Node. */
const unsure = { signal: (pid: number, signal: Signal) => runtime.signal(pid, signal), isFileLocked: () => null };

function write(path: string, pid: number): Pidfile {
  const file = new Pidfile(runtime, path);
  file.write(pid, null);
  return file;
}

const noLocks = runtime.isFileLocked(new URL(import.meta.url).pathname) !== null ? false : 'this Node has no node:ffi';

function lockTest(name: string, body: () => Promise<void>): void {
  if (noLocks) noteSkip(name, noLocks);
  test(name, { skip: noLocks }, body);
}

test('holds the number and a newline, for everybody to read, and nothing else is left', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  writeFileSync(path, 'an old one that is longer\n');
  chmodSync(path, 0o600);
  write(path, 4321);
  assert.equal(readFileSync(path, 'utf8'), '4321\n');
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.deepEqual(readdirSync(folder.path), ['u.pid']);
});

test('F20: writes through a link that only this user can have made, and does not replace it', async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('real.pid'), '1\n');
  symlinkSync('real.pid', folder.file('link.pid'));
  symlinkSync(folder.file('link.pid'), folder.file('other.pid'));
  write(folder.file('other.pid'), 77);
  assert.equal(readFileSync(folder.file('real.pid'), 'utf8'), '77\n');
  assert.deepEqual(readdirSync(folder.path).sort(), ['link.pid', 'other.pid', 'real.pid']);
  write('/dev/null', 77);
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('F20: a link that another user could have made is never written through', async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('precious'), 'precious\n');
  for (const [name, mode] of [
    ['sticky', 0o1777],
    ['group', 0o770],
  ] as const) {
    const shared = folder.file(name);
    mkdirSync(shared);
    chmodSync(shared, mode);
    symlinkSync(folder.file('precious'), `${shared}/u.pid`);
    assert.throws(() => write(`${shared}/u.pid`, 77), {
      name: 'SetupError',
      message: /symbolic link that another user could have made/,
      hint: /remove the link/,
    });
    // One step further on.
    symlinkSync(`${shared}/u.pid`, folder.file(`${name}.pid`));
    assert.throws(() => write(folder.file(`${name}.pid`), 77), { name: 'SetupError', message: /could have made/ });
    // Nor by the name that the file has before it is moved there.
    symlinkSync(folder.file('precious'), `${shared}/v.pid.77.tmp`);
    write(`${shared}/v.pid`, 77);
  }
  linkSync(folder.file('precious'), folder.file('hard.pid'));
  write(folder.file('hard.pid'), 77);
  assert.equal(readFileSync(folder.file('precious'), 'utf8'), 'precious\n');
});

lockTest('F21: the pidfile of an ugate that lives is refused, one that was left is taken over', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  const first = write(path, process.pid);
  const second = new Pidfile(runtime, path);
  const refused = { name: 'SetupError', message: `the pidfile ${path} is that of an ugate that runs (${process.pid})`, hint: /ugate --stop/ };
  assert.throws(() => second.check(null), refused);
  assert.throws(() => second.write(4321, process.pid + 1), refused);
  assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
  first.check(null);
  first.write(process.pid, null);
  // Whose place is taken does not mind; from then on it is the other's.
  second.write(4321, process.pid);
  assert.throws(() => first.check(null), { name: 'SetupError', message: /4321/ });
  first.remove(process.pid);
  assert.equal(readFileSync(path, 'utf8'), '4321\n');
  second.remove(4321);
  assert.ok(!existsSync(path));
  writeFileSync(path, '4321\n');
  second.write(5, null);
  assert.equal(readFileSync(path, 'utf8'), '5\n');
});

test('a place that cannot be written is told with a hint', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('missing/u.pid');
  assert.throws(() => write(path, 1), { name: 'SetupError', message: `the pidfile ${path} cannot be written: ENOENT`, hint: /directory/ });
});

test('removes the file only while it holds our number', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  const file = write(path, 10);
  file.remove(11);
  assert.ok(existsSync(path));
  file.remove(10);
  assert.ok(!existsSync(path));
  file.remove(10);
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

lockTest('N15: a process that is no ugate is sent nothing, whatever the file says', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  await using child = startProcess(['sleep', '20']);
  writeFileSync(path, `${child.pid}\n`);
  const left = `the pidfile ${path} says ${child.pid}, and no ugate that runs has written it: it has ended and left the file; nothing was sent`;
  assert.equal(signalByPidfile(nobody, path, 'SIGHUP'), left);
  // Locked, by an ugate that is another process: in a container the numbers are others.
  if (existsSync('/proc/locks')) {
    write(path, child.pid);
    assert.match(signalByPidfile(nobody, path, 'SIGHUP') ?? '', /runs elsewhere, such as in another container; nothing was sent/);
  }
});

test('where nobody can tell the number is believed: sends the signal to the process, and says when there is none', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  await using child = startProcess(['sleep', '20']);
  writeFileSync(path, `${child.pid}\n`);
  assert.equal(signalByPidfile(unsure, path, 'SIGINT'), null);
  assert.equal((await child.exited).signal, 'SIGINT');
  assert.match(signalByPidfile(unsure, path, 'SIGINT') ?? '', new RegExp(`says ${child.pid}, and there is no such process`));
});

test('says why a signal cannot be sent', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('u.pid');
  writeFileSync(path, '1\n');
  const denied = Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  const stranger = {
    signal: (): boolean => {
      throw denied;
    },
    isFileLocked: () => null,
  };
  assert.equal(signalByPidfile(stranger, path, 'SIGHUP'), `the pidfile ${path} says 1, and that process cannot be sent SIGHUP: EPERM`);
});
