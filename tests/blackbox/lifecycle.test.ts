/** From the command line to the last byte: starting, being told what is wrong, and stopping without losing a request. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { curl } from '../support/curl.ts';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { type RunResult, run } from '../support/process.ts';
import { exchange, RawClient, type Target } from '../support/raw-client.ts';
import { startUgate, ugateCommand } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { isWithin, never, sleep, within } from '../support/wait.ts';
import { blackbox } from './front.ts';

const OTHER = { differs: 'its command line and its signals are other ones' };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
/** What ugate says when it has heard that it is to end. */
const FINISHING = /SIG(TERM|INT): finishing what is in flight/;

function ugate(...args: string[]): Promise<RunResult> {
  return run([...ugateCommand(), ...args], { cwd: ROOT, lifetime: 20_000 });
}

function target(listener: string): Target {
  return { port: Number(listener.split(':').at(-1)) };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  blackbox(`${signal}: requests in service are finished, then it ends with 0`, OTHER, async () => {
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    await using backend = await UwsgiBackend.listen(async (request, reply) => {
      await request.complete();
      await told;
      await reply.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst ');
      await sleep(300);
      await reply.write('second');
    });
    // Else nobody has heard of one that has said nothing.
    await using gate = await startUgate(['--no-defer-accept', '--http-to', backend.address]);
    await using idle = await RawClient.connect(gate.target);
    await using busy = await RawClient.connect(gate.target);
    busy.write(GET);
    await backend.request();
    gate.process.kill(signal);
    await gate.process.said(FINISHING);
    tell();
    const response = await busy.readResponse();
    assert.equal(response.status, 200);
    assert.equal(response.text(), 'first second');
    const exit = await within(5000, 'the end of ugate', gate.process.exited);
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.equal((await idle.readToEnd()).length, 0, 'an idle connection is closed without a word');
  });
}

blackbox('SIGTERM: nobody new is served while the last requests are', OTHER, async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using backend = await UwsgiBackend.listen(async (_, reply) => {
    await released;
    await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using busy = await RawClient.connect(gate.target);
  busy.write(GET);
  await backend.request();
  gate.process.kill('SIGTERM');
  await gate.process.said(FINISHING);
  await sleep(100);
  await assert.rejects(exchange(gate.target, GET, { milliseconds: 1000 }), 'a new client finds the door closed');
  assert.equal(backend.requests.length, 1);
  release();
  const response = await busy.readResponse();
  assert.equal(response.text(), 'ok');
  assert.equal(response.header('connection')?.toLowerCase(), 'close', 'the client is told to go elsewhere');
});

blackbox('SIGTERM with idle connections only: it ends at once', OTHER, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  assert.equal((await client.request(GET)).status, 200);
  const started = performance.now();
  const exit = await gate.stop();
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(isWithin(2000, started), `after ${performance.now() - started} ms`);
});

blackbox('a second signal ends it at once', OTHER, async () => {
  await using backend = await UwsgiBackend.listen(never);
  await using gate = await startUgate(['--http-to', backend.address]);
  await using busy = await RawClient.connect(gate.target);
  busy.write(GET);
  await backend.request();
  gate.process.kill('SIGTERM');
  await gate.process.said(FINISHING);
  // Sooner it would be an echo of the first.
  await sleep(400);
  assert.ok(gate.process.running, 'it waits for the request');
  gate.process.kill('SIGTERM');
  const exit = await within(3000, 'the end of ugate', gate.process.exited);
  assert.notEqual(exit.code, 0, 'a request was cut off, and that shows');
});

blackbox('--reload-mercy: a request that takes too long is cut off', OTHER, async () => {
  await using backend = await UwsgiBackend.listen(never);
  await using gate = await startUgate(['--http-to', backend.address, '--reload-mercy', '1']);
  await using busy = await RawClient.connect(gate.target);
  busy.write(GET);
  await backend.request();
  gate.process.kill('SIGTERM');
  await within(5000, 'the end of ugate', gate.process.exited);
});

/** The texts of the first issue, word for word. */
const TWO_LISTENERS = `[uwsgi]
http = 0.0.0.0:8080
http = 127.0.0.1:8181
master = true
http-to = /tmp/uwsgi.sock
`;
const THREE_NODES = `[uwsgi]
http = 0.0.0.0:8080
master = true
http-to = /tmp/uwsgi.sock
http-to = 127.0.0.1:3031
http-to = 127.0.0.1:3032
`;

blackbox('the ini files and the command line of the first issue pass --check as they stand', OTHER, async () => {
  await using folder = temporaryFolder();
  for (const text of [TWO_LISTENERS, THREE_NODES]) {
    writeFileSync(folder.file('ugate.ini'), text);
    for (const how of [['--ini', folder.file('ugate.ini')], [folder.file('ugate.ini')]]) {
      const { code, stderr } = await ugate(...how, '--check');
      assert.equal(code, 0, stderr);
    }
  }
  const { code, stderr } = await ugate('--master', '--http', '127.0.0.1:8080', '--http-to', '/tmp/uwsgi.sock', '--check');
  assert.equal(code, 0, stderr);
});

