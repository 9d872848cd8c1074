/** Rows of the option table: what becomes of answers. */

import type { Option } from '../option.ts';

export const RESPONSES = [
  {
    name: 'http-auto-chunked',
    group: 'Responses',
    form: { kind: 'flag' },
    default: 'true',
    defaultText: 'on',
    help: 'Send responses of unknown length in chunks; 0 closes instead.',
    details:
      'It lets a connection live on behind such an answer. Clients of HTTP/1.0 get it closed at the end either way. In uWSGI it is off ' +
      'by default.',
    danger: 'Switched off, a client cannot tell the end of such an answer from one that broke off.',
    example: 'http-auto-chunked = false',
    since: '0.1',
  },
  {
    name: 'http-auto-gzip',
    group: 'Responses',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Compress answers that the app marks with uWSGI-Encoding: gzip.',
    details:
      'As in uWSGI the app decides: an answer with the header `uWSGI-Encoding: gzip` and without Content-Length, Transfer-Encoding and ' +
      'Content-Encoding is compressed for clients that accept it. Every piece the app writes is sent at once. `Vary: Accept-Encoding` is ' +
      'added, strong ETags become weak, and `uWSGI-Encoding` is taken out.',
    danger: 'Answers that hold a secret and text from the client should not be compressed: their length tells about the secret (BREACH).',
    example: 'http-auto-gzip = true',
    since: '0.1',
  },
  {
    name: 'http-gzip-engine',
    group: 'Responses',
    form: { kind: 'choice', of: ['auto', 'fflate', 'native'] },
    default: 'auto',
    argument: 'NAME',
    help: 'What compresses: auto, fflate or native.',
    details: "`fflate` is JavaScript, `native` the runtime's zlib. `auto` takes the cheaper one of the runtime, as measured.",
    example: 'http-gzip-engine = native',
    since: '0.1',
  },
  {
    name: 'http-gzip-level',
    group: 'Responses',
    form: { kind: 'integer', min: 1, max: 9 },
    default: '2',
    help: 'How hard to compress: 1 is fast, 9 is small.',
    details:
      'Measured, level 2 costs half of what nginx spends on its level 1, at the same ratio; level 1 leaves a third more on Bun and Deno, and ' +
      'level 6 costs six times as much.',
    danger: 'High levels cost several times the CPU for a few percent.',
    example: 'http-gzip-level = 4',
    since: '0.1',
  },
  {
    name: 'http-response-buffer',
    group: 'Responses',
    form: { kind: 'size', min: 0 },
    default: '256k',
    help: 'Read so much of an answer ahead of a slow client.',
    details:
      'It frees the worker of the node: an answer that fits is taken from it at its speed, whatever the client does. 0 reads only as ' +
      'fast as the client does.',
    danger: 'Each slow client may take so much memory.',
    example: 'http-response-buffer = 1m',
    since: '0.1',
  },
] as const satisfies readonly Option[];
