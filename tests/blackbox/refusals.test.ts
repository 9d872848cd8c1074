/**
 * No request is dropped without a word: each refusal has a status, a stable code in the log, a Date, and an orderly end.
 * uWSGI's own router closes the connection without a byte in all of these cases.
 */

import assert from 'node:assert/strict';
import type { HttpResponse } from '../support/http-message.ts';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate } from '../support/ugate.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { never, sleep, waitFor } from '../support/wait.ts';
import { blackbox, shared } from './front.ts';

const SILENT = { differs: 'it closes without an answer' };
const HOST = 'Host: a.example\r\n';

/** What a client sends, and how it is refused. */
const REQUESTS: readonly (readonly [what: string, bytes: string, status: number, code: string])[] = [
  ['a request line without a version', `GET /\r\n${HOST}\r\n`, 400, 'bad-version'],
  ['a request line with two spaces', `GET  / HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-target'],
  ['a version in lower case', `GET / http/1.1\r\n${HOST}\r\n`, 400, 'bad-version'],
  ['a method that is no token', `G@T / HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-method'],
  ['a target without a slash', `GET index.html HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-target-form'],
  ['bytes that are no HTTP', '\x15\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'bad-method'],
  ['N13: a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'tls-on-plain-port'],
  ['lines that end in LF', 'GET / HTTP/1.1\nHost: a.example\n\n', 400, 'bare-line-end'],
  ['HTTP/1.1 without a Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'no-host'],
  ['two Hosts', `GET / HTTP/1.1\r\n${HOST}Host: b.example\r\n\r\n`, 400, 'many-hosts'],
  ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'bad-host'],
  ['a space before the colon', `GET / HTTP/1.1\r\n${HOST}X-A : 1\r\n\r\n`, 400, 'bad-field-name'],
  ['a folded line', `GET / HTTP/1.1\r\n${HOST}X-A: 1\r\n 2\r\n\r\n`, 400, 'obs-fold'],
  ['a NUL in a value', `GET / HTTP/1.1\r\n${HOST}X-A: 1\0\r\n\r\n`, 400, 'bad-field-value'],
  ['two lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400, 'bad-content-length'],
  ['a length with a sign', `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`, 400, 'bad-content-length'],
  ['a length and chunks', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, 'length-and-encoding'],
  ['chunks that come twice', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400, 'bad-transfer-encoding'],
  ['chunks over HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'transfer-encoding-on-1.0'],
  ['a chunk without a size', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400, 'bad-chunk'],
  ['a long target', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${HOST}\r\n`, 414, 'target-too-long'],
  ['a long field', `GET / HTTP/1.1\r\n${HOST}X-A: ${'x'.repeat(100_000)}\r\n\r\n`, 431, 'head-too-large'],
  ['fields without end', `GET / HTTP/1.1\r\n${HOST}${'X-A: 1\r\n'.repeat(5000)}\r\n`, 431, 'too-many-fields'],
  ['an expectation that is none', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nExpect: a-miracle\r\n\r\na`, 417, 'bad-expect'],
  ['an unknown transfer coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501, 'unknown-transfer-encoding'],
  ['CONNECT', 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n', 501, 'connect-not-offered'],
  ['HTTP/2 without an upgrade', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'http2-preface'],
  ['HTTP/3.0', `GET / HTTP/3.0\r\n${HOST}\r\n`, 505, 'version-not-supported'],
];

/** What an application answers, and what becomes of it. */
const ANSWERS: readonly (readonly [what: string, script: Script, code: RegExp])[] = [
  ['closes without a byte', () => {}, /code=upstream-\S+ .*status=502|status=502 .*code=upstream-/],
  ['answers no HTTP', (_, reply) => reply.write('hello world, I am no HTTP answer\r\n\r\n'), /code=upstream-bad-status-line/],
  ['closes inside the head', (_, reply) => reply.write('HTTP/1.1 200 OK\r\nContent-Le'), /code=upstream-/],
  [
    'answers a length and chunks',
    (_, reply) => reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok'),
    /code=upstream-length-and-encoding/,
  ],
  [
    'answers a length that is no number',
    (_, reply) => reply.write('HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'),
    /code=upstream-bad-content-length/,
  ],
  ['answers a field with a NUL', (_, reply) => reply.write('HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\nok'), /code=upstream-bad-field/],
  ['answers a head without end', (_, reply) => reply.write(`HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(200_000)}\r\n\r\n`), /code=upstream-head-too-large/],
  ['resets the connection', (_, reply) => reply.reset(), /code=upstream-/],
];

/** What holds for every answer that ugate makes itself. */
function assertOwnAnswer(response: HttpResponse, status: number): void {
  assert.equal(response.status, status);
  assertDate(response);
  assert.notEqual(response.framing, 'close', 'its end is told');
  assert.ok(response.body.length < 2000, 'a short text');
}

/** One Date, as RFC 9110 5.6.7 wants it, and of now. */
function assertDate(response: HttpResponse): void {
  const date = response.header('date') ?? '';
  assert.match(date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 10_000, date);
}

/** The log is written in batches. */
async function assertLogged(gate: Ugate, pattern: RegExp, from = 0): Promise<void> {
  const logged = await waitFor(`${pattern} in the log`, () => pattern.test(gate.stderr.slice(from)), 2000).catch(() => false);
  assert.ok(logged, `${pattern} is not in the log:\n${gate.stderr.slice(from).slice(-2000)}`);
}

/** One for all requests that are refused: none of them may disturb the next, nor reach the application. */
const refusing = shared(async () => {
  const backend = await UwsgiBackend.listen(answer('ok'));
  const gate = await startUgate(['--http-to', backend.address]);
  const stop = async (): Promise<void> => {
    await gate.stop();
    await backend.stop();
  };
  return { backend, gate, stop };
});

for (const [what, bytes, status, code] of REQUESTS) {
  blackbox(`${what}: ${status}`, SILENT, async () => {
    const { backend, gate } = await refusing();
    const logged = gate.stderr.length;
    await using client = await RawClient.connect(gate.target);
    client.write(bytes);
    const response = await client.readResponse();
    assertOwnAnswer(response, status);
    assert.equal(response.header('connection')?.toLowerCase(), 'close');
    await client.readToEnd(6000);
    assert.equal(client.error, null, 'the connection ends in order');
    await assertLogged(gate, new RegExp(`code=${code} .*status=${status}\\b|status=${status} .*code=${code}\\b`), logged);
    assert.ok(gate.process.running);
    assert.equal(backend.requests.length, 0, 'the application hears nothing of it');
  });
}

blackbox('N13: the line of a refusal has the host that was asked for, also where the head was not read to its end', SILENT, async () => {
  const { gate } = await refusing();
  const asked = 'GET /some?a=1 HTTP/1.1\r\nHost: www.example:8080\r\n';
  for (const [bytes, code] of [
    [`${asked}Content-Length: x\r\n\r\n`, 'bad-content-length'],
    [`${asked}X-A: \0\r\n\r\n`, 'bad-field-value'],
    [`${asked}Connection: a b\r\n\r\n`, 'bad-connection'],
    [`${asked}Host: other\r\n\r\n`, 'many-hosts'],
  ] as const) {
    const logged = gate.stderr.length;
    await using client = await RawClient.connect(gate.target);
    client.write(bytes);
    assertOwnAnswer(await client.readResponse(), 400);
    await assertLogged(gate, new RegExp(`code=${code} .*method=GET target="/some\\?a=1" host=www\\.example:8080`), logged);
  }
  for (const [line, status, code] of [
    ['GET /a#b HTTP/1.1', 400, 'bad-target'],
    ['GET / HTTP/2.1', 505, 'version-not-supported'],
    ['CONNECT a.example:1 HTTP/1.1', 501, 'connect-not-offered'],
    ['G@T / HTTP/1.1', 400, 'bad-method'],
    ['GET / HTTP/1.1\r\nX-A: \0', 400, 'bad-field-value'],
  ] as const) {
    const logged = gate.stderr.length;
    await using client = await RawClient.connect(gate.target);
    client.write(`${line}\r\nX-A: b\r\nHost: www.example:8080\r\n\r\n`);
    assertOwnAnswer(await client.readResponse(), status);
    await assertLogged(gate, new RegExp(`code=${code} .*host=www\\.example:8080`), logged);
  }
});

for (const [what, script, code] of ANSWERS) {
  blackbox(`an application that ${what}: 502`, SILENT, async () => {
    await using backend = await UwsgiBackend.listen(script);
    await using gate = await startUgate(['--http-to', backend.address]);
    await using client = await RawClient.connect(gate.target);
    // POST, because a GET may be tried again.
    const response = await client.request(`POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`);
    assertOwnAnswer(response, 502);
    assert.ok(!response.text().includes('no HTTP'), 'nothing of the broken answer');
    await assertLogged(gate, code);
  });
}

blackbox('a node that cannot be reached: 502, by a missing socket and by a refused port', SILENT, async () => {
  await using folder = temporaryFolder();
  const gone = await UwsgiBackend.listen(answer('gone'));
  await gone.stop();
  for (const address of [folder.file('missing.sock'), gone.address]) {
    await using gate = await startUgate(['--http-to', address]);
    await using client = await RawClient.connect(gate.target);
    for (let round = 0; round < 2; round += 1) {
      assertOwnAnswer(await client.request(`GET / HTTP/1.1\r\n${HOST}\r\n`), 502);
    }
    await assertLogged(gate, /code=upstream-unreachable status=502 .*target=\/ host=a\.example node=/);
  }
});

blackbox('no node at all, because its name has no address: 503', SILENT, async () => {
  await using gate = await startUgate(['--http-to', 'node.invalid:3031']);
  await using client = await RawClient.connect(gate.target);
  assertOwnAnswer(await client.request(`GET / HTTP/1.1\r\n${HOST}\r\n`), 503);
  await assertLogged(gate, /code=no-node .*status=503|status=503 .*code=no-node/);
});

blackbox('a path with a broken escape: 400, and the connection goes on', SILENT, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  assertOwnAnswer(await client.request(`GET /%zz HTTP/1.1\r\n${HOST}\r\n`), 400);
  await assertLogged(gate, /code=\S+ .*status=400|status=400 .*code=\S+/);
  assert.equal((await client.request(`GET /good HTTP/1.1\r\n${HOST}\r\n`)).text(), 'ok');
});

blackbox('a node that comes back is used again', {}, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  await using gate = await startUgate(['--http-to', path, '--http-gracetime', '1']);
  {
    await using client = await RawClient.connect(gate.target);
    client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await client.readResponse().catch(() => null);
  }
  await using backend = await UwsgiBackend.listen(answer('back'), path);
  const text = await waitFor('the node to be used', async () => {
    await using client = await RawClient.connect(gate.target);
    const response = await client.request(`GET / HTTP/1.1\r\n${HOST}\r\n`).catch(() => null);
    return response?.status === 200 ? response.text() : null;
  });
  assert.equal(text, 'back');
  assert.ok(backend.requests.length > 0);
});

blackbox('an application that does not answer: 504', SILENT, async () => {
  await using backend = await UwsgiBackend.listen(never);
  await using gate = await startUgate(['--http-to', backend.address, '--http-timeout', '1']);
  await using client = await RawClient.connect(gate.target);
  const started = performance.now();
  assertOwnAnswer(await client.request(`GET / HTTP/1.1\r\n${HOST}\r\n`), 504);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds > 0.7 && seconds < 4, `after ${seconds} s`);
  await assertLogged(gate, /code=upstream-timeout .*status=504|status=504 .*code=upstream-timeout/);
});

blackbox('a head that takes too long: 408, though bytes keep coming', SILENT, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address, '--http-headers-timeout', '1']);
  await using client = await RawClient.connect(gate.target);
  client.write('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  const drip = setInterval(() => client.write('x'), 200);
  try {
    assertOwnAnswer(await client.readResponse({ milliseconds: 5000 }), 408);
    await assertLogged(gate, /code=head-timeout status=408 client=\S+ method=GET target=\/ host=a$/m);
  } finally {
    clearInterval(drip);
  }
});

blackbox('an answer that breaks off is seen to break off', { differs: 'it leaves the connection open' }, async () => {
  for (const head of ['Content-Length: 100\r\n', 'Transfer-Encoding: chunked\r\n']) {
    const part = head.startsWith('C') ? 'half' : '4\r\nhalf\r\n';
    await using backend = await UwsgiBackend.listen((_, reply) => reply.write(`HTTP/1.1 200 OK\r\n${head}\r\n${part}`));
    await using gate = await startUgate(['--http-to', backend.address]);
    await using client = await RawClient.connect(gate.target);
    client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await assert.rejects(client.readResponse({ milliseconds: 4000 }), /closed/, head);
  }
});

blackbox('an answer of the application has one Date', { differs: 'it adds no Date' }, async () => {
  const old = 'Tue, 15 Nov 1994 08:12:31 GMT';
  await using backend = await UwsgiBackend.listen((request, reply) =>
    reply.write(`HTTP/1.1 200 OK\r\n${request.vars.get('PATH_INFO') === '/own' ? `Date: ${old}\r\n` : ''}Content-Length: 2\r\n\r\nok`),
  );
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  assertDate(await client.request(`GET / HTTP/1.1\r\n${HOST}\r\n`));
  assert.equal((await client.request(`GET /own HTTP/1.1\r\n${HOST}\r\n`)).header('date'), old);
});

blackbox('a refused request does not disturb the others', SILENT, async () => {
  await using backend = await UwsgiBackend.listen(async (_, reply) => {
    await sleep(300);
    await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using good = await RawClient.connect(gate.target);
  good.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await Promise.all(
    REQUESTS.map(async ([, bytes, status]) => {
      await using bad = await RawClient.connect(gate.target);
      bad.write(bytes);
      assert.equal((await bad.readResponse()).status, status);
    }),
  );
  assert.equal((await good.readResponse()).text(), 'ok');
});

blackbox('behind a good request a bad one is refused, and the good one is answered first', SILENT, async () => {
  await using backend = await UwsgiBackend.listen(answer('good'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write(`GET / HTTP/1.1\r\n${HOST}\r\nBAD\r\n\r\n`);
  assert.equal((await client.readResponse()).text(), 'good');
  assertOwnAnswer(await client.readResponse(), 400);
});

blackbox('what a client sends cannot forge a line of the log', SILENT, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write('GET /\x1b[31m\x07 HTTP/1.1\r\nHost: a\rINJECTED code=forged\r\n\r\n');
  assert.equal((await client.readResponse()).status, 400);
  await assertLogged(gate, /status=400/);
  assert.ok(!/^INJECTED/m.test(gate.stderr) && !gate.stderr.includes('\x1b'), gate.stderr);
});
