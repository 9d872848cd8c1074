import type { Refusal } from '../http1/refusal.ts';
import type { Level } from '../log/log.ts';
import type { NodeFailure } from '../pool/backend.ts';

const failure = (status: number, code: string, rule: string): Refusal => ({ status, code, rule });

/** What can go wrong with a well-formed request, each with its status and stable code. Faults of messages stand in http1/refusal.ts. */
export const FAILURES = {
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
} as const satisfies Record<string, Refusal>;

/** The one map from why connecting failed to what the client is told. */
export function connectFailure(reason: NodeFailure): Refusal {
  switch (reason) {
    case 'busy':
      return FAILURES.upstreamBusy;
    case 'local':
      return FAILURES.localResources;
    case 'timeout':
      return FAILURES.connectTimeout;
    case 'dns':
      return FAILURES.noNode;
    default:
      return FAILURES.upstreamUnreachable;
  }
}

/** True for what says that the node is not well: it broke off, broke the protocol, or was too late. */
export function isNodesFault({ status }: Refusal): boolean {
  return status === 502 || status === 504;
}

/** True when the node ended the connection before the head of its answer was complete. */
export function isBrokenOff({ code }: Refusal): boolean {
  return code === FAILURES.upstreamEmpty.code || code === FAILURES.upstreamReset.code || code === FAILURES.upstreamTruncated.code;
}

/** Clients' faults are told at info, ours and the nodes' at warn, bugs at error. */
export function levelOf(refusal: Refusal): Level {
  if (refusal.status < 500 || refusal.status === 501 || refusal.status === 505) return 'info';
  return refusal.status === 500 ? 'error' : 'warn';
}
