/** What of the mappers depends on the runtime or the binary: a watched file, code in a thread, and `--check` of both. */

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { run } from '../support/process.ts';
import { exchange, type Target } from '../support/raw-client.ts';
import { startUgate, ugateCommand } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { isWithin, waitFor } from '../support/wait.ts';
import { blackbox } from './front.ts';

const OURS = { differs: 'its caches are in memory, and its code is that of its plugins' };

const ROUTE = `
import { readFileSync } from 'node:fs';
interface Table { readonly [host: string]: string | undefined }
export function nodeOf(host: string): string | null | Promise<string> {
  if (host.startsWith('loop')) for (;;);
  if (host === 'throws') throw new Error('the database is gone');
  if (host === 'later') return new Promise((done) => setTimeout(done, 50, 'SOCKET'));
  const table: Table = { known: 'SOCKET', modified: 'SOCKET,5', file: readFileSync(new URL('./file', import.meta.url), 'utf8').trim() };
  return table[host] ?? null;
}
`;

function writeRoute(folder: TemporaryFolder, address: string): string {
  writeFileSync(folder.file('file'), `${address}\n`);
  writeFileSync(folder.file('route.ts'), ROUTE.replaceAll('SOCKET', address));
  return folder.file('route.ts');
}

/** Its status and code, or the body of a 200. */
async function ask(target: Target, host: string): Promise<string> {
  const response = await exchange(target, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return response.status === 200 ? response.text() : `${response.status} ${/[a-z]+(?:-[a-z]+)+/.exec(response.text())?.[0]}`;
}

blackbox('http-use-code-string: TypeScript that answers, loops, throws, and answers again', OURS, async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('ok'), folder.file('app.sock'));
  const route = writeRoute(folder, backend.address);
  await using gate = await startUgate(['--http-use-code-string', `0:${route}:nodeOf`]);
  for (const host of ['known', 'KNOWN.:8080', 'modified', 'later', 'file']) assert.equal(await ask(gate.target, host), 'ok', host);
  assert.deepEqual(
    backend.requests.map(({ modifier1 }) => modifier1),
    [0, 0, 5, 0, 0],
  );
  assert.equal(await ask(gate.target, 'nobody'), '503 no-node');
  assert.equal(await ask(gate.target, 'throws'), '503 mapping-failed');
  // What is known is answered while the code hangs; what asks it meanwhile is late too, or asked again by the next thread.
  const started = performance.now();
  const looping = ask(gate.target, 'loop');
  const first = await Promise.race([looping, ask(gate.target, 'known')]);
  assert.equal(first, 'ok', 'the router went on');
  assert.equal(await looping, '503 mapping-late');
  assert.ok(isWithin(5_000, started), `${performance.now() - started} ms`);
  await waitFor('another thread', async () => (await ask(gate.target, 'later:81')) === 'ok');
  assert.equal(await ask(gate.target, 'nobody.else'), '503 no-node');
  await gate.process.said(/code=mapping-late .*key=loop/);
  await gate.process.said(/code=mapping-failed .*the database is gone/);
  const { code } = await gate.stop();
  assert.equal(code, 0, gate.stderr);
});

blackbox('http-use-cache: a watched file', OURS, async () => {
  await using folder = temporaryFolder();
  await using a = await UwsgiBackend.listen(answer('a'), folder.file('a.sock'));
  await using b = await UwsgiBackend.listen(answer('b'), folder.file('b.sock'));
  const map = folder.file('nodes.map');
  writeFileSync(map, `# one\none.example ${a.address}\nboth = ${a.address}|${b.address}\n`);
  await using gate = await startUgate(['--http-use-cache', map, '--http-to', b.address]);
  assert.equal(await ask(gate.target, 'ONE.example:80'), 'a');
  assert.deepEqual([await ask(gate.target, 'both'), await ask(gate.target, 'both')].sort(), ['a', 'b']);
  assert.equal(await ask(gate.target, 'other'), 'b');
  writeFileSync(`${map}.new`, 'one.example 127.0.0.1:none\n');
  renameSync(`${map}.new`, map);
  await gate.process.said(/code=mapping-file-bad .*nodes\.map:1/);
  assert.equal(await ask(gate.target, 'one.example'), 'a');
  writeFileSync(map, `other ${a.address}\n`);
  await gate.process.said(/read again .*keys=1/);
  assert.deepEqual([await ask(gate.target, 'one.example'), await ask(gate.target, 'other')], ['b', 'a']);
  assert.equal((await gate.stop()).code, 0);
});

blackbox('--check reads the files of mappers, and says file, line and what to do', OURS, async () => {
  await using folder = temporaryFolder();
  const check = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run([...ugateCommand(), '--http', '127.0.0.1:0', '--check', ...args]);
    return `${code} ${stdout.trim()}${code === 0 ? '' : stderr.trim()}`;
  };
  writeFileSync(folder.file('good'), 'a 127.0.0.1:3031\nb never-looked-up.invalid:3031,weight=2\n');
  writeFileSync(folder.file('bad'), 'a 127.0.0.1:3031\nb\na 127.0.0.1:3032\n');
  const route = writeRoute(folder, '127.0.0.1:3031');
  const answers = await Promise.all([
    check('--http-use-cache', folder.file('good'), '--http-use-code-string', `${route}:nodeOf`),
    check('--http-use-cache', folder.file('bad')),
    check('--http-use-cache', folder.file('missing')),
    check('--http-use-code-string', folder.file('missing.ts')),
    check('--http-use-cache', folder.file('good'), '--http-use-code-string', `${route}:other`),
  ]);
  assert.equal(answers[0], '0 ugate: the configuration is good');
  assert.match(answers[1], /^1 .*bad:2: "b" is no key and address.*write the host.*bad:3: "a" is there already/s);
  assert.match(answers[2], /^1 .*missing.*cannot be read: .*http-use-cache names a text file/s);
  assert.match(answers[3], /^1 .*missing\.ts.*there is no such file/s);
  assert.match(answers[4], /^1 .*route\.ts.*it exports no function other.*export function other/s);
});
