/** What is special about each way to run ugate. */

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool, ROOT, temporaryFolder } from '../support/paths.ts';
import { run, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { startUgate, ugateCommand, underTest } from '../support/ugate.ts';
import { blackbox } from './front.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OTHER = { differs: 'it is no runtime' };

blackbox('it runs from any working directory', OTHER, async () => {
  await using folder = temporaryFolder();
  await using gate = await startUgate(['--http', '127.0.0.1:0'], { cwd: folder.path });
  assert.equal((await exchange(gate.target, GET)).status, 200);
});

blackbox('it needs nothing of the environment', OTHER, async () => {
  // HOME is where Deno keeps its packages; on Bun and Node nothing at all is needed.
  const nothing = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  const keep = { HOME: process.env.HOME, DENO_DIR: process.env.DENO_DIR };
  await using gate = await startUgate(['--http', '127.0.0.1:0'], { env: { ...nothing, ...(underTest() === 'deno' && keep) } });
  assert.equal((await exchange(gate.target, GET)).status, 200);
});

if (underTest() === 'bun') {
  blackbox('npm start serves', {}, async () => {
    await using npm = startProcess(['npm', 'start', '--', '--http', '127.0.0.1:0'], { cwd: ROOT });
    const [, port] = await npm.said(/listening on 127\.0\.0\.1:(\d+)/, 20_000);
    assert.equal((await exchange({ port: Number(port) }, GET)).status, 200);
  });
}

if (underTest() === 'deno') {
  const deno = findTool('deno') ?? 'deno';

  blackbox('without permissions and without a terminal: one line that names -P', {}, async () => {
    const { code, stderr } = await run([deno, 'run', 'mod.ts', '--http', '127.0.0.1:0'], { cwd: ROOT });
    assert.equal(code, 1);
    const lines = stderr.split('\n').filter((line) => line.trim() !== '');
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0] ?? '', /\bdeno run\b.* -P\b/);
  });

  blackbox('with all permissions it serves too', {}, async () => {
    await using gate = startProcess([deno, 'run', '-A', 'mod.ts', '--http', '127.0.0.1:0'], { cwd: ROOT });
    const [, port] = await gate.said(/listening on 127\.0\.0\.1:(\d+)/, 15_000);
    assert.equal((await exchange({ port: Number(port) }, GET)).status, 200);
  });

  blackbox('the task of deno.json serves', {}, async () => {
    await using gate = startProcess([deno, 'task', 'start', '--http', '127.0.0.1:0'], { cwd: ROOT });
    const [, port] = await gate.said(/listening on 127\.0\.0\.1:(\d+)/, 15_000);
    assert.equal((await exchange({ port: Number(port) }, GET)).status, 200);
  });

  blackbox('a fresh clone fetches hono and fflate and nothing else', {}, async () => {
    await using folder = temporaryFolder();
    const clone = folder.file('clone');
    mkdirSync(clone);
    for (const name of ['mod.ts', 'src', 'deno.json', 'deno.lock', 'package.json', 'package-lock.json', 'bunfig.toml', 'tsconfig.json']) {
      if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(clone, name), { recursive: true });
    }
    const { code, stdout, stderr } = await run([deno, 'run', '-A', 'mod.ts', '--version'], { cwd: clone, env: { DENO_DIR: folder.file('cache') } });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\d+\.\d+\.\d+/);
    const packages = readdirSync(folder.file('cache/npm')).flatMap((registry) => readdirSync(join(folder.file('cache/npm'), registry)));
    assert.deepEqual(
      packages.filter((name) => !['hono', 'fflate'].includes(name)),
      [],
    );
    assert.ok(packages.includes('hono'), `fetched: ${packages.join(', ')}`);
    assert.ok(!existsSync(join(clone, 'node_modules')), 'no node_modules');
  });
}

if (underTest() === 'binary') {
  blackbox('the binary takes nothing from the directory it is started in', {}, async () => {
    await using folder = temporaryFolder();
    writeFileSync(folder.file('bunfig.toml'), 'preload = ["./missing.ts"]\n');
    writeFileSync(folder.file('.env'), 'BUN_INSPECT=1\nPORT=1\n');
    writeFileSync(folder.file('package.json'), '{ "type": "commonjs", broken');
    writeFileSync(folder.file('tsconfig.json'), '{ broken');
    await using gate = await startUgate(['--http', '127.0.0.1:0'], { cwd: folder.path });
    assert.equal((await exchange(gate.target, GET)).status, 200);
  });

  blackbox('the binary runs where there is nothing but itself', {}, async () => {
    await using folder = temporaryFolder();
    const copy = folder.file('copied');
    cpSync(ugateCommand()[0] ?? '', copy);
    const { code, stdout } = await run([copy, '--version'], { cwd: folder.path });
    assert.equal(code, 0);
    assert.match(stdout, /\d+\.\d+\.\d+/);
  });
}
