import { FAILURES, type Failure } from '../failure/failures.ts';

/**
 * The states of an exchange, and what its events mean in each. Whatever the state, a client that leaves ends it.
 *
 * | state        | meanwhile                                | body bytes      | a deadline that passes                    |
 * | ------------ | ---------------------------------------- | --------------- | ----------------------------------------- |
 * | `routing`    | the route or its handler thinks about it | held back       | no-node                                   |
 * | `spooling`   | the body is read whole first             | spooled         | body-timeout                              |
 * | `connecting` | an upstream opens                        | held back       | the next node is asked, else: connect-timeout |
 * | `waiting`    | a busy node is given a moment            | held back       | nothing                                   |
 * | `active`     | request out, answer in, at the same time | to the upstream | whoever is waited for was too late        |
 * | `tunnel`     | bytes both ways, no more HTTP            | to the upstream | upstream-timeout, later tunnel-idle       |
 * | `done`       | nothing more comes of it                 | thrown away     | nothing                                   |
 */
export const STATE = { routing: 0, spooling: 1, connecting: 2, waiting: 3, active: 4, tunnel: 5, done: 6 } as const;

/** The request's body flows: to the upstream, or into the spool. */
export function isMoving(state: number): boolean {
  return state === STATE.active || state === STATE.tunnel || state === STATE.spooling;
}

/**
 * What it means that the deadline has passed; null: nothing.
 * @param hasAnswer the answer has begun
 * @param isAnswerPaused the client does not read it
 * @param owesNothing the request has come whole, or the client is held back
 */
export function latenessOf(state: number, hasAnswer: boolean, isAnswerPaused: boolean, owesNothing: boolean): Failure | null {
  switch (state) {
    case STATE.routing:
      return FAILURES.noNode;
    case STATE.spooling:
      return FAILURES.bodyTimeout;
    case STATE.connecting:
      return FAILURES.connectTimeout;
    case STATE.tunnel:
      return hasAnswer ? FAILURES.tunnelIdle : FAILURES.upstreamTimeout;
    case STATE.active:
      if (isAnswerPaused) return FAILURES.clientStalled;
      return hasAnswer || owesNothing ? FAILURES.upstreamTimeout : FAILURES.bodyTimeout;
    default:
      return null;
  }
}
