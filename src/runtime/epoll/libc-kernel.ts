import { type DescriptorKind, EINTR, type Kernel } from './kernel.ts';

/** What C functions take and give here: an int of 32 bits, or the address of bytes. */
export type Word = 'int' | 'bytes';
/** A C function as a runtime's foreign function interface gives it. Bytes are handed over as a view, by its start. */
export type Call = (...words: (number | ArrayBufferView | null)[]) => number;

/** The parameters of each function; all return an int. */
export const FUNCTIONS = {
  socket: ['int', 'int', 'int'],
  connect: ['int', 'bytes', 'int'],
  listen: ['int', 'int'],
  accept4: ['int', 'bytes', 'bytes', 'int'],
  getsockname: ['int', 'bytes', 'bytes'],
  getsockopt: ['int', 'int', 'int', 'bytes', 'bytes'],
  setsockopt: ['int', 'int', 'int', 'bytes', 'int'],
  fcntl: ['int', 'int', 'int'],
  ioctl: ['int', 'int', 'bytes'],
  recv: ['int', 'bytes', 'int', 'int'],
  send: ['int', 'bytes', 'int', 'int'],
  shutdown: ['int', 'int'],
  close: ['int'],
  write: ['int', 'bytes', 'int'],
  open: ['bytes', 'int'],
  isatty: ['int'],
  poll: ['bytes', 'int', 'int'],
  getrlimit: ['int', 'bytes'],
  waitid: ['int', 'int', 'bytes', 'int'],
  waitpid: ['int', 'bytes', 'int'],
  gethostname: ['bytes', 'int'],
  epoll_create1: ['int'],
  epoll_ctl: ['int', 'int', 'int', 'bytes'],
  epoll_wait: ['int', 'bytes', 'int', 'int'],
} as const satisfies Record<string, readonly Word[]>;

export type Functions = Readonly<Record<keyof typeof FUNCTIONS, Call>>;

const SOCK_STREAM = 1;
export const NON_BLOCKING = 0o4000;
export const CLOSE_ON_EXEC = 0o2000000;
/** F_DUPFD_CLOEXEC of fcntl(2): dup(2) itself would leave the new descriptor to every program that is started. */
const DUPLICATE_CLOSE_ON_EXEC = 1030;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const SHUT_WR = 1;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ERROR = 4;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_DEFER_ACCEPT = 9;
const FIONREAD = 0x541b;
const F_GETFL = 3;
const F_SETFL = 4;
/** Fails for all but pipes. */
const F_GETPIPE_SZ = 1032;
const O_WRONLY = 1;
/** A terminal that is opened shall not become the one that signals us. */
const O_NOCTTY = 0o400;
const POLLOUT = 4;
const PEER_BYTES = 28;
const RLIMIT_NOFILE = 7;
/** A struct rlimit in words of 32 bits: two numbers of 64. */
const LIMIT_WORDS = 4;
/** Linux allows 64 and the NUL behind them. */
const NAME_BYTES = 65;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
/** A siginfo_t in words of 32 bits, and where it has the process id. */
const SIGNAL_WORDS = 32;
const SIGNAL_PID = 4;

/** The system calls through the C library of Linux, on x86-64 and ARM64. */
export abstract class LibcKernel implements Kernel {
  abstract readonly hostEpoll: number;
  protected readonly functions: Functions;
  readonly #errno: Int32Array;
  readonly #value = new Int32Array(1);
  readonly #length = new Int32Array(1);
  /** A struct linger. */
  readonly #linger = new Int32Array(2);

  /** @param errno this thread's errno, where the C library keeps it */
  constructor(functions: Functions, errno: ArrayBuffer) {
    this.functions = functions;
    this.#errno = new Int32Array(errno);
  }

  abstract send(fd: number, bytes: Uint8Array, start: number, length: number, hasMore: boolean): number;
  abstract park(epoll: number, wake: () => void): (() => void) | null;
  abstract drainMicrotasks(): boolean;

  errno(): number {
    return this.#errno[0]!;
  }

  socket(family: number): number {
    return this.functions.socket(family, SOCK_STREAM | NON_BLOCKING | CLOSE_ON_EXEC, 0);
  }

  connect(fd: number, address: Uint8Array, length: number): number {
    return this.functions.connect(fd, address, length);
  }

  listen(fd: number, backlog: number): number {
    return this.functions.listen(fd, backlog);
  }

