import type { RequestHead } from '../http1/request-head.ts';
import type { CidrSet } from '../net/cidr.ts';
import { type Client, type ConnectedClient, ToldClient } from './client.ts';
import { readClientField } from './client-field.ts';
import { forwardedClient } from './forwarded-client.ts';
import type { Peer } from './peer.ts';

/**
 * Whose request it is. On a worker's private socket our router says so; elsewhere trusted proxies are believed, and what others wrote is
 * dropped from the head (`http-trusted-proxies`). Where the request says nothing more than its connection it is `connected`.
 */
export function whoAsks(head: RequestHead, peer: Peer, connected: ConnectedClient, trusted: CidrSet | null): Client {
  const { front } = connected;
  if (front.isPrivate) return throughRouter(head, peer, connected);
  if (trusted === null) return connected;
  const { remote, isSecure } = forwardedClient(head, peer.remote, trusted);
  if (remote === peer.remote && isSecure === null) return connected;
  return new ToldClient(front, peer, remote, peer.remote, null, isSecure ?? peer.isSecure);
}

/** By the router's own field (`client-field.ts`). Without it, as a probe asks, the router itself is the client. */
function throughRouter({ bytes, fields, clientField }: RequestHead, peer: Peer, connected: ConnectedClient): Client {
  if (clientField === -1) return connected;
  const told = readClientField(bytes, fields.valueStart(clientField), fields.valueEnd(clientField));
  if (told === null) return connected;
  return new ToldClient(connected.front, peer, told.remote, told.remote, told.local, told.isSecure);
}
