import { nodeFs } from '../../builtin/modules.ts';

/**
 * The epoll descriptors of this process, or those of them that watch `fd`: how to find the one of the runtime's own event loop, which no
 * API tells. None where /proc does not say.
 */
export function findEpolls(fd?: number): number[] {
  const watches = new RegExp(`^tfd:\\s+${fd ?? '\\d+'}\\s`, 'm');
  try {
    return nodeFs()
      .readdirSync('/proc/self/fdinfo')
      .filter((name) => watches.test(readInfo(name)))
      .map(Number);
  } catch {
    // No /proc here, or not ours to read.
    return [];
  }
}

/** Empty for a descriptor that is gone, such as the one by which the directory was read. */
function readInfo(name: string): string {
  try {
    return nodeFs().readFileSync(`/proc/self/fdinfo/${name}`, 'latin1');
  } catch {
    return '';
  }
}
