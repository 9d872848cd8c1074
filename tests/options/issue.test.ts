import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../src/net/address.ts';
import type { Config } from '../../src/options/config.ts';
import { configOf } from './support.ts';

// The three configurations users must be able to bring along as they stand.

const seen = (config: Config) => ({ listen: config.listen.map(formatAddress), nodes: config.nodes.map(({ address }) => formatAddress(address)) });

test('two listeners and a socket file', () => {
  const config = configOf(['uwsgi.ini'], {
    files: { 'uwsgi.ini': '[uwsgi]\nhttp = 0.0.0.0:8080\nhttp = 127.0.0.1:8181\nmaster = true\nhttp-to = /tmp/uwsgi.sock' },
  });
  assert.deepEqual(seen(config), { listen: ['0.0.0.0:8080', '127.0.0.1:8181'], nodes: ['/tmp/uwsgi.sock'] });
  assert.deepEqual(config.notices, ['uwsgi.ini:4: master: one process serves for now; the process tree comes later']);
});

test('one listener and three nodes', () => {
  const files = {
    '/etc/u.ini': '[uwsgi]\nhttp = 0.0.0.0:8080\nmaster = true\nhttp-to = /tmp/uwsgi.sock\nhttp-to = 127.0.0.1:3031\nhttp-to = 127.0.0.1:3032',
  };
  const config = configOf(['--ini', '/etc/u.ini'], { files });
  assert.deepEqual(seen(config), { listen: ['0.0.0.0:8080'], nodes: ['/tmp/uwsgi.sock', '127.0.0.1:3031', '127.0.0.1:3032'] });
});

test('the command line', () => {
  const config = configOf('--master --http 127.0.0.1:8080 --http-to /tmp/uwsgi.sock'.split(' '));
  assert.deepEqual(seen(config), { listen: ['127.0.0.1:8080'], nodes: ['/tmp/uwsgi.sock'] });
  assert.deepEqual(config.notices, ['command line: --master: one process serves for now; the process tree comes later']);
});
