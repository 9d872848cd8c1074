import type { Connection } from '../runtime/seam/sockets.ts';
import type { ClientSession, SessionOwner } from './client-session.ts';
import type { ServedFront } from './front.ts';
import { HttpHeadReader } from './head-reader.ts';
import { Http1Session } from './http1-session.ts';
import { PacketReader } from './packet-reader.ts';
import { Peer } from './peer.ts';
import type { Prelude } from './prelude.ts';
import { PreludeStage } from './prelude-stage.ts';

/**
 * What a client's bytes go through, from below: the connection → its prelude (PROXY or stud) → TLS, where the socket has not taken it off
 * already → the session of its protocol. Which of these a connection has is decided here when it opens, and not asked again for
 * its bytes: a stage that is done gives the connection to the next one and is gone.
 *
 * A PROXY header that stands before a later request is no stage. Where one begins only who reads requests knows: its `HeadReader` is
 * given the prelude for these, and only on connections without TLS, inside of which no proxy writes.
 */
export function openStages(served: ServedFront, owner: SessionOwner, connection: Connection<ClientSession>): ClientSession {
  const { prelude } = served.service;
  const peer = new Peer(served.front, connection);
  if (prelude === null) return openSession(served, owner, connection, peer, null, 0);
  return new PreludeStage(prelude, served, owner, connection, peer, openSession);
}

/**
 * Opens the session of the protocol that is spoken.
 * @param prelude what may stand before later requests; null for nothing
 * @param waited ms that the connection has been open
 */
export type OpenSession = (
  served: ServedFront,
  owner: SessionOwner,
  connection: Connection<ClientSession>,
  peer: Peer,
  prelude: Prelude | null,
  waited: number,
) => ClientSession;

const openSession: OpenSession = (served, owner, connection, peer, prelude, waited) => {
  const heads = served.front.kind === 'uwsgi' ? new PacketReader(peer) : new HttpHeadReader(connection.tls === null ? prelude : null);
  return new Http1Session(served, owner, connection, peer, heads, waited);
};
