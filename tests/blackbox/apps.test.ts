/** Flask and Django, behind the router in real uWSGI and run by ugate itself, as browsers, curl and Python programs meet them. */

import assert from 'node:assert/strict';
import type { App } from '../peers/uwsgi.ts';
import { requestsClient } from '../peers/uwsgi.ts';
import { curl } from '../support/curl.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { type BlackboxOptions, blackbox as blackboxTest, embeddedFrontOf, type Front, frontOf } from './front.ts';

type Fronts = Record<Exclude<App, 'uwsgi'>, Pick<Front, 'gate'>>;

testApps('', { flask: frontOf('flask'), django: frontOf('django') }, (options) => options);
testApps('embedded ', { flask: embeddedFrontOf('flask'), django: embeddedFrontOf('django') }, ({ needs = [], timeout }) => ({
  needs: needs.filter((peer) => peer !== 'uwsgi'),
  ...(timeout === undefined ? {} : { timeout }),
  differs: 'the app is one of ugate’s own',
}));

function testApps(where: string, fronts: Fronts, change: (options: BlackboxOptions) => BlackboxOptions): void {
  const blackbox = (name: string, options: BlackboxOptions, body: () => Promise<void>): void => blackboxTest(where + name, change(options), body);
  for (const app of ['flask', 'django'] as const) testBoth(app, fronts[app], blackbox);
  testEach(fronts, blackbox);
}

