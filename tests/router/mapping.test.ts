/** Nodes chosen by the host that was asked for, from the client's bytes to the node. */

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle, sleep, waitFor } from '../support/wait.ts';
import { type Gate, startGate } from './support.ts';

const GONE = 'no-node';

/** A request for a host; null sends no Host, as HTTP/1.0 may. */
function to(host: string | null, ...fields: string[]): string {
  const lines = host === null ? ['GET / HTTP/1.0', 'Connection: keep-alive'] : ['GET / HTTP/1.1', `Host: ${host}`];
  return `${[...lines, ...fields].join('\r\n')}\r\n\r\n`;
}

/** Asks for each host on a connection of its own; the bodies, or the codes of refusals. */
async function ask(gate: Gate, ...hosts: (string | null)[]): Promise<string[]> {
  return await Promise.all(
    hosts.map(async (host) => {
      await using client = await gate.connect();
      const response = await client.request(to(host));
      return response.status === 200 ? response.text() : (/[a-z]+(?:-[a-z]+)+/.exec(response.text())?.[0] ?? response.text());
    }),
  );
}

/** Backends that answer their names, on sockets of these names in the folder. */
async function sockets(folder: TemporaryFolder, ...names: string[]): Promise<AsyncDisposable> {
  const backends = await Promise.all(names.map((name) => UwsgiBackend.listen(answer(name.replace(/\.sock$/, '')), folder.file(name))));
  return {
    async [Symbol.asyncDispose]() {
      for (const backend of backends) await backend.stop();
    },
  };
}

test('http-use-pattern: the key in its normal form, with its port and then without', async () => {
  await using folder = temporaryFolder();
  await using _ = await sockets(folder, 'a.example.sock', 'b.example:8080.sock', 'b.example.sock', '[::1].sock');
  await using gate = await startGate({ 'http-use-pattern': folder.file('%s.sock') });
  assert.deepEqual(await ask(gate, 'a.example', 'A.Example', 'a.example.', 'a.example:80', 'A.EXAMPLE.:8443'), Array(5).fill('a.example'));
  assert.deepEqual(await ask(gate, 'b.example:8080', 'B.example.:8080', 'b.example:81'), ['b.example:8080', 'b.example:8080', 'b.example']);
  assert.deepEqual(await ask(gate, '[::1]:80', 'c.example', 'c..example'), ['[::1]', GONE, 'bad-routing-key']);
});

