/** The life of WSGI workers: start, refusal, death, limits, end. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { run, startProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { isWithin, waitFor } from '../support/wait.ts';
import { loadError, PEERS, packet, requestPacket, runtime, StartedWsgi, SYSTEM, startWsgi } from './wsgi-support.ts';

type Seen = { pid: number; parent: number; name: string };

/** Orphans stay as zombies where the first process of the machine does not reap. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function closeIt(client: RawClient): boolean {
  client.destroy();
  return true;
}

/** A request to wsgi_probe.py that is answered when `release` is called. */
async function hold(wsgi: StartedWsgi, folder: TemporaryFolder, more = ''): Promise<{ client: RawClient; release(): void }> {
  const client = await begin(wsgi, `/meet?count=2&folder=${folder.path}${more}`);
  return { client, release: () => writeFileSync(folder.file('second'), '') };
}

/** A request whose answer is not waited for. */
async function begin(wsgi: StartedWsgi, target: string): Promise<RawClient> {
  const client = await wsgi.connect();
  client.write(requestPacket(target));
  await waitFor(`${target} to run`, async () => (await wsgi.process.status()).some(({ busy }) => busy === `GET ${target}`));
  return client;
}

describe(`WSGI workers on ${runtime.name}`, () => {
  it('finds the app by module, file and callable', async () => {
    for (const [options, name, text] of [
      [{ name: 'wsgi_app:application' }, 'wsgi_app', null],
      [{ name: 'wsgi_app.py' }, 'uwsgi_file_', null],
      [{ name: 'wsgi_app.py:application' }, 'uwsgi_file_', null],
      [{ name: 'wsgi_app:validated', callable: 'application' }, 'wsgi_app', null],
      [{ name: 'peers.wsgi_app', chdir: '/', pythonPath: [`${PEERS}/../../te*s`] }, 'peers.wsgi_app', null],
      [{ name: 'wsgi_app:make()' }, null, '"made"'],
      [{ app: { kind: 'file', path: `${PEERS}/wsgi_app.py`, callable: null }, chdir: '/' }, 'uwsgi_file_', null],
    ] as const) {
      await using wsgi = await startWsgi(options);
      if (text === null) assert.ok((await wsgi.json<Seen>('/pid')).name.startsWith(name), JSON.stringify(options));
      else assert.equal((await wsgi.request('/pid')).text(), text);
    }
  });

  it('says why an app cannot be loaded', async () => {
    await using folder = temporaryFolder();
    writeFileSync(folder.file('broken.py'), 'def application(:\n');
    writeFileSync(folder.file('failing.py'), 'def helper():\n    raise RuntimeError("no database")\nhelper()\n');
    writeFileSync(folder.file('leaving.py'), 'import sys\nsys.exit("no settings")\n');
    writeFileSync(folder.file('lacking.py'), 'import no_such_package\n');
    writeFileSync(folder.file('named.py'), 'class Maker: pass\nmaker = lambda e, s: []\nother = print\n');
    writeFileSync(folder.file('crashing.py'), 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n');
    const chdir = folder.path;
    for (const [options, message, traceback] of [
      [{ name: 'nowhere.app', chdir }, /^no module named nowhere.app \(there is no nowhere\); looked in .*--pythonpath/, /^$/],
      [{ name: 'nowhere.py', chdir }, /^no file nowhere.py/, /^$/],
      [{ name: 'broken', chdir }, /^the app cannot be loaded: SyntaxError: /, /broken\.py", line 1/],
      [
        { name: 'failing', chdir },
        /^the app cannot be loaded: RuntimeError: no database$/,
        /^Traceback .*\n {2}File ".*failing.py", line 3.*[\s\S]*in helper/,
      ],
      [{ name: 'failing', chdir, lazyApps: true }, /^the app cannot be loaded: RuntimeError: no database$/, /in helper/],
      [{ name: 'leaving', chdir }, /^the app cannot be loaded: SystemExit: no settings$/, /leaving/],
      [{ name: 'lacking', chdir }, /^the app cannot be loaded: ModuleNotFoundError: No module named 'no_such_package' \(in .*python/, /lacking.py/],
      [{ name: 'named', chdir }, /^named has no callable `application` nor `app`; it has maker, other: --callable says which$/, /^$/],
      [{ name: 'named:nothing', chdir }, /^named has no `nothing`; it has maker, other/, /^$/],
      [{ name: 'wsgi_app:asynchronous' }, /asynchronous is asynchronous \(an ASGI app\?\)/, /^$/],
      [{ name: 'crashing', chdir }, /python3 ended with SIGKILL before/, /^$/],
      [{ name: 'crashing', chdir, lazyApps: true }, /worker 1 ended with SIGKILL before it was ready/, /^$/],
      [{ chdir: '/nowhere' }, /^chdir \/nowhere: No such file/, /^$/],
      [{ home: '/nowhere' }, /^home \/nowhere does not exist$/, /^$/],
      [{ home: chdir }, /has no lib\/python3.*: it is no virtual environment$/, /^$/],
      [{ path: `/tmp/${'x'.repeat(120)}` }, /^cannot bind .*too long/, /^$/],
    ] as const) {
      const error = await loadError(options);
      assert.match(error.message, message);
      assert.match(error.traceback, traceback);
      assert.doesNotMatch(error.traceback, /<ugate|importlib/);
    }
  });

  it('says that Python is missing', async () => {
    await using folder = temporaryFolder();
    mkdirSync(folder.file('bin'));
    writeFileSync(folder.file('bin/python3'), 'no program');
    const error = await loadError({ home: folder.path });
    assert.match(error.message, /python3 cannot be started: WSGI apps need Python 3.8/);
  });

  it('takes the packages of a virtual environment', async () => {
    await using folder = temporaryFolder();
    const said = await run(['/usr/bin/python3', '-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
    const packages = folder.file(`lib/python${said.stdout.trim()}/site-packages`);
    mkdirSync(packages, { recursive: true });
    writeFileSync(join(packages, 'mine.py'), 'from wsgi_app import application\n');
    // Without an interpreter of its own: that of the PATH, which is the system's here.
    await using wsgi = await startWsgi({ name: 'mine', home: folder.path, env: [['PATH', '/usr/bin:/bin']] });
    assert.equal((await wsgi.json<Seen>('/pid')).name, 'wsgi_app');
    mkdirSync(folder.file('bin'));
    symlinkSync('/usr/bin/python3', folder.file('bin/python3'));
    writeFileSync(folder.file('pyvenv.cfg'), 'home = /usr/bin\n');
    await using own = await startWsgi({ name: 'mine', home: folder.path });
    assert.equal((await own.json<Seen>('/pid')).name, 'wsgi_app');
  });

  it('shares requests among processes, one at a time each', async () => {
    await using folder = temporaryFolder();
    await using wsgi = await startWsgi({ name: 'wsgi_probe', processes: 3 });
    const pids = await Promise.all([1, 2, 3].map(() => wsgi.json(`/meet?count=3&folder=${folder.path}`)));
    assert.deepEqual(new Set(pids), new Set((await wsgi.process.status()).map(({ pid }) => pid)));
    const environ = await wsgi.json('/environ');
    assert.deepEqual([environ['wsgi.multiprocess'], environ['wsgi.multithread']], [true, false]);
    // A request counts when its worker is done with it, which is behind its answer.
    await waitFor('four requests', async () => (await wsgi.process.status()).reduce((sum, { requests }) => sum + requests, 0) === 4);
  });

  it('shares requests among threads', async () => {
    await using folder = temporaryFolder();
    await using wsgi = await startWsgi({ name: 'wsgi_probe', threads: 3 });
    const pids = await Promise.all([1, 2, 3].map(() => wsgi.json(`/meet?count=3&folder=${folder.path}`)));
    assert.deepEqual(new Set(pids), new Set((await wsgi.process.status()).map(({ pid }) => pid)));
    assert.equal((await wsgi.json('/environ'))['wsgi.multithread'], true);
  });

  it('tells what each worker does', async () => {
    await using folder = temporaryFolder();
    await using wsgi = await startWsgi({ name: 'wsgi_probe', processes: 2 });
    const began = performance.now();
    const { client, release } = await hold(wsgi, folder, '&why=caf%C3%A9');
    const workers = await wsgi.process.status();
    assert.deepEqual(
      workers.map(({ id }) => id),
      [1, 2],
    );
    const busy = workers.filter((worker) => worker.busy !== null);
    assert.equal(busy.length, 1);
    assert.ok(busy[0]!.since! >= 0 && busy[0]!.since! <= (performance.now() - began) / 1000, `${busy[0]!.since} s`);
    release();
    await client.readResponse();
    client.destroy();
    await waitFor('the worker to be idle', async () => (await wsgi.process.status()).every(({ busy, running }) => busy === null && running === 0));
  });

  it('starts a killed worker again, and its client sees the end', async () => {
    await using wsgi = await startWsgi({ processes: 2 });
    await using client = await begin(wsgi, '/sleep?s=5');
    const victim = (await wsgi.process.status()).find(({ busy }) => busy !== null)!;
    process.kill(victim.pid, 'SIGKILL');
    assert.equal((await client.readToEnd()).length, 0);
    await waitFor('the log line', () => wsgi.logged('app-worker-exit').includes('a worker died; another takes its place'));
    const details = wsgi.logs.find(({ code }) => code === 'app-worker-exit')!.details;
    assert.deepEqual([details.worker, details.pid, details.signal], [victim.id, victim.pid, 'SIGKILL']);
    await waitFor('a new worker', async () => (await wsgi.process.status()).every(({ pid }) => pid !== 0 && pid !== victim.pid));
    assert.deepEqual(wsgi.exits, []);
  });

  it('waits longer and longer when a worker keeps dying', async () => {
    await using wsgi = await startWsgi();
    const pauses = () => wsgi.logs.filter(({ code }) => code === 'app-worker-exit').map(({ details }) => details.pause);
    for (let n = 1; n <= 3; n++) {
      const worker = await waitFor('a worker', async () => (await wsgi.process.status()).find(({ pid }) => pid !== 0));
      await wsgi.json('/pid');
      process.kill(worker.pid, 'SIGKILL');
      await waitFor('the log line', () => pauses().length === n);
    }
    assert.deepEqual(pauses(), [undefined, '0.25s', '0.5s']);
  });

  it('kills a worker that is stuck in a request, answers 504 in its place, and says which request', async () => {
    await using wsgi = await startWsgi({ harakiri: 1000, processes: 2 });
    const begun = performance.now();
    const response = await wsgi.request('/spin?a=1').catch((error) => error);
    assert.equal(response.status, 504, String(response));
    assert.ok(performance.now() - begun > 950 && isWithin(2500, begun), `${performance.now() - begun} ms`);
    await waitFor('it to be told', () => wsgi.stuck.length === 1);
    assert.equal(wsgi.stuck[0]?.request, 'GET /spin?a=1');
    assert.ok(wsgi.stuck[0]!.seconds >= 1);
    await waitFor('the other worker', async () => (await wsgi.process.status()).every(({ pid }) => pid !== 0 && pid !== wsgi.stuck[0]!.pid));
    assert.equal((await wsgi.request('/')).status, 200);
    // Behind the head nothing may be added.
    await assert.rejects(wsgi.request('/large?n=2&hold=3'), /chunked|closed/);
    await waitFor('it to be told', () => wsgi.stuck.length === 2);
  });

  it('replaces a worker after max-requests and after max-worker-lifetime', async () => {
    await using wsgi = await startWsgi({ maxRequests: 3 });
    const pids: number[] = [];
    for (let n = 0; n < 9; n++) pids.push((await wsgi.json<Seen>('/pid')).pid);
    assert.deepEqual(
      pids,
      [0, 0, 0, 3, 3, 3, 6, 6, 6].map((first) => pids[first]!),
    );
    assert.equal(new Set(pids).size, 3);
    await using other = await startWsgi({ maxWorkerLifetime: 500 });
    const { pid } = await other.json<Seen>('/pid');
    await waitFor('a new worker', async () => (await other.json<Seen>('/pid')).pid !== pid);
    assert.deepEqual(
      [...wsgi.logs, ...other.logs].filter(({ level }) => level !== 'debug'),
      [],
    );
  });

  it('drains: what runs and what waits is answered, then all is gone', async () => {
    await using folder = temporaryFolder();
    await using wsgi = await startWsgi({ name: 'wsgi_probe', processes: 1 });
    const { client: running, release } = await hold(wsgi, folder);
    await using waiting = await wsgi.connect();
    waiting.write(requestPacket('/'));
    const { pid } = wsgi.process;
    const drained = wsgi.process.drain(5000);
    const isOpen = (): Promise<boolean> => RawClient.connect({ path: wsgi.process.path }).then(closeIt, () => false);
    await waitFor('the socket to close', async () => !(await isOpen()));
    release();
    assert.equal((await running.readResponse()).status, 200);
    assert.equal((await waiting.readResponse()).text(), '"hello"');
    running.destroy();
    await drained;
    assert.deepEqual([isAlive(pid), existsSync(wsgi.process.path), wsgi.exits.length], [false, false, 0]);
  });

  it('kills what does not end within its mercy', async () => {
    await using wsgi = await startWsgi();
    await using client = await begin(wsgi, '/sleep?s=20');
    const workers = await wsgi.process.status();
    const begun = performance.now();
    await wsgi.process.drain(300);
    assert.ok(isWithin(1500, begun));
    assert.equal((await client.readToEnd()).length, 0);
    assert.ok(!isAlive(workers[0]!.pid));
  });

  it('destroys at once', async () => {
    await using wsgi = await startWsgi({ processes: 2, threads: 2 });
    await using client = await begin(wsgi, '/sleep?s=20');
    const pids = [wsgi.process.pid, ...(await wsgi.process.status()).map(({ pid }) => pid)];
    wsgi.process.destroy();
    await waitFor('all to be gone', () => !pids.some(isAlive), 1500);
    assert.equal((await client.readToEnd()).length, 0);
    assert.deepEqual(wsgi.exits, []);
  });

  it('tells when Python itself is killed, and leaves no worker', async () => {
    await using wsgi = await startWsgi({ processes: 2 });
    await using client = await begin(wsgi, '/spin');
    const pids = (await wsgi.process.status()).map(({ pid }) => pid);
    process.kill(wsgi.process.pid, 'SIGKILL');
    await waitFor('the exit', () => wsgi.exits.length > 0);
    assert.deepEqual(wsgi.exits, ['null SIGKILL']);
    await waitFor('all to be gone', () => !pids.some(isAlive), 1000);
    assert.equal((await client.readToEnd()).length, 0);
  });

  it('passes on what the app prints, and ends when its parent is killed, also a worker that is stuck', async () => {
    await using folder = temporaryFolder();
    const program = fileURLToPath(new URL('./fixtures/wsgi-parent.ts', import.meta.url));
    const words = runtime.name === 'deno' ? ['run', '-A', program] : [program];
    for (const lazy of ['', 'lazy']) {
      const path = folder.file(`${lazy}wsgi.sock`);
      await using parent = startProcess([process.execPath, ...words, path, PEERS, SYSTEM ?? '', lazy]);
      const pids = (await parent.said(/pids (.*) \./))[1]!.split(' ').map(Number);
      await using talking = await RawClient.connect({ path });
      await talking.request(requestPacket('/say').toString('latin1'));
      await parent.said(/^said on wsgi.errors$/m);
      await waitFor('what the app printed', () => parent.stdout.includes('said on stdout\n'));
      await using client = await RawClient.connect({ path });
      await client.flush(requestPacket('/spin'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(pids.filter(isAlive).length, 3);
      process.kill(parent.pid, 'SIGKILL');
      await waitFor('all to be gone', () => !pids.some(isAlive), 1000);
      await client.readToEnd();
    }
  });

  it('ignores the signals that a terminal sends to all', async () => {
    await using folder = temporaryFolder();
    await using wsgi = await startWsgi({ name: 'wsgi_probe', processes: 2 });
    const pids = [wsgi.process.pid, ...(await wsgi.process.status()).map(({ pid }) => pid)];
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGUSR1', 'SIGUSR2'])
      for (const pid of pids) process.kill(pid, signal);
    const { client: slow, release } = await hold(wsgi, folder);
    for (const pid of pids) process.kill(pid, 'SIGINT');
    release();
    assert.equal((await slow.readResponse()).status, 200);
    slow.destroy();
    assert.deepEqual([pids.every(isAlive), wsgi.exits.length], [true, 0]);
  });

  // Bun gives a test 5 seconds.
  it('tells of an app that takes long to load', { timeout: 15_000 }, async () => {
    await using folder = temporaryFolder();
    writeFileSync(folder.file('hanging.py'), 'import time\ntime.sleep(60)\n');
    const wsgi = new StartedWsgi({ name: 'hanging', chdir: folder.path });
    const start = wsgi.process.start();
    start.catch(() => {});
    await waitFor('a word', () => wsgi.logged('app-slow-load').length > 0, 8000);
    await wsgi[Symbol.asyncDispose]();
    await assert.rejects(start, /stopped before the app was loaded/);
  });

  it('takes uwsgi on further sockets, and gives them up when it drains', async () => {
    const socket = await runtime.bind({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    const target = { port: (socket.address as { port: number }).port };
    const ask = async (): Promise<string> => {
      await using client = await RawClient.connect(target);
      client.write(requestPacket('/pid'));
      return (JSON.parse((await client.readResponse()).text()) as Seen).pid.toString();
    };
    try {
      await using first = await startWsgi({ processes: 2, sockets: [socket] });
      const firstPids = (await first.process.status()).map(({ pid }) => String(pid));
      for (let n = 0; n < 5; n++) assert.ok(firstPids.includes(await ask()));
      assert.equal((await first.request('/')).status, 200);
      // No chunks for peers that may not know them; a cut answer is a reset there.
      await using client = await RawClient.connect(target);
      client.write(requestPacket('/stream'));
      assert.doesNotMatch((await client.readToEnd()).toString(), /chunked/);
      assert.equal(client.error, null);
      await using cut = await RawClient.connect(target);
      cut.write(requestPacket('/error-late'));
      await cut.readToEnd();
      assert.equal(cut.error, 'ECONNRESET');
      await using foreign = await RawClient.connect(target);
      foreign.write(packet([['REQUEST_METHOD', 'GET']], 5));
      assert.equal((await foreign.readToEnd()).length, 0);
      await waitFor('a word on it', () => first.logged('app-bad-packet').some((line) => line.includes('modifier1 is 5')));

      await using second = await startWsgi({ processes: 2, sockets: [socket] });
      const secondPids = (await second.process.status()).map(({ pid }) => String(pid));
      await first.process.drain(5000);
      for (let n = 0; n < 5; n++) assert.ok(secondPids.includes(await ask()));
    } finally {
      socket.close();
    }
  });
});
