/** Rows of the option table: request bodies. */

import type { Option } from '../option.ts';

export const BODIES = [
  {
    name: 'http-manage-expect',
    group: 'Bodies',
    form: { kind: 'switch', amount: 'size' },
    bare: 'true',
    default: 'true',
    defaultText: 'on',
    help: 'Answer "Expect: 100-continue"; 413 when the body is longer than so many bytes.',
    details:
      '1, `true` and no value mean on without a limit. 2 and more are bytes: a request that expects 100 (continue) and announces a longer body with Content-Length ' +
      'is answered 413 (content too large) at once. 0 passes the Expect header on. In uWSGI the default is off.',
    example: 'http-manage-expect = 10m',
    since: '0.1',
  },
  {
    name: 'http-chunked-input',
    group: 'Bodies',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Pass chunked request bodies on in their chunks.',
    details:
      'For apps that read them with `uwsgi.chunked_read`. By default ugate collects a chunked body (see `http-body-buffer`) and sends it on with its length, which every app understands.',
    danger: 'An app that does not decode the chunks sees their sizes as part of the body, or no body at all.',
    example: 'http-chunked-input = true',
    since: '0.1',
  },
  {
    name: 'http-body-buffer',
    group: 'Bodies',
    form: { kind: 'size', min: 16384 },
    default: '64k',
    help: 'Memory for one chunked request body; the rest goes to a file.',
    details: 'At least 16k. It is used only for bodies whose length is not announced; all others stream.',
    example: 'http-body-buffer = 256k',
    since: '0.1',
  },
  {
    name: 'http-body-buffer-max',
    group: 'Bodies',
    form: { kind: 'size', min: 16384 },
    default: '1g',
    help: 'The longest body that is collected; above it 413.',
    danger: 'That much room may be taken in the directory for temporary files by one request.',
    example: 'http-body-buffer-max = 100m',
    since: '0.1',
  },
  {
    name: 'http-body-buffer-total',
    group: 'Bodies',
    form: { kind: 'size', min: 16384 },
    default: '4g',
    help: 'What all collected bodies may take together.',
    details: 'In memory and in temporary files.',
    danger: 'The directory for temporary files must have that much room, or uploads fail sooner.',
    example: 'http-body-buffer-total = 1g',
    since: '0.1',
  },
  {
    name: 'http-max-body',
    group: 'Bodies',
    form: { kind: 'size', min: 1, zero: 'unlimited' },
    default: '0',
    defaultText: 'no limit',
    help: 'The longest request body; above it 413. 0 is no limit.',
    example: 'http-max-body = 20m',
    since: '0.1',
  },
  {
    name: 'http-post-buffering',
    group: 'Bodies',
    form: { kind: 'size', min: 0 },
    default: '0',
    defaultText: 'off',
    help: 'Read the whole body before a node is chosen; keep so much in memory.',
    details:
      'A slow upload then takes no worker. What is longer goes to a temporary file. `http-max-body`, `http-body-buffer-max` and ' +
      '`http-body-buffer-total` are its limits. 0 switches it off: bodies stream. In uWSGI the option is taken by the HTTP router and ' +
      'does nothing.',
    danger:
      'Uploads are written to the disk and reach the app later; without `http-max-body` a client decides how much, up to ' +
      '`http-body-buffer-max`.',
    example: 'http-post-buffering = 64k',
    since: '0.1',
  },
  {
    name: 'http-post-buffering-dir',
    group: 'Bodies',
    form: { kind: 'path' },
    defaultText: 'system default',
    argument: 'DIR',
    help: 'Directory for the temporary files of bodies.',
    details: 'Without it the directory of the system for temporary files, such as `/tmp` or what TMPDIR says.',
    danger:
      'Bodies hold passwords and documents: the directory should be readable by ugate only, and hold what `http-body-buffer-total` ' + 'allows.',
    example: 'http-post-buffering-dir = /var/lib/ugate/bodies',
    since: '0.1',
  },
] as const satisfies readonly Option[];
