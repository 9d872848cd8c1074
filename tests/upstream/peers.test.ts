/** Real servers as HTTP nodes, and real clients in front of them. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { get, request, startGate } from '../router/support.ts';
import { curl } from '../support/curl.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest, python } from '../support/peers.ts';
import { run } from '../support/process.ts';
import { needWebsockets, startNginx, startPython } from './peers.ts';

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

peerTest('nginx: one connection carries all requests, whatever their answers are', { needs: ['nginx'] }, async () => {
  await using nginx = await startNginx();
  writeFileSync(nginx.folder.file('files/a'), 'x'.repeat(1000));
  await using gate = await startGate({ 'http-to': nginx.address });
  let etag = '';
  for (let i = 0; i < 3; i++) {
    await using client = await gate.connect();
    assert.equal((await client.request(get('/'))).text(), 'test 127.0.0.1 http\n');
    const file = await client.request(get('/files/a'));
    etag = file.header('etag') ?? '';
    assert.equal(file.body.length, 1000);
    assert.equal((await client.request(get('/files/a', `If-None-Match: ${etag}`))).status, 304);
    assert.equal((await client.request(request('HEAD', '/files/a'))).header('content-length'), '1000');
    assert.equal((await client.request(get('/204'))).status, 204);
    const chunked = await client.request(get('/chunked/a'));
    assert.equal(chunked.framing, 'chunked');
    assert.equal(chunked.body.length, 1000);
    assert.equal((await client.request(request('HEAD', '/chunked/a'))).status, 200);
    assert.equal((await client.request(get('/files/none'))).status, 404);
    assert.equal((await client.request(get('/files/a', 'Range: bytes=10-19'))).body.length, 10);
  }
  const lines = await nginx.log(27);
  assert.equal(new Set(lines.map((line) => line.split(' ')[0])).size, 1);
});

peerTest('nginx and curl: large bodies both ways, with a length and in chunks', { needs: ['nginx', 'curl'] }, async () => {
  await using nginx = await startNginx();
  await using folder = temporaryFolder();
  await using gate = await startGate({ 'http-to': nginx.address });
  const bytes = randomBytes(20_000_000);
  writeFileSync(folder.file('up'), bytes);
  const url = `http://127.0.0.1:${gate.port}`;
  for (const [name, field] of [
    ['length', 'A: b'],
    ['chunked', 'Transfer-Encoding: chunked'],
  ] as const) {
    const up = await curl(['-T', folder.file('up'), '-H', field, `${url}/files/${name}`]);
    assert.equal(up.status, 201, up.stderr);
    assert.equal(sha(readFileSync(nginx.folder.file(`files/${name}`))), sha(bytes));
    for (const place of ['files', 'chunked']) {
      const down = await run(['curl', '-sS', '--max-time', '25', '-o', folder.file('down'), `${url}/${place}/${name}`]);
      assert.equal(down.code, 0, down.stderr);
      assert.equal(sha(readFileSync(folder.file('down'))), sha(bytes), `${place}/${name}`);
    }
  }
  const lines = await nginx.log(6);
  assert.equal(new Set(lines.map((line) => line.split(' ')[0])).size, 1, lines.join('\n'));
});

peerTest('Python’s http.server: HTTP/1.0, answers that end with their connection', { needs: ['curl'] }, async () => {
  await using node = await startPython(`
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'x' * 100000 + self.path.encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
print('port', server.server_port, file=sys.stderr, flush=True)
server.serve_forever()`);
  await using gate = await startGate({ 'http-to': node.address });
  await using client = await gate.connect();
  for (let i = 0; i < 3; i++) {
    assert.equal((await client.request(get(`/${i}`))).text(), `${'x'.repeat(100000)}/${i}`);
    client.write(`${request('POST', '/', 'Content-Length: 5')}hello`);
    assert.equal((await client.readResponse()).text(), 'hello');
  }
  assert.equal((await curl([`http://127.0.0.1:${gate.port}/c`])).body.length, 100002);
});

const ECHO = `
import asyncio, sys, websockets
async def echo(socket):
    async for message in socket: await socket.send(message)
async def main():
    async with websockets.serve(echo, '127.0.0.1', 0, max_size=None) as server:
        print('port', server.sockets[0].getsockname()[1], file=sys.stderr, flush=True)
        await asyncio.Future()
asyncio.run(main())`;

const CLIENT = `
import asyncio, os, sys, websockets
async def one(url):
    async with websockets.connect(url, max_size=None) as socket:
        for size in [0, 1, 125, 126, 65535, 65536, 8 * 1024 * 1024]:
            message = os.urandom(size)
            await socket.send(message)
            assert await socket.recv() == message, size
        await asyncio.gather(*[socket.send(str(i)) for i in range(500)])
        assert [await socket.recv() for i in range(500)] == [str(i) for i in range(500)]
        await (await socket.ping())
    return socket.close_code
async def main(url): print(await asyncio.gather(*[one(url) for i in range(3)]))
asyncio.run(main(sys.argv[1]))`;

peerTest('WebSockets: python3-websockets talks to itself through a tunnel, messages of 8 MB too', { needs: [], skip: needWebsockets() }, async () => {
  await using node = await startPython(ECHO);
  await using gate = await startGate({ 'http-to': node.address });
  const { code, stdout, stderr } = await run([python(), '-c', CLIENT, `ws://127.0.0.1:${gate.port}/chat`]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), '[1000, 1000, 1000]');
});