function testBoth(app: 'flask' | 'django', front: Fronts['flask'], blackbox: typeof blackboxTest): void {
  blackbox(`${app}: a page by curl`, { needs: ['uwsgi', app, 'curl'] }, async () => {
    const { url } = await front.gate();
    const { status, body, headers } = await curl([`${url}/`]);
    assert.equal(status, 200);
    assert.equal(body, `hello from ${app}\n`);
    assert.match(headers.get('content-type')?.[0] ?? '', /^text\//);
  });

  blackbox(`${app}: cookies are set by a redirect, kept and sent on`, { needs: ['uwsgi', app, 'requests'] }, async () => {
    const { url } = await front.gate();
    interface Who {
      user: string;
      visits: number;
      cookies: Record<string, string>;
    }
    const { redirects, first, second } = await requestsClient<{ redirects: number[]; first: Who; second: Who }>('login', url);
    assert.deepEqual(redirects, [302]);
    assert.deepEqual(first, { user: 'ada', visits: 1, cookies: { first: '1', second: 'two words' } });
    assert.equal(second.visits, 2);
  });

  blackbox(`${app}: two Set-Cookie headers stay two`, { needs: ['uwsgi', app] }, async () => {
    const gate = await front.gate();
    const response = await exchange(gate.target, 'GET /login?user=ada HTTP/1.1\r\nHost: a.example\r\n\r\n');
    assert.equal(response.status, 302);
    const cookies = response.headers('set-cookie').map((cookie) => cookie.split('=')[0]);
    assert.ok(cookies.includes('first') && cookies.includes('second'), cookies.join());
    assert.ok(cookies.length >= 3, 'the session cookie is there too');
  });

  blackbox(`${app}: a redirect goes through as it is`, { needs: ['uwsgi', app, 'curl'] }, async () => {
    const { url } = await front.gate();
    const { status, headers } = await curl([`${url}/redirect?to=/status/204`]);
    assert.equal(status, 302);
    assert.match(headers.get('location')?.[0] ?? '', /\/status\/204$/);
    const followed = await curl(['-L', '-o', '/dev/null', '-w', '%{http_code} %{num_redirects}', `${url}/redirect?to=/cached`]);
    assert.match(followed.stdout, /200 1$/);
  });

  blackbox(
    `${app}: HEAD has the headers of GET and no body`,
    { needs: ['uwsgi', app], ...(app === 'django' && { differs: 'it lets the body through that Django sends' }) },
    async () => {
      const gate = await front.gate();
      await using client = await RawClient.connect(gate.target);
      const head = await client.request('HEAD /cached HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal(head.status, 200);
      assert.equal(head.header('content-length'), '12');
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(client.unread.length, 0, 'no byte of a body follows');
    },
  );

  blackbox(
    `${app}: If-None-Match gives 304 without a body, and the connection goes on`,
    { needs: ['uwsgi', app], differs: 'it puts the end of a chunked body behind a 304 without a length' },
    async () => {
      const gate = await front.gate();
      await using client = await RawClient.connect(gate.target);
      const first = await client.request('GET /cached HTTP/1.1\r\nHost: a\r\n\r\n');
      const etag = first.header('etag');
      assert.ok(etag, 'an ETag');
      const second = await client.request(`GET /cached HTTP/1.1\r\nHost: a\r\nIf-None-Match: ${etag}\r\n\r\n`);
      assert.equal(second.status, 304);
      assert.equal(second.header('etag'), etag);
      const third = await client.request('GET /cached HTTP/1.1\r\nHost: a\r\nIf-None-Match: "other"\r\n\r\n');
      assert.equal(third.status, 200);
      assert.equal(third.text(), 'cached page\n');
    },
  );

  blackbox(
    `${app}: every kind of status goes through`,
    { needs: ['uwsgi', app], differs: 'it puts the end of a chunked body behind a 204' },
    async () => {
      const gate = await front.gate();
      await using client = await RawClient.connect(gate.target);
      for (const status of [200, 204, 400, 403, 404, 418, 500, 503]) {
        const response = await client.request(`GET /status/${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
        assert.equal(response.status, status);
        if (status !== 204) assert.match(response.text(), new RegExp(`status ${status}`));
      }
    },
  );

  blackbox(`${app}: a streamed answer arrives line by line`, { needs: ['uwsgi', app, 'requests'] }, async () => {
    const { url } = await front.gate();
    const { lines, times } = await requestsClient<{ lines: string[]; times: number[] }>('stream', url);
    assert.deepEqual(lines, ['line 0', 'line 1', 'line 2', 'line 3', 'line 4']);
    // They were sent 0.4 seconds apart; held back they would all come at the end.
    assert.ok((times.at(-1) ?? 0) > 0.5, `the last line came ${times.at(-1)} s behind the first`);
  });

  blackbox(`${app}: a streamed answer is chunked for HTTP/1.1`, { needs: ['uwsgi', app] }, async () => {
    const gate = await front.gate();
    await using client = await RawClient.connect(gate.target);
    const response = await client.request('GET /stream?n=3&delay=0.01 HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(response.framing, 'chunked');
    assert.equal(response.text(), 'line 0\nline 1\nline 2\n');
    const next = await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(next.text(), `hello from ${app}\n`);
  });

  blackbox(
    `${app}: the environment is what a WSGI application expects`,
    { needs: ['uwsgi', app], differs: 'REMOTE_PORT has its bytes swapped' },
    async () => {
      const gate = await front.gate();
      await using client = await RawClient.connect(gate.target);
      const response = await client.request(
        'GET /environ?a=1&b=%20x HTTP/1.1\r\nHost: shop.example:8080\r\nX-One: 1\r\nX-Two: zwei\r\nCookie: a=b\r\nAccept: */*\r\n\r\n',
      );
      const environ = JSON.parse(response.text()) as Record<string, string>;
      assert.equal(environ.REQUEST_METHOD, 'GET');
      assert.equal(environ.PATH_INFO, '/environ');
      assert.equal(environ.QUERY_STRING, 'a=1&b=%20x');
      assert.equal(environ.REQUEST_URI, '/environ?a=1&b=%20x');
      assert.equal(environ.SERVER_PROTOCOL, 'HTTP/1.1');
      assert.equal(environ.SERVER_PORT, String(gate.port));
      assert.equal(environ.HTTP_HOST, 'shop.example:8080');
      assert.equal(environ.HTTP_X_ONE, '1');
      assert.equal(environ.HTTP_X_TWO, 'zwei');
      assert.equal(environ.HTTP_COOKIE, 'a=b');
      assert.equal(environ.REMOTE_ADDR, '127.0.0.1');
      assert.equal(environ.REMOTE_PORT, String(client.localPort));
      assert.equal(environ.SCRIPT_NAME, '');
      assert.equal(environ.UWSGI_ROUTER, 'http');
    },
  );

  blackbox(`${app}: a path with escapes is decoded once`, { needs: ['uwsgi', app, 'curl'] }, async () => {
    const { url } = await front.gate();
    const { status } = await curl(['--path-as-is', `${url}/%73tatus/2%30%30`]);
    assert.equal(status, 200);
  });

  blackbox(`${app}: a small upload by curl`, { needs: ['uwsgi', app, 'curl'] }, async () => {
    const { url } = await front.gate();
    const { status, body } = await curl(['-F', 'note=hello', '-F', 'file=@-;filename=a b.txt;type=text/plain', `${url}/upload`], {
      input: 'content\n',
    });
    assert.equal(status, 200);
    const answer = JSON.parse(body) as { name: string; size: number; fields: Record<string, string> };
    assert.equal(answer.name, 'a b.txt');
    assert.equal(answer.size, 8);
    assert.deepEqual(answer.fields, { note: 'hello' });
  });
}

function testEach(fronts: Fronts, blackbox: typeof blackboxTest): void {
  blackbox('django: a form with its CSRF token, a session that counts, and a forged form', { needs: ['uwsgi', 'django', 'requests'] }, async () => {
    const { url } = await fronts.django.gate();
    const { answers, forged } = await requestsClient<{ answers: unknown[]; forged: number }>('form', url);
    assert.deepEqual(answers, [
      { name: 'Ada', times: 3, greeted: 1 },
      { name: 'Zoë', times: 3, greeted: 2 },
    ]);
    assert.equal(forged, 403);
  });

  blackbox('django: a file download names its file', { needs: ['uwsgi', 'django', 'curl'] }, async () => {
    const { url } = await fronts.django.gate();
    const { status, headers, body } = await curl([`${url}/file`]);
    assert.equal(status, 200);
    assert.equal(headers.get('content-disposition')?.[0], 'attachment; filename="app.py"');
    assert.match(body, /^"""A Django project/);
  });

  blackbox('flask: a form by curl, with doubles and UTF-8', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
    const { url } = await fronts.flask.gate();
    const { status, body } = await curl(['--data-urlencode', 'name=Zoë & co', '-d', 'tag=a', '-d', 'tag=b', `${url}/form?q=1`]);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { form: { name: ['Zoë & co'], tag: ['a', 'b'] }, args: { q: ['1'] } });
  });

  blackbox('flask: ranges by curl', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
    const { url } = await fronts.flask.gate();
    const { status, headers, body } = await curl(['-r', '48-57', `${url}/file`]);
    assert.equal(status, 206);
    assert.equal(headers.get('content-range')?.[0], 'bytes 48-57/102400');
    assert.equal(headers.get('content-length')?.[0], '10');
    assert.equal(body, '0123456789');
    const beyond = await curl(['-r', '200000-', `${url}/file`]);
    assert.equal(beyond.status, 416);
  });

  blackbox('flask: If-Modified-Since and If-None-Match by curl', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
    const { url } = await fronts.flask.gate();
    const first = await curl([`${url}/cached`]);
    const modified = first.headers.get('last-modified')?.[0] ?? '';
    assert.notEqual(modified, '');
    const second = await curl(['-H', `If-Modified-Since: ${modified}`, `${url}/cached`]);
    assert.equal(second.status, 304);
    const third = await curl(['-H', 'If-None-Match: "v1"', `${url}/cached`]);
    assert.equal(third.status, 304);
    assert.equal(third.body, '');
  });

  blackbox('flask: large request headers reach the application', { needs: ['uwsgi', 'flask'] }, async () => {
    const gate = await fronts.flask.gate();
    const value = 'v'.repeat(30_000);
    const response = await exchange(gate.target, `GET /environ HTTP/1.1\r\nHost: a\r\nCookie: big=${value}\r\n\r\n`);
    assert.equal(response.status, 200);
    assert.equal((JSON.parse(response.text()) as Record<string, string>).HTTP_COOKIE, `big=${value}`);
  });

  blackbox('flask: large response headers reach the client', { needs: ['uwsgi', 'flask'] }, async () => {
    const gate = await fronts.flask.gate();
    const response = await exchange(gate.target, 'GET /large-headers?n=20&size=1500 HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(response.status, 200);
    for (let number = 0; number < 20; number += 1) assert.equal(response.header(`x-large-${number}`), 'v'.repeat(1500));
  });

  blackbox('flask: uncommon methods go through', { needs: ['uwsgi', 'flask'] }, async () => {
    const gate = await fronts.flask.gate();
    for (const method of ['OPTIONS', 'REPORT']) {
      const response = await exchange(gate.target, `${method} /environ HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.equal(response.status, 200, method);
      if (method === 'REPORT') assert.equal((JSON.parse(response.text()) as Record<string, string>).REQUEST_METHOD, method);
    }
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const response = await exchange(gate.target, `${method} /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`);
      assert.equal(response.text(), 'body', method);
    }
  });
}

blackboxTest('flask over TCP: the same by ip:port', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
  const { url } = await overTcp.gate();
  const { status, body } = await curl([`${url}/`]);
  assert.equal(status, 200);
  assert.equal(body, 'hello from flask\n');
});

const overTcp = frontOf('flask', [], { socket: 'tcp', processes: 1 });
