/** Clients that leave while they wait, and answers that are cut off where only the end of the connection says that they are whole. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { curl } from '../support/curl.ts';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { isWithin, never, sleep, waitFor } from '../support/wait.ts';
import { asking, get, isAlive, OTHER, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { UNLIKE } from './wsgi.ts';

/** Longer than what `http-half-close = auto` takes for one breath. */
const LATER_MS = 150;

/** `/quiet` writes a line and no more, `/hang` nothing, `/late` after a while; each tells when it is given up. */
const APP = `
const forever = () => new Promise(() => {});
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    request.signal.addEventListener('abort', () => console.error('abort of ' + pathname));
    if (searchParams.has('tell')) console.error('in hand: ' + searchParams.get('tell'));
    if (pathname === '/hang') await forever();
    if (pathname === '/late') await new Promise((resolve) => setTimeout(resolve, 300));
    if (pathname !== '/quiet') return new Response('ok');
    const start = (controller) => controller.enqueue(new TextEncoder().encode('x'));
    return new Response(new ReadableStream({ start, pull: forever, cancel: () => console.error('cancel of ' + pathname) }));
  },
};
`;

function appIn(folder: TemporaryFolder): string {
  writeFileSync(folder.file('app.ts'), APP);
  return folder.file('app.ts');
}

/** A client whose request the app has in its hand leaves. */
async function leave(tree: Tree, path: string): Promise<void> {
  const client = await asking(tree, path);
  if (path === '/quiet') await client.readUntil('x');
  await sleep(LATER_MS);
  client.destroy();
}

for (const [where, args, sockets] of [
  ['an app in the router’s process', ['--http', '127.0.0.1:0'], 'own'],
  ['an app in workers', ['--http', '127.0.0.1:0', '--master', '--processes', '2'], 'own'],
  ['an app in workers, the runtime’s sockets', ['--http', '127.0.0.1:0', '--master', '--processes', '2'], 'runtime'],
  ['http-socket', ['--http-socket', '127.0.0.1:0'], 'own'],
] as const) {
  blackbox(`B10/W3: ${where}: five clients leave, the sixth is served; neither a reload nor the end waits for them`, OTHER, async () => {
    await using folder = temporaryFolder();
    const words = [...args, '--module', appIn(folder), '--http-max-connections', '5'];
    await using tree = await Tree.start(words, { env: sockets === 'own' ? {} : { UGATE_SOCKETS: sockets } });
    const aborts = tree.count(/abort of/);
    for (let i = 0; i < 5; i++) await leave(tree, i % 2 === 0 ? '/quiet' : '/hang');
    await waitFor('all five to be aborted', () => tree.count(/abort of/) === aborts + 5, 15_000);
    await waitFor('the streams to be cancelled', () => tree.count(/cancel of \/quiet/) === 3, 15_000);
    await waitFor('five lines', () => tree.count(/code=client-left/) === 5, 15_000);
    await using sixth = await RawClient.connect(tree.gate.target);
    assert.equal((await sixth.request(get())).status, 200);
    sixth.destroy();
    if (args.includes('--master' as never)) {
      await leave(tree, '/hang');
      const before = [...(await tree.roles())].filter(([role]) => role.startsWith('worker')).map(([, pid]) => pid);
      tree.gate.process.kill('SIGHUP');
      await waitFor('the old workers to end', () => !before.some(isAlive), 20_000);
    }
    await leave(tree, '/quiet');
    const began = performance.now();
    assert.equal((await tree.end()).code, 0);
    assert.ok(isWithin(2000, began), `it took ${performance.now() - began} ms`);
  });
}

blackbox('B10/W3: the native engine does the same', OTHER, async () => {
  await using folder = temporaryFolder();
  await using tree = await Tree.start(['--http-socket', '127.0.0.1:0', '--http-socket-engine', 'native', '--module', appIn(folder)]);
  await leave(tree, '/quiet');
  await tree.log(/abort of \/quiet/);
  await tree.log(/cancel of \/quiet/);
});

blackbox('B10/W3: FIN with the request, as nc -N sends it, is served, and given up without output', OTHER, async () => {
  await using folder = temporaryFolder();
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--module', appIn(folder), '--http-half-close-timeout', '1']);
  await using late = await RawClient.connect(tree.gate.target);
  late.write(get('/late'));
  late.end();
  assert.equal((await late.readResponse()).text(), 'ok');
  await using hanging = await RawClient.connect(tree.gate.target);
  hanging.write(get('/hang'));
  hanging.end();
  await tree.log(/abort of \/hang/);
  await tree.log(/code=client-left .*target=\/hang/);
});

