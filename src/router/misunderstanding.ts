import type { ResponseHead } from '../http1/response-head.ts';
import type { Log } from '../log/log.ts';
import { formatAddress } from '../net/address.ts';
import type { Node } from '../pool/node.ts';

/**
 * Nodes that are spoken to in the wrong protocol: an HTTP server as a uwsgi node, because `http://` was forgotten, or the other way round.
 * Neither can say so in a way that the other understands, so it is told from what their answers look like, once for a node.
 */

/** What is spoken to a node, for the log; undefined to those of our own. */
export function protocolOf(node: Node | null): string | undefined {
  const kind = node?.target.kind;
  return kind === 'uwsgi' || kind === 'http' || kind === 'puwsgi' ? kind : undefined;
}

/** The node has answered, and it is not known yet that it understands us. */
export function heardFrom(node: Node, { status, wantsClose }: ResponseHead, log: Log): void {
  // So say Node, Bun, Deno, nginx and gunicorn to what is no HTTP. Apps behind uwsgi may say 400 as well, but cannot end connections.
  if (node.target.kind !== 'http' && status === 400 && wantsClose)
    doubt(node, 'the answer of a node is that of an HTTP server to what is no HTTP', log);
  else node.backend.isUnderstood = true;
}

/** The node broke off, was too late, or answered what cannot be read, and has never done better. */
export function neverHeardFrom(node: Node, log: Log): void {
  doubt(node, 'a node has not answered once as its protocol wants it', log);
}

function doubt(node: Node, message: string, log: Log): void {
  const { target } = node;
  if (node.backend.isDoubted || target.kind === 'app' || target.kind === 'worker') return;
  node.backend.isDoubted = true;
  const other = target.kind === 'http' ? 'uwsgi' : 'http';
  const place = target.address.kind === 'unix' ? `${other}:${formatAddress(target.address)}` : `${other}://${formatAddress(target.address)}`;
  log.event('warn', 'node-protocol', message, { node: node.name, protocol: target.kind, hint: `if it speaks ${other} write ${place}` });
}
