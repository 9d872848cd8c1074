/** The directory of sockets that belongs to one master. */

import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { PrivateDirectory } from '../../src/master/private-directory.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { temporaryFolder } from '../support/paths.ts';
import { noteSkip } from '../support/peers.ts';
import { run, startProcess } from '../support/process.ts';

const runtime = await selectRuntime();

function machine(tempDirectory: string | null, hostname: string | null = 'here'): Parameters<typeof PrivateDirectory.make>[0] {
  const { listen, connect } = runtime;
  return { tempDirectory: () => tempDirectory, hostname: () => hostname, listen: listen.bind(runtime), connect: connect.bind(runtime) };
}

/** A directory as a process of that id has left it, killed in the middle of its life, or before it listened. */
async function leave(parent: string, pid: number, host: string | null = 'here', hasListened = true): Promise<string> {
  const path = mkdtempSync(join(parent, `ugate-${pid}-`));
  if (host !== null) writeFileSync(join(path, 'host'), host);
  if (hasListened) {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(join(path, 'first'), resolve));
    linkSync(join(path, 'first'), join(path, 'alive'));
    await new Promise((resolve) => server.close(resolve));
  }
  mkdirSync(join(path, 'inner'));
  writeFileSync(join(path, 'inner/file'), '');
  return path;
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = startProcess(['true']);
  await child.exited;
  return child.pid;
}

test('is for this user alone, holds sockets, and goes with what is in it', async () => {
  await using folder = temporaryFolder();
  const directory = await PrivateDirectory.make(machine(folder.path));
  assert.match(directory.root, new RegExp(`/ugate-${process.pid}-\\w{6}$`));
  assert.equal(statSync(directory.root).mode & 0o777, 0o700);
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(directory.path('worker-1.1.sock'), resolve));
  assert.ok(existsSync(join(directory.root, 'worker-1.1.sock')));
  directory.remove();
  directory.remove();
  assert.deepEqual(readdirSync(folder.path), []);
  await new Promise((resolve) => server.close(resolve));
});

test('a path that a unix socket cannot have is refused, in bytes', async () => {
  await using folder = temporaryFolder();
  const directory = await PrivateDirectory.make(machine(folder.path));
  const room = 107 - directory.root.length - 1;
  assert.equal(directory.path('x'.repeat(room)).length, 107);
  assert.throws(() => directory.path('x'.repeat(room + 1)), { name: 'SetupError', message: /108 bytes/, hint: /TMPDIR/ });
  assert.throws(() => directory.path('ä'.repeat(room - 1)), { name: 'SetupError', hint: /TMPDIR/ });
  directory.remove();
  const deep = folder.file('d'.repeat(80));
  mkdirSync(deep);
  await assert.rejects(PrivateDirectory.make(machine(deep)), { name: 'SetupError', message: /too long a path/, hint: /TMPDIR/ });
  assert.deepEqual(readdirSync(deep), []);
});

test('without a temporary directory it is a clear error', async () => {
  await using folder = temporaryFolder();
  await assert.rejects(PrivateDirectory.make(machine(null)), { name: 'PermissionError', message: /temporary directory/ });
  await assert.rejects(PrivateDirectory.make(machine(folder.file('no'))), { name: 'SetupError', message: /ENOENT/, hint: /TMPDIR/ });
});

test('removes what a dead process left, and nothing else', async () => {
  await using folder = temporaryFolder();
  const other = await PrivateDirectory.make(machine(folder.path));
  const dead = await deadPid();
  // The number of the dead process has been given to another one since: in containers it is the same at each start.
  const stale = [await leave(folder.path, dead), await leave(folder.path, process.pid), await leave(folder.path, 1)];
  const kept = [
    other.root,
    // Another machine, that shares the directory over a network: nobody listens there from here.
    await leave(folder.path, dead, 'elsewhere'),
    await leave(folder.path, dead, null),
    // It may be about to listen.
    await leave(folder.path, dead, 'here', false),
    folder.file(`ugate-${dead}-toolong`),
    folder.file(`other-${dead}-abcdef`),
    folder.file(`ugate-${dead}-linked`),
  ];
  for (const path of kept.slice(4, 6)) {
    mkdirSync(path);
    writeFileSync(join(path, 'host'), 'here');
  }
  symlinkSync(kept[0]!, kept[6]!);
  const first = await PrivateDirectory.make(machine(folder.path, null));
  for (const path of stale) assert.ok(existsSync(path), 'whoever does not know the machine removes nothing');
  first.remove();
  const second = await PrivateDirectory.make(machine(folder.path));
  for (const path of stale) assert.ok(!existsSync(path), path);
  for (const path of kept) assert.ok(existsSync(join(path, '.')), path);
  for (const directory of [other, second]) directory.remove();
});

test('F2, B14: knows when it was removed by somebody else', async () => {
  await using folder = temporaryFolder();
  const directory = await PrivateDirectory.make(machine(folder.path));
  assert.equal(directory.isThere, true);
  rmSync(directory.root, { recursive: true });
  assert.equal(directory.isThere, false);
  directory.remove();
});

const STRANGER = 'leaves what belongs to another user';
const gap = process.getuid?.() === 0 ? false : 'only root can give a directory away';
if (gap) noteSkip(STRANGER, gap);
test(STRANGER, { skip: gap }, async () => {
  await using folder = temporaryFolder();
  const stale = await leave(folder.path, await deadPid());
  assert.equal((await run(['chown', '65534', stale])).code, 0);
  const directory = await PrivateDirectory.make(machine(folder.path));
  assert.ok(existsSync(stale));
  directory.remove();
});
