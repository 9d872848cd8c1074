/** How workers end, and who comes after them: successors, crashes, mercies, orphans. */

import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { waitFor } from '../support/wait.ts';
import { runtime, type StartedWsgi, startWsgi } from './wsgi-support.ts';

/** Answers its process id; `/sleep` takes a minute. `before` runs when it is imported. */
function writeKin(folder: TemporaryFolder, before: string): void {
  const app = `
import os, time
FOLDER = ${JSON.stringify(folder.path)}
def has(name): return os.path.exists(os.path.join(FOLDER, name))
${before}
def application(environ, start_response):
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(60)
    if environ["PATH_INFO"] == "/shut":
        import socket
        for fd in range(3, 40):
            try:
                peer = socket.socket(fileno=os.dup(fd))
                if peer.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    peer.shutdown(socket.SHUT_RDWR)
                peer.close()
            except OSError:
                pass
    value = orphan() if environ["PATH_INFO"] == "/orphan" else os.getpid()
    start_response("200 OK", [])
    return [b"%d" % value]
`;
  writeFileSync(folder.file('kin.py'), app);
}

async function start(folder: TemporaryFolder, before: string, options: Parameters<typeof startWsgi>[0] = {}): Promise<StartedWsgi> {
  writeKin(folder, before);
  return startWsgi({ name: 'kin', chdir: folder.path, ...options });
}

async function pidOf(wsgi: StartedWsgi): Promise<number> {
  return wsgi.json<number>('/');
}

const exits = (wsgi: StartedWsgi) => wsgi.logs.filter(({ code }) => code === 'app-worker-exit').map(({ details }) => details);

// Bun gives a test 5 seconds.
const PATIENT = { timeout: 60_000 };

