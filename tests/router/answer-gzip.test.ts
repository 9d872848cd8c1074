/** What an answer does when its compressor cannot be had, or fails: too rare to be met end to end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GzipEngine } from '../../src/encoding/gzip.ts';
import { makeGzipEngine } from '../../src/encoding/gzip-engine.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { ResponseHead } from '../../src/http1/response-head.ts';
import { Log } from '../../src/log/log.ts';
import { DateLine } from '../../src/router/date-line.ts';
import { type AnswerOwner, Http1Answer } from '../../src/router/http1-answer.ts';
import { OutBuffer } from '../../src/router/out-buffer.ts';
import type { Service } from '../../src/router/service.ts';
import type { Connection } from '../../src/runtime/seam/sockets.ts';

const encoder = new TextEncoder();

class Owner implements AnswerOwner {
  readonly mayPersist = true;
  readonly bodyHasBegun = false;
  events: string[] = [];
  answered(persists: boolean): void {
    this.events.push(persists ? 'answered' : 'answered, closes');
  }
  cutOff(): void {
    this.events.push('cut off');
  }
  tunnelOpened(): void {}
  tunnelEnded(): void {}
  pauseRequest(): void {}
  resumeRequest(): void {}
  fellBehind(): void {}
}

/** An answer compressed by `gzip`, what its connection is given, and what its log says. */
function answering(gzip: GzipEngine): { answer: Http1Answer; owner: Owner; text(): string; logs: string[] } {
  let written = '';
  const connection = {
    queued: 0,
    write: (bytes: Uint8Array, start = 0, end = bytes.length) => {
      written += Buffer.from(bytes.subarray(start, end)).toString('latin1');
      return true;
    },
  } as unknown as Connection<unknown>;
  const logs: string[] = [];
  const log = new Log((line) => logs.push(line), 'info');
  const service = { gzip, log, out: new OutBuffer(), dates: new DateLine(), settings: { autoChunked: true } } as unknown as Service;
  const owner = new Owner();
  const answer = new Http1Answer(service, owner, connection);
  const request = new RequestHead();
  const bytes = encoder.encode('GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
  request.parse(bytes, bytes.length, true);
  request.bytes = bytes;
  answer.begin(request);
  return {
    answer,
    owner,
    logs,
    text: () => {
      answer.flush();
      log.flush();
      return written;
    },
  };
}

function respond(answer: Http1Answer, ...pieces: string[]): void {
  const head = new ResponseHead();
  const bytes = encoder.encode('HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\nETag: "v1"\r\n\r\n');
  head.parse(bytes, bytes.length);
  answer.head(head);
  for (const piece of pieces) answer.body(encoder.encode(piece), 0, piece.length);
}

test('with too many compressors open the answer goes out plain, and tells caches all the same', () => {
  const gzip = makeGzipEngine('auto', 2, 'node', 1);
  const first = answering(gzip);
  const second = answering(gzip);
  respond(first.answer, 'one');
  respond(second.answer, 'two');
  second.answer.end();
  assert.match(first.text(), /Content-Encoding: gzip/);
  assert.doesNotMatch(second.text(), /Content-Encoding|uWSGI-Encoding/);
  assert.match(second.text(), /Vary: Accept-Encoding\r\n(.+\r\n)*\r\n3\r\ntwo\r\n0\r\n\r\n$/);
  assert.equal(gzip.openStreams, 1);
  first.answer.discard();
  assert.equal(gzip.openStreams, 0);
  gzip.close();
});

test('a compressor that fails cuts the answer off, in its middle and at its end', () => {
  for (const fails of ['write', 'finish']) {
    const real = makeGzipEngine('auto', 2, 'node');
    const broken: GzipEngine = {
      name: 'native',
      notice: null,
      openStreams: 0,
      open: (to) => {
        const stream = real.open(to)!;
        return {
          write: (...run) => fails !== 'write' && stream.write(...run),
          finish: () => fails !== 'finish' && stream.finish(),
          discard: () => stream.discard(),
        };
      },
      close: () => real.close(),
    };
    const { answer, owner, logs, text } = answering(broken);
    respond(answer, 'one');
    if (fails === 'finish') answer.end();
    assert.doesNotMatch(text(), /\r\n0\r\n\r\n$/);
    assert.deepEqual(owner.events, ['cut off']);
    assert.match(logs.join(''), /error .*code=gzip-failed/);
    assert.equal(real.openStreams, 0);
    broken.close();
  }
});
