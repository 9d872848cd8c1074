import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitSection } from '../../src/options/ini.ts';
import { configOf, errorsOf, iniConfig, iniErrors } from './support.ts';

test('comments, blanks, CRLF, a byte order mark, other sections and a section that comes twice', () => {
  const file =
    '\uFEFF; first\r\n  # second\r\n\r\n[other]\r\nbogus = 1\r\n[uwsgi]\r\n\thttp   =   :80  \r\n[other]\r\nhttp = x\r\n[uwsgi]\r\nhttp-var = A=1';
  const config = configOf(['u.ini'], { files: { 'u.ini': file } });
  assert.deepEqual(config.listen, [{ kind: 'tcp', host: '0.0.0.0', port: 80 }]);
  assert.deepEqual(config.vars, [['A', '1']]);
});

test('quotes and what looks like a comment stay in free text, as in uWSGI', () => {
  assert.deepEqual(iniConfig('http-var = A="b" ; c # d').vars, [['A', '"b" ; c # d']]);
});

test('bare, empty and true give an optional value its meaning', () => {
  for (const line of ['http-keepalive', 'http-keepalive =', 'http-keepalive = true', 'http-keepalive = 1', 'http-keepalive = on']) {
    assert.equal(iniConfig(`http-timeout = 7\n${line}`).keepalive, 7000, line);
  }
  for (const line of ['chmod-socket', 'chmod-socket =', 'chmod-socket = true']) assert.equal(iniConfig(line).socketMode, 0o666, line);
  for (const line of ['http-quiet', 'http-quiet =', 'http-quiet = True']) assert.equal(iniConfig(line).quiet, true, line);
});

test('a section by name, another file, and another section of the same file', () => {
  const files = {
    'a.ini': '[uwsgi]\nhttp = :80\n[edge]\nhttp = :81\nini = b/c.ini\nini = :more\nhttp-to = :3',
    'b/c.ini': '[uwsgi]\nhttp-to = :1',
  };
  const more = { ...files, 'a.ini': `${files['a.ini']}\n[more]\nhttp-to = :2` };
  const config = configOf(['--ini', 'a.ini:edge'], { files: more });
  assert.deepEqual(
    config.listen.map((address) => address.kind === 'tcp' && address.port),
    [81],
  );
  assert.deepEqual(
    config.nodes.map((node) => node.text),
    [':1', ':2', ':3'],
  );
});

test('the same file may be read twice, one after the other', () => {
  const files = { 'a.ini': '[uwsgi]\nhttp = :80\nini = n.ini\nini = n.ini', 'n.ini': '[uwsgi]\nhttp-to = :1' };
  assert.equal(configOf(['a.ini'], { files }).nodes.length, 2);
});

test('file:section', () => {
  assert.deepEqual(splitSection('a.ini'), { file: 'a.ini', section: 'uwsgi' });
  assert.deepEqual(splitSection('a.ini:'), { file: 'a.ini', section: 'uwsgi' });
  assert.deepEqual(splitSection('/x:y/a.ini'), { file: '/x:y/a.ini', section: 'uwsgi' });
  assert.deepEqual(splitSection('/x:y/a.ini:z'), { file: '/x:y/a.ini', section: 'z' });
  assert.deepEqual(splitSection(':z'), { file: '', section: 'z' });
});

