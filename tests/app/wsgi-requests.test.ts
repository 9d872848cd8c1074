/** What a WSGI app sees and what its clients get, by the rules of PEP 3333. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { PEERS, packet, requestPacket, runtime, type StartedWsgi, startWsgi } from './wsgi-support.ts';

describe(`WSGI requests on ${runtime.name}`, () => {
  let wsgi: StartedWsgi;
  before(async () => {
    wsgi = await startWsgi();
  });
  after(async () => {
    await wsgi[Symbol.asyncDispose]();
  });

  /** Names of iterables that the app's one process has closed since it was asked last. */
  let closedBefore = 0;
  async function closed(): Promise<string[]> {
    const all = (await wsgi.json<{ closed: string[] }>('/pid')).closed;
    const fresh = all.slice(closedBefore);
    closedBefore = all.length;
    return fresh;
  }

  it('gives the app what PEP 3333 names, and says it is the only process', async () => {
    const environ = await wsgi.json('/environ?a=b%20c', { vars: { PATH_INFO: '/environ', HTTP_X_LATIN: 'caf\xe9', CONTENT_TYPE: '' } });
    const wanted = { REQUEST_METHOD: 'GET', QUERY_STRING: 'a=b%20c', HTTP_X_LATIN: 'caf\xe9', 'wsgi.url_scheme': 'http', 'wsgi.version': 'tuple' };
    const flags = { 'wsgi.multithread': false, 'wsgi.multiprocess': false, 'wsgi.run_once': false, 'wsgi.input': 'Body', cwd: PEERS };
    for (const [key, value] of Object.entries({ ...wanted, ...flags })) assert.deepEqual(environ[key], value, key);
    const env = environ.os as Record<string, string>;
    assert.equal(env.NODE_CHANNEL_FD, undefined);
    assert.equal(env.PYTHONDONTWRITEBYTECODE, '1');
    assert.ok(env.PATH);
  });

  it('tells https from the HTTPS var', async () => {
    for (const [value, scheme] of [
      ['on', 'https'],
      ['ON', 'https'],
      ['1', 'https'],
      ['off', 'http'],
      ['', 'http'],
    ]) {
      assert.equal((await wsgi.json('/environ', { vars: { HTTPS: value! } }))['wsgi.url_scheme'], scheme, value);
    }
  });

  it('counts a body that is there at once, and adds nothing else', async () => {
    const response = await wsgi.request('/');
    assert.deepEqual(response.headerList, [
      ['Content-Type', 'text/plain'],
      ['Content-Length', '6'],
    ]);
    assert.equal((await wsgi.request('/list')).text(), 'one two three\n');
    assert.equal((await wsgi.request('/list')).header('content-length'), '14');
  });

  it('ends reads where CONTENT_LENGTH says, in every way of reading', async () => {
    const body = 'one\ntwo\n\nthree';
    const ends = ['', '', ''];
    const read = (how: string) => wsgi.json<string[]>(`/read?how=${how}`, { method: 'POST', body });
    assert.deepEqual(await read('all'), [body, ...ends]);
    assert.deepEqual(await read('size&size=5'), ['one\nt', 'wo\n\nt', 'hree', ...ends]);
    assert.deepEqual(await read('line'), ['one\n', 'two\n', '\n', 'three', ...ends]);
    assert.deepEqual(await read('line&size=2'), ['on', 'e\n', 'tw', 'o\n', '\n', 'th', 're', 'e', ...ends]);
    assert.deepEqual(await read('lines'), ['one\n', 'two\n', '\n', 'three', ...ends]);
    assert.deepEqual(await read('iteration'), ['one\n', 'two\n', '\n', 'three', ...ends]);
    assert.deepEqual(await wsgi.json('/read?how=all', { vars: { CONTENT_LENGTH: '' } }), ['', ...ends]);
  });

  it('waits for the pieces of a body and does not read what comes behind it', async () => {
    await using client = await wsgi.connect();
    const whole = requestPacket('/read?how=line', { method: 'POST', body: 'first\nsecond' });
    for (const piece of [whole.subarray(0, 2), whole.subarray(2, 100), whole.subarray(100, -9), whole.subarray(-9)]) {
      await client.flush(piece);
      await sleep(15);
    }
    client.write('no part of it');
    assert.deepEqual(JSON.parse((await client.readResponse()).text()), ['first\n', 'second', '', '', '']);
  });

  it('carries big bodies both ways', async () => {
    const body = Buffer.alloc(6_000_000, 'many words ');
    const said = await wsgi.json('/digest', { method: 'PUT', body });
    assert.deepEqual(said, { size: body.length, sha256: createHash('sha256').update(body).digest('hex') });
    assert.equal((await wsgi.request('/large?n=6')).body.length, 6_000_000);
    assert.deepEqual(await closed(), ['large']);
  });

  it('sends each piece when the app yields it, in chunks that tell the end', async () => {
    // More than once, because any of us may be held up; what waits for the end never is in time.
    await waitFor('the first piece in time', async () => {
      await using client = await wsgi.connect();
      client.write(requestPacket('/stream'));
      const begun = performance.now();
      await client.readUntil('piece 0\n');
      const first = performance.now() - begun;
      const rest = (await client.readUntil('0\r\n\r\n')).toString('latin1');
      assert.ok(performance.now() - begun > 290);
      assert.equal(rest, '\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n\r\n');
      assert.deepEqual(await closed(), ['stream']);
      return first < 120;
    });
  });

  it('has write()', async () => {
    assert.equal((await wsgi.request('/write')).text(), 'written first, then given\n');
    assert.deepEqual(await closed(), ['write']);
  });

  it('sends no body where there is none', async () => {
    const head = await wsgi.request('/', { method: 'HEAD' });
    assert.deepEqual([head.status, head.header('content-length'), head.body.length], [200, '6', 0]);
    await using client = await wsgi.connect();
    client.write(requestPacket('/stream', { method: 'HEAD' }));
    assert.equal((await client.readToEnd()).toString(), 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n');
    for (const code of ['204', '304']) {
      await using other = await wsgi.connect();
      other.write(requestPacket(`/status?code=${code}`));
      assert.equal((await other.readToEnd()).toString(), `HTTP/1.1 ${code} Some Reason\r\nContent-Type: text/plain\r\n\r\n`);
    }
    assert.deepEqual(await closed(), ['stream']);
  });

  it('keeps to the length that the app announced: no more, and less is seen', async () => {
    await using client = await wsgi.connect();
    client.write(requestPacket('/sized?length=7'));
    assert.match((await client.readToEnd()).toString(), /\r\n\r\n1234567$/);
    await waitFor('the log line', () => /3 bytes beyond/.test(wsgi.logged('app-long-answer').at(-1) ?? ''));
    await assert.rejects(wsgi.request('/sized?length=11'), /after 10 of 11 body bytes/);
    await waitFor('the log line', () => /1 bytes before/.test(wsgi.logged('app-short-answer').at(-1) ?? ''));
  });

  it('answers 500 to an error before the head, and goes on', async () => {
    for (const [target, error] of [
      ['/error-first', 'ValueError: before start_response'],
      ['/error-headless', 'ValueError: behind start_response'],
      ['/twice', 'AssertionError: start_response was called a second time without exc_info'],
      ['/nothing', 'AssertionError: the app gave an answer without calling start_response'],
      ['/text', 'TypeError: the app gave str as a piece of its body; only bytes can be sent'],
      ['/exit', 'SystemExit: 3'],
    ]) {
      const response = await wsgi.request(target!);
      assert.deepEqual([response.status, response.text()], [500, 'Internal Server Error\n'], target);
      await waitFor('the log line', () => wsgi.logged('app-error').at(-1) === `the app failed: ${error}`);
    }
  });

  it('says what is wrong with a header', async () => {
    for (const [what, error] of [
      ['bytes', /b'X-Name' in the header .* is not a str/],
      ['number', /7 in the header .* is not a str/],
      ['break', /holds a line break/],
      ['lonely', /holds a line break/],
      ['wide', /cannot be sent as latin-1/],
      ['pair', /is not a pair of name and value/],
      ['status', /the status is 'OK', not like '200 OK'/],
      ['status-number', /the status is 200, not a str/],
      ['length', /Content-Length is 'many'/],
    ] as const) {
      assert.equal((await wsgi.request(`/bad?what=${what}`)).status, 500, what);
      await waitFor(`the log line for ${what}: ${wsgi.logged('app-error').at(-1)}`, () => error.test(wsgi.logged('app-error').at(-1) ?? ''));
    }
  });

  it('cuts an answer off when the app fails behind its head', async () => {
    await assert.rejects(wsgi.request('/error-late'), /closed inside a chunked body/);
    await assert.rejects(wsgi.request('/error-late?length=1'), /after 14 of 100 body bytes/);
    await assert.rejects(wsgi.request('/exc-info-late'), /closed inside a chunked body/);
    assert.deepEqual(await closed(), ['error_late', 'error_late']);
  });

  it('replaces the head by exc_info while it can', async () => {
    const response = await wsgi.request('/exc-info');
    assert.deepEqual([response.status, response.text(), response.header('x-first')], [503, 'replaced\n', null]);
  });

  it('closes the iterable when the client has left, and serves the next', async () => {
    await using client = await wsgi.connect();
    client.write(requestPacket('/large?n=50'));
    await client.readBytes(1000);
    client.destroy();
    assert.deepEqual(await closed(), ['large']);
  });

  it('lets reads fail when the client leaves amid its body', async () => {
    const before = wsgi.logged('app-error').length;
    await using client = await wsgi.connect();
    await client.flush(requestPacket('/digest', { method: 'PUT', vars: { CONTENT_LENGTH: '1000' } }));
    client.destroy();
    assert.equal((await wsgi.request('/')).status, 200);
    assert.equal(wsgi.logged('app-error').length, before);
  });

  it('loses no answer to a body that the app did not read', async () => {
    await using client = await wsgi.connect();
    const body = Buffer.alloc(1_000_000, 'unread');
    const sent = client.flush(requestPacket('/stream', { method: 'POST', body }));
    assert.equal((await client.readResponse()).text(), 'piece 0\npiece 1\npiece 2\n');
    await sent;
    await client.readToEnd();
    assert.equal(client.error, null);
    await closed();
  });

  it('sends files', async () => {
    const file = readFileSync(join(PEERS, 'wsgi_app.py'));
    for (const [kind, body, framing] of [
      ['real', file, 'length'],
      ['tail', file.subarray(100), 'length'],
      ['part', file.subarray(0, 50), 'length'],
      ['memory', Buffer.from('memory\n'.repeat(1000)), 'chunked'],
      ['gzip', Buffer.from('unzipped\n'.repeat(1000)), 'chunked'],
    ] as const) {
      const response = await wsgi.request(`/file?kind=${kind}`);
      assert.ok(response.body.equals(body), kind);
      assert.equal(response.framing, framing, kind);
    }
    const head = await wsgi.request('/file?kind=real', { method: 'HEAD' });
    assert.equal(head.header('content-length'), String(file.length));
  });

  it('closes on what is no packet, and says so', async () => {
    const good = packet([['REQUEST_METHOD', 'GET']]);
    for (const [bytes, error] of [
      [packet([['', 'x']]), /empty key/],
      [Buffer.concat([Buffer.from([0, 9, 0, 0]), good.subarray(4, 13)]), /reaches over the end/],
      [Buffer.concat([Buffer.from([0, 1, 0, 0]), Buffer.from('x')]), /reaches over the end/],
      [good.subarray(0, -1), /broke off after/],
      [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /broke off|modifier1/],
    ] as const) {
      const before = wsgi.logged('app-bad-packet').length;
      await using client = await wsgi.connect();
      client.write(bytes);
      client.end();
      assert.equal((await client.readToEnd()).length, 0);
      await waitFor(`a line like ${error}`, () => wsgi.logged('app-bad-packet').length > before);
      assert.match(wsgi.logged('app-bad-packet').at(-1)!, error);
    }
    await using silent = await RawClient.connect({ path: wsgi.process.path });
    silent.end();
    await silent.readToEnd();
    await using pinging = await wsgi.connect();
    pinging.write(packet([], 100));
    assert.deepEqual([...(await pinging.readToEnd())], [100, 0, 0, 1]);
    assert.equal((await wsgi.request('/')).status, 200);
  });

  it('passes wsgiref.validate', async () => {
    await using validated = await startWsgi({ callable: 'validated' });
    assert.equal((await validated.request('/')).text(), 'hello\n');
    assert.equal((await validated.request('/stream')).text(), 'piece 0\npiece 1\npiece 2\n');
    assert.equal((await validated.request('/write')).text(), 'written first, then given\n');
    assert.deepEqual(await validated.json('/digest', { method: 'POST', body: 'abc', vars: { CONTENT_TYPE: 'text/plain' } }), {
      size: 3,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
    assert.deepEqual(validated.logged('app-error'), []);
  });

  it('runs Flask', async () => {
    await using flask = await startWsgi({ name: 'flask_app.py' });
    assert.equal((await flask.request('/')).text(), 'hello from flask\n');
    const posted = await flask.json('/form?q=1', { method: 'POST', body: 'a=1&b=2', vars: { CONTENT_TYPE: 'application/x-www-form-urlencoded' } });
    assert.deepEqual(posted, { form: { a: ['1'], b: ['2'] }, args: { q: ['1'] } });
    assert.equal((await flask.request('/stream?n=3&delay=0')).text(), 'line 0\nline 1\nline 2\n');
    assert.equal((await flask.request('/bytes/300000')).body.length, 300_000);
    assert.equal((await flask.request('/file')).body.length, 102_400);
    assert.equal((await flask.request('/nowhere')).status, 404);
    assert.equal((await flask.request('/status/304')).status, 304);
    assert.deepEqual(flask.logged('app-error'), []);
  });

  it('runs Django', async () => {
    await using folder = temporaryFolder();
    await using django = await startWsgi({
      app: { kind: 'file', path: join(PEERS, 'django_app.py'), callable: null },
      chdir: folder.path,
      threads: 2,
    });
    const page = await django.request('/admin/login/');
    assert.equal(page.status, 200);
    assert.match(page.text(), /csrfmiddlewaretoken/);
    assert.match(page.header('content-length') ?? '', /^\d+$/);
    const css = await django.request('/static/admin/css/base.css');
    assert.equal(css.status, 200);
    assert.ok(css.body.length > 1000);
    assert.equal((await django.request('/nowhere')).status, 404);
    assert.deepEqual(django.logged('app-error'), []);
  });
});
