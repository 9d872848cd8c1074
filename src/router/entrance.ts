import type { Front, Service } from './service.ts';
import type { Session } from './session.ts';

/** One listener, and the generation that requests which come through it begin with. */
export interface Entrance {
  readonly front: Front;
  service: Service;
}

/** What a session asks of the router it belongs to. */
export interface SessionOwner {
  readonly isDraining: boolean;
  readonly isPaused: boolean;
  /** Requests so far; counted by the sessions. */
  requests: number;
  /** It has no request any more that began with another generation than that of its entrance. */
  sessionRenewed(session: Session): void;
  /** @param isSilent not one byte came: a load balancer's check of the port */
  sessionClosed(session: Session, isSilent: boolean): void;
}