blackbox('an ini file with two listeners serves on both', OTHER, async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('from the socket'), folder.file('uwsgi.sock'));
  const text = TWO_LISTENERS.replace('0.0.0.0:8080', '127.0.0.1:0').replace('127.0.0.1:8181', '127.0.0.1:0');
  writeFileSync(folder.file('ugate.ini'), text.replace('/tmp/uwsgi.sock', backend.address));
  await using gate = await startUgate(['--ini', folder.file('ugate.ini')], { listeners: 2, rights: 'all' });
  assert.equal(gate.listeners.length, 2);
  for (const listener of gate.listeners) {
    const response = await exchange(target(listener), GET);
    assert.equal(response.text(), 'from the socket');
  }
  assert.equal(backend.requests.length, 2);
  const ports = backend.requests.map((request) => request.vars.get('SERVER_PORT'));
  assert.deepEqual(
    ports,
    gate.listeners.map((listener) => listener.split(':').at(-1)),
    'SERVER_PORT is that of each listener',
  );
});

blackbox('an ini file with three nodes uses all three', OTHER, async () => {
  await using folder = temporaryFolder();
  await using one = await UwsgiBackend.listen(answer('one'), folder.file('uwsgi.sock'));
  await using two = await UwsgiBackend.listen(answer('two'));
  await using three = await UwsgiBackend.listen(answer('three'));
  const text = THREE_NODES.replace('0.0.0.0:8080', '127.0.0.1:0').replace('/tmp/uwsgi.sock', one.address);
  writeFileSync(folder.file('ugate.ini'), text.replace('127.0.0.1:3031', two.address).replace('127.0.0.1:3032', three.address));
  await using gate = await startUgate([folder.file('ugate.ini')], { rights: 'all' });
  const answers: string[] = [];
  for (let number = 0; number < 6; number += 1) answers.push((await exchange(gate.target, GET)).text());
  assert.deepEqual(answers.toSorted(), ['one', 'one', 'three', 'three', 'two', 'two']);
});

blackbox('the command line of the first issue serves', {}, async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('served'), folder.file('uwsgi.sock'));
  await using gate = await startUgate(['--master', '--http', '127.0.0.1:0', '--http-to', backend.address], { rights: 'all' });
  assert.equal((await exchange(gate.target, GET)).text(), 'served');
});

blackbox('it listens on a unix socket', { needs: ['curl'] }, async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('by socket'));
  await using gate = await startUgate(['--http', folder.file('http.sock'), '--http-to', backend.address]);
  assert.deepEqual(gate.listeners, [folder.file('http.sock')]);
  const { status, body } = await curl(['--unix-socket', folder.file('http.sock'), 'http://a.example/']);
  assert.equal(status, 200);
  assert.equal(body, 'by socket');
});

blackbox('it listens on IPv6', OTHER, async () => {
  await using backend = await UwsgiBackend.listen(answer('six'));
  await using gate = await startUgate(['--http', '[::1]:0', '--http-to', backend.address]);
  const response = await exchange({ host: '::1', port: gate.port }, 'GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n');
  assert.equal(response.text(), 'six');
  assert.equal(backend.requests[0]?.vars.get('REMOTE_ADDR'), '::1');
});

blackbox('an unknown option: exit code 1 and the likely one', OTHER, async () => {
  const { code, stderr, stdout } = await ugate('--htpp-to', '/tmp/uwsgi.sock', '--http', '127.0.0.1:0');
  assert.equal(code, 1);
  assert.match(stderr, /htpp-to/);
  assert.match(stderr, /did you mean .*http-to/i);
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
  assert.equal(stdout, '');
});

blackbox('a mistake in an ini file is told with its line', OTHER, async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('bad.ini'), '[uwsgi]\nhttp = 127.0.0.1:0\nhttp-timout = 5\n');
  for (const extra of [[], ['--check']]) {
    const { code, stderr } = await ugate('--ini', folder.file('bad.ini'), ...extra);
    assert.equal(code, 1);
    assert.match(stderr, /bad\.ini:3/);
    assert.match(stderr, /did you mean .*http-timeout/i);
  }
});

blackbox('a missing ini file: exit code 1 and one line', OTHER, async () => {
  const { code, stderr } = await ugate('--ini', '/nowhere/missing.ini');
  assert.equal(code, 1);
  assert.match(stderr, /\/nowhere\/missing\.ini/);
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
});

blackbox('an address in use: exit code 1 and a line that names it', OTHER, async () => {
  await using holder = await UwsgiBackend.listen(answer('mine'));
  const { code, stderr } = await ugate('--http', holder.address, '--http-to', '/tmp/none.sock');
  assert.equal(code, 1);
  assert.ok(stderr.includes(holder.address), stderr);
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
});

blackbox('--check starts nothing and says that all is well', OTHER, async () => {
  const { code, stderr } = await ugate('--check', '--http', '127.0.0.1:0', '--http-to', '/tmp/none.sock');
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /listening/);
});

blackbox('--version says the version of package.json', OTHER, async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const { code, stdout } = await ugate('--version');
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`));
});

blackbox('--help names the options', OTHER, async () => {
  const { code, stdout } = await ugate('--help');
  assert.equal(code, 0);
  for (const option of ['--http', '--http-to', '--http-timeout', '--ini', '--check']) assert.ok(stdout.includes(option), option);
});
