/** A connection without a socket, on which a test is the other side. */

import type { PeerAddress } from '../../src/net/peer.ts';
import type { Connection } from '../../src/runtime/seam/sockets.ts';

export const PEER: PeerAddress = { family: 'ipv4', address: '192.0.2.7', port: 4000 };

const nothing = (): void => {};

/** Takes all that is written and does nothing, but for what `changes` says. */
export function idleConnection<Owner>(owner: Owner, changes: Partial<Connection<Owner>>): Connection<Owner> {
  return {
    owner,
    remote: PEER,
    local: PEER,
    tls: null,
    queued: 0,
    silence: 0,
    write: () => true,
    end: nothing,
    close: nothing,
    destroy: nothing,
    reset: nothing,
    pause: nothing,
    resume: nothing,
    expectNoMore: nothing,
    ...changes,
  };
}
