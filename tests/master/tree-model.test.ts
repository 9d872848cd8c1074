/**
 * The whole tree under any order of events: children boot, fail, hang, die and retire, reloads and pauses come at any time. Whatever
 * happened, once everybody does well again there is one tree that is right.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReloadKind } from '../../src/master/reload-state.ts';
import { fc } from '../support/fast-check.ts';
import { type FakeChild, FakeTree } from './fake-tree.ts';

const SIZES = { routers: 2, workers: 2 };
/** ms for the property; what is not tried by then is for the next run, with another seed. */
const LIMIT = 4_000;

/** What is to be expected, whatever the order. */
interface Model {
  isPaused: boolean;
  /** For each wish: what there was when it was made, and whether it is over. */
  readonly wishes: { readonly kind: ReloadKind; readonly children: number; readonly failures: number; isOver: boolean }[];
}

type Command = import('fast-check').AsyncCommand<Model, FakeTree>;

/** One thing that happens: `step` does it. */
class Event implements Command {
  readonly #text: string;
  readonly #step: (tree: FakeTree, model: Model) => unknown;

  constructor(text: string, step: (tree: FakeTree, model: Model) => unknown) {
    this.#text = text;
    this.#step = step;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, tree: FakeTree): Promise<void> {
    await this.#step(tree, model);
    await tree.settle();
    assert.equal(tree.master.isPaused, model.isPaused);
  }

  toString(): string {
    return this.#text;
  }
}

const NODES = ['a:1', 'b:2'];

/** Something that happens to one of the children that live, where `concerns` says that it may. */
function toChild(
  name: string,
  step: (child: FakeChild) => void,
  concerns: (child: FakeChild) => boolean = () => true,
): import('fast-check').Arbitrary<Command> {
  return fc.nat(11).map(
    (number) =>
      new Event(`${name} ${number}`, (tree) => {
        const living = tree.children.filter((child) => child.lives && concerns(child));
        if (living.length > 0) step(living[number % living.length]!);
      }),
  );
}

function isIn(state: FakeChild['state']): (child: FakeChild) => boolean {
  return (child) => child.state === state;
}

const events: import('fast-check').Arbitrary<Command>[] = [
  toChild('boot', (child) => child.boot(), isIn('boots')),
  toChild('boot', (child) => child.boot(), isIn('boots')),
  toChild('fail', (child) => child.fail(), isIn('boots')),
  toChild('die', (child) => child.die('SIGKILL')),
  toChild(
    'retire',
    (child) => child.retire(),
    (child) => child.start.role === 'worker' && child.state === 'ready',
  ),
  toChild('finish', (child) => child.finish(), isIn('leaving')),
  toChild('hang', (child) => {
    child.isHung = true;
  }),
  toChild('resume', (child) => child.resume()),
  toChild('picky', (child) => {
    child.isPicky = true;
  }),
  fc.tuple(fc.nat(20), fc.constantFrom(...NODES), fc.constantFrom('dead', 'alive', 'down', 'up')).map(
    ([number, node, mark]) =>
      new Event(`mark ${number} ${node} ${mark}`, (tree) => {
        const routers = tree.of('router');
        const cause = mark === 'dead' || mark === 'alive' ? 'requests' : 'checks';
        routers[number % Math.max(1, routers.length)]?.sees({ node, mark, cause, failsFast: false, isOfAnswers: false });
      }),
  ),
  fc.constantFrom<ReloadKind>('graceful', 'brutal', 'workers', 'workers-brutal', 'chain').map(
    (kind) =>
      new Event(`reload ${kind}`, (tree, model) => {
        const wish = { kind, children: tree.children.length, failures: tree.count(/reload-failed/), isOver: false };
        model.wishes.push(wish);
        void tree.master.reload(kind).then(() => {
          wish.isOver = true;
        });
      }),
  ),
  fc.constant(
    new Event('pause', (tree, model) => {
      model.isPaused = !model.isPaused;
      tree.master.togglePause();
    }),
  ),
  fc.constantFrom(100, 1_000, 6_000, 20_000).map((ms) => new Event(`pass ${ms}`, (tree) => tree.pass(ms))),
];

async function isRight(tree: FakeTree, { isPaused, wishes }: Model): Promise<void> {
  await tree.rest();
  const log = (): string => tree.lines.join('\n');
  const [routers, workers] = [tree.of('router'), tree.of('worker')];
  assert.equal(routers.length, SIZES.routers, `no router is missing or left:\n${log()}`);
  assert.equal(workers.length, SIZES.workers, `no worker is missing, and none is an orphan:\n${log()}`);
  for (const child of [...routers, ...workers]) {
    assert.equal(child.state, 'ready');
    assert.equal(child.isPaused, isPaused, `${child.start.role} ${child.start.id} is paused as all are:\n${log()}`);
  }
  const [first] = routers;
  for (const router of routers) {
    assert.deepEqual(router.settings, first!.settings, `no split:\n${log()}`);
    assert.equal(router.plan, first!.plan);
    assert.deepEqual(router.nodes, first!.nodes);
    assert.equal(router.prepared, 0, 'nothing that was prepared is left');
    assert.deepEqual([...router.marks.keys()].toSorted(), [...first!.marks.keys()].toSorted(), 'marks are the same everywhere');
  }
  assert.equal(first!.nodes.length, SIZES.workers);
  for (const worker of workers) {
    assert.deepEqual(worker.settings, first!.settings, 'routers and workers are of one config');
    assert.ok(!worker.isSpent, 'who has done its part has a successor');
  }
  assert.equal(tree.sockets.size, SIZES.workers, 'no socket is left');
  for (const wish of wishes) {
    assert.ok(wish.isOver, `no wish waits for ever: ${wish.kind}\n${log()}`);
    const isServed = workers.every((worker) => tree.children.indexOf(worker) >= wish.children);
    assert.ok(isServed || tree.count(/reload-failed/) > wish.failures, `no wish is lost: ${wish.kind}\n${log()}`);
  }
}

async function started(): Promise<FakeTree> {
  const tree = new FakeTree(SIZES);
  await tree.rest();
  return tree;
}

test('the tree is right under every order of events', { timeout: 120_000 }, async () => {
  const { FUZZ_SEED, FUZZ_PATH } = process.env;
  await fc.assert(
    fc.asyncProperty(
      fc.commands(events, { maxCommands: 50, size: 'max', ...(FUZZ_PATH !== undefined && { replayPath: FUZZ_PATH }) }),
      async (commands) => {
        using tree = await started();
        const model: Model = { isPaused: false, wishes: [] };
        await fc.asyncModelRun(() => ({ model, real: tree }), commands);
        await isRight(tree, model);
        const ended = tree.master.stop({ isReplaced: false });
        await tree.rest();
        await ended;
        assert.deepEqual(tree.children.filter((child) => child.lives).length, 0, 'nobody is left at the end');
        assert.equal(tree.sockets.size, 0);
      },
    ),
    { numRuns: 300, interruptAfterTimeLimit: LIMIT, ...(FUZZ_SEED !== undefined && { seed: Number(FUZZ_SEED) }) },
  );
});
