import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, errorsOf, iniConfig, iniErrors } from './support.ts';

test('$(NAME) in values of files and of the command line', () => {
  const env = { DIR: '/run', NAME: 'app', EMPTY: '', NESTED: '$(DIR)' };
  assert.equal(iniConfig('http-to = $(DIR)/$(NAME).sock', env).nodes[0].text, '/run/app.sock');
  assert.deepEqual(iniConfig('http-var = A=$(EMPTY)', env).vars, [['A', '']]);
  assert.deepEqual(iniConfig('http-var = A=$(NESTED)', env).vars, [['A', '$(DIR)']], 'what is put in is not looked at again');
  assert.deepEqual(configOf(['--http', ':80', '--http-to=$(DIR)/x'], { env }).nodes[0].address, { kind: 'unix', path: '/run/x', abstract: false });
  assert.equal(configOf(['--ini', '$(DIR)/u.ini'], { env, files: { '/run/u.ini': '[uwsgi]\nhttp = :80' } }).listen.length, 1);
});

test('a lone $, % and @ are what they are', () => {
  assert.deepEqual(iniConfig('http-var = A=$HOME $ 100% @x').vars, [['A', '$HOME $ 100% @x']]);
  assert.deepEqual(iniConfig('http = [fe80::1%eth0]:81').listen[1], { kind: 'tcp', host: 'fe80::1%eth0', port: 81 });
});

test('a refused option asks for no variable', () => assert.match(iniErrors('uid = $(NO)'), /not available yet: run as this user/));

const LATER = 'write the value itself, or $(NAME) for the environment variable NAME';
const WRONG: readonly (readonly [lines: string, errors: string])[] = [
  ['http-to = $(NO)/x', 'u.ini:3: http-to: the environment variable NO is not set\n  hint: set NO, or write the value itself'],
  ['http-to = $(NO', 'u.ini:3: http-to: "$(NO" is not closed\n  hint: write $(NAME) for the environment variable NAME'],
  ['http-to = $()x', 'u.ini:3: http-to: "$()" names no environment variable\n  hint: write $(NAME) for the environment variable NAME'],
  ['http-to = $(A B)', 'u.ini:3: http-to: "$(A B)" names no environment variable\n  hint: write $(NAME) for the environment variable NAME'],
  ['http-to = %d/app.sock', `u.ini:3: http-to: not available yet: the placeholder "%d"\n  hint: ${LATER}`],
  ['http-var = A=%(foo)b', `u.ini:3: http-var: not available yet: the placeholder "%(foo)"\n  hint: ${LATER}`],
  ['http-var = A=@(/etc/x)', `u.ini:3: http-var: not available yet: the placeholder "@(/etc/x)"\n  hint: ${LATER}`],
  ['processes = %k', `u.ini:3: processes: not available yet: the placeholder "%k"\n  hint: ${LATER}`],
  ['ini = %p.more', `u.ini:3: ini: not available yet: the placeholder "%p"\n  hint: ${LATER}`],
];

for (const [lines, errors] of WRONG) test(`wrong: ${lines}`, () => assert.equal(iniErrors(lines), errors));

test('wrong: an unset variable on the command line', () => {
  assert.equal(
    errorsOf(['--http', ':$(PORT)']),
    'command line: --http: the environment variable PORT is not set\n  hint: set PORT, or write the value itself',
  );
});
