/** `--http` alone: a page that shows what the server saw. */

import assert from 'node:assert/strict';
import { curl } from '../support/curl.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { blackbox } from './front.ts';

const OTHER = { differs: 'it has no page of its own' };

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

blackbox('the page shows the request, to a browser as HTML and to curl as text', { ...OTHER, needs: ['curl'] }, async () => {
  await using gate = await startUgate(['--http', '127.0.0.1:0']);
  for (const [accept, type] of [
    [BROWSER, /^text\/html/],
    ['*/*', /^text\/plain/],
  ] as const) {
    const { status, headers, body } = await curl(['-H', 'X-Seen: 4711', '-H', `Accept: ${accept}`, `${gate.url}/some/where?a=b`]);
    assert.equal(status, 200);
    assert.match(headers.get('content-type')?.[0] ?? '', type);
    assert.ok(headers.has('date'), 'a Date');
    for (const seen of ['GET', '/some/where', 'a=b', '4711', '127.0.0.1']) assert.ok(body.includes(seen), `${seen} is not on the page`);
  }
});

blackbox('what a client sends cannot become part of the page', OTHER, async () => {
  await using gate = await startUgate(['--http', '127.0.0.1:0']);
  const evil = '<script>alert(1)</script>';
  const head = `GET /?${encodeURIComponent(evil)} HTTP/1.1\r\nHost: a\r\nAccept: ${BROWSER}\r\nX-Evil: "'>${evil}\r\nUser-Agent: ${evil}\r\n\r\n`;
  const response = await exchange(gate.target, head);
  assert.equal(response.status, 200);
  assert.match(response.header('content-type') ?? '', /^text\/html/);
  assert.ok(!response.text().includes('<script>alert'), 'escaped');
});

blackbox('HEAD, keep-alive, and a body that nobody asked for', OTHER, async () => {
  await using gate = await startUgate(['--http', '127.0.0.1:0']);
  await using client = await RawClient.connect(gate.target);
  const head = await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(head.status, 200);
  const post = await client.request('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
  assert.ok(post.status < 500, `POST: ${post.status}`);
  const again = await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(again.status, 200);
});
