/** A strict reader of HTTP/1.1 responses: what a lenient client would forgive is an error here. */

export interface HttpResponse {
  readonly status: number;
  readonly reason: string;
  /** In the order sent, names as sent. */
  readonly headerList: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** How the end of the body was known. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** The value of a header that comes once; null when absent. Throws when it comes twice. */
  header(name: string): string | null;
  /** Every value of a header. */
  headers(name: string): string[];
  text(): string;
}

/** What a parser says about the bytes so far: `null` for "more, please", else the message and how many bytes it took. */
export type Parsed = { readonly response: HttpResponse; readonly length: number } | null;

const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/;

/**
 * Reads one response from the start of `bytes`.
 * @param method of the request: the answer to a HEAD has no body.
 * @param closed no more bytes will come, which ends a body without a length.
 * @throws on every breach of RFC 9112
 */
export function parseResponse(bytes: Buffer, method: string, closed: boolean): Parsed {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) {
    if (closed) throw new Error(`the connection closed inside a response head: ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`);
    return null;
  }
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const match = /^HTTP\/1\.1 ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/.exec(statusLine);
  if (match === null) throw new Error(`bad status line ${JSON.stringify(statusLine)}`);
  const status = Number(match[1]);
  const headerList = lines.map(parseHeader);
  const framing = bodyFraming(status, method, headerList);
  const start = headEnd + 4;
  const finish = (body: Buffer, length: number, trailers: HttpResponse['trailers'] = []): Parsed => ({
    response: makeResponse(status, match[2] ?? '', headerList, body, trailers, framing.kind),
    length,
  });

  if (framing.kind === 'none') return finish(Buffer.alloc(0), start);
  if (framing.kind === 'close') return closed ? finish(bytes.subarray(start), bytes.length) : null;
  if (framing.kind === 'length') {
    if (bytes.length - start >= framing.length) return finish(bytes.subarray(start, start + framing.length), start + framing.length);
    if (closed) throw new Error(`the connection closed after ${bytes.length - start} of ${framing.length} body bytes`);
    return null;
  }
  const chunked = parseChunked(bytes, start);
  if (chunked === null && closed) throw new Error('the connection closed inside a chunked body');
  return chunked && finish(chunked.body, chunked.end, chunked.trailers);
}

interface Chunked {
  readonly body: Buffer;
  readonly trailers: HttpResponse['trailers'];
  /** Offset of the first byte behind it. */
  readonly end: number;
}

/** Reads a chunked body that starts at `start`; null when it is not complete. */
export function parseChunked(bytes: Buffer, start: number): Chunked | null {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-fA-F]{1,16}(;[\t\x20-\x7e]*)?$/.test(line)) throw new Error(`bad chunk size line ${JSON.stringify(line.slice(0, 100))}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (bytes.length < at + size + 2) return null;
    if (bytes[at + size] !== 13 || bytes[at + size + 1] !== 10) throw new Error(`a chunk of ${size} bytes does not end with CRLF`);
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
  const trailers: [string, string][] = [];
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { body: Buffer.concat(parts), trailers, end: at };
    trailers.push(parseHeader(line));
  }
}

function parseHeader(line: string): [string, string] {
  const match = HEADER.exec(line);
  if (match === null) throw new Error(`bad header line ${JSON.stringify(line)}`);
  return [match[1] ?? '', match[2] ?? ''];
}

/** RFC 9112 6.3, seen from the client. */
function bodyFraming(
  status: number,
  method: string,
  headers: readonly (readonly [string, string])[],
): { kind: 'none' | 'chunked' | 'close' } | { kind: 'length'; length: number } {
  const values = (name: string): string[] => headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  const lengths = values('content-length');
  const codings = values('transfer-encoding');
  if (lengths.length > 1) throw new Error(`${lengths.length} Content-Length headers`);
  if (lengths.length === 1 && !/^\d+$/.test(lengths[0] ?? '')) throw new Error(`bad Content-Length ${lengths[0]}`);
  if (lengths.length > 0 && codings.length > 0) throw new Error('both Content-Length and Transfer-Encoding');
  if (codings.length > 0 && (status < 200 || status === 204)) throw new Error(`Transfer-Encoding in a ${status} answer`);
  if (lengths.length > 0 && (status < 200 || status === 204)) throw new Error(`Content-Length in a ${status} answer`);
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  if (method === 'CONNECT' && status < 300) return { kind: 'none' };
  if (codings.length > 0) {
    if (codings.join(',').toLowerCase() !== 'chunked') throw new Error(`Transfer-Encoding ${codings.join(', ')}`);
    return { kind: 'chunked' };
  }
  return lengths.length === 1 ? { kind: 'length', length: Number(lengths[0]) } : { kind: 'close' };
}

function makeResponse(
  status: number,
  reason: string,
  headerList: HttpResponse['headerList'],
  body: Buffer,
  trailers: HttpResponse['trailers'],
  framing: HttpResponse['framing'],
): HttpResponse {
  const headers = (name: string): string[] => headerList.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return {
    status,
    reason,
    headerList,
    // The bytes it was cut from belong to the connection's buffer.
    body: Buffer.from(body),
    trailers,
    framing,
    headers,
    header: (name) => {
      const all = headers(name);
      if (all.length > 1) throw new Error(`${all.length} ${name} headers`);
      return all[0] ?? null;
    },
    text: () => body.toString('utf8'),
  };
}
