import { readdirSync, readFileSync } from 'node:fs';

/**
 * The epoll descriptor of this process that watches `fd`, which is how to find the one of the runtime's own event loop: no API tells it.
 * -1 where /proc does not say.
 */
export function findEpoll(fd: number): number {
  const watches = new RegExp(`^tfd:\\s+${fd}\\s`, 'm');
  try {
    for (const name of readdirSync('/proc/self/fdinfo')) {
      if (watches.test(readInfo(name))) return Number(name);
    }
  } catch {
    // No /proc here, or not ours to read.
  }
  return -1;
}

/** Empty for a descriptor that is gone, such as the one by which the directory was read. */
function readInfo(name: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${name}`, 'latin1');
  } catch {
    return '';
  }
}
