/** Python apps that ugate runs itself, as a user starts them: the seed's command and its variants. */

import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/paths.ts';
import { run } from '../support/process.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { get, post, runUgate, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { ask, begin, lasting, PEERS, PROBE, pidsOf, UNLIKE, writeWsgi } from './wsgi.ts';

const four = lasting(['--http', '127.0.0.1:0', '--master', '--processes', '4', ...PROBE]);

blackbox('the seed’s command: master, router, Python and four workers, and each of them answers', UNLIKE, async () => {
  await using folder = temporaryFolder();
  writeWsgi(folder.file('mywsgiapp.py'), 'my app');
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--master', '--module', 'mywsgiapp', '--processes', '4'], {
    folder,
    cwd: folder.path,
  });
  assert.equal(tree.pids.length, 7, 'master, router, Python, four workers');
  assert.equal((await exchange(tree.gate.target, get())).text(), 'my app');
  assert.equal((await exchange(tree.gate.target, post('/', 'a body'))).text(), 'my app 6');
  assert.deepEqual(await tree.end(), { code: 0, signal: null });
});

blackbox('four workers: none is left out, and the app is loaded once', UNLIKE, async () => {
  const { gate } = await four();
  const me = await ask(gate.target);
  assert.equal(me.module, 'wsgi_probe');
  assert.equal(me.cwd, realpathSync(PEERS));
  assert.equal(me.multiprocess, true);
  assert.equal(me.multithread, false);
  assert.notEqual(me.loadedBy, me.pid, 'before the fork');
  assert.equal((await pidsOf(gate.target, 4)).size, 4);
});

blackbox('an app that is called `app` is found too, as Flask’s users call it', UNLIKE, async () => {
  await using folder = temporaryFolder();
  writeWsgi(folder.file('shop.py'), 'called app');
  appendFileSync(folder.file('shop.py'), 'app = application\ndel application\n');
  for (const words of [
    ['--module', 'shop'],
    ['--wsgi-file', 'shop.py'],
  ]) {
    await using tree = await Tree.start(['--http', '127.0.0.1:0', ...words], { cwd: folder.path });
    assert.equal((await exchange(tree.gate.target, get())).text(), 'called app');
  }
});

