/** The master's FIFO, written to by other processes. */

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MasterCommand } from '../../src/master/commands.ts';
import { MasterFifo } from '../../src/master/fifo.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { temporaryFolder } from '../support/paths.ts';
import { run } from '../support/process.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { commandFor } from './fixture-command.ts';

const runtime = await selectRuntime();

class Told {
  readonly commands: MasterCommand[] = [];
  readonly notices: string[] = [];
  command(command: MasterCommand): void {
    this.commands.push(command);
  }
  notice(text: string): void {
    this.notices.push(text);
  }
  get kinds(): string[] {
    return this.commands.map(({ kind }) => kind);
  }
}

/** What a shell does: it waits for a reader, and 5 s at most. */
async function tell(path: string, text: string): Promise<void> {
  const { code, stderr } = await run(['timeout', '5', 'sh', '-c', 'printf %s "$1" > "$2"', 'sh', text, path]);
  assert.equal(code, 0, stderr);
}

test('each letter is a command; white space is none, and what is unknown is told', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('fifo');
  const told = new Told();
  const fifo = await MasterFifo.open(runtime, [path], told);
  try {
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
    await tell(path, 'c\n');
    await waitFor('c', () => told.commands.length === 1);
    // The writer has closed its end, and the FIFO stays.
    await tell(path, 'w s\n\tx+');
    await waitFor('w, s and +', () => told.commands.length === 4);
    assert.deepEqual(told.kinds, ['chain-reload', 'reload', 'status', 'unavailable']);
    assert.deepEqual(told.notices, ['the FIFO was told "x", which is no command']);
  } finally {
    fifo.stop();
  }
  assert.equal(existsSync(path), false);
});

test('more than fits into one read comes whole and in order', async () => {
  await using folder = temporaryFolder();
  const told = new Told();
  const fifo = await MasterFifo.open(runtime, [folder.file('fifo')], told);
  try {
    await tell(folder.file('fifo'), 'sp'.repeat(100));
    await waitFor('200 commands', () => told.commands.length === 200);
    assert.deepEqual(told.kinds.slice(-4), ['status', 'pause', 'status', 'pause']);
  } finally {
    fifo.stop();
  }
});

test('digits switch to another FIFO; only one of them is there', async () => {
  await using folder = temporaryFolder();
  const paths = [folder.file('zero'), folder.file('one')];
  const told = new Told();
  const fifo = await MasterFifo.open(runtime, paths, told);
  try {
    assert.equal(existsSync(paths[1]!), false);
    await tell(paths[0]!, '71s');
    await waitFor('the switch', () => told.notices.length === 2);
    assert.deepEqual(told.notices, [
      'the FIFO was told to switch to slot 7, and there is no master-fifo for it',
      `the active FIFO is now ${paths[1]}`,
    ]);
    assert.deepEqual(told.kinds, ['status']);
    assert.equal(existsSync(paths[0]!), false);
    await tell(paths[1]!, 'q0');
    await waitFor('the switch back', () => told.notices.length === 3);
    await tell(paths[0]!, 'Q');
    await waitFor('Q', () => told.commands.length === 3);
    assert.deepEqual(told.kinds, ['status', 'stop', 'stop']);
  } finally {
    fifo.stop();
  }
  assert.ok(paths.every((path) => !existsSync(path)));
});

test('a FIFO that is there is replaced, and another file is left alone', async () => {
  await using folder = temporaryFolder();
  const [old, file, missing] = [folder.file('-old'), folder.file('file'), folder.file('no/fifo')];
  assert.equal((await run(['mkfifo', '-m', '666', old])).code, 0);
  const fifo = await MasterFifo.open(runtime, [old], new Told());
  assert.equal(lstatSync(old).mode & 0o777, 0o600);
  fifo.stop();
  writeFileSync(file, 'text');
  await assert.rejects(MasterFifo.open(runtime, [file], new Told()), { name: 'SetupError', message: /something else is there/, hint: /directory/ });
  assert.equal(readFileSync(file, 'utf8'), 'text');
  await assert.rejects(MasterFifo.open(runtime, [missing], new Told()), { name: 'SetupError', message: /cannot be made: .*mkfifo: / });
});

test('stop leaves the FIFO of another that took the place, and reads no more', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('fifo');
  const told = new Told();
  const first = await MasterFifo.open(runtime, [path], new Told());
  const second = await MasterFifo.open(runtime, [path], told, true);
  first.stop();
  first.stop();
  await tell(path, 'c');
  await waitFor('c', () => told.commands.length === 1);
  unlinkSync(path);
  writeFileSync(path, '');
  second.stop();
  assert.ok(existsSync(path));
  await sleep(150);
  assert.equal(told.commands.length, 1);
});

test('an open FIFO does not keep a process from ending', async () => {
  await using folder = temporaryFolder();
  for (const way of ['end', 'exit']) {
    const { code, stderr } = await run(commandFor('fifo-holder.ts', folder.file('fifo'), way), { lifetime: 8_000 });
    assert.deepEqual([code, stderr], [0, '']);
  }
});

test('F21: a FIFO that another process reads is left alone, but for the heir of that process', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('fifo');
  const told = new Told();
  const first = await MasterFifo.open(runtime, [path], told);
  const { ino } = lstatSync(path);
  await assert.rejects(MasterFifo.open(runtime, [path], new Told()), {
    name: 'SetupError',
    message: /is read by another process/,
    hint: /of its own/,
  });
  assert.equal(lstatSync(path).ino, ino);
  await tell(path, 'c');
  await waitFor('c', () => told.commands.length === 1);
  const heir = await MasterFifo.open(runtime, [path], new Told(), true);
  first.stop();
  assert.ok(existsSync(path));
  heir.stop();
});
