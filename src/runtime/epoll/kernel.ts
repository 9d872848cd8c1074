export type DescriptorKind = 'pipe' | 'socket' | 'terminal' | 'file';

/**
 * The system calls of Linux that the epoll adapter is made of, and what it needs of the runtime's own event loop.
 * Every call returns what the C library's function does: -1 on failure, and `errno` says why until the next call.
 */
export interface Kernel {
  /**
   * Number of the last failure. It is read in a second step, and something of the runtime's may have failed between the two, once in a
   * long while. Whoever is about to give something up because of it makes the call once more: what holds is said again.
   */
  errno(): number;

  /** A stream socket: non-blocking, closed in children. */
  socket(family: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  /** Also sets the length of the queue of what listens already. */
  listen(fd: number, backlog: number): number;
  /** The next connection of a listener, non-blocking and closed in children; its peer's address goes into `peer`, 28 bytes long. */
  accept(fd: number, peer: Uint8Array): number;
  /** The address of this side into `address`, 28 bytes long. */
  localAddress(fd: number, address: Uint8Array): number;
  setNonBlocking(fd: number): number;
  setNoDelay(fd: number): number;
  /** How long a close waits for what is unsent, in s; with 0 it is a reset and nothing more is sent. */
  setLinger(fd: number, seconds: number): number;
  /** How long a TCP listener leaves clients alone that have sent nothing, in s, rounded up to a try of SYN-ACK; 0 does not. */
  setDeferAccept(fd: number, seconds: number): number;
  /** SO_ERROR: the number of a failure that no call has told yet, or 0. */
  takeError(fd: number): number;

  /** Reads into `buffer` from its start. */
  receive(fd: number, buffer: Uint8Array): number;
  /** How many bytes there are to read. */
  unread(fd: number): number;
  /** Sends `bytes[start, start + length)`; with `hasMore` the kernel may keep them for what comes at once, be it FIN. */
  send(fd: number, bytes: Uint8Array, start: number, length: number, hasMore: boolean): number;
  /** FIN. */
  shutdown(fd: number): number;
  close(fd: number): number;
  /** A second descriptor of the same, closed in programs that are started. */
  dup(fd: number): number;

  /** Writes `bytes[start, end)`, by default to their end, to any descriptor; a signal in between is no failure. */
  write(fd: number, bytes: Uint8Array, start: number, end?: number): number;
  /** Sends to a socket that may be a blocking one: EAGAIN where it would wait. */
  sendAtOnce(fd: number, bytes: Uint8Array, start: number, end: number): number;
  /** What a descriptor leads to; devices that are no terminals count as files. */
  kindOf(fd: number): DescriptorKind;
  /** A descriptor of our own, non-blocking, of the pipe or terminal behind `fd`: whoever shares that one keeps it as it is. */
  reopenToWrite(fd: number): number;
  /** poll(2) says that something can be written, or that writing fails. */
  isWritable(fd: number): boolean;
  /** The soft limit of open files (RLIMIT_NOFILE), Infinity where there is none; null when the kernel does not say. */
  openFilesLimit(): number | null;
  /** This machine's name; null when the kernel does not say. */
  hostname(): string | null;
  /** The process id of a child that has ended and was not waited for, which it stays; 0 when there is none such. */
  endedChild(): number;
  /** Waits for a child that has ended, and does not wait for another: its id, or 0. */
  waitFor(pid: number): number;

  epoll(): number;
  /** `event` is a struct epoll_event (see `EVENT_WORDS`). */
  control(epoll: number, operation: number, fd: number, event: Int32Array): number;
  wait(epoll: number, events: Int32Array, count: number, milliseconds: number): number;

  /**
   * Calls `wake` once when `epoll` has something to tell, from the runtime's own event loop, which goes on meanwhile and
   * does not end the process before. The function that it returns calls that off. Null when no descriptor is left for it.
   */
  park(epoll: number, wake: () => void): (() => void) | null;
  /** The epoll descriptor of the runtime's own event loop, known from some `park` on; -1 before, and when it cannot be known. */
  readonly hostEpoll: number;
  /** Runs what promises have made due. False where only the runtime's own event loop can. */
  drainMicrotasks(): boolean;
}

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
/** A struct sockaddr_un is the longest. */
export const ADDRESS_BYTES = 110;

export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Of several processes that wait for one listener, the kernel wakes not all. */
export const EPOLLEXCLUSIVE = 1 << 28;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

/** A struct epoll_event in words of 32 bits: the events, then 64 bits that are ours. x86-64 packs it, others align the second part. */
export const EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
export const EVENT_DATA = EVENT_WORDS - 2;

export const EINTR = 4;
export const EAGAIN = 11;
export const EISCONN = 106;
export const EALREADY = 114;
export const EINPROGRESS = 115;

/** Nothing is wrong: there is nothing to do now, or a signal came between. */
export function isPassing(errno: number): boolean {
  return errno === EAGAIN || errno === EINTR;
}

/** The name of an error number, such as `ECONNREFUSED`. Linux has two for EAGAIN. */
export function errorName(errno: number): string {
  const names = Object.entries(process.getBuiltinModule('node:os').constants.errno);
  return names.find(([, number]) => number === errno)?.[0] ?? `E${errno}`;
}
