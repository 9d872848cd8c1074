import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from '../support/wait.ts';
import { get, raw, request, withBackend } from './support.ts';

const DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

test('an answer with a length keeps it, gets a Date, and leaves the connection open', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  await using client = await it.gate.connect();
  for (let i = 0; i < 3; i++) {
    const response = await client.request(get());
    assert.equal(response.text(), 'ok');
    assert.equal(response.framing, 'length');
    assert.match(response.header('date') ?? '', DATE);
    assert.equal(response.header('server'), null);
    assert.equal(response.header('connection'), null);
  }
  assert.equal(it.backend.connections, 3);
});

test("a backend's own Date stays alone", async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n'));
  await using client = await it.gate.connect();
  assert.equal((await client.request(get())).header('date'), 'Thu, 01 Jan 1970 00:00:00 GMT');
});

test('an answer without a length is chunked for 1.1 and ends by close for 1.0', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\n\r\none', 'two'));
  await using client = await it.gate.connect();
  const response = await client.request(get());
  assert.equal(response.framing, 'chunked');
  assert.equal(response.text(), 'onetwo');
  await using old = await it.gate.connect();
  old.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const text = (await old.readToEnd()).toString();
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(text, /Transfer-Encoding/i);
  assert.match(text, /\r\n\r\nonetwo$/);
});

test('a chunked answer of the app is decoded and framed once', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n'));
  await using client = await it.gate.connect();
  const response = await client.request(get());
  assert.equal(response.framing, 'chunked');
  assert.equal(response.text(), 'abcde');
  assert.deepEqual(response.trailers, []);
  const asked = await client.request(get('/', 'TE: trailers', 'Connection: TE'));
  assert.deepEqual(asked.trailers, [['X-Sum', '5']]);
});

test('HTTP/1.0 with keep-alive and a length stays open and is told so', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  await using client = await it.gate.connect();
  for (let i = 0; i < 2; i++) {
    const response = await client.request('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n');
    assert.equal(response.header('connection'), 'keep-alive');
  }
});

test('an error of our own on HTTP/1.0 with keep-alive says that the connection stays', async () => {
  await using it = await withBackend(raw(''));
  await using client = await it.gate.connect();
  for (let i = 0; i < 2; i++) {
    const response = await client.request('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n');
    assert.deepEqual([response.status, response.header('connection')], [502, 'keep-alive']);
  }
});

test('Connection is read as a list: close among others closes', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  await using client = await it.gate.connect();
  const response = await client.request(get('/', 'Connection: keep-alive, X-Gone , cLoSe', 'X-Gone: 1'));
  assert.equal(response.header('connection'), 'close');
  assert.equal((await client.readToEnd()).length, 0);
  const received = await it.backend.request();
  assert.equal(received.vars.get('HTTP_X_GONE'), undefined);
  assert.equal(received.vars.get('HTTP_CONNECTION'), undefined);
});

test('HEAD, 204 and 304 have no body whatever the fields say', async () => {
  for (const [method, head] of [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'],
    ['HEAD', 'HTTP/1.1 200 OK\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\n'],
  ] as const) {
    await using it = await withBackend(raw(`${head}\r\nhello`));
    await using client = await it.gate.connect();
    for (let i = 0; i < 2; i++) {
      const response = await client.request(request(method, '/'));
      assert.equal(response.body.length, 0, head);
      if (response.status === 204) assert.equal(response.header('content-length'), null);
      assert.equal(response.header('transfer-encoding'), null);
    }
  }
});

test('what a backend sends beyond its length goes nowhere', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'));
  await using client = await it.gate.connect();
  for (let i = 0; i < 3; i++) assert.equal((await client.request(get())).text(), 'ok');
  await sleep(50);
  assert.equal(client.unread.length, 0);
});

test('a backend that ends short closes the connection so that the client can tell', async () => {
  for (const answer of [
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n',
  ]) {
    await using it = await withBackend(raw(answer));
    await using client = await it.gate.connect();
    client.write(get());
    await assert.rejects(client.readResponse(), /closed/);
    await it.gate.logged(/code=upstream-short status=502/);
  }
});

