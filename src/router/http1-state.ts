/**
 * The life of an HTTP/1 connection: what each event means in each state. `Http1Session` obeys the tables, and `RequestReader` reads by
 * them.
 *
 * | state       | what it is                             | bytes      | client left | ended its half | deadline  | router drains |
 * | ----------- | -------------------------------------- | ---------- | ----------- | -------------- | --------- | ------------- |
 * | `idle`      | between requests, or before the first  | a head     | → closing   | waited with    | → closing | → closing     |
 * | `head`      | part of a head has come                | the head   | → closed    | → closed       | refused   | –             |
 * | `busy`      | an exchange has the request            | its body   | → closed    | waited with    | exchange  | –             |
 * | `tunnel`    | the same, without HTTP behind the head | passed on  | passed on   | passed on      | exchange  | –             |
 * | `closing`   | the last answer is on its way out      | –          | –           | –              | → closed  | –             |
 * | `lingering` | it is out and FIN sent; what comes in is thrown away, so that the client gets to read it | counted | → closed | → closed | → closed | – |
 * | `closed`    | nothing comes any more                 | –          | –           | –              | –         | –             |
 *
 * Answers move it as well: one that lets the connection go on makes it `idle`, any other `closing` when the request was read whole, else
 * `lingering`; a refusal makes it `head` first, because what follows what was refused is nobody's body.
 */
export const STATE = { idle: 0, head: 1, busy: 2, tunnel: 3, closing: 4, lingering: 5, closed: 6 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

/** What an event makes a session do. */
export const DO = {
  nothing: 0,
  readHead: 1,
  /** What is behind it waits. */
  readBody: 2,
  passOn: 3,
  throwAway: 4,
  /** Close behind what is written. */
  finish: 5,
  /** Tell that the client left, and close. */
  breakOff: 6,
  /** The same for the exchange to tell. */
  giveUp: 7,
  /** Wait with the client that has ended its half. */
  waitOn: 8,
  /** End the client's half of a tunnel. */
  endHalf: 9,
  /** Close, unless the client still takes what it was written. */
  closeBehind: 10,
  /** Refuse the head that did not come in time. */
  refuse: 11,
  /** The deadline is the exchange's. */
  expire: 12,
  close: 13,
} as const;
export type Do = (typeof DO)[keyof typeof DO];

/** By state, in their order. */
type ReadonlyRow = readonly [idle: Do, head: Do, busy: Do, tunnel: Do, closing: Do, lingering: Do, closed: Do];

export const ON_BYTES: ReadonlyRow = [DO.readHead, DO.readHead, DO.readBody, DO.passOn, DO.nothing, DO.throwAway, DO.nothing];
/** FIN, and nobody waits for an answer. */
export const ON_LEFT: ReadonlyRow = [DO.finish, DO.breakOff, DO.giveUp, DO.endHalf, DO.nothing, DO.closeBehind, DO.nothing];
/** FIN of one that does. */
export const ON_HALF_CLOSED: ReadonlyRow = [DO.waitOn, DO.breakOff, DO.waitOn, DO.endHalf, DO.nothing, DO.closeBehind, DO.nothing];
export const ON_DEADLINE: ReadonlyRow = [DO.finish, DO.refuse, DO.expire, DO.expire, DO.close, DO.close, DO.nothing];
export const ON_DRAIN: ReadonlyRow = [DO.finish, DO.nothing, DO.nothing, DO.nothing, DO.nothing, DO.nothing, DO.nothing];

/** The state of one connection, which its parts share. */
export class Life {
  state: State = STATE.idle;

  /** A request is being answered. */
  get isAnswering(): boolean {
    return this.state === STATE.busy || this.state === STATE.tunnel;
  }
}