test('http-use-base: the key right behind the text, and an absolute target instead of Host', async () => {
  await using folder = temporaryFolder();
  await using _ = await sockets(folder, 'app-a.example', 'app-b.example');
  await using gate = await startGate({ 'http-use-base': folder.file('app-') });
  assert.deepEqual(await ask(gate, 'a.example', 'b.example:99', 'c.example'), ['app-a.example', 'app-b.example', GONE]);
  await using client = await gate.connect();
  client.write('GET http://B.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal((await client.readResponse()).text(), 'app-b.example');
});

test('a hostile Host is refused and never part of a path', async () => {
  await using folder = temporaryFolder();
  mkdirSync(folder.file('apps/in'), { recursive: true });
  await using _ = await sockets(folder, 'secret.sock', 'apps/in/deep.sock', 'apps/%73.sock');
  await using gate = await startGate({ 'http-use-pattern': folder.file('apps/%s.sock'), 'http-fallback': folder.file('secret.sock') });
  const hostile = ['../secret', '..', '.', 'in/deep', 'in\\deep', 'a\0b', 'a b', '/etc', `${'x'.repeat(300)}`, '%2e%2e/secret', '..%2fsecret'];
  for (const host of hostile) {
    await using client = await gate.connect();
    const { status } = await client.request(to(host));
    // What cannot be a host is refused; what is only strange is not found, and has the fallback like any other.
    if (status !== 400) assert.equal(host, '..%2fsecret', host);
  }
  assert.deepEqual(await ask(gate, '%73'), ['apps/%73']);
});

test('HTTP/1.0 without Host has the name of this machine as its key', async () => {
  await using folder = temporaryFolder();
  const { hostname } = await import('node:os');
  await using _ = await sockets(folder, `${hostname().toLowerCase()}.sock`);
  await using gate = await startGate({ 'http-use-pattern': folder.file('%s.sock') });
  assert.deepEqual(await ask(gate, null), [hostname().toLowerCase()]);
});

test('http-use-cache: several addresses, modifiers, and a file that changes', async () => {
  await using folder = temporaryFolder();
  await using _ = await sockets(folder, 'a.sock', 'b.sock', 'c.sock');
  await using modified = await UwsgiBackend.listen(async (request, reply) => {
    const body = `${request.modifier1}`;
    await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const map = folder.file('nodes.map');
  const write = (text: string): void => {
    writeFileSync(`${map}.new`, text);
    renameSync(`${map}.new`, map);
  };
  write(`# hosts\nA.example ${folder.file('a.sock')}\nboth = ${folder.file('a.sock')}|${folder.file('b.sock')}\nmod ${modified.address},5\n`);
  await using gate = await startGate({ 'http-use-cache': map });
  assert.deepEqual(await ask(gate, 'a.example:8080', 'mod', 'other'), ['a', '5', GONE]);
  assert.deepEqual((await ask(gate, 'both', 'both', 'both', 'both')).sort(), ['a', 'a', 'b', 'b']);
  write('a.example no:such:address\n');
  await gate.logged(/mapping-file-bad.*nodes\.map:1/);
  assert.deepEqual(await ask(gate, 'a.example'), ['a']);
  write(`a.example ${folder.file('c.sock')}\n`);
  await waitFor('the new version', async () => (await ask(gate, 'a.example'))[0] === 'c');
  assert.deepEqual(await ask(gate, 'both'), [GONE]);
});

test('a file that does not work is told at the start, and leaves nothing running', async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('map'), 'a 127.0.0.1:3031\nb\n');
  const settings = { 'http-to': 'localhost:3031', 'http-use-cache': folder.file('map') };
  await assert.rejects(startGate(settings), { name: 'MapperError', message: /map:2: "b" is no key and address/ });
  writeFileSync(folder.file('map'), '# nobody\n');
  await assert.rejects(startGate({ ...settings, 'http-use-code-string': folder.file('none.mjs') }), { name: 'MapperError', message: /no such file/ });
});

test('one mapper after the other in uWSGI’s order, then http-to; with http-strict-mapping not', async () => {
  await using folder = temporaryFolder();
  mkdirSync(folder.file('p'));
  mkdirSync(folder.file('b'));
  await using _ = await sockets(folder, 'cache', 'main', 'code', 'p/cached', 'p/pattern', 'b/cached', 'b/pattern', 'b/base', 'p/x:1', 'b/x');
  writeFileSync(folder.file('map'), `cached ${folder.file('cache')}\n`);
  writeFileSync(
    folder.file('code.mjs'),
    `export default (key) => ['cached', 'pattern', 'base', 'code'].includes(key) ? '${folder.file('code')}' : null;\n`,
  );
  const settings = {
    'http-to': folder.file('main'),
    'http-use-cache': folder.file('map'),
    'http-use-pattern': folder.file('p/%s'),
    'http-use-base': folder.file('b/'),
    'http-use-code-string': folder.file('code.mjs'),
  };
  const hosts = ['cached', 'pattern', 'base', 'code:80', 'x:1', 'x:2', 'none'];
  const known = ['cache', 'p/pattern', 'b/base', 'code', 'p/x:1', 'b/x'];
  {
    await using gate = await startGate(settings);
    assert.deepEqual(await ask(gate, ...hosts), [...known, 'main']);
  }
  await using gate = await startGate({ ...settings, 'http-strict-mapping': true });
  assert.deepEqual(await ask(gate, ...hosts), [...known, GONE]);
});

test('an unknown key has the fallback; so has a known one whose node is gone', async () => {
  await using folder = temporaryFolder();
  await using _ = await sockets(folder, 'fallback');
  writeFileSync(folder.file('map'), `gone ${folder.file('gone')}\n`);
  await using gate = await startGate({ 'http-use-cache': folder.file('map'), 'http-fallback': folder.file('fallback') });
  assert.deepEqual(await ask(gate, 'gone', 'unknown', 'gone'), ['fallback', 'fallback', 'fallback']);
});

test('a socket that went away: the mapper is asked again, and another may know the key', async () => {
  await using folder = temporaryFolder();
  await using _ = await sockets(folder, 'a.sock', 'main');
  await using gate = await startGate({ 'http-use-pattern': folder.file('%s.sock'), 'http-to': folder.file('main') });
  {
    await using gone = await sockets(folder, 'a:81.sock', 'b.sock');
    assert.ok(gone);
    assert.deepEqual(await ask(gate, 'a:81', 'b'), ['a:81', 'b']);
  }
  rmSync(folder.file('a:81.sock'), { force: true });
  rmSync(folder.file('b.sock'), { force: true });
  assert.deepEqual(await ask(gate, 'a:81', 'b'), ['a', 'main']);
  await using back = await sockets(folder, 'a:81.sock');
  assert.ok(back);
  assert.deepEqual(await ask(gate, 'a:81'), ['a:81']);
});

test('a host name in a map is looked up before its first request', async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('named'));
  writeFileSync(folder.file('map'), `a localhost:${backend.address.split(':')[1]}\nbad no-such-host.invalid:1\n`);
  await using gate = await startGate({ 'http-use-cache': folder.file('map') });
  assert.deepEqual(await ask(gate, 'a', 'a', 'bad'), ['named', 'named', GONE]);
});