const NO_COMMENT = 'write comments on lines of their own';
const WRONG: readonly (readonly [lines: string, errors: string])[] = [
  ['htp-to = :1', 'u.ini:3: unknown option htp-to\n  hint: did you mean "http-to"?'],
  ['Http-To = :1', 'u.ini:3: unknown option Http-To\n  hint: did you mean "http-to"?'],
  ['qqqqqq', 'u.ini:3: unknown option qqqqqq\n  hint: ugate --help shows all options'],
  ['touch-logreopen = x', 'u.ini:3: touch-logreopen: uWSGI has it, ugate does not have it yet'],
  ['M = true', 'u.ini:3: unknown option M\n  hint: did you mean "master"?'],
  ['= x', 'u.ini:3: "= x" has no option before the "="\n  hint: write name = value'],
  ['[uwsgi', 'u.ini:3: "[uwsgi" is no section\n  hint: write a section alone on its line, such as [uwsgi]'],
  ['[more\nbogus', 'u.ini:3: "[more" is no section\n  hint: write a section alone on its line, such as [uwsgi]'],
  ['help', 'u.ini:3: help belongs on the command line\n  hint: write ugate --help'],
  ['check = true', 'u.ini:3: check belongs on the command line\n  hint: write ugate --check'],
  [
    'http-timeout = 60 ; seconds',
    `u.ini:3: http-timeout: "60 ; seconds" seems to end in a comment, but that is part of the value\n  hint: ${NO_COMMENT}`,
  ],
  ['master = true # yes', `u.ini:3: master: "true # yes" seems to end in a comment, but that is part of the value\n  hint: ${NO_COMMENT}`],
  ['http-to = /a.sock ; node', `u.ini:3: http-to: "/a.sock ; node" seems to end in a comment, but that is part of the value\n  hint: ${NO_COMMENT}`],
  ['http-to =', 'u.ini:3: http-to: wants a value\n  hint: such as "http-to = /tmp/uwsgi.sock"'],
  ['http-timeout', 'u.ini:3: http-timeout: wants a value\n  hint: such as "http-timeout = 120"'],
  ['ini = u.ini', 'u.ini:3: ini: the file is being read already (u.ini:uwsgi → u.ini:uwsgi)\n  hint: take one of these lines out'],
  ['ini = ./u.ini', 'u.ini:3: ini: the file is being read already (u.ini:uwsgi → ./u.ini:uwsgi)\n  hint: take one of these lines out'],
  ['ini = x.ini', 'u.ini:3: ini: cannot read "x.ini": no such file\n  hint: relative paths count from the working directory'],
  ['ini', 'u.ini:3: ini: no file is named\n  hint: write ini = FILE or ini = FILE:SECTION'],
  ['ini = :x', 'u.ini: has no section [x]\n  hint: it has [uwsgi]'],
  [
    'http-timeout = 1x\nhttp-timeout = 2',
    'u.ini:3: http-timeout: "1x" is no time\n  hint: write whole seconds, or a number with ms, s, m or h, such as 60, 500ms or 2m',
  ],
];

for (const [lines, errors] of WRONG) test(`wrong: ${lines.replaceAll('\n', '\\n')}`, () => assert.equal(iniErrors(lines), errors));

test('wrong: files without the section', () => {
  const files = { 'a.ini': '[a]\n[b]\nx=1', 'e.ini': '\n# nothing\n', 'n.ini': 'http = :80\nbogus = 1' };
  assert.equal(errorsOf(['a.ini'], { files }), 'a.ini: has no section [uwsgi]\n  hint: it has [a], [b]');
  assert.equal(errorsOf(['--ini=a.ini:c'], { files }), 'a.ini: has no section [c]\n  hint: it has [a], [b]');
  assert.equal(errorsOf(['e.ini'], { files }), 'e.ini: has no section [uwsgi]\n  hint: write [uwsgi] on its first line');
  assert.equal(
    errorsOf(['n.ini'], { files }),
    'n.ini:1: "http = :80" stands before any section\n  hint: write [uwsgi] on a line above\nn.ini:2: unknown option bogus\n  hint: ugate --help shows all options',
  );
});

test('wrong: a circle over two files', () => {
  const files = { 'a.ini': '[uwsgi]\nhttp=:80\nini = b.ini', 'b.ini': '[uwsgi]\n\nini = a.ini' };
  assert.equal(
    errorsOf(['a.ini'], { files }),
    'b.ini:3: ini: the file is being read already (a.ini:uwsgi → b.ini:uwsgi → a.ini:uwsgi)\n  hint: take one of these lines out',
  );
});

test('errors of an included file stand at their place', () => {
  const files = { 'a.ini': '[uwsgi]\nbogus1\nini = b.ini\nhttp-timeout = z', 'b.ini': '[uwsgi]\nbogus2' };
  const lines = errorsOf(['--bogus0', 'a.ini', '--bogus3'], { files }).split('\n');
  assert.deepEqual(
    lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(': ')[0]),
    ['command line', 'a.ini:2', 'b.ini:2', 'a.ini:4', 'command line'],
  );
});
