/**
 * Hostile input from both sides, as data in tests/corpus: nothing smuggled, nothing hanging, every refusal with its status
 * and code, however the bytes are cut and whatever stands before or behind them on the connection.
 */

import assert from 'node:assert/strict';
import { playAnswers } from '../corpus/answers.ts';
import { answerThemes, type NodeKind, requestThemes, type Theme } from '../corpus/corpus.ts';
import type { CaseResult } from '../corpus/play.ts';
import { playRequests, type Stage, setStage } from '../corpus/requests.ts';
import { saveResult } from '../corpus/results.ts';
import { underTest } from '../support/ugate.ts';
import { blackbox, shared } from './front.ts';

const OPTIONS = { differs: 'it is lenient, and closes without an answer' };

/** Every case is told that failed, not only the first. */
function settle(theme: string, node: NodeKind, results: readonly CaseResult[]): void {
  const failed = results.filter(({ failure }) => failure !== null);
  const trials = results.reduce((sum, result) => sum + result.trials, 0);
  saveResult(underTest(), { theme, node, cases: results.length, passed: results.length - failed.length, trials });
  assert.equal(failed.map(({ name, failure }) => `${name}: ${failure}`).join('\n'), '');
}

/** Themes with the same options share one ugate. */
const stages = new Map<string, () => Promise<Stage>>();

function stageOf({ args }: Theme<unknown>, kind: NodeKind): () => Promise<Stage> {
  const key = [kind, ...args].join(' ');
  const stage = stages.get(key) ?? shared(() => setStage(args, underTest(), kind));
  stages.set(key, stage);
  return stage;
}

for (const theme of requestThemes()) {
  for (const kind of theme.nodes) {
    const stage = stageOf(theme, kind);
    blackbox(`requests to ${kind}: ${theme.title}`, OPTIONS, async () => settle(theme.name, kind, await playRequests(theme, await stage())));
  }
}

for (const theme of answerThemes()) {
  for (const kind of theme.nodes)
    blackbox(`answers of ${kind}: ${theme.title}`, OPTIONS, async () => settle(theme.name, kind, await playAnswers(theme, underTest(), kind)));
}
