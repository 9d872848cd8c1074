import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../src/net/address.ts';
import { readConfig } from '../../src/options/read-config.ts';
import { configOf, errorsOf, read } from './support.ts';

const words = (line: string) => (line === '' ? [] : line.split(' '));

test('values with a blank, with "=", and short options', () => {
  const config = configOf(words('-Mp 4 --http=:80 --http :81 -p2 -l 100 --http-timeout 5 --http-var A=B=C --http-var=--D=E'));
  assert.deepEqual(config.listen.map(formatAddress), ['0.0.0.0:80', '0.0.0.0:81']);
  assert.equal(config.timeout, 5000);
  assert.deepEqual(config.vars, [
    ['A', 'B=C'],
    ['--D', 'E'],
  ]);
  assert.deepEqual([config.master, config.processes, config.listenBacklog], [true, 2, 100]);
  assert.deepEqual(
    config.notices.map((notice) => notice.split(':').slice(0, 2).join(':')),
    ['command line: -p'],
  );
});

test('an alias is the same option', () => assert.deepEqual(configOf(words('--httprouter :80')).listen.map(formatAddress), ['0.0.0.0:80']));

test('optional values', () => {
  assert.equal(configOf(words('--http :80 --http-keepalive=30')).keepalive, 30_000);
  assert.equal(configOf(words('--http :80 --http-keepalive --http-timeout 7')).keepalive, 7000);
  assert.equal(configOf(words('--http :80 --http-keepalive=0')).keepalive, 0);
  assert.equal(configOf(words('--chmod-socket --http :80')).socketMode, 0o666);
});

test('an ini file may stand behind an option without a value', () => {
  const config = configOf(words('--http-keepalive u.ini'), { files: { 'u.ini': '[uwsgi]\nhttp=:80' } });
  assert.equal(config.listen.length, 1);
});

test('flags of uWSGI that want a value take it both ways', () => {
  assert.equal(configOf(words('--http-quiet 1 --http :80')).quiet, true);
  assert.equal(configOf(words('--http-quiet --http :80')).quiet, true);
  assert.equal(configOf(words('--http-quiet off --http :80')).quiet, false);
  assert.equal(configOf(words('--http-lenient-path=no --http :80')).lenientPath, false);
});

test('order of appearance: lists add up, the last scalar wins', () => {
  const files = { 'a.ini': '[uwsgi]\nhttp-to = :2\nhttp-timeout = 9' };
  const config = configOf(words('--http :80 --http-to :1 --http-timeout 8 a.ini --http-to :3'), { files });
  assert.deepEqual(
    config.nodes.map((node) => node.text),
    [':1', ':2', ':3'],
  );
  assert.equal(config.timeout, 9000);
  assert.equal(configOf(words('a.ini --http :80 --http-timeout 8'), { files }).timeout, 8000);
});

test('--help and --version win over everything, open nothing and ask nothing', () => {
  const never = (): never => assert.fail('asked the world');
  const kind = (argv: string) => readConfig(words(argv), { env: never, readFile: never }).kind;
  for (const argv of ['--help', '-h', '--bogus --help', '--ini no.ini --help', '--http $(HOME) -h']) assert.equal(kind(argv), 'help', argv);
  assert.equal(kind('--version x.ini'), 'version');
  assert.equal(kind('--help=off --version=1'), 'version');
  assert.equal(kind('--http :80'), 'config');
  assert.match((read(['-h']) as { text: string }).text, /usage: ugate/);
});

test('--check gives the configuration and says so', () => {
  const result = read(words('--check --http :80'));
  assert.ok(result.kind === 'check');
  assert.equal(result.config.listen.length, 1);
  assert.equal(errorsOf(words('--check')).split('\n')[0], 'there is nothing to listen on');
});

