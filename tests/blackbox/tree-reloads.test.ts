/** Reloads, replacements and pauses that meet each other and processes that die: the tree is right afterwards, whatever came first. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpBackend } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange } from '../support/raw-client.ts';
import { sleep, waitFor, within } from '../support/wait.ts';
import { asking, DONE, FAILED, FETCH_APP, get, isAlive, kill, OTHER, post, Tree, text, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';

/** Code in front of an app that makes it load for so long. */
function loading(ms: number): string {
  return `console.error('loading'); await new Promise((resolve) => setTimeout(resolve, ${ms}));`;
}

/** What `/` is answered by a connection of its own each. */
async function answers(tree: Tree, count: number, path = '/'): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const response = await exchange(tree.gate.target, get(path, 'Connection: close\r\n'));
    const said = response.status === 200 ? response.text() : String(response.status);
    seen.set(said, (seen.get(said) ?? 0) + 1);
  }
  return seen;
}

blackbox('B3, F3: a worker that dies while its replacement loads leaves no orphan', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  writeApp(file('app.ts'), 'one');
  await using tree = await Tree.start(['--master', '--module', file('app.ts'), '--master-fifo', file('fifo')]);
  const victim = (await tree.roles()).get('worker 1')!;
  writeApp(file('app.ts'), 'two', loading(1_500));
  writeFileSync(file('fifo'), 'c');
  await tree.log(/loading/);
  await tree.after(() => kill(victim, 'SIGKILL'), /reload \(chain\) is done/);
  await tree.log(/worker-died/);
  assert.equal(await text(tree), 'two');
  await waitFor('one router and one worker', () => tree.childrenOf().length === 2);
  writeApp(file('app.ts'), 'three');
  await tree.after(() => writeFileSync(file('fifo'), 'c'), /reload \(chain\) is done/);
  assert.deepEqual(await answers(tree, 30), new Map([['three', 30]]));
  await waitFor('one router and one worker', () => tree.childrenOf().length === 2);
});

blackbox('F1, F22: a pause that begins or ends in the middle of a reload or takeover holds everywhere, and is kept', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  writeApp(file('app.ts'), 'one', loading(700));
  await using tree = await Tree.start([
    ...['--module', file('app.ts'), '--processes', '2', '--http-socket', '127.0.0.1:0', '--http', file('http.sock')],
    ...['--master-fifo', file('fifo'), '--pidfile', file('pid')],
  ]);
  const pause = (pid = tree.gate.pid): void => kill(pid, 'SIGTSTP');
  const both = async (): Promise<string[]> => {
    const found = new Set<string>();
    for (const target of [{ path: file('http.sock') }, tree.gate.target])
      for (let i = 0; i < 6; i++) found.add(String((await exchange(target, get('/', 'Connection: close\r\n'))).status));
    return [...found];
  };
  const isEverywhere = async (status: number): Promise<boolean> => (await both()).join() === String(status);
  for (const letter of ['r', 'w', 'c']) {
    await tree.after(() => pause(), /paused/);
    const loads = tree.count(/loading/);
    const done = tree.count(DONE);
    writeFileSync(file('fifo'), letter);
    await waitFor('the new workers to load', () => tree.count(/loading/) > loads);
    await tree.after(() => pause(), /resumed/);
    await waitFor('the reload', () => tree.count(DONE) > done, 20_000);
    await waitFor(`200 behind ${letter}`, () => isEverywhere(200));
  }
  // Paused before the other one starts, resumed and paused again while it does.
  await tree.after(() => pause(), /paused/);
  const old = tree.gate.pid;
  const loads = tree.count(/loading/);
  kill(old, 'SIGUSR2');
  await waitFor('the other one to load', () => tree.count(/loading/) > loads, 20_000);
  await tree.after(() => pause(), /resumed/);
  await tree.after(() => pause(), /paused/);
  await waitFor('the old one to end', () => !isAlive(old), 20_000);
  assert.deepEqual(await both(), ['503']);
  pause(Number(readFileSync(file('pid'), 'utf8')));
  await waitFor('200', () => isEverywhere(200));
});

