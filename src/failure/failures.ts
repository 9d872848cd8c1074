/**
 * Every way in which a request can fail: the one map from its cause to the status that the client gets, the stable code that answers, logs,
 * metrics and docs/errors.md share, the level of its line, and what happened, for people.
 */

export interface Failure {
  /** Of the answer; 0 when nothing is answered, because nobody waits or because it is too late. */
  readonly status: number;
  readonly code: string;
  /** What was broken or happened, for people. */
  readonly rule: string;
  /** Of its line in the log: clients' faults are told at info, ours and the nodes' at warn, bugs at error. */
  readonly level: 'info' | 'warn' | 'error';
  /** Seconds behind which asking again is worth it (RFC 9110 10.2.3); left out where that is not known. */
  readonly retryAfter?: number;
}

const failure = (status: number, code: string, rule: string): Failure => ({ status, code, rule, level: levelOf(status) });

/** Ends that no answer tells of. */
const ending = (code: string, rule: string): Failure => failure(0, code, rule);

function levelOf(status: number): Failure['level'] {
  if (status < 500 || status === 501 || status === 505) return 'info';
  return status === 500 ? 'error' : 'warn';
}

/** Every way a request can break HTTP/1.1: it is refused, and the connection closes behind the answer. */
export const REQUEST_FAULTS = {
  badMethod: failure(400, 'bad-method', 'the method is no token (RFC 9110 9.1)'),
  tls: failure(400, 'tls-on-plain-port', 'a TLS handshake on a plain port: the client wants https, which is not spoken here'),
  methodTooLong: failure(501, 'method-too-long', 'the method is longer than 64 bytes (RFC 9112 3)'),
  badTarget: failure(400, 'bad-target', 'the request target is empty or holds a byte that must be escaped (RFC 9112 3.2)'),
  targetTooLong: failure(414, 'target-too-long', 'the request target is longer than 16 KiB'),
  targetForm: failure(400, 'bad-target-form', 'the request target has none of the four forms of RFC 9112 3.2'),
  targetUserinfo: failure(400, 'target-userinfo', 'the request target names a user (RFC 9110 4.2.4)'),
  misdirected: failure(421, 'misdirected', 'an https resource was asked for on a plain connection (RFC 9110 7.4)'),
  connect: failure(501, 'connect-not-offered', 'CONNECT is not offered'),
  badVersion: failure(400, 'bad-version', 'the version is not spelled HTTP/digit.digit (RFC 9112 2.3)'),
  versionNotSupported: failure(505, 'version-not-supported', 'only HTTP/1 is spoken here'),
  http2Preface: failure(505, 'http2-preface', 'the client speaks HTTP/2 without having asked; only HTTP/1 is spoken here'),
  emptyLines: failure(400, 'empty-lines', 'too many empty lines before the request line (RFC 9112 2.2)'),
  bareLineEnd: failure(400, 'bare-line-end', 'a line does not end in CRLF (RFC 9112 2.2)'),
  obsFold: failure(400, 'obs-fold', 'a field line is folded (RFC 9112 5.2)'),
  badFieldName: failure(400, 'bad-field-name', 'a field name is no token, or white space stands before its colon (RFC 9112 5.1)'),
  badFieldValue: failure(400, 'bad-field-value', 'a field value holds a control byte (RFC 9110 5.5)'),
  headTooLarge: failure(431, 'head-too-large', 'the fields are longer than 64 KiB'),
  tooManyFields: failure(431, 'too-many-fields', 'there are more than 1,000 fields'),
  noHost: failure(400, 'no-host', 'HTTP/1.1 asks for one Host field (RFC 9112 3.2)'),
  manyHosts: failure(400, 'many-hosts', 'there is more than one Host field (RFC 9112 3.2)'),
  badHost: failure(400, 'bad-host', 'the host is empty or malformed (RFC 9110 7.2)'),
  badConnection: failure(400, 'bad-connection', 'the Connection field is malformed or names a field that is not hop-by-hop (RFC 9110 7.6.1)'),
  badLength: failure(400, 'bad-content-length', 'Content-Length is not one plain decimal number (RFC 9112 6.3)'),
  lengthAndEncoding: failure(400, 'length-and-encoding', 'both Content-Length and Transfer-Encoding are given (RFC 9112 6.3)'),
  badEncoding: failure(400, 'bad-transfer-encoding', 'Transfer-Encoding is malformed, repeated, or chunked is not last and once (RFC 9112 6.1)'),
  encodingOn10: failure(400, 'transfer-encoding-on-1.0', 'HTTP/1.0 has no Transfer-Encoding (RFC 9112 6.1)'),
  unknownEncoding: failure(501, 'unknown-transfer-encoding', 'only the chunked transfer coding is known here (RFC 9112 6.1)'),
  badExpect: failure(417, 'bad-expect', 'the only expectation that can be met is 100-continue (RFC 9110 10.1.1)'),
  badChunk: failure(400, 'bad-chunk', 'the chunked body breaks RFC 9112 7.1'),
  chunkExtensions: failure(400, 'chunk-extensions-too-large', 'the chunk extensions are longer than 16 KiB in all'),
  badTrailer: failure(400, 'bad-trailer', 'a trailer is malformed or not allowed behind a body (RFC 9110 6.5)'),
  trailersTooLarge: failure(400, 'trailers-too-large', 'the trailers are longer than 8 KiB or more than 100'),
} as const satisfies Record<string, Failure>;