blackbox('wsgiref.validate has nothing to say', UNLIKE, async () => {
  await using tree = await Tree.start(['--chdir', PEERS, '--module', 'wsgi_probe:validated', '--env', 'PYTHONDONTWRITEBYTECODE=1']);
  const { target } = tree.gate;
  await using client = await RawClient.connect(target);
  assert.equal((await client.request(get())).text(), '"hello"');
  assert.equal((await client.request(get('/a%20b?c=%20', 'X-One: 1\r\nX-One: 2\r\nCookie: a=b\r\n'))).text(), '"hello"');
  assert.equal((await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal((JSON.parse((await client.request(post('/digest', 'x'.repeat(100_000)))).text()) as { size: number }).size, 100_000);
  assert.equal((await client.request('OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal((await exchange(target, 'GET / HTTP/1.0\r\n\r\n')).status, 200);
  assert.ok(!/AssertionError|Warning/.test(tree.gate.stderr), tree.gate.stderr);
});

blackbox('without a master: one process of ugate beside Python’s, with threads', UNLIKE, async () => {
  await using tree = await Tree.start([...PROBE, '--threads', '4']);
  const { gate } = tree;
  assert.equal(tree.pids.length, 3, 'ugate, Python and its worker');
  const me = await ask(gate.target);
  assert.equal(me.multithread, true);
  assert.equal(me.multiprocess, false);
  await using folder = temporaryFolder();
  const pids = await Promise.all(Array.from({ length: 4 }, () => ask<number>(gate.target, `/meet?count=4&folder=${folder.path}`)));
  assert.deepEqual(pids, Array(4).fill(me.pid), 'four at a time');
  assert.deepEqual(await tree.end(), { code: 0, signal: null });
});

blackbox('lazy-apps: each worker loads the app; two routers before them', UNLIKE, async () => {
  await using tree = await Tree.start([...PROBE, '--processes', '2', '--lazy-apps', '--http-processes', '2', '--env', 'PROBE=a=b c']);
  const { gate } = tree;
  assert.equal(tree.pids.length, 6, 'master, two routers, Python, two workers');
  const seen = new Set<number>();
  for (let i = 0; i < 30 && seen.size < 2; i++) {
    await using _slow = await begin(gate.target, '/sleep?s=0.03');
    const me = await ask(gate.target);
    assert.equal(me.loadedBy, me.pid);
    assert.equal(me.variable, 'a=b c');
    seen.add(me.pid);
  }
  assert.equal(seen.size, 2);
});

blackbox('a virtualenv, pythonpath, wsgi-file and callable', UNLIKE, async () => {
  await using folder = temporaryFolder();
  assert.equal((await run(['python3', '-m', 'venv', '--without-pip', folder.file('venv')])).code, 0);
  const { stdout } = await run([folder.file('venv/bin/python3'), '-c', 'import site; print(site.getsitepackages()[0])']);
  writeFileSync(join(stdout.trim(), 'only_here.py'), 'WORD = "from the venv"\n');
  mkdirSync(folder.file('lib'));
  writeFileSync(folder.file('lib/helper.py'), 'WORD = "from the path"\n');
  writeFileSync(folder.file('neighbour.py'), 'WORD = "from beside"\n');
  writeFileSync(
    folder.file('app.py'),
    'import sys, json, only_here, helper, neighbour\nclass Site:\n    def __call__(self, environ, start_response):\n        start_response("200 OK", [])\n' +
      '        return [json.dumps([only_here.WORD, helper.WORD, neighbour.WORD, sys.prefix, __name__]).encode()]\nsite = Site()\n',
  );
  const words = ['--virtualenv', folder.file('venv'), '--pythonpath', folder.file('li*'), '--wsgi-file', folder.file('app.py'), '--callable', 'site'];
  await using tree = await Tree.start(words);
  const [venv, path, beside, prefix, name] = await ask<string[]>(tree.gate.target, '/');
  assert.deepEqual([venv, path, beside], ['from the venv', 'from the path', 'from beside']);
  assert.equal(prefix, folder.file('venv'));
  assert.match(name!, /^uwsgi_file_/);
});

blackbox('N14: an app that cannot be loaded: one line that helps, Python’s own words, exit code 1, or 22 with need-app', UNLIKE, async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('failing.py'), 'def connect():\n    raise RuntimeError("no database")\nconnect()\n');
  writeFileSync(folder.file('lacking.py'), 'import no_such_package\n');
  writeFileSync(folder.file('usesit.py'), 'import uwsgi\n');
  writeFileSync(folder.file('named.py'), 'def wsgi(environ, start_response):\n    return []\n');
  const cases: [words: string[], line: RegExp, more: RegExp, code: number][] = [
    [['--module', 'nowhere'], /no module named nowhere; looked in .*; --chdir or --pythonpath/, /^/, 1],
    [['--module', 'failing', '--master', '--processes', '2'], /RuntimeError: no database/, /File ".*failing\.py", line 3[\s\S]*in connect/, 1],
    [['--module', 'failing', '--need-app'], /RuntimeError: no database/, /in connect/, 22],
    [['--module', 'lacking'], /No module named 'no_such_package' \(in .*python.*--home says which/, /lacking\.py/, 1],
    [
      ['--module', 'usesit'],
      /No module named 'uwsgi' \(uWSGI gives its apps this module, ugate has none: .*docs\/guide\/from-uwsgi\.md/,
      /usesit\.py/,
      1,
    ],
    [['--module', 'named'], /named has no callable `application` nor `app`; it has wsgi: --callable says which/, /^/, 1],
    [['--module', 'named:wsgi', '--virtualenv', 'none'], /home none does not exist/, /^/, 1],
  ];
  const results = await Promise.all(cases.map(([words]) => runUgate(['--http', '127.0.0.1:0', ...words], { cwd: folder.path })));
  for (const [index, { code, stderr }] of results.entries()) {
    const [words, line, more, wanted] = cases[index]!;
    const text = `${words.join(' ')}:\n${stderr}`;
    assert.equal(code, wanted, text);
    assert.match(stderr.split('\n').find((one) => one.startsWith('ugate: ')) ?? '', line, text);
    assert.match(stderr, more, text);
    assert.ok(!/\.ts:\d|at .*src\/|<ugate/.test(stderr), text);
  }
});
