/** WSGI apps and uwsgi peers that break the rules: each gets a clear answer and a line in the log, and the worker lives. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BoundSocket } from '../../src/runtime/seam/sockets.ts';
import { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { packet, requestPacket, runtime, type StartedWsgi, startWsgi } from './wsgi-support.ts';

interface Facts {
  pid: number;
  closed: string[];
}

/** Path → what app-error says. */
const ANSWERED_500: Readonly<Record<string, RegExp>> = {
  control: /ValueError: start_response: 'a\\x01b' holds a control character/,
  delete: /holds a control character/,
  'status-control': /'200 O\\x07K' holds a control character/,
  'status-long': /the status is '2000 OK', not like '200 OK'/,
  'status-words': /the status is 'fine', not like/,
  'status-none': /the status is None, not a str/,
  'status-low': /the status is '099 Low', which is no answer/,
  interim: /'100 Continue', which is no answer/,
  switching: /'101 Switching Protocols', which is no answer/,
  'name-space': /'X Name' is no name of a header/,
  'name-colon': /'X-Name:' is no name of a header/,
  'name-empty': /'' is no name of a header/,
  'name-latin': /is no name of a header/,
  'name-break': /holds a line break/,
  'headers-none': /'NoneType' object is not iterable/,
  'headers-triple': /is not a pair of name and value/,
  'length-twice': /Content-Length is there twice/,
  'length-huge': /Content-Length is '9{40}'$/,
  'length-negative': /Content-Length is '-3'/,
  'length-coded': /both Content-Length and Transfer-Encoding/,
  none: /TypeError: the app returned NoneType; it is to be an iterable of bytes/,
  number: /the app returned int; it is/,
  true: /the app returned bool; it is/,
  coroutine: /the app returned coroutine; it is/,
  text: /the app gave str as a piece of its body; only bytes can be sent/,
  texts: /the app gave str as a piece/,
  numbers: /the app gave int as a piece/,
  nones: /the app gave NoneType as a piece/,
  mapping: /the app gave str as a piece/,
  'bad-iter': /RuntimeError: no iterator today/,
  'bad-next-and-close': /KeyError: 'no piece'|OSError: cannot be closed/,
  headless: /the app gave an answer without calling start_response/,
  'headless-empty': /without calling start_response/,
  'written-text': /the app gave str as a piece/,
  breaks: /^the app failed: ValueError: first\n2026-01-01T00:00:00\.000Z error FAKE code=fake\x1b\[2J$/,
  unspeakable: /^the app failed: wsgi_wrong\.Unspeakable: \(what it says cannot be told: ValueError\)$/,
  silent: /^the app failed: wsgi_wrong\.Silent$/,
  interrupt: /^the app failed: KeyboardInterrupt$/,
  'generator-exit': /GeneratorExit/,
  stop: /StopIteration/,
  memory: /MemoryError/,
  recursion: /RecursionError: maximum recursion depth exceeded/,
  chained: /ValueError: one/,
  emoji: /^the app failed: ValueError: (\u{1f600})+$/u,
  surrogate: /ValueError: \\udc80$/,
};

/** Behind the head: the answer is cut off. */
const CUT: Readonly<Record<string, RegExp>> = {
  'late-text': /the app gave str as a piece/,
  'late-next-and-close': /KeyError: 'no piece'|OSError: cannot be closed/,
  'exc-info-empty': /AttributeError: 'NoneType' object/,
  'exc-info-wrong': /TypeError: 'bool' object is not subscriptable/,
  'second-call-behind': /start_response was called a second time without exc_info/,
  'written-none': /the app returned NoneType/,
};

/** Path → body of an answer that is whole all the same, and what is logged. */
const WHOLE: Readonly<Record<string, readonly [body: string, line: RegExp | null]>> = {
  'bad-close': ['good\n', /OSError: cannot be closed/],
  'no-close': ['good\n', /LookupError: close is not there/],
  // As uWSGI sends it.
  bytes: ['bytes\n', null],
  bytearrays: ['bytearrays\n', null],
  nothing: ['', null],
  keep: ['kept\n', /AssertionError: write\(\) was called behind the end of the answer/],
};

describe(`WSGI apps that are wrong on ${runtime.name}`, () => {
  let wsgi: StartedWsgi;
  let socket: BoundSocket;
  let port: number;
  let pid: number;
  before(async () => {
    socket = await runtime.bind({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    port = (socket.address as { port: number }).port;
    wsgi = await startWsgi({ name: 'wsgi_wrong', sockets: [socket] });
    pid = (await wsgi.json<Facts>('/facts')).pid;
  });
  after(async () => {
    await wsgi[Symbol.asyncDispose]();
    socket.close();
  });

  async function peer(...pieces: (string | Uint8Array)[]): Promise<RawClient> {
    const client = await RawClient.connect({ port });
    for (const piece of pieces) client.write(piece);
    return client;
  }

  /** Runs `step`, and waits for a line of `code` that it brings. */
  async function telling<T>(code: string, line: RegExp, step: () => Promise<T>): Promise<T> {
    const from = wsgi.logged(code).length;
    const result = await step();
    await waitFor(`${line} in ${code}`, () =>
      wsgi
        .logged(code)
        .slice(from)
        .some((text) => line.test(text)),
    ).catch((error) => assert.fail(`${error}: ${JSON.stringify(wsgi.logged(code).slice(from))}`));
    return result;
  }

  async function isUnharmed(): Promise<void> {
    assert.equal((await wsgi.json<Facts>('/facts')).pid, pid, 'the same worker');
    assert.deepEqual(wsgi.logged('internal'), []);
    assert.deepEqual(wsgi.logged('app-worker-exit'), []);
  }

  it('F24: each error before the head is a 500 and a line that begins with its type', { timeout: 60_000 }, async () => {
    for (const [path, line] of Object.entries(ANSWERED_500)) {
      const response = await telling('app-error', line, () => wsgi.request(`/${path}`));
      assert.deepEqual([response.status, response.text()], [500, 'Internal Server Error\n'], path);
    }
    await isUnharmed();
  });

  it('each error behind the head cuts the answer off; W13: by a reset where the close is its end', { timeout: 60_000 }, async () => {
    for (const [path, line] of Object.entries(CUT)) {
      await telling('app-error', line, () => assert.rejects(wsgi.request(`/${path}`), /closed inside a chunked body/, path));
      await using client = await peer(requestPacket(`/${path}`));
      await client.readToEnd();
      assert.equal(client.error, 'ECONNRESET', path);
    }
    await isUnharmed();
  });

  it('W13: harakiri amid an answer that the close ends is a reset', { timeout: 60_000 }, async () => {
    const own = await runtime.bind({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    await using other = await startWsgi({ name: 'wsgi_wrong', processes: 2, harakiri: 300, sockets: [own] });
    own.close();
    await using client = await RawClient.connect({ port: (own.address as { port: number }).port });
    client.write(requestPacket('/stuck'));
    const [answer] = await Promise.all([client.readToEnd(30_000), assert.rejects(other.request('/stuck'), /closed inside a chunked body/)]);
    assert.match(answer.toString(), /\r\n\r\npart\n$/);
    assert.equal(client.error, 'ECONNRESET');
  });

  it('what is wrong behind the end changes nothing of the answer', async () => {
    for (const [path, [body, line]] of Object.entries(WHOLE)) {
      const ask = () => wsgi.request(`/${path}`);
      const response = await (line === null ? ask() : telling('app-error', line, ask));
      assert.deepEqual([response.status, response.text()], [200, body], path);
      await using client = await peer(requestPacket(`/${path}`));
      assert.ok((await client.readToEnd()).toString().endsWith(`\r\n\r\n${body}`), path);
      assert.equal(client.error, null, path);
    }
    await isUnharmed();
  });

  it('what an app keeps of a request reaches no later one', async () => {
    await wsgi.request('/keep', { method: 'POST', body: 'unread' });
    const response = await wsgi.request('/use-kept', { method: 'POST', body: 'mine' });
    const [input, write, start, own] = response.text().split('\n');
    assert.equal(input, "b''");
    assert.match(write!, /behind the end/);
    assert.match(start!, /a second time/);
    assert.equal(own, "b'mine'");
    await isUnharmed();
  });

  it('sends files that do not know their length, ends with those that are empty, and says which cannot be read', async () => {
    assert.match((await wsgi.request('/file?proc')).text(), /^\d+ \(/);
    assert.equal((await wsgi.request('/file?text')).text(), '');
    const closed = await telling('app-error', /ValueError: .* closed file/, () => wsgi.request('/file?closed'));
    assert.equal(closed.status, 500);
    await telling('app-error', /OSError: .*Bad file descriptor/, () => assert.rejects(wsgi.request('/file?unreadable'), /after 0 of 10 body bytes/));
    await isUnharmed();
  });

  it('sends no body where there is none, on both kinds of socket', async () => {
    for (const [method, status, head] of [
      ['HEAD', '200', 'HTTP/1.1 200 Reason\r\nContent-Type: text/plain\r\n\r\n'],
      ['GET', '204', 'HTTP/1.1 204 Reason\r\nContent-Type: text/plain\r\n\r\n'],
      ['GET', '304', 'HTTP/1.1 304 Reason\r\nContent-Type: text/plain\r\n\r\n'],
    ]) {
      const request = requestPacket(`/body?${status}`, { method: method! });
      for (const client of [await wsgi.connect(), await peer()]) {
        client.write(request);
        assert.equal((await client.readToEnd()).toString(), head);
        assert.equal(client.error, null);
        client.destroy();
      }
    }
    // An app that knows of HEAD gives nothing, which says nothing of what a GET would get.
    await using client = await wsgi.connect();
    client.write(requestPacket('/empty', { method: 'HEAD' }));
    assert.doesNotMatch((await client.readToEnd()).toString(), /Content-Length/);
    assert.equal((await wsgi.request('/empty')).header('content-length'), '0');
  });

  it('B21, F14: a CONTENT_LENGTH that is no length is answered 400, and the worker lives', { timeout: 60_000 }, async () => {
    const lengths = [
      '9'.repeat(5000),
      '-1',
      '+1',
      '1_0',
      ' 1',
      '1.0',
      '0x10',
      '1e3',
      'many',
      '\xb2',
      '\xff',
      '\0',
      '1\r\n',
      '9'.repeat(19),
      `${'0'.repeat(18)}1`,
    ];
    for (const length of lengths) {
      const answer = await telling('app-bad-packet', /CONTENT_LENGTH is '/, async () => {
        await using client = await peer(packet([['CONTENT_LENGTH', length]]), 'some of it');
        client.end();
        return (await client.readToEnd()).toString();
      });
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, length);
    }
    assert.ok(wsgi.logged('app-bad-packet').every((line) => line.length < 120));
    await isUnharmed();
  });

  it('no var of a packet takes the place of what PEP 3333 names, or ends the worker', async () => {
    const names = [
      'wsgi.version',
      'wsgi.input',
      'wsgi.errors',
      'wsgi.url_scheme',
      'wsgi.file_wrapper',
      'wsgi.multithread',
      '__class__',
      '\0',
      '\xff',
    ];
    const vars = names.map((name) => [name, 'a peer’s'.replace('’', "'")] as const);
    for (const more of [[], [['HTTPS', '\0'] as const], [['REQUEST_METHOD', ''] as const]]) {
      await using client = await peer(packet([['PATH_INFO', '/vars'], ...vars, ...more]));
      assert.ok((await client.readToEnd()).toString().endsWith(`[(1, 0), b'', 'http', 'GET']`));
    }
    for (const [method, uri] of [
      ['', ''],
      ['\r\n', '\x1b[2J'],
      ['G'.repeat(30_000), 'u'.repeat(30_000)],
    ] as const) {
      await using client = await peer(
        packet([
          ['PATH_INFO', '/facts'],
          ['REQUEST_METHOD', method],
          ['REQUEST_URI', uri],
        ]),
      );
      assert.match((await client.readToEnd()).toString(), /^HTTP\/1\.1 200 /);
    }
    await isUnharmed();
  });

  it('B17: a packet on `socket` has one deadline, however often a byte comes', { timeout: 60_000 }, async () => {
    const own = await runtime.bind({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    const target = { port: (own.address as { port: number }).port };
    await using other = await startWsgi({ name: 'wsgi_wrong', threads: 2, sockets: [own] });
    const bytes = requestPacket('/facts');
    await using silent = await RawClient.connect(target);
    await using dripping = await RawClient.connect(target);
    let at = 0;
    const drip = setInterval(() => dripping.write(bytes.subarray(at, ++at)), 200);
    try {
      await waitFor('both to be closed', () => silent.closed && dripping.closed, 30_000);
    } finally {
      clearInterval(drip);
      own.close();
    }
    assert.ok(at < bytes.length - 1, `${at} of ${bytes.length}`);
    await waitFor('two lines', () => other.logged('app-bad-packet').length === 2);
    const lines = other.logged('app-bad-packet').sort();
    assert.match(lines[0]!, /it came too slowly: \d+ bytes/);
    assert.match(lines[1]!, /nothing came within 4 s/);
    assert.equal((await other.request('/facts')).status, 200);
  });

  it('W8: an answer is whole, or cut off, when the app is done with it, whatever processes it has started', { timeout: 60_000 }, async () => {
    try {
      await using whole = await peer(requestPacket('/held'));
      assert.ok((await whole.readToEnd()).toString().endsWith('\r\n\r\npart\n'));
      assert.equal(whole.error, null);
      await using cut = await peer(requestPacket('/held?fails'));
      await cut.readToEnd();
      assert.equal(cut.error, 'ECONNRESET');
      assert.equal((await wsgi.request('/held')).text(), 'part\n');
      await assert.rejects(wsgi.request('/held?fails'), /closed inside a chunked body/);
      await assert.rejects(wsgi.request('/held?short'), /after 5 of 100 body bytes/);
    } finally {
      await wsgi.request('/release');
    }
    await isUnharmed();
  });

  it('a client that has left: the next write ends the iterable, with a word and no traceback', { timeout: 60_000 }, async () => {
    const errors = wsgi.logged('app-error').length;
    for (const client of [await wsgi.connect(), await peer()]) {
      client.write(requestPacket('/endless'));
      await client.readUntil('piece\n');
      await telling('client-left', /the client went away/, async () => client.destroy());
    }
    const levels = wsgi.logs.filter(({ code }) => code === 'client-left').map(({ level, details }) => `${level} ${details.request}`);
    assert.deepEqual(levels.slice(-2), ['debug GET /endless', 'info GET /endless']);
    assert.deepEqual((await wsgi.json<Facts>('/facts')).closed, ['endless', 'endless']);
    await telling('client-left', /the request body broke off: \d+ of its 1000 bytes are missing/, async () => {
      await using client = await wsgi.connect();
      await client.flush(Buffer.concat([requestPacket('/framework', { vars: { CONTENT_LENGTH: '1000' } }), Buffer.from('some')]));
      client.destroy();
    });
    assert.equal(wsgi.logged('app-error').length, errors);
    await isUnharmed();
  });

  for (const how of ['none', 'closed', 'broken', 'descriptor']) {
    it(`F19: standard error is ${how}: 500, and the worker lives`, { timeout: 60_000 }, async () => {
      await using other = await startWsgi({ name: 'wsgi_wrong' });
      const { pid: before } = await other.json<Facts>('/facts');
      for (let n = 0; n < 3; n++) {
        const response = await other.request(`/stderr?${how}`);
        assert.deepEqual([response.status, response.text()], [500, 'Internal Server Error\n']);
        await waitFor('the line', () => other.logged('app-error').at(n) === `the app failed: ValueError: without ${how}`);
        assert.equal((await other.json<Facts>('/facts')).pid, before);
      }
    });
  }
});
