/** The log: nothing waits for who reads it, and what was logged is there when the process has ended. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { run } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate, ugateCommand } from '../support/ugate.ts';
import { waitFor } from '../support/wait.ts';
import { blackbox } from './front.ts';

const OTHERWISE = { differs: 'it writes its log as it likes' };
const BAD = 'BAD\r\n\r\n';

/** ugate with a stderr that nobody reads. */
class Stuck {
  readonly #launcher: ChildProcess;
  #output = '';

  constructor(kind: 'pipe' | 'socket' | 'terminal', args: readonly string[], rights: 'router' | 'all') {
    const script = join(ROOT, 'tests/peers/stuck_stderr.py');
    this.#launcher = spawn(python(), [script, kind, ...ugateCommand(undefined, rights), ...args], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#launcher.stdout!.on('data', (bytes) => {
      this.#output += String(bytes);
    });
  }

  /** What was read, once reading has begun. */
  get log(): string {
    return this.#output.replace(/^\d+\n/, '').replaceAll(/^(filled|\.+\r?)\n?/gm, '');
  }

  async pid(): Promise<number> {
    return Number(await waitFor('the pid', () => /^(\d+)\n/.exec(this.#output)?.[1], 20_000));
  }

  /** Not one byte more goes into its stderr. */
  async fill(): Promise<void> {
    this.#launcher.stdin!.write('fill\n');
    await waitFor('stderr to be full', () => /^filled$/m.test(this.#output), 20_000);
  }

  read(): void {
    this.#launcher.stdin!.write('read\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#launcher.stdin!.end();
    await new Promise((resolve) => this.#launcher.once('exit', resolve));
  }
}

async function isRefused(path: string): Promise<void> {
  await using client = await waitFor('ugate to listen', () => RawClient.connect({ path }).catch(() => null), 30_000);
  client.write(BAD);
  assert.equal((await client.readResponse({ milliseconds: 10_000 })).status, 400);
}

for (const kind of ['pipe', 'socket', 'terminal'] as const) {
  for (const tree of [false, true]) {
    const rights = tree ? 'all' : 'router';
    blackbox(
      `F7: a ${kind} that nobody reads as stderr stops nobody, ${tree ? 'in a tree' : 'alone'}; read again it has the lines`,
      OTHERWISE,
      async () => {
        await using folder = temporaryFolder();
        const path = folder.file('front.sock');
        await using stuck = new Stuck(kind, ['--http', path, ...(tree ? ['--master', '--http-processes', '2'] : [])], rights);
        await isRefused(path);
        await stuck.fill();
        for (let i = 0; i < 20; i++) await isRefused(path);
        stuck.read();
        await waitFor('the log to flow', () => (stuck.log.match(/code=bad-/g)?.length ?? 0) === 21, 20_000);
        await waitFor('the first line', () => /listening on/.test(stuck.log));
        await isRefused(path);
        process.kill(await stuck.pid(), 'SIGTERM');
        await waitFor('the end', () => /^ended 0/m.test(stuck.log), 20_000);
        assert.equal(stuck.log.match(/code=bad-/g)?.length, 22, 'N2');
        assert.match(stuck.log, /^ended 0 blocking$/m, 'who shares stderr finds it as it was');
      },
    );
  }
}

blackbox('F7: a stuck stderr keeps ugate neither from starting nor from ending', OTHERWISE, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('front.sock');
  // Without a right less: of those Deno says something itself before it begins, and waits for that to be read.
  await using stuck = new Stuck('pipe', ['--http', path], 'all');
  await stuck.fill();
  for (let i = 0; i < 3; i++) await isRefused(path);
  const pid = await stuck.pid();
  process.kill(pid, 'SIGTERM');
  await waitFor('the end', () => !isThere(pid), 20_000);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

blackbox('F7: a stderr that nobody reads stops no WSGI app that prints or fails; read again it says what is lost', OTHERWISE, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('front.sock');
  const app = ['--module', 'talking_app', '--pythonpath', join(ROOT, 'tests/peers'), '--home', '/usr'];
  await using stuck = new Stuck('pipe', ['--http', path, '--master', '--processes', '2', ...app], 'all');
  const ask = async (target: string): Promise<number> => {
    await using client = await waitFor('ugate to listen', () => RawClient.connect({ path }).catch(() => null), 30_000);
    return (await client.request(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, { milliseconds: 30_000 })).status;
  };
  assert.equal(await waitFor('the app', async () => (await ask('/')) === 200, 30_000), true);
  await stuck.fill();
  for (let i = 0; i < 10; i++) assert.deepEqual([await ask('/'), await ask('/fails')], [200, 500]);
  stuck.read();
  await waitFor('the log to flow', () => /code=app-error/.test(stuck.log), 20_000);
  // Each of the two workers tells it when it next writes.
  await waitFor('what is lost', async () => (await ask('/')) === 200 && /bytes of output were lost/.test(stuck.log), 20_000);
  process.kill(await stuck.pid(), 'SIGTERM');
  await waitFor('the end', () => /^ended 0/m.test(stuck.log), 20_000);
});

blackbox('F7: a closed stderr stops nobody, and is nobody else’s descriptor', OTHERWISE, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('front.sock');
  const closed = spawn('sh', ['-c', 'exec "$@" 2>&-', 'sh', ...ugateCommand(), '--http', path], { cwd: ROOT, stdio: 'ignore' });
  try {
    for (let i = 0; i < 3; i++) await isRefused(path);
  } finally {
    closed.kill('SIGKILL');
  }
});

blackbox('F18: what ugate says before it serves steers no terminal either', OTHERWISE, async () => {
  for (const words of [['--module', 'no\x1b[31m\x9bsuch\x07'], ['--no\x1b]0;such\x07']]) {
    const args = ['--http', '127.0.0.1:0', ...words];
    const { code, stderr } = await run([...ugateCommand(undefined, 'all'), ...args], { cwd: ROOT });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /\\x1b/);
    assert.ok(!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(stderr), JSON.stringify(stderr));
  }
});

blackbox('N2: what was logged a moment before an app ends the process is written', OTHERWISE, async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('app.ts'), 'export default () => { process.exit(3); };\n');
  await using gate = await startUgate(['--http', '127.0.0.1:0', '--module', folder.file('app.ts')], { rights: 'all' });
  await using bad = await RawClient.connect(gate.target);
  bad.write(BAD);
  assert.equal((await bad.readResponse()).status, 400);
  await using client = await RawClient.connect(gate.target);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual(await gate.process.exited, { code: 3, signal: null });
  assert.match(gate.stderr, /code=bad-/);
});

for (const tree of [false, true]) {
  blackbox(`N2: what was logged a moment before SIGTERM is written, ${tree ? 'in a tree' : 'alone'}`, OTHERWISE, async () => {
    await using gate = await startUgate(['--http', '127.0.0.1:0', ...(tree ? ['--master'] : [])], { rights: tree ? 'all' : 'router' });
    {
      await using client = await RawClient.connect(gate.target);
      client.write(BAD);
      assert.equal((await client.readResponse()).status, 400);
    }
    await gate.stop('SIGTERM');
    // What it wrote may reach us behind the news of its end.
    await waitFor('its last line', () => /goodbye/.test(gate.stderr));
    assert.match(gate.stderr, /code=bad-/);
  });
}
