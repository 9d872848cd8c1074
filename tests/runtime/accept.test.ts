import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { closeLeftovers, commandFor, connect, type End, ends, runtime, sleep, waitFor } from './support.ts';

describe(`accepting without descriptors on ${runtime.name}`, () => {
  after(closeLeftovers);
  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  it('F15: does not spin, holds who comes, and goes on once there are some again', { timeout: 15_000 }, async () => {
    // Both limits, because Bun and Node raise the soft one to the hard one.
    const child = spawn('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', ...commandFor('accepter.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const lines: string[] = [];
    child.stdout!.on('data', (bytes: Buffer) => lines.push(...bytes.toString().trim().split('\n')));
    await waitFor(
      () => lines.length > 0,
      () => 'the port',
      30_000,
    );
    const address = { kind: 'tcp', host: '127.0.0.1', port: Number(lines[0]) } as const;
    // Deno 2.9 sets up a signal handler about 0.6 s after its start, and panics when there is no descriptor for it just then.
    if (runtime.name === 'deno') await sleep(1200);

    const handlers = ends();
    const clients: End[] = [];
    for (let n = 0; n < 400; n++) clients.push(connect(address, handlers));
    await waitFor(() => lines.filter((line) => line.startsWith('cpu')).length >= 4);
    const last = lines.at(-1)!;
    const state = JSON.parse(last.slice(4)) as { cpu: number; open: number; told: string[]; toldTooOften: boolean };
    assert.ok(state.open > 150 && state.open < 256, last);
    assert.ok(state.cpu < 150, `${state.cpu} ms CPU in 500 ms`);
    assert.equal(state.toldTooOften, false);
    const { holdsClients } = runtime.capabilities;
    if (holdsClients || runtime.name !== 'node') assert.ok(state.told.includes('EMFILE'), last);
    const sentAway = clients.filter(({ events }) => events.some((event) => /^(?:end|close)/.test(event)));
    if (holdsClients) assert.equal(sentAway.length, 0);

    for (const client of clients) client.connection.destroy();
    await sleep(300);
    const late = connect(address);
    await late.until('open');
    late.connection.write(new Uint8Array(4));
    await waitFor(
      () => late.bytes === 4,
      () => `an answer, heard ${late.events.join()}`,
    );
    late.connection.destroy();
    child.kill('SIGKILL');
  });
});
