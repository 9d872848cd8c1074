import { ascii, equalsFolded, latin1 } from '../http1/bytes.ts';
import type { Refusal } from '../http1/refusal.ts';
import type { RequestHead } from '../http1/request-head.ts';

const CSEQ = ascii('cseq');

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/**
 * A whole answer of our own: status, and a line of text with the stable code. `date` is a Date line, `request` null when its head
 * could not be read.
 */
export function errorAnswer(failure: Refusal, request: RequestHead | null, persists: boolean, date: Uint8Array): Uint8Array {
  const reason = REASONS[failure.status] ?? 'Error';
  const body = `${failure.status} ${reason}: ${failure.code}\n`;
  const head = [
    ...(request?.isRtsp ? rtspLines(request, `${failure.status} ${reason}`) : [`HTTP/1.1 ${failure.status} ${reason}`]),
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    ...(failure.retryAfter === undefined ? [] : [`Retry-After: ${failure.retryAfter}`]),
    ...(persists ? [] : ['Connection: close']),
    '',
  ].join('\r\n');
  const encoder = new TextEncoder();
  const parts = [encoder.encode(head), date, encoder.encode(`\r\n${request?.isHead ? '' : body}`)];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** RFC 2326 12.17: an answer says the number of its request. Of a head that broke a rule nothing is repeated. */
function rtspLines({ bytes, fields, refusal }: RequestHead, status: string): string[] {
  const line = `RTSP/1.0 ${status}`;
  if (refusal !== null) return [line];
  for (let i = 0; i < fields.count; i++) {
    if (!equalsFolded(bytes, fields.nameStart(i), fields.nameEnd(i), CSEQ)) continue;
    const number = latin1(bytes, fields.valueStart(i), fields.valueEnd(i));
    if (/^\d{1,10}$/.test(number)) return [line, `CSeq: ${number}`];
  }
  return [line];
}
