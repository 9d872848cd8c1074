/** What this runtime can and cannot do; each gap is told in docs/runtimes.md with its reason. */
export interface Capabilities {
  /** Listening and connecting on `@name` addresses. */
  readonly abstractSockets: boolean;
  /** `listen` on `fd://N`. */
  readonly inheritFd: boolean;
  /** `ListenOptions.reusePort`. */
  readonly reusePort: boolean;
  /** `ListenOptions.backlog` is honoured. */
  readonly backlog: boolean;
  /** `SpawnOptions.fds`. */
  readonly passFds: boolean;
  /** Clients that come while descriptors are short wait in the queue of their listener; else they are closed without an answer. */
  readonly holdsClients: boolean;
  /** `ConnectionHandlers.hangup`. */
  readonly endInPause: boolean;
  /** `Runtime.reapOrphans`. */
  readonly reapsOrphans: boolean;
  /** `Connection.reset` is seen by the peer of a TCP connection. */
  readonly resets: boolean;
}