/** A mapper that takes its time, long enough for a client to do something meanwhile. */
function slowCode(folder: TemporaryFolder, address: string): string {
  writeFileSync(folder.file('slow.mjs'), `export default (key) => new Promise((done) => setTimeout(done, 300, '${address}'));\n`);
  return folder.file('slow.mjs');
}

/** One that answers when the file `go` is there. */
function heldCode(folder: TemporaryFolder, address: string): string {
  writeFileSync(
    folder.file('held.mjs'),
    `import { existsSync } from 'node:fs';
export default async (key) => {
  while (!existsSync('${folder.file('go')}')) await new Promise((done) => setTimeout(done, 10));
  return key === 'none' ? null : '${address}';
};
`,
  );
  return folder.file('held.mjs');
}

const BODY = Array.from({ length: 40_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');

for (const [name, settings] of [
  ['streamed', {}],
  ['with http-post-buffering', { 'http-post-buffering': 8192 }],
] as const) {
  test(`bytes of a body that come while the mapper is asked are not lost, ${name}`, async () => {
    await using folder = temporaryFolder();
    await using backend = await UwsgiBackend.listen(answer('ok'));
    await using gate = await startGate({ 'http-use-code-string': slowCode(folder, backend.address), ...settings });
    const whole = async (host: string, head: string, pieces: string[]): Promise<void> => {
      await using client = await gate.connect();
      // Two on one connection: whoever held the client back has to let it go again.
      for (let turn = 0; turn < 2; turn++) {
        const before = backend.requests.length;
        client.write(`POST / HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n\r\n${pieces[0]}`);
        for (const piece of pieces.slice(1)) {
          await sleep(40);
          client.write(piece);
        }
        assert.equal((await client.readResponse()).text(), 'ok');
        assert.equal((await backend.request(before)).body.toString('latin1'), BODY, host);
      }
    };
    const length = `Content-Length: ${BODY.length}`;
    const cut = [BODY.slice(0, 10), BODY.slice(10, 20_000), BODY.slice(20_000)];
    await whole('at-once', length, [BODY]);
    await whole('in-pieces', length, cut);
    await whole('behind-its-head', length, ['', ...cut]);
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    await whole('chunked', 'Transfer-Encoding: chunked', [...cut.map(chunk), '0\r\n\r\n']);
    assert.deepEqual(backend.errors, []);
  });
}

test('a client that leaves while the mapper is asked leaves no request behind', async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-use-code-string': heldCode(folder, backend.address) });
  {
    const [left, reset, half] = await Promise.all([gate.connect(), gate.connect(), gate.connect()]);
    left.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
    reset.write(to('b'));
    half.write(to('c'));
    half.end();
    await settle();
    left.end();
    reset.reset();
    await settle();
    writeFileSync(folder.file('go'), '');
    // FIN that comes with a complete request is only half of the end.
    assert.equal((await half.readResponse()).text(), 'ok');
    left.destroy();
  }
  await gate.logged(/code=client-left/);
  await sleep(400);
  assert.deepEqual(
    backend.requests.map(({ vars }) => vars.get('HTTP_HOST')),
    ['c'],
  );
  assert.deepEqual(await ask(gate, 'a', 'none'), ['ok', GONE]);
});

test('pipelined requests have each their own node, in order', async () => {
  await using folder = temporaryFolder();
  await using _ = await sockets(folder, 'a', 'b');
  writeFileSync(folder.file('code.mjs'), `export default async (key) => '${folder.path}/' + key;\n`);
  await using gate = await startGate({ 'http-use-code-string': folder.file('code.mjs') });
  await using client = await gate.connect();
  client.write(to('a') + to('b') + to('gone') + to('a'));
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push((await client.readResponse()).text());
  assert.deepEqual([bodies[0], bodies[1], bodies[3]], ['a', 'b', 'a']);
  assert.match(bodies[2], /502 .*upstream-unreachable/);
});

test('http-cheap is taken, and an empty http-to behind mappers is no welcome page', async () => {
  await using folder = temporaryFolder();
  await using gate = await startGate({ 'http-use-base': folder.file('x-'), 'http-cheap': true });
  assert.deepEqual(await ask(gate, 'a'), [GONE]);
  await using client = await RawClient.connect({ port: gate.port });
  assert.equal((await client.request(to('a'))).status, 503);
});
