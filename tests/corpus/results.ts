/** What came of the corpus, left by the test where the table's writer finds it. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/paths.ts';
import type { NodeKind } from './corpus.ts';

export interface ThemeResult {
  readonly theme: string;
  readonly node: NodeKind;
  readonly cases: number;
  readonly passed: number;
  /** Connections' worth of trials: whole, cut, dripping, pipelined. */
  readonly trials: number;
}

/** Every `tests/run.ts` empties `.reports`: who runs two at once keeps the results elsewhere. */
const FOLDER = process.env.UGATE_CORPUS_RESULTS ?? join(ROOT, '.reports');

export function saveResult(under: string, result: ThemeResult): void {
  mkdirSync(FOLDER, { recursive: true });
  const others = loadResults(under).filter(({ theme, node }) => theme !== result.theme || node !== result.node);
  writeFileSync(fileOf(under), `${JSON.stringify([...others, result], null, 2)}\n`);
}

export function loadResults(under: string): ThemeResult[] {
  return existsSync(fileOf(under)) ? (JSON.parse(readFileSync(fileOf(under), 'utf8')) as ThemeResult[]) : [];
}

function fileOf(under: string): string {
  return join(FOLDER, `corpus-${under}.json`);
}
