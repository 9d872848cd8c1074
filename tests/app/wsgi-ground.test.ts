/** Python's master and workers stand, whatever the app changes while it is imported (issue 12, kind 5). One app per kind of change. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support/paths.ts';
import { waitFor } from '../support/wait.ts';
import { loadError, requestPacket, runtime, type StartedWsgi, startWsgi } from './wsgi-support.ts';

/** The app behind each change: `/` tells its worker, `/fail` fails, `/end` ends the worker, `/fork` waits for a child. */
const APP = `
import json as _json, os as _os

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise ValueError("for the test")
    if path == "/end":
        _os._exit(0)
    if path == "/fork":
        _pid = _os.fork()
        if _pid == 0:
            raise SystemExit(7)
        value = _os.waitpid(_pid, 0)[1] >> 8
    else:
        value = _os.getpid()
    start_response("200 OK", [("Content-Type", "application/json")])
    return iter([_json.dumps(value).encode()])
`;

/** Name, what is done at import, and whether a forked child can be waited for. */
const CHANGES: readonly (readonly [name: string, code: string, waits?: boolean])[] = [
  ['B7: SIGCHLD is ignored', 'import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)', false],
  [
    'W6: SIGCHLD has a handler that waits for all',
    `import os, signal
def reap(number, frame):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
signal.signal(signal.SIGCHLD, reap)`,
    false,
  ],
  [
    'B7: a thread of the app waits for all',
    `import os, threading, time
def reap():
    while True:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass
        time.sleep(0.001)
threading.Thread(target=reap, daemon=True).start()`,
  ],
  [
    'B7: SIGTERM and SIGINT end the process',
    'import signal; [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]',
  ],
  ['B7: handlers raise', 'import signal, sys\nfor n in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2): signal.signal(n, lambda *_: sys.exit(3))'],
  ['B7: SIGPIPE ends the process', 'import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)'],
  ['B7: all signals are blocked', 'import signal; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())'],
  ['B7: an alarm is set', 'import signal; signal.setitimer(signal.ITIMER_REAL, 0.3)'],
  ['B7: the working directory is another, and gone', 'import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)'],
  ['B7: nothing may be read by umask', 'import os; os.umask(0o777)'],
  ['B7: standard streams are None', 'import sys; sys.stdin = sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None'],
  ['B7: standard streams are closed', 'import sys; sys.stdout.close(); sys.stderr.close()'],
  ['B7: descriptors 0, 1 and 2 are closed', 'import os; os.closerange(0, 3)'],
  ['B7: sockets have a timeout', 'import socket; socket.setdefaulttimeout(0.05)'],
  ['B7: the environment is empty', 'import os; os.environ.clear()'],
  ['B7: the module path is empty', 'import sys; sys.path.clear()'],
  ['B7: the recursion limit is low', 'import sys; sys.setrecursionlimit(60)'],
  ['B7: garbage is not collected, or often', 'import gc; gc.set_threshold(1, 1, 1); gc.disable()'],
  ['B7: the locale is another', 'import locale; locale.setlocale(locale.LC_ALL, "C")'],
  ['B7: warnings are errors', 'import warnings; warnings.simplefilter("error")'],
  ['B7: threads run', 'import threading, time\nfor _ in range(3): threading.Thread(target=lambda: time.sleep(600)).start()'],
  [
    'B7: fork hooks fail',
    'import os\ndef fail(): raise ValueError("hook")\nos.register_at_fork(before=fail, after_in_parent=fail, after_in_child=fail)',
  ],
  ['B7: a process is forked and ends as Python would', 'import os, sys\nif os.fork() == 0: sys.exit(0)\nos.wait()'],
  ['B7: a forked process goes on as if it were the first', 'import os, time\nos.fork()'],
  ['B7: few descriptors are allowed', 'import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))'],
];

/** Three workers one after the other, the last one killed by the app, an error, and a child. */
async function check(wsgi: StartedWsgi, waits: boolean): Promise<void> {
  const pids = new Set<number>();
  await waitFor('three workers', async () => pids.add(await wsgi.json<number>('/')).size >= 3);
  for (const signal of ['SIGTERM', 'SIGUSR1'] as const) process.kill(wsgi.process.pid, signal);
  assert.equal((await wsgi.request('/fail')).status, 500);
  await waitFor('a word on it', () => wsgi.logged('app-error').length > 0);
  if (waits) assert.equal(await wsgi.json<number>('/fork'), 7);
  // A client that leaves is no end of a worker.
  const leaving = await wsgi.connect();
  leaving.write(requestPacket('/'));
  leaving.destroy();
  await assert.rejects(wsgi.request('/end'));
  await waitFor('a word on it', () => wsgi.logged('app-worker-exit').some((line) => line.includes('died')));
  await wsgi.json<number>('/');
  assert.deepEqual(wsgi.exits, []);
  const begun = performance.now();
  await wsgi.process.drain(10_000);
  assert.ok(performance.now() - begun < 8000, 'it ends when it is asked to');
}

describe(`Python stands on ${runtime.name}, whatever the app changes at import:`, { concurrency: 3 }, () => {
  for (const [name, code, waits = true] of CHANGES) {
    it(name, { timeout: 60_000 }, async () => {
      await using folder = temporaryFolder();
      writeFileSync(folder.file('changing.py'), code + APP);
      await using wsgi = await startWsgi({ name: 'changing', chdir: folder.path, maxRequests: 2 });
      await check(wsgi, waits);
    });
  }

  it('B7: descriptors that the app closes while it is loaded are told of, and that is the end', { timeout: 60_000 }, async () => {
    await using folder = temporaryFolder();
    for (const end of ['', 'time.sleep(1)']) {
      writeFileSync(folder.file('daemon.py'), `import os, time\nos.closerange(3, 1024)\n${end}\n${APP}`);
      for (const lazyApps of [false, true]) {
        const error = await loadError({ name: 'daemon', chdir: folder.path, lazyApps });
        assert.match(error.message, /the app close[sd] descriptors that are ugate's while it (was|is) loaded/);
      }
    }
  });

  it('B7: a process that detaches itself while it is loaded is told of', { timeout: 60_000 }, async () => {
    await using folder = temporaryFolder();
    writeFileSync(folder.file('daemon.py'), `import os, sys\nif os.fork() > 0: os._exit(0)\n${APP}`);
    const error = await loadError({ name: 'daemon', chdir: folder.path });
    assert.match(error.message, /ended with 0 before the app was loaded/);
  });

  it('B7: what the app wants of signals that are nobody else’s holds in its workers', { timeout: 60_000 }, async () => {
    await using folder = temporaryFolder();
    const app = `
import json, signal
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))

def application(environ, start_response):
    start_response("200 OK", [])
    return iter([json.dumps(len(seen)).encode()])
`;
    writeFileSync(folder.file('noting.py'), app);
    await using wsgi = await startWsgi({ name: 'noting', chdir: folder.path });
    const [worker] = await wsgi.process.status();
    process.kill(worker!.pid, 'SIGUSR1');
    process.kill(wsgi.process.pid, 'SIGUSR1');
    await waitFor('it to be noted', async () => (await wsgi.json<number>('/')) === 1);
    assert.deepEqual(wsgi.exits, []);
  });
});