/** Faults of a node's answer: the client gets 502 and nothing of the answer. */
export const ANSWER_FAULTS = {
  answerBadStatusLine: failure(502, 'upstream-bad-status-line', 'the answer does not start with an HTTP/1 status line'),
  answerBadField: failure(502, 'upstream-bad-field', 'a field of the answer is malformed'),
  answerHeadTooLarge: failure(502, 'upstream-head-too-large', 'the head of the answer is longer than 64 KiB or has more than 1,000 fields'),
  answerBadLength: failure(502, 'upstream-bad-content-length', 'Content-Length of the answer is not one plain decimal number'),
  answerLengthAndEncoding: failure(502, 'upstream-length-and-encoding', 'the answer has both Content-Length and Transfer-Encoding'),
  answerBadEncoding: failure(502, 'upstream-bad-transfer-encoding', 'Transfer-Encoding of the answer is not chunked, once'),
  answerBadChunk: failure(502, 'upstream-bad-chunk', 'the chunked body of the answer breaks RFC 9112 7.1'),
  answerInterimFlood: failure(502, 'upstream-interim-flood', 'the backend sent more than 32 interim answers'),
} as const satisfies Record<string, Failure>;

export const FAILURES = {
  ...REQUEST_FAULTS,
  ...ANSWER_FAULTS,
  headTimeout: failure(408, 'head-timeout', 'the head of the request did not come in time (http-headers-timeout)'),
  bodyTimeout: failure(408, 'body-timeout', 'the client stopped sending its body (http-timeout)'),
  bodyTooSlow: failure(408, 'body-too-slow', 'the client sent its body more slowly than http-min-rate'),
  badPrelude: failure(400, 'bad-proxy-header', 'the header of the PROXY protocol, or of stud, is malformed'),
  proxyNotTrusted: failure(400, 'proxy-not-trusted', 'this address may not send a PROXY header; name it in http-proxy-from'),
  bodyTooLarge: failure(413, 'body-too-large', 'the body is larger than http-max-body allows'),
  expectTooLarge: failure(413, 'expect-too-large', 'the announced body is larger than http-manage-expect allows'),
  bufferTooLarge: failure(413, 'body-buffer-max', 'the body is to be read whole and is larger than http-body-buffer-max allows'),
  bufferFull: failure(503, 'body-buffer-full', 'all buffered bodies together reach http-body-buffer-total'),
  bufferFailed: failure(503, 'body-buffer-failed', 'the body could not be put into a temporary file'),
  internal: failure(500, 'internal', 'a fault in ugate; please report it'),
  badPacket: failure(400, 'bad-uwsgi-packet', 'what came on a uwsgi socket is no uwsgi packet; it is closed without an answer'),
  paused: { ...failure(503, 'paused', 'requests are turned away until the pause is over (SIGTSTP)'), retryAfter: 5 },
  tooManyConnections: failure(503, 'too-many-connections', 'http-max-connections is reached'),
  noNode: failure(503, 'no-node', 'no node is alive for this request'),
  nodesFull: failure(503, 'nodes-full', 'every node has as many requests as its max-conns allows'),
  upstreamUnreachable: failure(502, 'upstream-unreachable', 'no node could be connected to'),
  upstreamBusy: failure(503, 'upstream-busy', "the node's backlog is full"),
  localResources: failure(503, 'local-resources', 'this machine is short of descriptors, ports or memory'),
  connectTimeout: failure(504, 'connect-timeout', 'the node did not accept in time (http-connect-timeout)'),
  upstreamTimeout: failure(504, 'upstream-timeout', 'the node did not answer in time (http-timeout)'),
  upstreamEmpty: failure(502, 'upstream-empty', 'the node closed without an answer'),
  upstreamTruncated: failure(502, 'upstream-truncated-head', 'the node closed in the middle of the head of its answer'),
  upstreamShort: failure(502, 'upstream-short', 'the node closed before its answer was complete'),
  upstreamReset: failure(502, 'upstream-reset', 'the node broke the connection off'),
  harakiri: failure(504, 'harakiri', 'the request took longer than harakiri allows'),
  unexpectedUpgrade: failure(502, 'upstream-unexpected-101', 'the node switched protocols though nobody asked'),
  notForApp: failure(400, 'not-for-app', 'an app cannot be given the request: its host or method is none to the Fetch standard'),
  appFailed: failure(500, 'app-failed', 'the app threw an exception'),
  packetTooLarge: failure(431, 'packet-too-large', 'the request does not fit the 64 KiB of a uwsgi packet'),
  badPath: failure(400, 'bad-path', 'the path holds a malformed escape or %00 (RFC 3986 2.1)'),
  noPlainAddress: failure(
    503,
    'no-plain-address',
    'a puwsgi node takes no body, and has no plain uwsgi address beside it (option uwsgi=ADDRESS of the node)',
  ),
  badRoutingKey: failure(400, 'bad-routing-key', 'the host cannot be part of a path (http-use-pattern, http-use-base)'),
  mappingLate: failure(503, 'mapping-late', 'the code of http-use-code-string did not answer in time'),
  mappingFailed: failure(503, 'mapping-failed', 'the code of http-use-code-string threw, or gave no address'),
  clientLeft: ending('client-left', 'the client left before its answer was complete'),
  clientStalled: ending('client-stalled', 'the client stopped reading its answer for http-timeout'),
  clientTooSlow: ending('client-too-slow', 'the client read its answer more slowly than http-min-rate'),
  tunnelIdle: ending('tunnel-idle', 'a tunnel was idle for http-tunnel-timeout and is closed'),
  shutDown: ending('shut-down', 'ugate ended before the answer was complete'),
  gzipFailed: { ...ending('gzip-failed', 'the compressor failed; the answer is cut off'), level: 'error' },
  tunnelBroken: ending('tunnel-broken', 'the node broke a tunnel off'),
} as const satisfies Record<string, Failure>;

/** What the client is told when no node could be connected to, by why the last one could not. */
export const CONNECT_FAILURES = {
  refused: FAILURES.upstreamUnreachable,
  missing: FAILURES.upstreamUnreachable,
  unreachable: FAILURES.upstreamUnreachable,
  busy: FAILURES.upstreamBusy,
  local: FAILURES.localResources,
  timeout: FAILURES.connectTimeout,
  dns: FAILURES.noNode,
} as const satisfies Record<string, Failure>;

/** True for what says that the node is not well: it broke off, broke the protocol, or was too late. */
export function isNodesFault({ status }: Failure): boolean {
  return status === 502 || status === 504;
}

/** True when the node ended the connection before the head of its answer was complete. */
export function isBrokenOff(failure: Failure): boolean {
  return failure === FAILURES.upstreamEmpty || failure === FAILURES.upstreamReset || failure === FAILURES.upstreamTruncated;
}
