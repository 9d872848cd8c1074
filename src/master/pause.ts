import type { Log } from '../log/log.ts';
import type { Topics } from './topics.ts';

/** Begins or ends a pause, for all processes there are and those that start. It may come before anything is started. */
export function togglePause({ pause }: Topics, log: Log): void {
  const isPaused = !pause.state;
  log.warn(isPaused ? 'paused: requests are answered 503 until it is resumed' : 'resumed');
  pause.publish(isPaused);
}