  accept(fd: number, peer: Uint8Array): number {
    this.#length[0] = PEER_BYTES;
    return this.functions.accept4(fd, peer, this.#length, NON_BLOCKING | CLOSE_ON_EXEC);
  }

  localAddress(fd: number, address: Uint8Array): number {
    this.#length[0] = PEER_BYTES;
    return this.functions.getsockname(fd, address, this.#length);
  }

  setNonBlocking(fd: number): number {
    return this.functions.fcntl(fd, F_SETFL, this.functions.fcntl(fd, F_GETFL, 0) | NON_BLOCKING);
  }

  setNoDelay(fd: number): number {
    return this.#setTcp(fd, TCP_NODELAY, 1);
  }

  setDeferAccept(fd: number, seconds: number): number {
    return this.#setTcp(fd, TCP_DEFER_ACCEPT, seconds);
  }

  setLinger(fd: number, seconds: number): number {
    const linger = this.#linger;
    linger[0] = 1;
    linger[1] = seconds;
    return this.functions.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, 8);
  }

  #setTcp(fd: number, option: number, value: number): number {
    this.#value[0] = value;
    return this.functions.setsockopt(fd, IPPROTO_TCP, option, this.#value, 4);
  }

  takeError(fd: number): number {
    this.#length[0] = 4;
    return this.functions.getsockopt(fd, SOL_SOCKET, SO_ERROR, this.#value, this.#length) === 0 ? this.#value[0]! : this.errno();
  }

  receive(fd: number, buffer: Uint8Array): number {
    return this.functions.recv(fd, buffer, buffer.length, 0);
  }

  unread(fd: number): number {
    return this.functions.ioctl(fd, FIONREAD, this.#value) === 0 ? this.#value[0]! : -1;
  }

  /** @param bytes a view, or on Bun an address */
  protected sendFrom(fd: number, bytes: Uint8Array | number, length: number, hasMore: boolean): number {
    return this.functions.send(fd, bytes, length, hasMore ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
  }

  write(fd: number, bytes: Uint8Array, start: number, end = bytes.length): number {
    const left = bytes.subarray(start, end);
    for (;;) {
      const count = this.functions.write(fd, left, left.length);
      if (count !== -1 || this.errno() !== EINTR) return count;
    }
  }

  sendAtOnce(fd: number, bytes: Uint8Array, start: number, end: number): number {
    return this.functions.send(fd, bytes.subarray(start, end), end - start, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  kindOf(fd: number): DescriptorKind {
    if (this.functions.fcntl(fd, F_GETPIPE_SZ, 0) !== -1) return 'pipe';
    this.#length[0] = 4;
    if (this.functions.getsockopt(fd, SOL_SOCKET, SO_TYPE, this.#value, this.#length) === 0) return 'socket';
    return this.functions.isatty(fd) === 1 ? 'terminal' : 'file';
  }

  reopenToWrite(fd: number): number {
    return this.functions.open(new TextEncoder().encode(`/proc/self/fd/${fd}\0`), O_WRONLY | NON_BLOCKING | O_NOCTTY | CLOSE_ON_EXEC);
  }

  isWritable(fd: number): boolean {
    // A struct pollfd: the descriptor, what is asked for, what is answered. Little end first, as all here.
    const asked = new Int32Array([fd, POLLOUT]);
    return this.functions.poll(asked, 1, 0) === 1;
  }

  openFilesLimit(): number | null {
    const limit = new Uint32Array(LIMIT_WORDS);
    if (this.functions.getrlimit(RLIMIT_NOFILE, limit) !== 0) return null;
    const [low = 0, high = 0] = limit;
    // RLIM_INFINITY is all ones; nothing else comes near 2^53.
    return high === 0xffffffff ? Number.POSITIVE_INFINITY : high * 2 ** 32 + low;
  }

  hostname(): string | null {
    const name = new Uint8Array(NAME_BYTES);
    if (this.functions.gethostname(name, NAME_BYTES) !== 0) return null;
    return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  }

  endedChild(): number {
    const info = new Int32Array(SIGNAL_WORDS);
    return this.functions.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) === 0 ? info[SIGNAL_PID]! : -1;
  }

  waitFor(pid: number): number {
    return this.functions.waitpid(pid, null, WNOHANG);
  }

  shutdown(fd: number): number {
    return this.functions.shutdown(fd, SHUT_WR);
  }

  close(fd: number): number {
    return this.functions.close(fd);
  }

  dup(fd: number): number {
    return this.functions.fcntl(fd, DUPLICATE_CLOSE_ON_EXEC, 0);
  }

  epoll(): number {
    return this.functions.epoll_create1(CLOSE_ON_EXEC);
  }

  control(epoll: number, operation: number, fd: number, event: Int32Array): number {
    return this.functions.epoll_ctl(epoll, operation, fd, event);
  }

  wait(epoll: number, events: Int32Array, count: number, milliseconds: number): number {
    return this.functions.epoll_wait(epoll, events, count, milliseconds);
  }
}
