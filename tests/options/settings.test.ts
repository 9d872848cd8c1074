import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlainSetting } from '../../src/options/config.ts';
import { formatErrors } from '../../src/options/errors.ts';
import { buildConfig, configFromSettings } from '../../src/options/read-config.ts';
import { read } from './support.ts';

const copied = <T>(value: T): T => JSON.parse(JSON.stringify(value));

test('the settings make the same configuration in another process, without files and variables', () => {
  const files = {
    'u.ini': '[uwsgi]\nhttp = :$(PORT)\nwsgi = $(APP)\nini = more.ini\nplugins = python3\nhttp-keepalive\nhttp-max-body = 0',
    'more.ini': '[uwsgi]\nenv = A=1\nwatch\nhttp-to = :1\nhttp-use-socket',
  };
  const result = read(['-Mp', '4', 'u.ini', '-t30', '--http-check', 'path=/x'], { files, env: { PORT: '8080', APP: 'mysite.wsgi' } });
  assert.ok(result.kind === 'config');
  const settings: readonly PlainSetting[] = copied(result.settings);
  assert.deepEqual(settings, result.settings);
  assert.deepEqual(settings[2], { name: 'http', text: ':8080', origin: { kind: 'file', file: 'u.ini', line: 2 } });
  assert.equal(
    settings.some(({ name }) => name === 'ini'),
    false,
  );
  const again = configFromSettings(settings);
  assert.ok(again.kind === 'config');
  assert.deepEqual(again, result);
  assert.deepEqual(again.config.app, { kind: 'wsgi', module: 'mysite.wsgi' });
  assert.equal(again.config.notices.length, 1);
});

test('what was put in is not expanded again', () => {
  const result = read(['--http', ':80', '--http-var', 'A=$(X)'], { env: { X: '$(Y)' } });
  assert.ok(result.kind === 'config');
  const again = configFromSettings(result.settings);
  assert.ok(again.kind === 'config');
  assert.deepEqual(again.config.vars, [['A', '$(Y)']]);
});

test('--check has them too, and is none of them', () => {
  const result = read(['--check', '--http', ':80']);
  assert.ok(result.kind === 'check');
  assert.deepEqual(result.settings, [{ name: 'http', text: ':80', origin: { kind: 'argv' } }]);
});

test('from an object', () => {
  const result = buildConfig({ http: ':80', 'http-to': [':1', ':2'], 'http-quiet': true, processes: 1 });
  assert.ok(result.kind === 'config');
  assert.deepEqual(configFromSettings(copied(result.settings)), result);
});

test('wrong: errors still name file and line', () => {
  const origin = { kind: 'file', file: '/etc/u.ini', line: 7 } as const;
  const text = (settings: readonly PlainSetting[]) => {
    const result = configFromSettings(settings);
    return result.kind === 'errors' ? formatErrors(result.errors) : assert.fail('no error');
  };
  assert.match(text([{ name: 'http-timeout', text: 'x', origin }]), /^\/etc\/u\.ini:7: http-timeout: "x" is no time/);
  assert.match(text([{ name: 'p', text: '0', origin: { kind: 'argv' } }]), /^command line: -p: "0" is out of range/);
  assert.match(text([{ name: 'bogus', text: null, origin }]), /^\/etc\/u\.ini:7: unknown option bogus/);
});
