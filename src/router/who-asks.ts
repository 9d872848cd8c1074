import type { RequestHead } from '../http1/request-head.ts';
import type { CidrSet } from '../net/cidr.ts';
import { type Client, ToldClient } from './client.ts';
import { readClientField } from './client-field.ts';
import { forwardedClient } from './forwarded-client.ts';
import type { Peer } from './peer.ts';

/**
 * Whose request it is. On a worker's private socket our router says so; elsewhere trusted proxies are believed, and what others wrote is
 * dropped from the head (`http-trusted-proxies`). Where the request says nothing more than its connection it is the peer.
 */
export function whoAsks(head: RequestHead, peer: Peer, trusted: CidrSet | null): Client {
  if (peer.front.isPrivate) return throughRouter(head, peer);
  if (trusted === null) return peer;
  const { remote, isSecure } = forwardedClient(head, peer.remote, trusted);
  return remote === peer.remote && isSecure === null ? peer : new ToldClient(peer, remote, peer.remote, null, isSecure);
}

/** By the router's own field (`client-field.ts`). Without it, as a probe asks, the router itself is the client. */
function throughRouter({ bytes, fields, clientField }: RequestHead, peer: Peer): Client {
  if (clientField === -1) return peer;
  const told = readClientField(bytes, fields.valueStart(clientField), fields.valueEnd(clientField));
  return told === null ? peer : new ToldClient(peer, told.remote, told.remote, told.local, told.isSecure);
}
