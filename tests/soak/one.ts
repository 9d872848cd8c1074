/** One soak: ugate before two nodes, all kinds of clients for a while, and what came of it. */

import { startUgate, type Ugate, type UnderTest } from '../support/ugate.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { CLIENT_KINDS, type ClientKind, looksCutOff } from './clients.ts';
import { SoakNodes } from './nodes.ts';
import { type Sample, slopeOf, Watch } from './watch.ts';

export interface SoakOptions {
  readonly under: UnderTest;
  readonly seconds: number;
  readonly bounds: Bounds;
  /** Of each kind of client only this part works. Default all. */
  readonly share?: number;
  onSample?(sample: Sample, soFar: Tally): void;
}

export interface Bounds {
  /** By how many MiB the line through memory may rise, once the first third of the time is over. */
  readonly rise: number;
  /** Memory in MiB at any time. */
  readonly rss: number;
}

/** For some minutes. V8 lets garbage lie for minutes, so memory is a saw with teeth that long: the longer the soak, the sharper this is. */
export const LONG: Bounds = { rise: 30, rss: 250 };

/** For some seconds, in which a heap that has not found its size yet grows by right: a leak of one buffer a request still shows. */
export const SHORT: Bounds = { rise: 60, rss: 250 };

export interface Tally {
  /** Rounds that went as they should, by kind of client. */
  readonly rounds: Map<string, number>;
  requests: number;
  /** Cut off by a node that broke off just then. */
  cutOff: number;
  readonly errors: string[];
}

export interface SoakReport {
  readonly under: UnderTest;
  readonly backend: string;
  readonly tally: Tally;
  readonly leavings: number;
  readonly samples: readonly Sample[];
  readonly slope: number;
  readonly descriptors: { readonly before: number; readonly peak: number; readonly after: number };
  /** How often each code stands in ugate's log. */
  readonly codes: ReadonlyMap<string, number>;
  /** What is wrong; empty when all is well. */
  readonly faults: readonly string[];
}

/** Codes of ugate's log that clients who leave, requests that break the rules and a node that goes must cause. */
const EXPECTED_CODES =
  /^(client-left|node-(dead|alive)|connect-(missing|refused)|upstream-(reset|empty|short|truncated-head)|no-host|bad-method|bare-line-end|length-and-encoding|bad-chunk|head-too-large|version-not-supported)$/;

/** Runtimes open some descriptors of their own when they first need them. */
const OWN_DESCRIPTORS = 4;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const lifetime = options.seconds * 1000 + 150_000;
  const nodes = await SoakNodes.start(lifetime);
  try {
    const to = nodes.addresses.flatMap((address) => ['--http-to', address]);
    await using gate = await startUgate([...to, '--http-gracetime', '1'], { lifetime, under: options.under });
    return await load(options, nodes, gate);
  } finally {
    await nodes.stop();
  }
}

async function load(options: SoakOptions, nodes: SoakNodes, gate: Ugate): Promise<SoakReport> {
  const tally: Tally = { rounds: new Map(), requests: 0, cutOff: 0, errors: [] };
  await CLIENT_KINDS[0]?.round(gate.target, 0);
  await sleep(200);
  const watch = new Watch(gate.pid, (sample) => options.onSample?.(sample, tally));
  const before = watch.look()?.descriptors ?? 0;
  const until = performance.now() + options.seconds * 1000;
  const workers = CLIENT_KINDS.flatMap((kind) => {
    const clients = Math.ceil(kind.clients * (options.share ?? 1));
    return Array.from({ length: clients }, (_, index) => work(kind, index, clients, until, gate, nodes, tally));
  });
  await Promise.all(workers);
  watch.stop();

  const back = (): boolean => (watch.look()?.descriptors ?? 0) <= before + OWN_DESCRIPTORS;
  const left = await waitFor('the descriptors to be closed', back, 15_000).then(
    () => null,
    () => watch.descriptors(),
  );
  const after = watch.look()?.descriptors ?? 0;
  const alive = gate.process.running;
  const exit = await gate.stop();
  const codes = countCodes(gate.stderrLines);
  const steady = gate.stderrLines.filter((line) => /code=upstream-/.test(line) && line.includes(`node=${nodes.addresses[0]}`));
  const { samples } = watch;
  const slope = slopeOf(samples.filter((sample) => sample.at > options.seconds / 3));
  const rise = (slope * options.seconds * 2) / 3 / 60;
  const peak = (of: (sample: Sample) => number): number => samples.reduce((most, sample) => Math.max(most, of(sample)), 0);

  const faults = [
    ...tally.errors.slice(0, 10),
    ...(tally.errors.length > 10 ? [`and ${tally.errors.length - 10} more errors`] : []),
    ...CLIENT_KINDS.filter((kind) => !tally.rounds.has(kind.name)).map((kind) => `no round of "${kind.name}" came to its end`),
    ...(nodes.leavings === 0 ? ['the node never left'] : []),
    ...nodes.errors.map((error) => `at the node: ${error}`),
    ...[...codes.keys()].filter((code) => !EXPECTED_CODES.test(code)).map((code) => `ugate logged ${code}: ${gate.stderrLines.find(has(code))}`),
    ...steady.slice(0, 5),
    ...(steady.length > 0 ? [`the steady node's last words: ${nodes.lastWords}`] : []),
    ...(left === null ? [] : [`descriptors: ${before} before, ${after} after: ${left}`]),
    ...(rise > options.bounds.rise
      ? [`memory rose by ${rise.toFixed(0)} MiB, ${slope.toFixed(2)} a minute; ${options.bounds.rise} is the bound`]
      : []),
    ...(peak((one) => one.rss) > options.bounds.rss
      ? [`${peak((one) => one.rss).toFixed(0)} MiB at its peak; ${options.bounds.rss} is the bound`]
      : []),
    ...(samples.length < options.seconds / 2 ? [`only ${samples.length} samples in ${options.seconds} s`] : []),
    ...(alive && exit.code === 0 ? [] : [`ugate ${alive ? 'did not stop well' : 'died'}: ${exit.code ?? exit.signal}\n${gate.stderr.slice(-2000)}`]),
  ];
  const descriptors = { before, peak: peak((sample) => sample.descriptors), after };
  return { under: options.under, backend: nodes.kind, tally, leavings: nodes.leavings, samples, slope, descriptors, codes, faults };
}

/** One client's rounds, one after the other; `clients` of its kind share the numbers among them. */
async function work(kind: ClientKind, index: number, clients: number, until: number, gate: Ugate, nodes: SoakNodes, tally: Tally): Promise<void> {
  for (let number = index; performance.now() < until && gate.process.running; number += clients) {
    const began = performance.now();
    try {
      const requests = await kind.round(gate.target, number);
      tally.requests += requests;
      tally.rounds.set(kind.name, (tally.rounds.get(kind.name) ?? 0) + 1);
    } catch (error) {
      if (looksCutOff(error) && nodes.brokeOff(began, performance.now())) tally.cutOff += 1;
      else tally.errors.push(`${new Date().toISOString()} ${kind.name}: ${error instanceof Error ? error.message.slice(0, 400) : String(error)}`);
    }
    await sleep(kind.rest);
  }
}

function countCodes(lines: readonly string[]): Map<string, number> {
  const codes = new Map<string, number>();
  for (const line of lines) {
    const code = /\bcode=([\w.-]+)/.exec(line)?.[1] ?? (/^\S+ error /.test(line) ? line : null);
    if (code !== null) codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return codes;
}

function has(code: string): (line: string) => boolean {
  return (line) => line.includes(code);
}
