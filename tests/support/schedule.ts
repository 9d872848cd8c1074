/**
 * How many test files run at once: as many as the processors have room for. Most tests wait more than they compute, so there is
 * room for several; but where all processors are busy one more makes every other late, and many tests are about time.
 */

import { availableParallelism, cpus } from 'node:os';
import { sleep } from './wait.ts';

const CORES = availableParallelism();
/** So many run whatever the processors do: each waits now and then. */
const LEAST = 1 + CORES;
const MOST = 3 * CORES;
/** Used to this part, the processors have no room for one more. */
const FULL = 0.95;
/** Milliseconds from one look at the processors to the next. At each, one more may start. */
const LOOK = 200;
/** How much the last look counts against those before it. */
const WEIGHT = 0.25;
/** What a file is thought to use of all processors, until the looks after its start have shown it. */
const EXPECTED = 0.1;

/** Runs every job. `next` gives them one at a time, and null when there is none left. */
export async function runCrowd(next: () => (() => Promise<void>) | null): Promise<void> {
  const running = new Set<Promise<void>>();
  let isOver = false;
  let used = 0;
  const start = (): void => {
    const job = next();
    isOver = job === null;
    if (job === null) return;
    const run: Promise<void> = job().finally(() => running.delete(run));
    running.add(run);
    used += EXPECTED;
  };
  let before = processorTime();
  while (!isOver || running.size > 0) {
    while (!isOver && running.size < LEAST) start();
    await Promise.race([sleep(LOOK), ...(running.size <= LEAST ? running : [])]);
    const now = processorTime();
    // The kernel counts in hundredths of a second: of a short time it tells nothing.
    if (now.total - before.total < (LOOK / 2) * CORES) continue;
    used += WEIGHT * ((now.busy - before.busy) / (now.total - before.total) - used);
    before = now;
    if (!isOver && used < FULL && running.size < MOST) start();
  }
}

/** Milliseconds of all processors since the machine began. */
function processorTime(): { busy: number; total: number } {
  let [busy, total] = [0, 0];
  for (const { times } of cpus()) {
    const sum = Object.values(times).reduce((a, b) => a + b, 0);
    total += sum;
    busy += sum - times.idle;
  }
  return { busy, total };
}
