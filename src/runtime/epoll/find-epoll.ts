import { nodeFs } from '../../builtin/modules.ts';

/** A runtime makes its event loop first of all: behind so many descriptors, 0 included, none is sought. */
const LOOKED_AT = 64;

/**
 * The lowest epoll descriptor of this process other than `own`, or the lowest of those that watch `watched`: how to find the one of the
 * runtime's own event loop, which no API tells. -1 when there is none, or /proc does not say. What it costs does not grow with what is open.
 */
export function findEpoll(
  { own = -1, watched }: { readonly own?: number; readonly watched?: number },
  read: (fd: number) => string = readInfo,
): number {
  const watches = new RegExp(`^tfd:\\s+${watched ?? '\\d+'}\\s`, 'm');
  for (let fd = 0; fd < LOOKED_AT; fd++) if (fd !== own && watches.test(read(fd))) return fd;
  return -1;
}

/** Empty for a descriptor that is not open, and where there is no /proc, or none that we may read. */
function readInfo(fd: number): string {
  try {
    return nodeFs().readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  } catch {
    return '';
  }
}