describe(`The end of WSGI workers on ${runtime.name}`, () => {
  it('F9: workers that end with status 0 while they load are told of, and wait longer each time', PATIENT, async () => {
    await using folder = temporaryFolder();
    await using wsgi = await start(folder, 'if has("leave"): os._exit(0)', { lazyApps: true });
    writeFileSync(folder.file('leave'), '');
    const [worker] = await wsgi.process.status();
    process.kill(worker!.pid, 'SIGKILL');
    await waitFor('four lines', () => exits(wsgi).length >= 4, 15_000);
    assert.deepEqual(
      exits(wsgi)
        .slice(1, 4)
        .map(({ status, pause }) => [status, pause]),
      [
        [0, '0.25s'],
        [0, '0.5s'],
        [0, '1s'],
      ],
    );
    assert.ok(wsgi.logged('app-worker-exit').every((line) => line.startsWith('a worker died')));
  });

  it('F9: an app that shuts the socket down is told of, and no worker after the other is forked for it', PATIENT, async () => {
    await using folder = temporaryFolder();
    await using wsgi = await start(folder, '');
    await wsgi.request('/shut');
    await waitFor('a few lines', () => wsgi.logged('app-socket-closed').length >= 3, 15_000);
    await waitFor('as many exits', () => exits(wsgi).length >= 3);
    assert.deepEqual(
      exits(wsgi)
        .slice(0, 3)
        .map(({ status }) => status),
      [23, 23, 23],
    );
    assert.match(String(exits(wsgi)[2]!.pause), /s$/);
  });

  it('F8: a worker that is used up serves on until its successor has loaded the app', PATIENT, async () => {
    await using folder = temporaryFolder();
    await using wsgi = await start(folder, 'while has("hold"): time.sleep(0.01)', { lazyApps: true, maxRequests: 2 });
    writeFileSync(folder.file('hold'), '');
    const first = await pidOf(wsgi);
    for (let n = 0; n < 4; n++) assert.equal(await pidOf(wsgi), first);
    await waitFor('the successor', async () => (await wsgi.process.status()).length === 2);
    const states = (await wsgi.process.status()).map(({ state }) => state);
    assert.deepEqual(states, ['ready', 'starting']);
    rmSync(folder.file('hold'));
    await waitFor('it to serve', async () => (await pidOf(wsgi)) !== first);
    assert.deepEqual(
      wsgi.logs.filter(({ level }) => level !== 'debug'),
      [],
    );
  });

  it('F12: a successor that cannot load the app is tried again, and the old one serves on', PATIENT, async () => {
    await using folder = temporaryFolder();
    await using wsgi = await start(folder, 'if has("broken"): raise ValueError("broken")', { lazyApps: true, maxRequests: 1 });
    writeFileSync(folder.file('broken'), '');
    const first = await pidOf(wsgi);
    await waitFor('two tries', () => wsgi.logged('app-load-failed').length >= 2, 15_000);
    assert.equal(await pidOf(wsgi), first);
    rmSync(folder.file('broken'));
    await waitFor('another', async () => (await pidOf(wsgi)) !== first, 15_000);
  });

  it('B3: a worker that dies while its successor loads has no other', PATIENT, async () => {
    await using folder = temporaryFolder();
    const before = 'open(os.path.join(FOLDER, "load-%d" % os.getpid()), "w").close()\nwhile has("hold"): time.sleep(0.01)';
    await using wsgi = await start(folder, before, { lazyApps: true, maxRequests: 1 });
    writeFileSync(folder.file('hold'), '');
    const first = await pidOf(wsgi);
    const coming = await waitFor('the successor', async () => (await wsgi.process.status()).find(({ state }) => state === 'starting')?.pid);
    process.kill(first, 'SIGKILL');
    await waitFor('its end', () => exits(wsgi).length === 1);
    assert.deepEqual(
      (await wsgi.process.status()).map(({ pid }) => pid),
      [coming],
    );
    rmSync(folder.file('hold'));
    assert.equal(await pidOf(wsgi), coming);
  });

  it('F10: a second drain with a shorter mercy shortens the first', PATIENT, async () => {
    await using folder = temporaryFolder();
    await using wsgi = await start(folder, '');
    const answer = wsgi.request('/sleep').catch(() => null);
    await waitFor('it to run', async () => (await wsgi.process.status()).some(({ running }) => running > 0));
    const begun = performance.now();
    const long = wsgi.process.drain(50_000);
    await wsgi.process.drain(200);
    await long;
    assert.ok(performance.now() - begun < 20_000);
    await waitFor('a word on it', () => wsgi.logged('app-mercy-over').length === 1);
    assert.equal(wsgi.logs.find(({ code }) => code === 'app-mercy-over')!.details.request, 'GET /sleep');
    assert.equal(await answer, null);
  });

  it('F8: exit functions that hang, in the worker and where the app was loaded, end with the mercy', PATIENT, async () => {
    await using folder = temporaryFolder();
    await using wsgi = await start(folder, 'import atexit; atexit.register(time.sleep, 600)');
    assert.ok((await pidOf(wsgi)) > 0);
    const begun = performance.now();
    await wsgi.process.drain(500);
    assert.ok(performance.now() - begun < 20_000);
    assert.equal(wsgi.logged('app-mercy-over').length, 1);
  });

  it('W2: a stop waits for threads and executors, and runs exit functions behind them', PATIENT, async () => {
    await using folder = temporaryFolder();
    const before = `
import atexit, threading
from concurrent.futures import ThreadPoolExecutor
executor = ThreadPoolExecutor()
PARENT = os.getpid()
def note(name): open(os.path.join(FOLDER, name), "w").close()
def job(name):
    time.sleep(0.5)
    note(name)
def orphan():
    threading.Thread(target=job, args=("thread",)).start()
    executor.submit(job, "job")
    return 0
def leave():
    if os.getpid() != PARENT and has("thread") and has("job"): note("left")
atexit.register(leave)
`;
    await using wsgi = await start(folder, before, { threads: 2 });
    await wsgi.request('/orphan');
    await wsgi.process.drain(20_000);
    assert.ok(['thread', 'job', 'left'].every((name) => existsSync(folder.file(name))));
    assert.deepEqual(
      wsgi.logs.filter(({ level }) => level !== 'debug'),
      [],
    );
  });

  it('W5: a Python process that inherits orphans waits for them', PATIENT, async () => {
    await using folder = temporaryFolder();
    const before = `
import ctypes, subprocess
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
def orphan():
    return int(subprocess.run(["sh", "-c", "sleep 0.1 >/dev/null & echo $!"], stdout=subprocess.PIPE).stdout)
`;
    await using wsgi = await start(folder, before);
    const orphans: number[] = [];
    for (let n = 0; n < 3; n++) orphans.push(await wsgi.json<number>('/orphan'));
    await waitFor('nothing to be left of them', () => !orphans.some((pid) => existsSync(`/proc/${pid}`)), 15_000);
  });

  it('B7: a fork that fails is told of and tried again', PATIENT, async () => {
    await using folder = temporaryFolder();
    const before = `
fork, missing = os.fork, [11, 11]
def failing():
    if has("full") and missing:
        raise OSError(missing.pop(), "no more processes")
    return fork()
os.fork = failing
`;
    await using wsgi = await start(folder, before);
    writeFileSync(folder.file('full'), '');
    process.kill(await pidOf(wsgi), 'SIGKILL');
    await waitFor('two lines', () => wsgi.logged('app-fork-failed').length === 2, 15_000);
    assert.ok((await pidOf(wsgi)) > 0);
    assert.deepEqual(wsgi.exits, []);
  });
});