blackbox('B2: a reload that one router cannot follow is off in all of them', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  // The first process that loads it holds the lock; with the flag the others fail.
  writeFileSync(
    file('route.js'),
    `import { existsSync, openSync } from 'node:fs';
if (existsSync(${JSON.stringify(file('flag'))})) openSync(${JSON.stringify(file('lock'))}, 'wx');
export default () => null;
`,
  );
  await using node = await HttpBackend.listen((_request, to) => to.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const ini = (maxBody: number): void =>
    writeFileSync(
      file('u.ini'),
      `[uwsgi]\nhttp = 127.0.0.1:0\nmaster = true\nhttp-processes = 2\nhttp-to = ${node.address}\nhttp-use-code-string = ${file('route.js')}\nhttp-max-body = ${maxBody}\n`,
    );
  const statuses = async (): Promise<string> => {
    const seen = new Set<number>();
    for (let i = 0; i < 20; i++) seen.add((await exchange(tree.gate.target, post('/', 'twelve bytes', 'Connection: close\r\n'))).status);
    return [...seen].toSorted().join();
  };
  ini(100);
  await using tree = await Tree.start([file('u.ini')]);
  const before = tree.childrenOf();
  assert.equal(await statuses(), '200');
  writeFileSync(file('flag'), '');
  ini(5);
  await tree.after(() => tree.gate.process.kill('SIGHUP'), FAILED);
  assert.equal(await statuses(), '200', 'nobody works by the new settings');
  // One that is stopped does not prepare in time.
  rmSync(file('flag'));
  const stopped = (await tree.roles()).get('router 2')!;
  kill(stopped, 'SIGSTOP');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), FAILED, 30_000);
  assert.match(tree.gate.stderr, /router 2 does not answer/);
  kill(stopped, 'SIGCONT');
  await sleep(300);
  assert.equal(await statuses(), '200');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  assert.equal(await statuses(), '413');
  assert.deepEqual(tree.childrenOf(), before);
});

blackbox('F5: a chain reload of an app that never gets ready ends when another reload is asked for', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  writeApp(file('app.ts'), 'one');
  await using tree = await Tree.start(['--master', '--processes', '2', '--module', file('app.ts'), '--master-fifo', file('fifo')]);
  writeApp(file('app.ts'), 'two', 'console.error("loading"); setInterval(() => {}, 1000); await new Promise(() => {});');
  writeFileSync(file('fifo'), 'c');
  await tree.log(/loading/);
  writeApp(file('app.ts'), 'three');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/, 20_000);
  assert.match(tree.gate.stderr, /reload-failed|given up/);
  assert.deepEqual(await answers(tree, 10), new Map([['three', 10]]));
  await waitFor('one router and two workers', () => tree.childrenOf().length === 3);
});

blackbox('F12, F16: max-requests is tried again behind a replacement that failed; no file of a worker that is gone is left', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  const app = (word: string): void =>
    writeApp(file('app.ts'), word, `if ((await import('node:fs')).existsSync(${JSON.stringify(file('broken'))})) throw new Error('it is broken');`);
  app('one');
  await using tree = await Tree.start(['--master', '--module', file('app.ts'), '--max-requests', '5', '--harakiri', '30']);
  writeFileSync(file('broken'), '');
  await answers(tree, 6);
  await tree.log(/worker-failed/);
  app('two');
  rmSync(file('broken'));
  await tree.log(/worker-replaced/, 20_000);
  assert.equal(await text(tree), 'two');
  for (let round = 0; round < 3; round++) await tree.after(() => answers(tree, 6), /worker-replaced/, 20_000);
  const boards = (): string[] => readdirSync(join(tree.folder.path, tree.directories[0]!)).filter((name) => name.startsWith('board-'));
  await waitFor('the board of the one that lives', () => boards().length === 1);
});

blackbox('F4: marks end with the settings that made them; a router that starts hears of no other', OTHER, async () => {
  await using folder = temporaryFolder();
  let isWell = true;
  await using node = await HttpBackend.listen((request, to) => {
    const status = request.target === '/healthz' && !isWell ? '500 Not Well' : '200 OK';
    return to.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const ini = (check: string): void =>
    writeFileSync(folder.file('u.ini'), `[uwsgi]\nhttp = 127.0.0.1:0\nmaster = true\nhttp-processes = 2\nhttp-to = ${node.address}\n${check}\n`);
  const check = 'http-check = path=/healthz,interval=1,fails=1,passes=1';
  ini(check);
  await using tree = await Tree.start([folder.file('u.ini')]);
  const killRouters = async (): Promise<void> => {
    for (const role of ['router 1', 'router 2']) {
      const pid = (await tree.roles()).get(role)!;
      await tree.after(() => kill(pid, 'SIGKILL'), /router-started/);
    }
  };
  isWell = false;
  await tree.log(/code=node-down/);
  await waitFor('503 everywhere', async () => [...(await answers(tree, 20)).keys()].join() === '503');
  await killRouters();
  assert.deepEqual([...(await answers(tree, 20)).keys()], ['503'], 'a mark that holds is told to those that start');
  ini('');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  assert.deepEqual([...(await answers(tree, 20)).keys()], ['ok']);
  await killRouters();
  assert.deepEqual([...(await answers(tree, 20)).keys()], ['ok']);
});

blackbox('F10: a stop right behind a reload takes reload-mercy, not worker-reload-mercy', OTHER, async () => {
  await using tree = await Tree.start(['--module', FETCH_APP, '--processes', '2', '--reload-mercy', '1']);
  await using _busy = await asking(tree, '/slow?ms=40000');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  tree.gate.process.kill('SIGTERM');
  await within(10_000, 'the end', tree.gate.process.exited);
  await tree.gone();
});
