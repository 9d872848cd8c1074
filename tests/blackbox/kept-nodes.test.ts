/** What is known of a node, and the connections to it, outlive a reload that keeps the node. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { DONE, get, Tree } from './embedded.ts';
import { blackbox } from './front.ts';

const DIFFERS = { differs: 'a reload makes another process, which knows of no node' };
const CLOSE = 'Connection: close\r\n';

blackbox('B6: a reload keeps what checks said of a node, its kept connection, and what two generations may ask of it', DIFFERS, async () => {
  await using folder = temporaryFolder();
  await using ill = await HttpBackend.listen((request, to) =>
    to.write(`HTTP/1.1 ${request.target === '/healthz' ? '500 Not Well' : '200 OK'}\r\nContent-Length: 3\r\n\r\nill`),
  );
  await using well = await HttpBackend.listen(reply('well'));
  let answerLater: (() => void) | null = null;
  await using limited = await HttpBackend.listen((request, to) => {
    if (request.target === '/slow') answerLater = () => void to.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow');
    else void to.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nlimited');
  });
  const map = folder.file('map');
  writeFileSync(map, `limited.example ${limited.address},max-conns=1\n`);
  const ini = (timeout: number): void =>
    writeFileSync(
      folder.file('u.ini'),
      `[uwsgi]
http = 127.0.0.1:0
http-use-cache = ${map}
http-to = ${ill.address}
http-to = ${well.address}
http-check = path=/healthz,interval=1,fails=1,passes=1
http-timeout = ${timeout}
`,
    );
  ini(40);
  await using tree = await Tree.start([folder.file('u.ini')]);
  await tree.log(/code=node-down/);
  const ask = async (): Promise<string> => (await exchange(tree.gate.target, get('/', CLOSE))).text();
  assert.equal(await ask(), 'well');
  const requests = (): number => well.requests.filter(({ target }) => target === '/').length;
  const connectionsOfRequests = (): number => new Set(well.requests.filter(({ target }) => target === '/').map(({ connection }) => connection)).size;
  await using slow = await RawClient.connect(tree.gate.target);
  slow.write('GET /slow HTTP/1.1\r\nHost: limited.example\r\n\r\n');
  await waitFor('the slow request', () => answerLater !== null);
  ini(41);
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  for (let i = 0; i < 10; i++) assert.equal(await ask(), 'well', 'the node that is down gets nothing behind the reload');
  assert.equal(requests(), 11);
  assert.equal(connectionsOfRequests(), 1, 'the connection is kept');
  const full = 'GET /quick HTTP/1.1\r\nHost: limited.example\r\nConnection: close\r\n\r\n';
  assert.equal((await exchange(tree.gate.target, full)).status, 503, 'the request of the generation before counts');
  answerLater!();
  assert.equal((await slow.readResponse()).text(), 'slow');
  assert.equal((await exchange(tree.gate.target, full)).text(), 'limited');
});

blackbox('N17: nodes that a mapper has found are checked too', DIFFERS, async () => {
  await using folder = temporaryFolder();
  let isWell = true;
  await using node = await HttpBackend.listen((request, to) => {
    const status = request.target === '/healthz' && !isWell ? '500 Not Well' : '200 OK';
    return to.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const map = folder.file('map');
  writeFileSync(map, `a.example ${node.address}\n`);
  await using tree = await Tree.start(['--http-use-cache', map, '--http-check', 'path=/healthz,interval=1,fails=1,passes=1']);
  const status = async (): Promise<number> => (await exchange(tree.gate.target, get('/', CLOSE))).status;
  assert.equal(await status(), 200);
  isWell = false;
  await tree.log(/code=node-down/);
  assert.equal(await status(), 503);
  isWell = true;
  await tree.log(/code=node-up/);
  assert.equal(await status(), 200);
});

blackbox('F4: a node that a mapper finds again is not down by checks that are no more', DIFFERS, async () => {
  await using folder = temporaryFolder();
  await using node = await HttpBackend.listen((request, to) =>
    to.write(`HTTP/1.1 ${request.target === '/healthz' ? '500 Not Well' : '200 OK'}\r\nContent-Length: 2\r\n\r\nok`),
  );
  const map = folder.file('map');
  writeFileSync(map, `a.example ${node.address}\n`);
  const ini = (check: string): void => writeFileSync(folder.file('u.ini'), `[uwsgi]\nhttp = 127.0.0.1:0\nhttp-use-cache = ${map}\n${check}\n`);
  ini('http-check = path=/healthz,interval=1,fails=1,passes=1');
  await using tree = await Tree.start([folder.file('u.ini')]);
  const status = async (): Promise<number> => (await exchange(tree.gate.target, get('/', CLOSE))).status;
  await status();
  await tree.log(/code=node-down/);
  assert.equal(await status(), 503);
  ini('');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  assert.equal(await status(), 200);
});
