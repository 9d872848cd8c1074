/** The directory of sockets that belongs to one master. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { PrivateDirectory } from '../../src/master/private-directory.ts';
import { temporaryFolder } from '../support/paths.ts';
import { noteSkip } from '../support/peers.ts';
import { run, startProcess } from '../support/process.ts';

function machine(tempDirectory: string | null, hostname: string | null = 'here'): { tempDirectory(): string | null; hostname(): string | null } {
  return { tempDirectory: () => tempDirectory, hostname: () => hostname };
}

/** A directory as a process of that id would have left it. */
function leave(parent: string, pid: number, host: string | null = 'here'): string {
  const path = mkdtempSync(join(parent, `ugate-${pid}-`));
  if (host !== null) writeFileSync(join(path, 'host'), host);
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
  const directory = PrivateDirectory.make(machine(folder.path));
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
  const directory = PrivateDirectory.make(machine(folder.path));
  const room = 107 - directory.root.length - 1;
  assert.equal(directory.path('x'.repeat(room)).length, 107);
  assert.throws(() => directory.path('x'.repeat(room + 1)), { name: 'SetupError', message: /108 bytes/, hint: /TMPDIR/ });
  assert.throws(() => directory.path('ä'.repeat(room - 1)), { name: 'SetupError', hint: /TMPDIR/ });
  const deep = folder.file('d'.repeat(80));
  mkdirSync(deep);
  assert.throws(() => PrivateDirectory.make(machine(deep)), { name: 'SetupError', message: /too long a path/, hint: /TMPDIR/ });
  assert.deepEqual(readdirSync(deep), []);
});

test('without a temporary directory it is a clear error', async () => {
  await using folder = temporaryFolder();
  assert.throws(() => PrivateDirectory.make(machine(null)), { name: 'PermissionError', message: /temporary directory/ });
  assert.throws(() => PrivateDirectory.make(machine(folder.file('no'))), { name: 'SetupError', message: /ENOENT/, hint: /TMPDIR/ });
});

test('removes what a dead process left, and nothing else', async () => {
  await using folder = temporaryFolder();
  const dead = await deadPid();
  const stale = leave(folder.path, dead);
  const kept = [
    leave(folder.path, process.pid),
    leave(folder.path, 1),
    // Another machine, such as a container that shares the directory: its process ids say nothing here.
    leave(folder.path, dead, 'elsewhere'),
    leave(folder.path, dead, null),
    folder.file(`ugate-${dead}-toolong`),
    folder.file(`other-${dead}-abcdef`),
    folder.file(`ugate-${dead}-linked`),
  ];
  for (const path of kept.slice(4, 6)) {
    mkdirSync(path);
    writeFileSync(join(path, 'host'), 'here');
  }
  symlinkSync(kept[0]!, kept[6]!);
  const first = PrivateDirectory.make(machine(folder.path, null));
  assert.ok(existsSync(stale), 'whoever does not know the machine removes nothing');
  first.remove();
  PrivateDirectory.make(machine(folder.path));
  assert.ok(!existsSync(stale));
  for (const path of kept) assert.ok(existsSync(join(path, '.')), path);
});

const STRANGER = 'leaves what belongs to another user';
const gap = process.getuid?.() === 0 ? false : 'only root can give a directory away';
if (gap) noteSkip(STRANGER, gap);
test(STRANGER, { skip: gap }, async () => {
  await using folder = temporaryFolder();
  const stale = leave(folder.path, await deadPid());
  assert.equal((await run(['chown', '65534', stale])).code, 0);
  PrivateDirectory.make(machine(folder.path));
  assert.ok(existsSync(stale));
});
