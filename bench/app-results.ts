/** What came out of the rounds, as Markdown. */

import { APPS, type AppContestant, type AppKind } from './app-contestants.ts';
import type { AppWorkload } from './app-workloads.ts';
import { median } from './server.ts';

export interface AppSample {
  /** Of the server's whole tree, in µs a request. */
  readonly cpu: number;
  /** Requests a second. */
  readonly rate: number;
}

type Measure = keyof AppSample;
/** By turn, through all rounds; a turn in which it failed has none. */
type Samples = readonly (AppSample | undefined)[];

interface Goal {
  readonly text: string;
  readonly measure: Measure;
  readonly limit: number;
  isOf(workload: AppWorkload): boolean;
  /** Null for the contestant's own reference. */
  readonly reference: string | null;
}

const GOALS: readonly Goal[] = [
  { text: "CPU, to the runtime's own server, at most", measure: 'cpu', limit: 1.15, isOf: ({ app }) => app === 'hono', reference: null },
  { text: 'requests a second, to gunicorn, at least', measure: 'rate', limit: 1, isOf: ({ app }) => app === 'hello', reference: 'gunicorn' },
  { text: 'requests a second, to uWSGI, at least', measure: 'rate', limit: 0.6, isOf: ({ app }) => app === 'hello', reference: null },
  { text: 'requests a second, to uWSGI, at least', measure: 'rate', limit: 0.95, isOf: ({ app }) => app === 'django', reference: null },
];
const KINDS: readonly AppKind[] = ['fetch', 'wsgi'];

export class AppResults {
  readonly #samples = new Map<AppWorkload, Map<AppContestant, (AppSample | undefined)[]>>();

  add(workload: AppWorkload, contestant: AppContestant, turn: number, sample: AppSample): void {
    const byContestant = this.#samples.get(workload) ?? new Map<AppContestant, (AppSample | undefined)[]>();
    this.#samples.set(workload, byContestant);
    const samples = byContestant.get(contestant) ?? [];
    byContestant.set(contestant, samples);
    samples[turn] = sample;
  }

  /** Tables of CPU time and of requests a second for each kind of app, then what was aimed at. Writes to stdout. */
  print(): void {
    for (const kind of KINDS) {
      this.#printTable(kind, 'cpu', 'CPU µs a request', 1);
      this.#printTable(kind, 'rate', 'requests a second', 0);
    }
    this.#printGoals();
  }

  #printTable(kind: AppKind, measure: Measure, unit: string, digits: number): void {
    const workloads = [...this.#samples.keys()].filter(({ app }) => APPS[app].kind === kind);
    if (workloads.length === 0) return;
    const contestants = [...new Set(workloads.flatMap((workload) => [...this.#samples.get(workload)!.keys()]))];
    const row = (cells: readonly string[]): void => console.log(`| ${cells.join(' | ')} |`);
    console.log('');
    row([unit, ...contestants.map(({ name }) => name)]);
    row(['---', ...contestants.map(() => '---')]);
    for (const workload of workloads) {
      row([workload.name, ...contestants.map((contestant) => this.#cell(workload, contestant, measure, digits))]);
    }
  }

  #cell(workload: AppWorkload, contestant: AppContestant, measure: Measure, digits: number): string {
    const samples = this.#samples.get(workload)?.get(contestant);
    if (samples === undefined) return '–';
    const value = median(samples.flatMap((sample) => (sample === undefined ? [] : [sample[measure]]))).toFixed(digits);
    const ratio = contestant.name === contestant.reference ? null : this.#ratio(workload, contestant, contestant.reference, measure);
    return ratio === null ? value : `${value} (${ratio.toFixed(2)})`;
  }

  /** The median of what the turns say, each taken for itself; null when they were in no turn together. */
  #ratio(workload: AppWorkload, contestant: AppContestant, reference: string, measure: Measure): number | null {
    const byContestant = this.#samples.get(workload)!;
    const samples: Samples = byContestant.get(contestant) ?? [];
    const others: Samples = [...byContestant].find(([{ name }]) => name === reference)?.[1] ?? [];
    const ratios = samples.flatMap((sample, turn) => {
      const other = others[turn];
      return sample === undefined || other === undefined ? [] : [sample[measure] / other[measure]];
    });
    return ratios.length === 0 ? null : median(ratios);
  }

  #printGoals(): void {
    const rows: string[] = [];
    for (const goal of GOALS) {
      for (const [workload, byContestant] of this.#samples) {
        const ours = [...byContestant.keys()].filter(({ name }) => goal.isOf(workload) && name.startsWith('ugate'));
        const verdicts = ours.map((contestant) => this.#verdict(goal, workload, contestant));
        if (verdicts.length > 0) rows.push(`| ${workload.name} | ${goal.text} ${goal.limit} | ${verdicts.join(', ')} |`);
      }
    }
    if (rows.length > 0) console.log(`\n| row | goal | here |\n|---|---|---|\n${rows.join('\n')}`);
  }

  #verdict({ measure, limit, reference }: Goal, workload: AppWorkload, contestant: AppContestant): string {
    const name = contestant.name.replace(/^ugate,? /, '');
    const ratio = this.#ratio(workload, contestant, reference ?? contestant.reference, measure);
    if (ratio === null) return `${name} –`;
    const isMet = measure === 'cpu' ? ratio <= limit : ratio >= limit;
    return `${name} ${ratio.toFixed(2)}${isMet ? '' : ' (not met)'}`;
  }
}