test('answers that cannot be trusted are 502 with a code, and nothing of them is passed on', async () => {
  for (const [bytes, code] of [
    ['', 'upstream-empty'],
    ['HTTP/1.1 200 OK\r\nX: y\r\n', 'upstream-truncated-head'],
    ['hello\r\n\r\n', 'upstream-bad-status-line'],
    ['HTTP/2.0 200 OK\r\n\r\n', 'upstream-bad-status-line'],
    ['HTTP/1.1 20 OK\r\n\r\n', 'upstream-bad-status-line'],
    ['HTTP/1.1 200 OK\r\nX\0: y\r\n\r\n', 'upstream-bad-field'],
    ['HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', 'upstream-bad-field'],
    ['HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n', 'upstream-bad-field'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', 'upstream-bad-content-length'],
    ['HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok', 'upstream-bad-content-length'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'upstream-length-and-encoding'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'upstream-bad-transfer-encoding'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'upstream-bad-transfer-encoding'],
    [`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`, 'upstream-head-too-large'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'upstream-unexpected-101'],
  ] as const) {
    await using it = await withBackend(raw(bytes));
    await using client = await it.gate.connect();
    const response = await client.request(get());
    assert.equal(response.status, 502, code);
    assert.match(response.text(), new RegExp(code));
    await it.gate.logged(new RegExp(`code=${code} status=502`));
    // The client did nothing wrong: its connection lives on.
    assert.equal((await client.request(get())).status, 502);
  }
});

test('a head with bare LF, or without a reason, is normalised', async () => {
  await using it = await withBackend(raw('HTTP/1.0 200\nX-One: 1\nContent-Length: 2\r\n\nok'));
  await using client = await it.gate.connect();
  const response = await client.request(get());
  assert.equal(response.header('x-one'), '1');
  assert.equal(response.text(), 'ok');
});

test('hop-by-hop fields of the backend, and those its Connection names, stay behind', async () => {
  await using it = await withBackend(
    raw('HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Stay: 1\r\nContent-Length: 2\r\n\r\nok'),
  );
  await using client = await it.gate.connect();
  const response = await client.request(get());
  assert.deepEqual(response.headerList.map(([name]) => name.toLowerCase()).sort(), ['content-length', 'date', 'x-stay']);
  assert.equal((await client.request(get())).status, 200);
});

test('Upgrade offered in 426 and 200 is kept', async () => {
  for (const head of ['HTTP/1.1 426 Upgrade Required', 'HTTP/1.1 200 OK\r\nConnection: upgrade']) {
    await using it = await withBackend(raw(`${head}\r\nUpgrade: TLS/1.0\r\nContent-Length: 0\r\n\r\n`));
    await using client = await it.gate.connect();
    const response = await client.request(get());
    assert.equal(response.header('upgrade'), 'TLS/1.0');
    assert.match(response.header('connection') ?? '', /upgrade/);
  }
});

test('interim answers reach 1.1 clients and never 1.0', async () => {
  await using it = await withBackend(raw('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  await using client = await it.gate.connect();
  client.write(get());
  const early = await client.readResponse({ interim: true });
  assert.equal(early.status, 103);
  assert.equal(early.header('link'), '</a>');
  assert.equal((await client.readResponse()).text(), 'ok');
  await using old = await it.gate.connect();
  assert.equal((await old.request('GET / HTTP/1.0\r\n\r\n', { interim: true })).status, 200);
});

test('a flood of interim answers ends in 502', async () => {
  await using it = await withBackend(raw('HTTP/1.1 102 Processing\r\n\r\n'.repeat(40)));
  await using client = await it.gate.connect();
  assert.equal((await client.request(get())).status, 502);
});

test('the head and a body of a megabyte arrive whole, also through a slow reader', async () => {
  const body = 'x'.repeat(1024 * 1024);
  for (const head of [`Content-Length: ${body.length}\r\n`, '', 'Transfer-Encoding: chunked\r\n']) {
    const bytes = head.startsWith('T') ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
    await using it = await withBackend(raw(`HTTP/1.1 200 OK\r\n${head}\r\n${bytes}`));
    await using client = await it.gate.connect();
    client.write(get());
    client.pause();
    await sleep(100);
    client.resume();
    assert.equal((await client.readResponse()).text(), body);
  }
});