blackbox('B10/W3: a WSGI app’s iterable is closed when its client has left, and its worker goes on', UNLIKE, async () => {
  await using folder = temporaryFolder();
  writeFileSync(
    folder.file('left_wsgi.py'),
    `import sys, time
class Pieces:
    def __iter__(self):
        while True:
            yield b'x'
            time.sleep(0.05)
    def close(self):
        sys.stderr.write('closed\\n')
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'ok'] if environ['PATH_INFO'] == '/' else Pieces()
`,
  );
  const words = ['--http', '127.0.0.1:0', '--chdir', folder.path, '--module', 'left_wsgi', '--env', 'PYTHONDONTWRITEBYTECODE=1'];
  await using tree = await Tree.start(words);
  for (let round = 1; round <= 2; round++) {
    await using client = await RawClient.connect(tree.gate.target);
    client.write(get('/pieces'));
    await client.readUntil('x');
    await sleep(LATER_MS);
    client.end();
    await waitFor('the iterable to be closed', () => tree.count(/^closed/) === round, 15_000);
    await using next = await RawClient.connect(tree.gate.target);
    assert.equal((await next.request(get())).text(), 'ok');
  }
});

blackbox('B10/W3: an HTTP node is told at once, and serves on', { differs: 'it speaks no HTTP to nodes' }, async () => {
  await using backend = await HttpBackend.listen(async (request, to) => (request.target === '/hang' ? never() : reply('ok')(request, to)));
  await using gate = await startUgate(['--http-to', backend.address]);
  for (let round = 1; round <= 2; round++) {
    await using client = await RawClient.connect(gate.target);
    client.write(get('/hang'));
    await sleep(LATER_MS);
    client.end();
    await waitFor('the node to be told', () => backend.closed === round, 15_000);
    await using next = await RawClient.connect(gate.target);
    assert.equal((await next.request(get())).text(), 'ok');
  }
  assert.ok(!/node-dead/.test(gate.stderr), gate.stderr);
});

/** What curl thinks of an answer that was cut off: as an HTTP/1.1 client, and as one that knows no other end than that of the connection. */
async function assertCut(url: string): Promise<void> {
  for (const version of ['--http1.1', '--http1.0']) {
    const { code, body } = await curl([version, url]);
    assert.match(body, /part/);
    assert.notEqual(code, 0, `${version} ${url}: curl takes it for whole`);
  }
}

blackbox('W13: an answer that a node cuts off is no whole one for HTTP/1.0', { needs: ['curl'], differs: 'it ends it with FIN' }, async () => {
  await using backend = await HttpBackend.listen(async (request, to) => {
    await to.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n');
    if (request.target === '/cut') to.end();
    if (request.target === '/broken') await to.write('5\r\nbroken');
    if (request.target === '/reset') to.reset();
    if (request.target === '/silent') await never();
  });
  // Without all rights Deno has only sockets that know no reset (docs/runtimes.md).
  await using gate = await startUgate(['--http-to', backend.address, '--http-timeout', '1'], { rights: 'all' });
  for (const path of ['/cut', '/broken', '/reset', '/silent']) await assertCut(`${gate.url}${path}`);
});

blackbox('W13: nor is one that a fetch app cuts off', { ...OTHER, needs: ['curl'] }, async () => {
  await using folder = temporaryFolder();
  writeFileSync(
    folder.file('app.ts'),
    `export default {
      fetch(request) {
        const start = (controller) => controller.enqueue(new TextEncoder().encode('part'));
        const pull = async (controller) => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          if (request.url.endsWith('/error')) controller.error(new Error('broken'));
          else await new Promise(() => {});
        };
        return new Response(new ReadableStream({ start, pull }));
      },
    };`,
  );
  await using tree = await Tree.start([
    '--http',
    '127.0.0.1:0',
    '--processes',
    '2',
    '--master',
    '--harakiri',
    '1',
    '--module',
    folder.file('app.ts'),
  ]);
  await assertCut(`${tree.gate.url}/error`);
  await assertCut(`${tree.gate.url}/harakiri`);
});

blackbox('W13: nor is one that a WSGI app cuts off', { ...UNLIKE, needs: ['curl'] }, async () => {
  await using folder = temporaryFolder();
  writeFileSync(
    folder.file('cut_wsgi.py'),
    `import time
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    yield b'part'
    if environ['PATH_INFO'] == '/error':
        raise ValueError('broken')
    time.sleep(60)
`,
  );
  const words = ['--chdir', folder.path, '--module', 'cut_wsgi', '--env', 'PYTHONDONTWRITEBYTECODE=1', '--harakiri', '1'];
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--master', ...words]);
  await assertCut(`${tree.gate.url}/error`);
  await assertCut(`${tree.gate.url}/harakiri`);
});
