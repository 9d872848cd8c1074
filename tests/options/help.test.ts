import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHelp, formatUsage, wrap } from '../../src/options/help.ts';
import { WORKING } from '../../src/options/table.ts';

test('no line is wider than the terminal, between 60 and 100 columns', () => {
  for (const [columns, width] of [
    [20, 60],
    [60, 60],
    [80, 80],
    [100, 100],
    [300, 100],
  ]) {
    for (const line of formatHelp(columns).split('\n')) assert.ok(line.length <= width, `${columns}: ${line}`);
  }
});

test('every option that works is there, in one or two lines at 80 columns', () => {
  const lines = formatHelp(80).split('\n');
  for (const option of WORKING) {
    // The longest usages have a line of their own.
    const at = lines.findIndex((line) => `${line} `.trimStart().startsWith(`${formatUsage(option)} `));
    assert.notEqual(at, -1, option.name);
    let count = 1;
    while (lines[at + count].startsWith(' '.repeat(34))) count++;
    assert.ok(count <= 2, `${option.name} takes ${count} lines`);
  }
});

test('how options are shown', () => {
  const help = formatHelp(100);
  for (const line of [
    '  --http-gracetime SECONDS        How long a node that failed is left alone before it is tried\n                                  again. [30 s]',
    '  -h, --help                      Show this text and stop.\n',
    '  --http-keepalive[=SECONDS]      Keep idle client connections so long; 0 closes them.\n                                  [http-timeout]\n',
    '  --http-fallback NODE            Send requests here when none of the nodes can be reached.\n                                  [repeatable]\n',
    '  --http-check[=KEY=VALUE,...]    Ask nodes whether they are well; alone it only connects. [off]\n',
    '  --http-use-code-string FILE[:FUNCTION]\n                                  Ask this module',
    '\n\nBalancing and health\n',
    '\n\nTimeouts\n',
    '\n\nApps\n  -w, --module MODULE[:NAME]      Run this app: ',
    '  -p, --processes N               App workers. [1]\n',
    '  -t, --harakiri SECONDS          Kill a worker whose request takes longer; 0 never does. [none]\n',
    '  --http-use-socket[=N]           Send the requests of http to the app, though there are nodes.\n                                  [off]\n',
    '\n\nAccepted for uWSGI\n  die-on-term, plugins, ',
  ])
    assert.ok(help.includes(line), line);
});

test('wrap', () => {
  assert.deepEqual(wrap('aa bb cc dd', 7, 1, 2), [' aa bb', '  cc dd']);
  assert.deepEqual(wrap('toolongword x', 4, 0, 0), ['toolongword', 'x']);
});
