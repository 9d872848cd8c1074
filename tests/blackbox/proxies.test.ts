/** ugate behind real proxies, with a real application behind it; and the listener that only sends clients to https. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { startHaproxy } from '../peers/haproxy.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { blackbox, frontOf } from './front.ts';

const GET = 'GET /environ HTTP/1.1\r\nHost: a.test\r\n\r\n';
const OPTIONS = ['--http-enable-proxy-protocol', '--http-trusted-proxies', '192.0.2.0/24'];
const { app, gate } = frontOf('flask', OPTIONS);

/** Who the application thinks asked: address, port, and `https` or `http`. */
async function client(connection: RawClient, request = GET): Promise<string> {
  const response = await connection.request(request);
  assert.equal(response.status, 200, response.text());
  const environ = JSON.parse(response.text());
  return [environ.REMOTE_ADDR, environ.REMOTE_PORT, environ['wsgi.url_scheme']].join(' ');
}

blackbox(
  'behind HAProxy with PROXY v1 and v2 the application sees its clients',
  { needs: ['uwsgi', 'flask', 'haproxy'], differs: 'it knows v1 only, and for the first request of a connection' },
  async () => {
    const server = `server a 127.0.0.1:${(await gate()).port}`;
    await using haproxy = await startHaproxy({ v1: { lines: [`${server} send-proxy`] }, v2: { lines: [`${server} send-proxy-v2`] } });
    for (const port of Object.values(haproxy.ports)) {
      for (const host of ['127.0.0.1', '::1']) {
        await using connection = await RawClient.connect({ port, host });
        for (let i = 0; i < 3; i++) assert.equal(await client(connection), `${host} ${connection.localPort} http`);
        const forged = await connection.request(`PROXY TCP4 6.6.6.6 192.0.2.1 1 2\r\n${GET}`);
        assert.equal(forged.text(), '400 Bad Request: bad-proxy-header\n');
      }
    }
  },
);

blackbox(
  'behind HAProxy with X-Forwarded-For and -Proto the application sees its clients, if HAProxy is trusted',
  { needs: ['uwsgi', 'flask', 'haproxy'], differs: 'it has no such option' },
  async () => {
    const trusting = { trusts: ['--http-trusted-proxies', '127.0.0.1'], distrusts: ['--http-trusted-proxies', '192.0.2.1'] };
    for (const [name, options] of Object.entries(trusting)) {
      await using own = await startUgate(['--http-to', (await app()).address, ...options]);
      const lines = ['mode http', 'option forwardfor', 'http-request set-header X-Forwarded-Proto https', `server a 127.0.0.1:${own.port}`];
      await using haproxy = await startHaproxy({ front: { lines } });
      for (const host of ['127.0.0.1', '::1']) {
        await using connection = await RawClient.connect({ port: haproxy.ports.front ?? 0, host });
        const told = await client(connection, GET.replace('\r\n\r\n', '\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n'));
        // HAProxy's own 127.0.0.1 client is trusted too: there the list goes on to what that client said.
        const expected = host === '::1' ? /^::1 0 https$/ : /^6\.6\.6\.6 0 https$/;
        assert.match(told, name === 'trusts' ? expected : /^127\.0\.0\.1 [1-9]\d* http$/);
      }
    }
  },
);

blackbox(
  'a PROXY header in pieces, and what a trusted proxy says on top of it',
  { needs: ['uwsgi', 'flask'], differs: 'it forgets the header' },
  async () => {
    await using connection = await RawClient.connect((await gate()).target);
    for (const byte of 'PROXY TCP4 192.0.2.7 192.0.2.1 99 81\r\n') await connection.flush(byte);
    assert.equal(await client(connection), '192.0.2.7 99 http');
    assert.equal(await client(connection, GET.replace('\r\n\r\n', '\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n')), '203.0.113.7 0 http');
    assert.equal(await client(connection), '192.0.2.7 99 http');
  },
);

blackbox('who may not send PROXY is told so in the log', { differs: 'it believes anyone' }, async () => {
  await using own = await startUgate(['--http-enable-proxy-protocol', '--http-proxy-from', '192.0.2.1']);
  const refused = await exchange(own.target, `PROXY TCP4 6.6.6.6 192.0.2.1 1 2\r\n${GET}`);
  assert.equal(refused.text(), '400 Bad Request: proxy-not-trusted\n');
  await own.process.said(/name it in http-proxy-from code=proxy-not-trusted/);
});

blackbox("stud's prefix", { needs: ['uwsgi', 'flask'], differs: 'REMOTE_ADDR stays that of stud' }, async () => {
  await using own = await startUgate(['--http-to', (await app()).address, '--http-stud-prefix', '127.0.0.1']);
  await using connection = await RawClient.connect(own.target);
  connection.write('\x02\xcb\0\x71\x07');
  for (let i = 0; i < 2; i++) assert.equal(await client(connection), '203.0.113.7 0 https');
});

blackbox('http-to-https alone serves, on several listeners', { differs: 'it closes each connection' }, async () => {
  await using folder = temporaryFolder();
  const [socket, ini] = [folder.file('a.sock'), folder.file('u.ini')];
  writeFileSync(ini, `[uwsgi]\nhttp-to-https = 127.0.0.1:0\nhttp-to-https = 127.0.0.1:0,8443\nhttp-to-https = ${socket}\n`);
  await using own = await startUgate(['--ini', ini], { listeners: 3 });
  const targets = own.listeners.map((text) => (text.includes(':') ? { port: Number(text.split(':').at(-1)) } : { path: text }));
  for (const [i, target] of targets.entries()) {
    await using connection = await RawClient.connect(target);
    for (let k = 0; k < 2; k++) {
      const response = await connection.request(GET);
      assert.equal(`${response.status} ${response.header('location')}`, `301 https://a.test${i === 1 ? ':8443' : ''}/environ`);
    }
    connection.write('POST /x HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 3\r\n\r\nabc');
    const response = await connection.readResponse({ method: 'POST' });
    assert.equal(`${response.status} ${response.header('location')}`, `308 https://[::1]${i === 1 ? ':8443' : ''}/x`);
    await connection.readToEnd();
  }
});
