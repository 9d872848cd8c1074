import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, errorsOf, iniConfig, iniErrors } from './support.ts';

test('a node with its protocol and options', () => {
  const [node] = iniConfig('http-to = 10.0.0.1:3031,weight=3,backup=1,modifier1=5').nodes;
  const { address, plain, weight, isBackup, modifier1, modifier2, kind, text } = node;
  assert.deepEqual(
    { address, plain, weight, isBackup, modifier1, modifier2, kind, text },
    {
      address: { kind: 'tcp', host: '10.0.0.1', port: 3031 },
      plain: null,
      weight: 3,
      isBackup: true,
      modifier1: 5,
      modifier2: null,
      kind: 'uwsgi',
      text: '10.0.0.1:3031',
    },
  );
  assert.ok(Object.isFrozen(node) && Object.isFrozen(address));
});

test('what a node without a scheme speaks, wherever http-backend-http stands', () => {
  const kinds = (lines: string) => iniConfig(lines).nodes.map(({ kind }) => kind);
  assert.deepEqual(kinds('http-to = :1'), ['uwsgi']);
  assert.deepEqual(kinds('http-to = :1\nhttp-backend-http\nhttp-to = uwsgi://127.0.0.1:2\nhttp-to = puwsgi://127.0.0.1:3'), [
    'http',
    'uwsgi',
    'puwsgi',
  ]);
  assert.deepEqual(kinds('http-backend-http = true\nhttp-to = /a.sock\nhttp-backend-http = false'), ['uwsgi']);
  assert.deepEqual(kinds('http-to = http://127.0.0.1:8000\nhttp-to = http:/a.sock'), ['http', 'http']);
  assert.equal(configOf(['--http', ':80', '--http-fallback', ':1', '--http-backend-http']).fallbacks[0].kind, 'http');
});

test('the persistent node and its plain address', () => {
  const [node] = iniConfig('http-to = puwsgi:/p.sock,uwsgi=/u.sock').nodes;
  assert.deepEqual(node.plain, { kind: 'unix', path: '/u.sock', abstract: false });
  assert.ok(Object.isFrozen(node.plain));
});

test('a network interface in an address is no placeholder', () => {
  assert.deepEqual(iniConfig('http-to = http://[fe80::1%eth0]:81').nodes[0].address, { kind: 'tcp', host: 'fe80::1%eth0', port: 81 });
});

test('wrong: options of nodes, with file and line, in the order of appearance', () => {
  const text = iniErrors('http-to = a:1,weight=x\nhttp-timeout = z\nhttp-fallback = :1,wieght=2');
  const lines = text.split('\n').filter((line) => !line.startsWith('  hint'));
  assert.match(lines[0], /^u\.ini:3: http-to: .*weight/);
  assert.match(lines[1], /^u\.ini:4: http-timeout: /);
  assert.match(lines[2], /^u\.ini:5: http-fallback: .*wieght/);
  assert.match(text, /did you mean "weight"/);
  assert.match(errorsOf(['--http', ':80', '--http-to', ':1,weight=0']), /^command line: --http-to: .*weight/);
});

test('wrong: PROXY for nodes that cannot take it', () => {
  const text = [
    'http-backend-proxy-protocol: none of the nodes speaks HTTP',
    '  hint: uwsgi nodes get the address of the client as REMOTE_ADDR; leave it out, or write a node as http://HOST:PORT',
  ].join('\n');
  assert.equal(iniErrors('http-to = :1\nhttp-backend-proxy-protocol = v1'), `u.ini:4: ${text}`);
  assert.equal(iniErrors('http-backend-proxy-protocol = v1\nhttp-fallback = puwsgi://127.0.0.1:1'), `u.ini:3: ${text}`);
  const version = (lines: string) => iniConfig(`http-backend-proxy-protocol = v2\n${lines}`).backendProxyProtocol;
  assert.equal(version('http-to = :1\nhttp-to = http://127.0.0.1:8000'), 2);
  assert.equal(version('http-to = :1\nhttp-backend-http'), 2);
  assert.equal(version('http-to = :1\nhttp-use-base = /run/'), 2, 'the addresses of mappers are not known');
});
