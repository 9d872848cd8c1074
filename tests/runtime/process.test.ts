import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import type { ChildProcess, SpawnOptions } from '../../src/runtime/seam/processes.ts';
import { commandFor, runtime, sleep, waitFor } from './support.ts';

interface Told {
  child: ChildProcess;
  exits: string[];
  messages: unknown[];
  output: string;
}

function spawn(words: string[], options: Partial<SpawnOptions> = {}): Told {
  const told: Told = { child: null as unknown as ChildProcess, exits: [], messages: [], output: '' };
  told.child = runtime.spawn(words, {
    stdio: 'pipe',
    message: (_child, value) => told.messages.push(value),
    output: (_child, bytes) => {
      told.output += Buffer.from(bytes).toString();
    },
    exit: (_child, code, signal) => told.exits.push(`${code} ${signal}`),
    ...options,
  });
  return told;
}

describe(`processes on ${runtime.name}`, () => {
  it('tells output and then exit, once, with its code', async () => {
    const told = spawn(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.ok(told.child.pid > 0);
    await waitFor(() => told.exits.length > 0);
    await sleep(20);
    assert.deepEqual(told.exits, ['7 null']);
    assert.match(told.output, /out\n/);
    assert.match(told.output, /err\n/);
  });

  it('tells the signal that ended a child', async () => {
    const told = spawn(['sleep', '10']);
    told.child.kill('SIGTERM');
    await waitFor(() => told.exits.length > 0);
    assert.deepEqual(told.exits, ['null SIGTERM']);
    told.child.kill('SIGTERM');
  });

  it('does not wait for what a child leaves behind', async () => {
    const told = spawn(['sh', '-c', 'echo $$; sleep 3 & echo $!']);
    const startedAt = Date.now();
    await waitFor(() => told.exits.length > 0);
    assert.ok(Date.now() - startedAt < 2000, `${Date.now() - startedAt} ms`);
    const left = Number(told.output.trim().split('\n')[1]);
    assert.ok(runtime.signal(left, 'SIGKILL'));
  });

  it('tells a command that does not exist as exit 127', async () => {
    const told = spawn(['/no/such/command']);
    await waitFor(() => told.exits.length > 0);
    assert.deepEqual(told.exits, ['127 null']);
  });

  it('gives a child its environment and directory', async () => {
    const told = spawn(['/bin/sh', '-c', 'echo "$COLOUR $(pwd) $HOME"'], { env: { COLOUR: 'green' }, cwd: '/usr' });
    await waitFor(() => told.exits.length > 0);
    assert.equal(told.output, 'green /usr \n');
  });

  it('talks with a child, which hears signals after all the messages before', async () => {
    const told = spawn(commandFor('talker.ts'), { ipc: true });
    await waitFor(
      () => told.messages.includes('ready'),
      () => `ready, got ${told.output}`,
      30_000,
    );
    for (let n = 0; n < 500; n++) assert.ok(told.child.send({ n, text: 'ä\n' }));
    await waitFor(() => told.messages.length === 501);
    assert.deepEqual(told.messages[500], { n: 499, text: 'ä\n' });
    told.child.kill('SIGHUP');
    await waitFor(() => told.messages.includes('SIGHUP'));
    told.child.kill('SIGTERM');
    await waitFor(() => told.exits.length > 0);
    assert.deepEqual(told.exits, ['3 null']);
    assert.deepEqual(told.messages.slice(-2), ['SIGTERM', 'last word']);
    assert.equal(told.child.send('too late'), false);
  });

  it('calls a signal handler until it is taken back', async () => {
    let told = 0;
    const off = runtime.onSignal('SIGWINCH', () => told++);
    const other = runtime.onSignal('SIGWINCH', () => {});
    process.kill(process.pid, 'SIGWINCH');
    await waitFor(() => told === 1);
    off();
    process.kill(process.pid, 'SIGWINCH');
    await sleep(50);
    assert.equal(told, 1);
    other();
  });

  it('has a clock that never goes back, a name, a version and a limit of files', () => {
    let last = runtime.now();
    for (let n = 0; n < 1000; n++) {
      const now = runtime.now();
      assert.ok(now >= last);
      last = now;
    }
    assert.match(runtime.version, /^\d+\.\d+\.\d+/);
    assert.equal(runtime.hostname(), hostname());
  });

  it('knows the limit of open files as the shell does', async () => {
    const told = spawn(['sh', '-c', 'ulimit -n']);
    await waitFor(() => told.exits.length > 0);
    const limit = told.output.trim();
    assert.equal(runtime.openFilesLimit(), limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit));
  });

  it('prints at once and whole, also what a pipe does not hold, and survives a reader that left', async () => {
    const printer = commandFor('printer.ts', '5')
      .map((word) => `'${word}'`)
      .join(' ');
    const whole = spawn(['sh', '-c', `${printer} | { sleep 0.3; wc -c; }`]);
    // What a child has written last may come behind its exit, where the processors are busy.
    await waitFor(() => whole.exits.length > 0 && /printed\s/.test(whole.output) && /\d\s/.test(whole.output), undefined, 30_000);
    assert.deepEqual(whole.output.trim().split(/\s+/).sort(), [String(5 * 100_003), 'printed']);
    const left = spawn(['sh', '-c', `${printer} | true`]);
    await waitFor(() => left.exits.length > 0 && left.output.includes('\n'), undefined, 30_000);
    assert.equal(left.output.trim(), 'printed');
  });

  it('resolves names to all addresses, and rejects where there is none', async () => {
    assert.ok((await runtime.resolve('localhost')).includes('127.0.0.1'));
    await assert.rejects(runtime.resolve('no-such-host.invalid'));
  });
});
