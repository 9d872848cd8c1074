/**
 * The rule of `harakiri`: so many ms a request may take, and then it is over, whoever notices first. An app in this process is told by
 * its own event loop at the limit (`app/timed-app.ts`). Where that does not turn any more the master kills the worker a little later
 * (`master/harakiri.ts`), and the router knows by how long the request was there what became of it (`router/node-search.ts`).
 */

/** A worker whose event loop is alive ends the request by itself: so much longer it has, in ms. */
const GRACE_MS = 500;
/** The clocks of who kills and who sees the connection break do not start at the same moment, in ms. */
const MARGIN_MS = 100;

/** Seen from outside: the worker does not come to end the request by itself. @param limit ms @param age ms since it was first seen */
export function isStuck(limit: number, age: number): boolean {
  return age > limit + GRACE_MS;
}

/** Seen by who waits for the answer: nobody says why a worker is gone, and this says enough. @param limit ms, 0 for none @param age ms since the worker got the request */
export function wasKilled(limit: number, age: number): boolean {
  return limit !== 0 && age >= limit - MARGIN_MS;
}
