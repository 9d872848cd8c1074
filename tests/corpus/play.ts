/** What the two halves of the corpus share: many connections at once, and what came of each case. */

import { setImmediate as turn } from 'node:timers/promises';
import type { RawClient } from '../support/raw-client.ts';
import { sleep } from '../support/wait.ts';

/** Waiting between two pieces costs nothing where others use the time. */
const PARALLEL = 32;
/** Of every single wait. The machine is shared. */
export const PATIENCE = 10_000;

/** One way to send a case: whole, cut at a byte, dripping, behind or before a good request. */
export interface Trial {
  readonly about: string;
  run(): Promise<void>;
}

export interface CaseResult {
  readonly name: string;
  readonly trials: number;
  /** Null when every trial went as it must. */
  readonly failure: string | null;
}

/** Runs every trial of every case, many at a time; a case that fails is not tried again. */
export async function runTrials(
  cases: readonly { readonly name: string; readonly trials: readonly Trial[] }[],
  parallel = PARALLEL,
): Promise<CaseResult[]> {
  const failures = new Map<string, string>();
  const queue = cases.flatMap(({ name, trials }) => trials.map((trial) => ({ name, trial })));
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let job = queue[next++]; job !== undefined; job = queue[next++]) {
      const { name, trial } = job;
      if (failures.has(name)) continue;
      try {
        await trial.run();
      } catch (error) {
        if (!failures.has(name)) failures.set(name, `${trial.about}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return cases.map(({ name, trials }) => ({ name, trials: trials.length, failure: failures.get(name) ?? null }));
}

/** Two pieces a millisecond apart; many pieces a turn of the loop apart, so that the other side gets them in runs of all lengths. */
export async function writePieces(client: RawClient, pieces: readonly string[]): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await (pieces.length === 2 ? sleep(1) : turn());
    client.write(piece);
  }
}
