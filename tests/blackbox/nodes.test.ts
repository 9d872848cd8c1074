/** What stands behind the running server and how it is spoken to: nginx over HTTP, uWSGI over puwsgi, and what only begins like HTTP. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { startUwsgi } from '../peers/uwsgi.ts';
import { curl } from '../support/curl.ts';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { listenServer } from '../support/listen-server.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { startNginx } from '../upstream/peers.ts';
import { blackbox } from './front.ts';

const UWSGI_ONLY = 'its router speaks plain uwsgi to nodes';
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function request(method: string, path: string, ...fields: string[]): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: a.test', ...fields].join('\r\n')}\r\n\r\n`;
}

blackbox(
  'nginx: one connection carries whatever many clients ask, and large bodies both ways',
  { needs: ['nginx', 'curl'], differs: UWSGI_ONLY },
  async () => {
    await using nginx = await startNginx();
    await using folder = temporaryFolder();
    // Written without its scheme, and known by the option.
    await using gate = await startUgate(['--http-to', nginx.address.slice('http:'.length), '--http-backend-http']);
    const bytes = randomBytes(3_000_000);
    writeFileSync(folder.file('up'), bytes);
    for (const [name, field] of [
      ['length', 'A: b'],
      ['chunked', 'Transfer-Encoding: chunked'],
    ] as const) {
      const up = await curl(['-T', folder.file('up'), '-H', field, `${gate.url}/files/${name}`]);
      assert.equal(up.status, 201, up.stderr);
      assert.equal(sha(readFileSync(nginx.folder.file(`files/${name}`))), sha(bytes));
      await using client = await RawClient.connect(gate.target);
      for (const [place, framing] of [
        ['files', 'length'],
        ['chunked', 'chunked'],
      ] as const) {
        const down = await client.request(request('GET', `/${place}/${name}`));
        assert.equal(down.framing, framing);
        assert.equal(sha(down.body), sha(bytes));
        assert.equal((await client.request(request('HEAD', `/${place}/${name}`))).status, 200);
      }
      assert.equal((await client.request(request('GET', '/', 'X-Forwarded-For: 192.0.2.7'))).text(), 'a.test 192.0.2.7, 127.0.0.1 http\n');
      assert.equal((await client.request(request('GET', '/204'))).status, 204);
    }
    const lines = await nginx.log(14);
    assert.equal(new Set(lines.map((line) => line.split(' ')[0])).size, 1, lines.join('\n'));
  },
);

blackbox('an HTTP node that closes a kept connection as it is used again: GET is sent once more, POST is not', { differs: UWSGI_ONLY }, async () => {
  await using node = await HttpBackend.listen((received, to) => (received.turn === 0 ? reply('ok')(received, to) : to.reset()));
  await using gate = await startUgate(['--http-to', node.address]);
  await using client = await RawClient.connect(gate.target);
  for (let i = 0; i < 2; i++) assert.equal((await client.request(request('GET', '/'))).text(), 'ok');
  assert.match((await client.request(`${request('POST', '/', 'Content-Length: 3')}abc`)).text(), /^502 .*: upstream-(empty|reset)\n$/);
  assert.deepEqual(
    node.requests.map(({ connection, method }) => `${connection} ${method}`),
    ['0 GET', '0 GET', '1 GET', '1 POST'],
  );
  assert.deepEqual(node.errors, []);
});

blackbox('an HTTP node’s events pass as they are written; Forwarded and trailers by their rules', { differs: UWSGI_ONLY }, async () => {
  let next = (): void => {};
  await using node = await HttpBackend.listen(async (_, to) => {
    await to.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 3; i++) {
      const read = new Promise<void>((resolve) => {
        next = resolve;
      });
      await to.write(`9\r\ndata: ${i}\n\n\r\n`);
      await read;
    }
    await to.write('0\r\nX-Sum: 3\r\n\r\n');
  });
  await using gate = await startUgate(['--http-to', node.address, '--http-forwarded']);
  await using client = await RawClient.connect(gate.target);
  for (let turn = 0; turn < 2; turn++) {
    client.write(request('GET', '/events', 'Connection: TE, X-Hop', 'TE: trailers', 'X-Hop: 1'));
    // The node writes an event when the client has the one before: held back by anyone, none would come.
    for (let i = 0; i < 3; i++) {
      await client.readUntil(`data: ${i}\n\n\r\n`);
      next();
    }
    assert.equal((await client.readUntil('\r\n\r\n')).toString(), '0\r\nX-Sum: 3\r\n\r\n');
  }
  assert.equal(node.connections, 1);
  assert.equal(node.requests[1]?.field('x-hop'), null);
  assert.equal(node.requests[1]?.field('te'), 'trailers');
  assert.equal(node.requests[1]?.field('forwarded'), 'for=127.0.0.1;proto=http;host="a.test"');
});

blackbox('http-backend-proxy-protocol: nginx learns the client, one to a connection', { needs: ['nginx'], differs: UWSGI_ONLY }, async () => {
  await using nginx = await startNginx();
  for (const version of ['v1', 'v2']) {
    await using gate = await startUgate(['--http-to', nginx.proxied, '--http-backend-proxy-protocol', version]);
    const connections = new Set<string>();
    for (let i = 0; i < 2; i++) {
      await using client = await RawClient.connect({ ...gate.target, localAddress: `127.0.0.${7 + i}` });
      for (let turn = 0; turn < 2; turn++) {
        const [address, port, serverPort, connection = ''] = (await client.request(request('GET', '/'))).text().split(' ');
        assert.deepEqual([address, port, serverPort], [`127.0.0.${7 + i}`, String(client.localPort), String(gate.port)]);
        connections.add(connection);
      }
    }
    assert.equal(connections.size, 4);
  }
});

/** Passes bytes on to another socket and counts connections. */
async function startRelay(path: string, to: string): Promise<{ readonly connections: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    const onwards = connect({ path: to, allowHalfOpen: true });
    for (const each of [socket, onwards]) {
      sockets.add(each);
      each.on('error', () => {});
    }
    socket.pipe(onwards).pipe(socket);
  });
  await listenServer(server, path);
  return {
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

blackbox(
  'puwsgi to real uWSGI: one connection for what has no body, the plain socket for the rest, and never a worker kept from it',
  { needs: ['uwsgi', 'flask'], differs: 'its router has no such nodes' },
  async () => {
    await using folder = temporaryFolder();
    const [persistent, relayed] = [folder.file('p.sock'), folder.file('r.sock')];
    await using uwsgi = await startUwsgi({ app: 'flask', processes: 1, args: ['--puwsgi-socket', persistent] });
    await using relay = await startRelay(relayed, persistent);
    await using gate = await startUgate(['--http-to', `puwsgi:${relayed},uwsgi=${uwsgi.address}`]);
    await using client = await RawClient.connect(gate.target);
    for (let i = 0; i < 5; i++) assert.equal((await client.request(request('GET', '/'))).text(), 'hello from flask\n');
    assert.equal(relay.connections, 1);
    for (const body of ['Content-Length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n']) {
      client.write(`POST /echo HTTP/1.1\r\nHost: a\r\n${body}`);
      // The only worker sits on the idle connection, for 4 s if that is not given up.
      assert.equal((await client.readResponse({ milliseconds: 3500 })).text(), 'hello');
    }
    assert.equal((await client.request(request('GET', '/'))).text(), 'hello from flask\n');
    // Without a length: uWSGI would wait 4 s for a next request before it ends the answer.
    client.write(request('GET', '/stream?n=3&delay=0'));
    assert.equal((await client.readResponse({ milliseconds: 3500 })).text(), 'line 0\nline 1\nline 2\n');
    assert.doesNotMatch(gate.stderr, /code=/);
  },
);

const RTSP: readonly (readonly [request: string, answer: string])[] = [
  ['DESCRIBE rtsp://cam.example/live/ RTSP/1.0\r\nCSeq: 1\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n'],
  ['SETUP rtsp://cam.example/live/1 RTSP/1.0\r\nCSeq: 2\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 7\r\n\r\n'],
  ['PLAY rtsp://cam.example/live/ RTSP/1.0\r\nCSeq: 3\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n$\0\0\x05hello$\x01\0\x02ok'],
  ['$\x01\0\x04rtcpTEARDOWN rtsp://cam.example/live/ RTSP/1.0\r\nCSeq: 4\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n'],
];

/** Answers each request of the conversation once it has come whole; the head of the first came as vars. */
const camera: Script = async (received, to) => {
  let expected = '';
  for (const [index, [asked, answered]] of RTSP.entries()) {
    if (index > 0) expected += asked;
    await waitFor(`request ${index}`, () => received.received === expected.length);
    assert.equal(received.body.toString('latin1'), expected);
    await to.write(answered);
  }
};

blackbox('http-manage-rtsp: a conversation with interleaved frames, to the node of its host', {}, async () => {
  await using folder = temporaryFolder();
  await using node = await UwsgiBackend.listen(camera, folder.file('cam.example'));
  await using gate = await startUgate(['--http-use-pattern', folder.file('%s'), '--http-manage-rtsp']);
  await using client = await RawClient.connect(gate.target);
  for (const [asked, answered] of RTSP) {
    client.write(asked);
    assert.equal((await client.readBytes(answered.length)).toString('latin1'), answered);
  }
  assert.equal((await client.readToEnd()).length, 0);
  const { vars } = await node.request();
  assert.deepEqual(
    ['SERVER_PROTOCOL', 'REQUEST_METHOD', 'PATH_INFO', 'HTTP_CSEQ'].map((name) => vars.get(name)),
    ['RTSP/1.0', 'DESCRIBE', '/live/', '1'],
  );
  assert.deepEqual(node.errors, []);
});

/** As libshout writes it. */
const SOURCE = [
  'SOURCE /live.mp3 HTTP/1.0',
  'Host: radio.test',
  'Authorization: Basic c291cmNlOmhhY2ttZQ==',
  'User-Agent: libshout/2.4.6',
  'Content-Type: audio/mpeg',
  'ice-name: A b',
  '',
  '',
].join('\r\n');

blackbox('http-manage-source: an Icecast stream goes through for as long as it lasts', {}, async () => {
  await using node = await UwsgiBackend.listen(async (received, to) => {
    await to.write('HTTP/1.0 200 OK\r\n\r\n');
    await waitFor('the end of the stream', () => received.ended || received.closed);
  });
  await using gate = await startUgate(['--http-to', node.address, '--http-manage-source']);
  await using client = await RawClient.connect(gate.target);
  client.write(SOURCE);
  assert.equal((await client.readUntil('\r\n\r\n')).toString(), 'HTTP/1.0 200 OK\r\n\r\n');
  const received = await node.request();
  const audio = randomBytes(48_000);
  for (let i = 1; i <= 5; i++) {
    client.write(audio);
    await waitFor('what was sent at the node', () => received.received === i * audio.length);
  }
  client.end();
  assert.equal((await client.readToEnd()).length, 0);
  assert.equal(sha(received.body), sha(Buffer.concat(Array(5).fill(audio))));
  assert.deepEqual(
    ['REQUEST_METHOD', 'SERVER_PROTOCOL', 'CONTENT_TYPE', 'HTTP_ICE_NAME'].map((name) => received.vars.get(name)),
    ['SOURCE', 'HTTP/1.0', 'audio/mpeg', 'A b'],
  );
});

blackbox('http-raw-body: without a length bytes go both ways, and nothing is made of the answer', {}, async () => {
  await using node = await UwsgiBackend.listen(async (received, to) => {
    await to.write('no HTTP at all\n');
    await waitFor('a line', () => received.body.includes('\n'));
    await to.write(`said ${received.body}`);
  });
  await using gate = await startUgate(['--http-to', node.address, '--http-raw-body']);
  await using client = await RawClient.connect(gate.target);
  client.write(request('POST', '/', 'Transfer-Encoding: chunked'));
  await client.readUntil('no HTTP at all\n');
  client.write('5\r\nhello\r\n');
  assert.equal((await client.readToEnd()).toString(), 'said 5\r\nhello\r\n');
  assert.equal((await node.request()).vars.get('HTTP_TRANSFER_ENCODING'), 'chunked');
});

blackbox('http-strict-mapping: a host that no mapper knows gets no node of http-to', { differs: 'it has no such option' }, async () => {
  await using folder = temporaryFolder();
  await using known = await UwsgiBackend.listen(async (_, to) => to.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nknown'), folder.file('known'));
  await using other = await HttpBackend.listen(reply('other'));
  for (const [strict, expected] of [
    [[], 'other'],
    [['--http-strict-mapping'], '503 Service Unavailable: no-node\n'],
  ] as const) {
    await using gate = await startUgate(['--http-use-base', `${folder.path}/`, '--http-to', other.address, ...strict]);
    const of = async (host: string): Promise<string> => (await exchange(gate.target, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).text();
    assert.deepEqual([await of('known'), await of('unknown')], ['known', expected]);
  }
  assert.equal(known.requests.length, 2);
});
