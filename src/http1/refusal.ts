/**
 * Every way a message can break HTTP/1.1, each with the status it is answered with and a stable code
 * that logs, metrics and docs/errors.md share. `rule` names what was broken, for people.
 */

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly rule: string;
  /** Seconds behind which asking again is worth it (RFC 9110 10.2.3); left out where that is not known. */
  readonly retryAfter?: number;
}

const refuse = (status: number, code: string, rule: string): Refusal => ({ status, code, rule });

/** Refusals of a request: answered to the client, and the connection closes behind the answer. */
export const REFUSALS = {
  badMethod: refuse(400, 'bad-method', 'the method is no token (RFC 9110 9.1)'),
  tls: refuse(400, 'tls-on-plain-port', 'a TLS handshake on a plain port: the client wants https, which is not spoken here'),
  methodTooLong: refuse(501, 'method-too-long', 'the method is longer than 64 bytes (RFC 9112 3)'),
  badTarget: refuse(400, 'bad-target', 'the request target is empty or holds a byte that must be escaped (RFC 9112 3.2)'),
  targetTooLong: refuse(414, 'target-too-long', 'the request target is longer than 16 KiB'),
  targetForm: refuse(400, 'bad-target-form', 'the request target has none of the four forms of RFC 9112 3.2'),
  targetUserinfo: refuse(400, 'target-userinfo', 'the request target names a user (RFC 9110 4.2.4)'),
  misdirected: refuse(421, 'misdirected', 'an https resource was asked for on a plain connection (RFC 9110 7.4)'),
  connect: refuse(501, 'connect-not-offered', 'CONNECT is not offered'),
  badVersion: refuse(400, 'bad-version', 'the version is not spelled HTTP/digit.digit (RFC 9112 2.3)'),
  versionNotSupported: refuse(505, 'version-not-supported', 'only HTTP/1 is spoken here'),
  http2Preface: refuse(505, 'http2-preface', 'the client speaks HTTP/2 without having asked; only HTTP/1 is spoken here'),
  emptyLines: refuse(400, 'empty-lines', 'too many empty lines before the request line (RFC 9112 2.2)'),
  bareLineEnd: refuse(400, 'bare-line-end', 'a line does not end in CRLF (RFC 9112 2.2)'),
  obsFold: refuse(400, 'obs-fold', 'a field line is folded (RFC 9112 5.2)'),
  badFieldName: refuse(400, 'bad-field-name', 'a field name is no token, or white space stands before its colon (RFC 9112 5.1)'),
  badFieldValue: refuse(400, 'bad-field-value', 'a field value holds a control byte (RFC 9110 5.5)'),
  headTooLarge: refuse(431, 'head-too-large', 'the fields are longer than 64 KiB'),
  tooManyFields: refuse(431, 'too-many-fields', 'there are more than 1,000 fields'),
  noHost: refuse(400, 'no-host', 'HTTP/1.1 asks for one Host field (RFC 9112 3.2)'),
  manyHosts: refuse(400, 'many-hosts', 'there is more than one Host field (RFC 9112 3.2)'),
  badHost: refuse(400, 'bad-host', 'the host is empty or malformed (RFC 9110 7.2)'),
  badConnection: refuse(400, 'bad-connection', 'the Connection field is malformed or names a field that is not hop-by-hop (RFC 9110 7.6.1)'),
  badLength: refuse(400, 'bad-content-length', 'Content-Length is not one plain decimal number (RFC 9112 6.3)'),
  lengthAndEncoding: refuse(400, 'length-and-encoding', 'both Content-Length and Transfer-Encoding are given (RFC 9112 6.3)'),
  badEncoding: refuse(400, 'bad-transfer-encoding', 'Transfer-Encoding is malformed, repeated, or chunked is not last and once (RFC 9112 6.1)'),
  encodingOn10: refuse(400, 'transfer-encoding-on-1.0', 'HTTP/1.0 has no Transfer-Encoding (RFC 9112 6.1)'),
  unknownEncoding: refuse(501, 'unknown-transfer-encoding', 'only the chunked transfer coding is known here (RFC 9112 6.1)'),
  badExpect: refuse(417, 'bad-expect', 'the only expectation that can be met is 100-continue (RFC 9110 10.1.1)'),
  badChunk: refuse(400, 'bad-chunk', 'the chunked body breaks RFC 9112 7.1'),
  chunkExtensions: refuse(400, 'chunk-extensions-too-large', 'the chunk extensions are longer than 16 KiB in all'),
  badTrailer: refuse(400, 'bad-trailer', 'a trailer is malformed or not allowed behind a body (RFC 9110 6.5)'),
  trailersTooLarge: refuse(400, 'trailers-too-large', 'the trailers are longer than 8 KiB or more than 100'),
} as const satisfies Record<string, Refusal>;

/** Faults of a backend's answer: the client gets 502 and nothing of the answer. */
export const RESPONSE_FAULTS = {
  badStatusLine: refuse(502, 'upstream-bad-status-line', 'the answer does not start with an HTTP/1 status line'),
  badField: refuse(502, 'upstream-bad-field', 'a field of the answer is malformed'),
  headTooLarge: refuse(502, 'upstream-head-too-large', 'the head of the answer is longer than 64 KiB or has more than 1,000 fields'),
  badLength: refuse(502, 'upstream-bad-content-length', 'Content-Length of the answer is not one plain decimal number'),
  lengthAndEncoding: refuse(502, 'upstream-length-and-encoding', 'the answer has both Content-Length and Transfer-Encoding'),
  badEncoding: refuse(502, 'upstream-bad-transfer-encoding', 'Transfer-Encoding of the answer is not chunked, once'),
  badChunk: refuse(502, 'upstream-bad-chunk', 'the chunked body of the answer breaks RFC 9112 7.1'),
  interimFlood: refuse(502, 'upstream-interim-flood', 'the backend sent more than 32 interim answers'),
} as const satisfies Record<string, Refusal>;