const WRONG: readonly (readonly [argv: string, errors: string])[] = [
  ['', 'there is nothing to listen on\n  hint: give at least one http address, such as: ugate --http :8080 --http-to 127.0.0.1:3031'],
  ['--htpp :80', 'command line: unknown option --htpp\n  hint: did you mean "--http"?'],
  ['--http_to :80', 'command line: unknown option --http_to\n  hint: did you mean "--http-to"?'],
  ['--http-keepal', 'command line: unknown option --http-keepal\n  hint: did you mean "--http-keepalive"?'],
  ['--qqqqqqqq x', 'command line: unknown option --qqqqqqqq\n  hint: ugate --help shows all options'],
  ['-http :80', 'command line: unknown option -http\n  hint: did you mean "--http"?'],
  ['-Mq', 'command line: unknown option -q\n  hint: see ugate --help'],
  ['--emperor /etc', 'command line: --emperor: uWSGI has it, ugate does not have it yet'],
  ['--http-keepalive 30', 'command line: --http-keepalive takes a value only behind "="\n  hint: write --http-keepalive=30, or leave out "30"'],
  [
    '--http-manage-expect 1m',
    'command line: --http-manage-expect takes a value only behind "="\n  hint: write --http-manage-expect=1m, or leave out "1m"',
  ],
  ['-M true', 'command line: -M takes a value only behind "="\n  hint: write --master=true, or leave out "true"'],
  ['--http-quiet maybe', 'command line: --http-quiet takes a value only behind "="\n  hint: write --http-quiet=maybe, or leave out "maybe"'],
  ['--http', 'command line: --http wants a value\n  hint: write it like "--http 0.0.0.0:8080"'],
  ['--http=', 'command line: --http: wants a value\n  hint: such as "http = 0.0.0.0:8080"'],
  ['--http --master', 'command line: --http wants a value, but "--master" follows\n  hint: write it like "--http 0.0.0.0:8080"'],
  [
    '--http-timeout abc',
    'command line: --http-timeout: "abc" is no time\n  hint: write whole seconds, or a number with ms, s, m or h, such as 60, 500ms or 2m',
  ],
  ['8080', 'command line: cannot make sense of "8080"\n  hint: to listen on that port write --http :8080'],
  [
    'localhost:80',
    'command line: cannot make sense of "localhost:80"\n  hint: to listen there write --http localhost:80, to send requests there --http-to localhost:80',
  ],
  ['a.ini:x', 'command line: cannot make sense of "a.ini:x"\n  hint: for a section of a file write --ini a.ini:x'],
  ['a.yaml', 'command line: cannot make sense of "a.yaml"\n  hint: only .ini files can be read yet'],
  ['http-to=:1', 'command line: cannot make sense of "http-to=:1"\n  hint: did you mean "--http-to=:1"?'],
  ['help', 'command line: cannot make sense of "help"\n  hint: did you mean "--help"?'],
  ['-- --http', 'command line: cannot make sense of "--http"\n  hint: arguments are options (--name value) and files ending in .ini'],
  ['wat', 'command line: cannot make sense of "wat"\n  hint: arguments are options (--name value) and files ending in .ini'],
  ['--https :1', 'command line: --https: not available yet: listen for HTTPS\n  hint: leave it out to go on without it'],
  ['-y a.yml', 'command line: -y: not available yet: read options from a YAML file\n  hint: leave it out to go on without it'],
  ['--stop', 'command line: --stop wants a value\n  hint: write it like "--stop /run/ugate.pid"'],
  ['--ini no.ini', 'command line: --ini: cannot read "no.ini": no such file\n  hint: relative paths count from the working directory'],
  ['--ini :x', 'command line: --ini: no file is named\n  hint: only inside a file can :section mean the same file'],
  ['--ini=', 'command line: --ini: no file is named\n  hint: write ini = FILE or ini = FILE:SECTION'],
  [
    '--bogus 1 --http-tu 2',
    'command line: unknown option --bogus\n  hint: ugate --help shows all options\ncommand line: unknown option --http-tu\n  hint: did you mean "--http-tunnel-timeout" or "--http-to"?',
  ],
];

for (const [argv, errors] of WRONG) test(`wrong: ugate ${argv}`, () => assert.equal(errorsOf(words(argv)), errors));
