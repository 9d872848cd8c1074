/** `uwsgi-socket`: web servers speak uwsgi to us, as they would to a worker of uWSGI. */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { encodeVars } from '../../src/uwsgi/request-vars.ts';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { findTool, temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { RawClient, type Target } from '../support/raw-client.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { get, raw, request } from './support.ts';
import { type Given, nodeAt, Wired } from './wired.ts';

type Vars = Readonly<Record<string, string>>;

function packet(vars: Vars, body = '', modifier1 = 0): Buffer {
  const block = Buffer.from(encodeVars(Object.entries(vars)));
  return Buffer.concat([Buffer.of(modifier1, block.length & 0xff, block.length >> 8, 0), block, Buffer.from(body, 'latin1')]);
}

/** What nginx sends, in its order. */
const NGINX: Vars = {
  QUERY_STRING: 'b=c',
  REQUEST_METHOD: 'GET',
  CONTENT_TYPE: '',
  CONTENT_LENGTH: '',
  REQUEST_URI: '/a%20b?b=c',
  PATH_INFO: '/a b',
  DOCUMENT_ROOT: '/usr/share/nginx/html',
  SERVER_PROTOCOL: 'HTTP/1.1',
  REQUEST_SCHEME: 'https',
  HTTPS: 'on',
  REMOTE_ADDR: '192.0.2.7',
  REMOTE_PORT: '40001',
  SERVER_ADDR: '192.0.2.1',
  SERVER_PORT: '443',
  SERVER_NAME: 'www.example',
  HTTP_HOST: 'www.example:443',
  HTTP_ACCEPT: '*/*',
};

interface Rig extends AsyncDisposable {
  readonly wired: Wired;
  readonly app: UwsgiBackend;
  readonly target: Target;
  /** All that comes back for these bytes. */
  ask(bytes: Uint8Array | string): Promise<string>;
}

/** A uwsgi listener, and behind it an app that records what it is given. */
async function rig(script: Script = answer('ok'), given: Given = {}): Promise<Rig> {
  const app = await UwsgiBackend.listen(script);
  const wired = await Wired.start([nodeAt('uwsgi', app.address)], given);
  const target = await wired.listen({ kind: 'uwsgi' });
  return {
    wired,
    app,
    target,
    async ask(bytes) {
      await using client = await RawClient.connect(target);
      client.write(bytes);
      return (await client.readToEnd()).toString('latin1');
    },
    async [Symbol.asyncDispose]() {
      await wired[Symbol.asyncDispose]();
      await app.stop();
    },
  };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';

test('a packet becomes the request it was made from, and its client is who the web server says', async () => {
  await using it = await rig();
  assert.equal(await it.ask(packet({ ...NGINX, HTTP_X_FORWARDED_FOR: '192.0.2.9', HTTP_COOKIE: 'a=b; c=d' })), OK);
  const { vars } = it.app.requests[0]!;
  const told = ['REQUEST_METHOD', 'REQUEST_URI', 'PATH_INFO', 'QUERY_STRING', 'SERVER_PROTOCOL', 'HTTPS', 'REMOTE_ADDR', 'REMOTE_PORT'];
  assert.deepEqual(
    told.map((key) => vars.get(key)),
    ['GET', '/a%20b?b=c', '/a b', 'b=c', 'HTTP/1.1', 'on', '192.0.2.7', '40001'],
  );
  const fields = [...vars].filter(([key]) => key.startsWith('HTTP_') || key.startsWith('CONTENT_'));
  assert.deepEqual(fields, [
    ['HTTP_HOST', 'www.example:443'],
    ['HTTP_ACCEPT', '*/*'],
    ['HTTP_X_FORWARDED_FOR', '192.0.2.9'],
    ['HTTP_COOKIE', 'a=b; c=d'],
  ]);
});

test('a packet in pieces, byte by byte, with its body behind it', async () => {
  await using it = await rig();
  const bytes = packet({ ...NGINX, REQUEST_METHOD: 'POST', CONTENT_LENGTH: '5', CONTENT_TYPE: 'text/x' }, 'hello');
  await using client = await RawClient.connect(it.target);
  for (let at = 0; at < bytes.length; at += at < 8 || at > bytes.length - 8 ? 1 : 50) {
    const isFine = at < 8 || at > bytes.length - 8;
    await client.flush(bytes.subarray(at, at + (isFine ? 1 : 50)));
    await sleep(1);
  }
  await client.readUntil('ok');
  const received = it.app.requests[0]!;
  assert.equal(received.body.toString(), 'hello');
  assert.equal(received.vars.get('CONTENT_TYPE'), 'text/x');
});

test('without REQUEST_URI the target is made of SCRIPT_NAME, PATH_INFO and QUERY_STRING', async () => {
  await using it = await rig();
  const { REQUEST_URI: _, ...vars } = NGINX;
  await it.ask(packet({ ...vars, SCRIPT_NAME: '/app', PATH_INFO: '/ä?#%/b c', QUERY_STRING: 'q=ü"&r' }));
  await it.ask(packet({ ...vars, PATH_INFO: '', QUERY_STRING: '' }));
  await it.ask(packet({ ...NGINX, REQUEST_URI: '/ü b#\r\nX: y' }));
  assert.deepEqual(
    it.app.requests.map((each) => each.vars.get('REQUEST_URI')),
    ['/app/%C3%A4%3F%23%25/b%20c?q=%C3%BC"&r', '/', '/%C3%BC%20b%23%0D%0AX:%20y'],
  );
});

test('no var breaks out of its line, and what the web server keeps for itself is left out', async () => {
  await using it = await rig();
  const bad: [Vars, string][] = [
    [{ HTTP_X: 'a\r\nHost: evil' }, 'bad-field-value'],
    [{ HTTP_HOST: 'a\r\nX: y' }, 'bad-field-value'],
    [{ HTTP_HOST: 'a b' }, 'bad-host'],
    [{ 'HTTP_A\r\nB': 'c' }, 'bad-field-name'],
    [{ HTTP_: 'c' }, 'bad-field-name'],
    [{ REQUEST_METHOD: 'GET / HTTP/1.1\r\nX:' }, 'bad-method'],
    [{ REQUEST_METHOD: '' }, 'bad-method'],
    [{ CONTENT_LENGTH: '1, 2' }, 'bad-content-length'],
    [{ CONTENT_LENGTH: '-1' }, 'bad-content-length'],
    [{ CONTENT_TYPE: 'a\nb' }, 'bad-field-value'],
    [{ REQUEST_URI: `/${'x'.repeat(20_000)}` }, 'target-too-long'],
    [{ REQUEST_URI: `/${'\xff'.repeat(15_000)}` }, 'target-too-long'],
    [{ REQUEST_METHOD: 'CONNECT' }, 'connect-not-offered'],
  ];
  for (const [vars, code] of bad) {
    const answered = await it.ask(packet({ ...NGINX, ...vars }));
    assert.match(answered, /^HTTP\/1\.1 4\d\d |^HTTP\/1\.1 501 /, code);
    assert.ok(answered.endsWith(`: ${code}\n`), `${code}: ${answered}`);
    assert.ok(!/^(connection|transfer-encoding):/im.test(answered), answered);
  }
  assert.equal(it.app.requests.length, 0);
  const own = { HTTP_CONNECTION: 'close', HTTP_TRANSFER_ENCODING: 'chunked', HTTP_UPGRADE: 'websocket', HTTP_EXPECT: '100-continue' };
  const more = { HTTP_TE: 'trailers', HTTP_PROXY: 'http://evil', HTTP_CONTENT_LENGTH: '5', HTTP_X_UGATE_CLIENT: '1.1.1.1 1 1.1.1.1 1 https' };
  assert.equal(await it.ask(packet({ ...NGINX, ...own, ...more })), OK);
  assert.deepEqual(
    [...it.app.requests[0]!.vars.keys()].filter((key) => key.startsWith('HTTP_') || key.startsWith('CONTENT_')),
    ['HTTP_HOST', 'HTTP_ACCEPT'],
  );
});

test('what is no packet is closed without a word, and told of; a ping is answered', async () => {
  await using it = await rig();
  for (const bytes of [Buffer.from([0, 3, 0, 0, 1, 0, 65]), Buffer.from([0, 4, 0, 0, 0, 0, 0, 0]), Buffer.from([0, 2, 0, 0, 255, 255])]) {
    assert.equal(await it.ask(bytes), '');
  }
  await waitFor('three lines', () => it.wired.logs.filter((line) => line.includes('code=bad-uwsgi-packet')).length === 3);
  assert.equal(await it.ask(Buffer.from([100, 0, 0, 0])), 'd\0\0\x01');
  assert.match(await it.ask(Buffer.from([0, 0, 0, 0])), /: bad-method\n$/);
  assert.equal(await it.ask(packet(NGINX, '', 9)), OK);
});

test('a packet that does not come is not waited for longer than a head', async () => {
  await using it = await rig(undefined, { settings: { headersTimeout: 1000 } });
  await using client = await RawClient.connect(it.target);
  client.write(get());
  assert.match((await client.readToEnd()).toString(), /: head-timeout\n$/);
  await using silent = await RawClient.connect(it.target);
  assert.equal((await silent.readToEnd()).length, 0);
});

test('answers are as in CGI: until close where there is no length, HEAD without a body, interim ones not at all', async () => {
  await using it = await rig(raw('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nConnection: keep-alive\r\n\r\n', 'a', 'b'));
  assert.equal(await it.ask(packet(NGINX)), 'HTTP/1.1 200 OK\r\nX: y\r\n\r\nab');
  it.app.script = raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: y\r\n\r\n');
  assert.equal(await it.ask(packet(NGINX)), 'HTTP/1.1 200 OK\r\n\r\na');
  it.app.script = raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
  assert.equal(await it.ask(packet({ ...NGINX, REQUEST_METHOD: 'HEAD' })), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
  it.app.script = () => {};
  const failed = await it.ask(packet(NGINX));
  assert.match(failed, /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*\r\n\r\n502 Bad Gateway: upstream-empty\n$/);
  it.wired.router.pause();
  assert.match(await it.ask(packet(NGINX)), /^HTTP\/1\.1 503 [\s\S]*Retry-After: 5\r\n/);
});

test('a large body is held back by a slow app, and comes whole; a web server that leaves is noticed', { timeout: 20_000 }, async () => {
  await using it = await rig(async (received, to) => {
    to.pause();
    await sleep(200);
    to.resume();
    await answer('ok')(received, to);
  });
  const size = 8 * 1024 * 1024;
  await using client = await RawClient.connect(it.target);
  client.write(packet({ ...NGINX, REQUEST_METHOD: 'POST', CONTENT_LENGTH: String(size) }));
  await client.flush(Buffer.alloc(size, 'x'));
  await client.readUntil('ok');
  assert.equal(it.app.requests[0]?.received, size);
  it.app.script = async (received) => {
    await waitFor('the router to give up', () => received.closed || received.ended, 5_000);
  };
  await using leaver = await RawClient.connect(it.target);
  leaver.write(packet(NGINX));
  const second = await it.app.request(1);
  leaver.reset();
  await waitFor('the app to be let go', () => second.closed || second.ended);
});

test('a web server that half-closes behind its request gets its answer', async () => {
  await using it = await rig();
  await using client = await RawClient.connect(it.target);
  client.write(packet(NGINX));
  client.end();
  assert.equal((await client.readToEnd()).toString('latin1'), OK);
});

peerTest('behind real nginx, uwsgi_pass', { needs: ['nginx'] }, async () => {
  await using folder = temporaryFolder();
  const script: Script = async (received, to) => {
    await received.complete();
    const text = `${['REQUEST_METHOD', 'REQUEST_URI', 'REMOTE_ADDR', 'HTTP_HOST', 'HTTP_X'].map((key) => received.vars.get(key)).join(' ')} ${received.body}`;
    await to.write(
      `HTTP/1.1 201 Created\r\nX-App: yes\r\n${received.vars.get('PATH_INFO') === '/length' ? `Content-Length: ${text.length}\r\n` : ''}\r\n`,
    );
    await to.write(text);
  };
  await using app = await UwsgiBackend.listen(script);
  await using wired = await Wired.start([nodeAt('uwsgi', app.address)]);
  const target = await wired.listen({ kind: 'uwsgi' }, folder.file('u.sock'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder.file(name)};`).join(' ');
  const params =
    'QUERY_STRING $query_string;REQUEST_METHOD $request_method;CONTENT_TYPE $content_type;CONTENT_LENGTH $content_length;REQUEST_URI $request_uri;PATH_INFO $document_uri;SERVER_PROTOCOL $server_protocol;REQUEST_SCHEME $scheme;HTTPS $https if_not_empty;REMOTE_ADDR $remote_addr;REMOTE_PORT $remote_port;SERVER_PORT $server_port;SERVER_NAME $server_name;'
      .split(';')
      .filter((each) => each !== '')
      .map((each) => `uwsgi_param ${each};`)
      .join(' ');
  writeFileSync(
    folder.file('nginx.conf'),
    `daemon off; master_process off; pid ${folder.file('pid')}; error_log stderr; user root;
events { worker_connections 100; }
http { ${temporary} access_log off;
  server { listen unix:${folder.file('n.sock')}; location / { uwsgi_pass unix:${'path' in target ? target.path : ''}; ${params} } }
}
`,
  );
  const args = ['-e', 'stderr', '-c', folder.file('nginx.conf'), '-p', folder.path];
  await using nginx = startProcess([findTool('nginx') ?? '/usr/sbin/nginx', ...args]);
  await waitFor('nginx to listen', () => {
    if (!nginx.running) throw new Error(nginx.stderr);
    return existsSync(folder.file('n.sock')) && existsSync(folder.file('pid'));
  });
  await using client = await RawClient.connect({ path: folder.file('n.sock') });
  const got = await client.request(get('/a%20b?c', 'X: y'));
  assert.deepEqual([got.status, got.header('x-app'), got.text()], [201, 'yes', 'GET /a%20b?c 0.0.0.0 test y ']);
  const chunked = await client.request(`${request('POST', '/length', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`);
  assert.equal(chunked.text(), 'POST /length 0.0.0.0 test  hello');
  const posted = await client.request(`${request('POST', '/x', 'Content-Length: 5')}hello`);
  assert.equal(posted.text(), 'POST /x 0.0.0.0 test  hello');
  const head = await client.request(request('HEAD', '/length'), { method: 'HEAD' });
  assert.equal(head.status, 201);
  wired.router.pause();
  assert.equal((await client.request(get())).header('retry-after'), '5');
});

peerTest('behind real uWSGI’s router, http-to', { needs: ['uwsgi'] }, async () => {
  await using it = await rig();
  const { target } = it;
  await using router = await startUwsgiRouter({
    to: `127.0.0.1:${'port' in target ? target.port : 0}`,
    args: ['--http-keepalive=1', '--http-auto-chunked'],
  });
  await using client = await RawClient.connect({ port: router.port });
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get('/a%20b?c'))).text(), 'ok');
  it.app.script = raw('HTTP/1.1 200 OK\r\n\r\n', 'without length');
  assert.equal((await client.request(`${request('POST', '/', 'Content-Length: 5')}hello`)).text(), 'without length');
  assert.equal(it.app.requests[2]?.body.toString(), 'hello');
  assert.deepEqual(
    it.app.requests.map(({ vars }) => `${vars.get('REQUEST_URI')} ${vars.get('REMOTE_ADDR')} ${vars.get('HTTP_HOST')}`),
    ['/a%20b?c 127.0.0.1 test', '/a%20b?c 127.0.0.1 test', '/ 127.0.0.1 test'],
  );
  it.app.script = () => {};
  // uWSGI's router closes behind an answer without a field.
  await using another = await RawClient.connect({ port: router.port });
  assert.equal((await another.request(get())).status, 502);
});
